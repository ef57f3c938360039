// External data files through the public API: how they are found, and what keeps them from harm.
#include <sys/stat.h>

#include "support.h"

namespace oxbow::api {
namespace {

namespace fs = std::filesystem;

class DataFiles : public ::testing::Test {
 protected:
  DataFiles() : before_(fs::current_path()) { folder_.make_folder("images"); }
  ~DataFiles() override { fs::current_path(before_); }

  static Result<void> create(const std::string& filename, const std::string& data_file,
                             Options more = {}) {
    CreateOptions options;
    options.filename = filename;
    options.format = "qcow2";
    options.size = 1 << 20;
    options.trust = Trust::all;
    more["data_file"] = data_file;
    options.format_options = std::move(more);
    return Image::create(options);
  }
  static Result<void> write(const std::string& filename, std::byte value, OpenOptions options) {
    auto image = Image::open(filename, std::move(options));
    if (!image) return std::unexpected(image.error());
    const Bytes bytes(4096, value);
    const auto written = image->write(0, bytes);
    const auto closed = image->close();
    return written ? closed : written;
  }
  static Bytes start_of(const std::string& filename) {
    Bytes bytes(4096);
    std::ifstream in(filename, std::ios::binary);
    in.read(reinterpret_cast<char*>(bytes.data()), 4096);
    return bytes;
  }
  static Bytes filled(std::byte value) { return Bytes(4096, value); }

  Folder folder_;
  fs::path before_;
};

TEST_F(DataFiles, GuestDataIsThereAndNotInTheImage) {
  const std::string data = folder_ / "images/d.raw";
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", data, {{"data_file_raw", "on"}}));
  ASSERT_TRUE(write(folder_ / "images/a.qcow2", std::byte{7}, trusting(true)));
  EXPECT_EQ(start_of(data), filled(std::byte{7}));
  auto image = Image::open(folder_ / "images/a.qcow2", trusting());
  ASSERT_TRUE(image);
  const auto info = image->info();
  ASSERT_TRUE(info && info->qcow2);
  EXPECT_EQ(info->qcow2->data_file, data);
  EXPECT_TRUE(info->qcow2->data_file_raw);
  const auto status = image->block_status(0, 4096);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->filename, data);
  EXPECT_EQ(status->host_offset, 0u);
}

// An image from a stranger must not make the library read or write the host's files.
TEST_F(DataFiles, ImageNamesOneOnlyInItsOwnFolder) {
  const std::string outside = folder_ / "secret";
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", outside));
  for (const Trust trust : {Trust::none, Trust::same_directory}) {
    OpenOptions options;
    options.trust = trust;
    const auto refused = Image::open(folder_ / "images/a.qcow2", options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::permission);
    EXPECT_NE(refused.error().message().find(outside), std::string::npos);
  }
  ASSERT_TRUE(create(folder_ / "images/b.qcow2", folder_ / "images/b.raw"));
  OpenOptions careful;
  careful.trust = Trust::same_directory;
  EXPECT_TRUE(Image::open(folder_ / "images/b.qcow2", careful));
  careful.trust = Trust::none;
  EXPECT_FALSE(Image::open(folder_ / "images/b.qcow2", careful));
}

TEST_F(DataFiles, SymbolicLinkInTheFolderIsFollowedFirst) {
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", folder_ / "images/d.raw"));
  folder_.write("secret", "not yours");
  fs::remove(folder_ / "images/d.raw");
  fs::create_symlink(folder_ / "secret", folder_ / "images/d.raw");
  OpenOptions careful;
  careful.trust = Trust::same_directory;
  const auto refused = Image::open(folder_ / "images/a.qcow2", careful);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::permission);
}

// What the user says is not asked about.
TEST_F(DataFiles, UserNamesAnyFile) {
  const std::string outside = folder_ / "elsewhere";
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", outside));
  OpenOptions careful;
  careful.trust = Trust::none;
  Options tree = {{"driver", "qcow2"},
                  {"file.filename", folder_ / "images/a.qcow2"},
                  {"data-file.filename", outside}};
  auto image = Image::open_tree(tree, careful);
  EXPECT_TRUE(image) << message_of(image);
}

TEST_F(DataFiles, IsFoundBesideTheImageFromAnyFolder) {
  fs::current_path(folder_ / "images");
  ASSERT_TRUE(create("a.qcow2", "d.raw"));
  fs::current_path(folder_ / "");
  EXPECT_TRUE(write("images/a.qcow2", std::byte{3}, trusting(true)));
  EXPECT_EQ(start_of(folder_ / "images/d.raw"), filled(std::byte{3}));
}

// qemu-img 7.2 took the one in the working folder, and another disk's data was overwritten.
TEST_F(DataFiles, OneOfTwoFilesOfTheNameIsNotGuessed) {
  fs::current_path(folder_ / "images");
  ASSERT_TRUE(create("a.qcow2", "d.raw"));
  fs::current_path(folder_ / "");
  ASSERT_TRUE(create("b.qcow2", "d.raw", {{"data_file_raw", "on"}}));
  ASSERT_TRUE(write("b.qcow2", std::byte{2}, trusting(true)));
  const auto refused = write("images/a.qcow2", std::byte{3}, trusting(true));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("say which with data-file.filename"), std::string::npos);
  EXPECT_EQ(start_of("d.raw"), filled(std::byte{2}));
}

// qemu-img 7.2 empties the backing file and says nothing.
TEST_F(DataFiles, IsNoneOfTheImagesOtherFiles) {
  const std::string base = folder_ / "images/base.qcow2";
  api::create(base, "qcow2", 1 << 20);
  ASSERT_TRUE(write(base, std::byte{5}, trusting(true)));
  const auto size = fs::file_size(base);
  CreateOptions options;
  options.filename = folder_ / "images/top.qcow2";
  options.format = "qcow2";
  options.backing_file = "base.qcow2";
  options.backing_format = "qcow2";
  options.trust = Trust::all;
  options.format_options = {{"data_file", base}};
  EXPECT_FALSE(Image::create(options));
  EXPECT_EQ(fs::file_size(base), size);
  EXPECT_FALSE(fs::exists(options.filename));
  EXPECT_FALSE(create(folder_ / "images/x.qcow2", folder_ / "images/x.qcow2"));
  EXPECT_FALSE(fs::exists(folder_ / "images/x.qcow2"));
}

TEST_F(DataFiles, OptionsThatAreRefusedLeaveItAlone) {
  folder_.write("images/d.raw", "precious");
  EXPECT_FALSE(
      create(folder_ / "images/a.qcow2", folder_ / "images/d.raw", {{"cluster_size", "1000"}}));
  EXPECT_EQ(fs::file_size(folder_ / "images/d.raw"), 8u);
}

TEST_F(DataFiles, TwoImagesDoNotWriteToOneAtATime) {
  const std::string data = folder_ / "images/d.raw";
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", data));
  ASSERT_TRUE(create(folder_ / "images/b.qcow2", data));
  const auto holder = Image::open(folder_ / "images/a.qcow2", trusting(true));
  ASSERT_TRUE(holder);
  const auto refused = Image::open(folder_ / "images/b.qcow2", trusting(true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::busy);
}

TEST_F(DataFiles, IsNotTheImageItself) {
  const std::string image = folder_ / "images/a.qcow2";
  ASSERT_TRUE(create(image, folder_ / "images/d.raw"));
  for (const char* locking : {"auto", "off"}) {
    const auto refused = Image::open_tree({{"driver", "qcow2"},
                                           {"file.filename", image},
                                           {"file.locking", locking},
                                           {"data-file.filename", image},
                                           {"data-file.locking", locking}},
                                          trusting());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("is the image itself"), std::string::npos)
        << refused.error().message();
  }
}

TEST_F(DataFiles, InfoNeedsNone) {
  const std::string data = folder_ / "images/d.raw";
  ASSERT_TRUE(create(folder_ / "images/a.qcow2", data));
  ASSERT_TRUE(write(folder_ / "images/a.qcow2", std::byte{9}, trusting(true)));
  fs::remove(data);
  OpenOptions options = trusting();
  options.open_data_file = false;
  auto image = Image::open(folder_ / "images/a.qcow2", options);
  ASSERT_TRUE(image) << message_of(image);
  Bytes sector(512);
  EXPECT_FALSE(image->read(0, sector));
  EXPECT_FALSE(Image::open(folder_ / "images/a.qcow2", trusting()));
}

}  // namespace
}  // namespace oxbow::api
