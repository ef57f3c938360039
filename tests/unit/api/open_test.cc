// Opening by names and by trees: the stock tools' words for what they refuse, probing, chains.
#include <cstring>

#include "support.h"

namespace oxbow::api {
namespace {

class Open : public ::testing::Test {
 protected:
  Open() {
    create(folder_ / "i.qcow2", "qcow2", 4 << 20);
    create(folder_ / "i.raw", "raw", 1 << 20);
  }
  [[nodiscard]] std::string tree(Options options, bool writable = true) const {
    for (auto& [key, value] : options) {
      if (key.ends_with("filename") && !value.starts_with("/")) value = folder_ / value;
    }
    std::string message = message_of(Image::open_tree(options, trusting(writable)));
    const std::string folder = folder_ / "";
    for (size_t at; (at = message.find(folder)) != std::string::npos;)
      message.erase(at, folder.size());
    return message;
  }
  [[nodiscard]] std::string qcow2(const std::string& key, const std::string& value) const {
    return tree({{"driver", "qcow2"}, {"file.filename", "i.qcow2"}, {key, value}});
  }
  Folder folder_;
};

TEST_F(Open, MissingFilesAndUnknownDrivers) {
  const std::string none = folder_ / "none";
  EXPECT_EQ(message_of(Image::open(none)),
            "Could not open '" + none + "': No such file or directory");
  EXPECT_EQ(Image::open(none).error().kind(), ErrorKind::not_found);
  OpenOptions options;
  options.format = "nope";
  EXPECT_EQ(message_of(Image::open(none, options)), "Unknown driver 'nope'");
  EXPECT_EQ(message_of(Image::open("nope:x")), "Unknown protocol 'nope'");
  EXPECT_EQ(message_of(Image::open("")), "The 'file' block driver requires a file name");
}

TEST_F(Open, TreesWithoutAFileAreRefused) {
  EXPECT_EQ(tree({}), "Must specify either driver or file");
  EXPECT_EQ(tree({{"driver", "qcow2"}}), "A block device must be specified for \"file\"");
  EXPECT_EQ(tree({{"filename", "i.qcow2"}}), "Must specify either driver or file");
  EXPECT_EQ(tree({{"driver", "file"}}), "The 'file' block driver requires a file name");
  EXPECT_EQ(tree({{"driver", "qcow2"}, {"file", "x"}}), "Cannot find device='x' nor node-name='x'");
  EXPECT_EQ(tree({{"driver", "qcow2"}, {"file", "x"}, {"file.filename", "i.qcow2"}}),
            "Cannot reference an existing block device with additional options or a new filename");
}

TEST_F(Open, UnknownKeysAreNamedWithTheirDriver) {
  EXPECT_EQ(qcow2("nope", "1"), "Block format 'qcow2' does not support the option 'nope'");
  EXPECT_EQ(qcow2("file.nope", "1"), "Block protocol 'file' doesn't support the option 'nope'");
  EXPECT_EQ(qcow2("file.driver", "nope"), "Unknown driver 'nope'");
  EXPECT_EQ(tree({{"driver", "raw"}, {"file.filename", "i.raw"}, {"x.1", "2"}}),
            "Block format 'raw' does not support the option 'x.1'");
  EXPECT_EQ(tree({{"driver", "null-co"}, {"nope", "1"}}),
            "Block protocol 'null-co' doesn't support the option 'nope'");
}

TEST_F(Open, FileOptionsAreChecked) {
  EXPECT_EQ(qcow2("file.aio", "x"), "invalid parameter value: x");
  EXPECT_EQ(qcow2("file.locking", "x"), "invalid parameter value: x");
  EXPECT_EQ(qcow2("file.locking", "off"), "no error");
  EXPECT_EQ(qcow2("file.pr-manager", "x"), "No persistent reservation manager with id 'x'");
  EXPECT_EQ(qcow2("file.read-only", "on"), "Block node is read-only");
}

TEST_F(Open, Qcow2OptionsThatDependOnTheImage) {
  EXPECT_EQ(qcow2("l2-cache-entry-size", "1000"),
            "L2 cache entry size must be a power of two between 512 and the cluster size (65536)");
  EXPECT_EQ(qcow2("l2-cache-entry-size", "1M"),
            "L2 cache entry size must be a power of two between 512 and the cluster size (65536)");
  EXPECT_EQ(qcow2("l2-cache-entry-size", "4k"), "no error");
  EXPECT_EQ(qcow2("encrypt.format", "luks"),
            "No encryption in image header, but options specified format 'luks'");
}

TEST_F(Open, ProbingFindsTheFormat) {
  EXPECT_EQ(Image::open(folder_ / "i.qcow2")->format(), "qcow2");
  EXPECT_EQ(Image::open(folder_ / "i.raw")->format(), "raw");
  OpenOptions options;
  options.format = "file";
  EXPECT_EQ(Image::open(folder_ / "i.qcow2", options)->format(), "file");
  options.format = "qcow2";
  EXPECT_EQ(message_of(Image::open(folder_ / "i.raw", options)), "Image is not in qcow2 format");
  folder_.write("foreign", "KDMV" + std::string(1020, '\1'));
  EXPECT_EQ(message_of(Image::open(folder_ / "foreign")), "Unsupported VMDK version 16843009");
}

TEST_F(Open, NamesAreShownAsTheStockToolsShowThem) {
  const std::string raw = folder_ / "i.raw";
  const auto name = [](const std::string& json) { return Image::open("json:" + json)->filename(); };
  EXPECT_EQ(name(R"({"driver":"raw","file.filename":")" + raw + R"("})"), raw);
  EXPECT_EQ(name(R"({"driver":"raw","offset":512,"file.filename":")" + raw + R"("})"),
            R"(json:{"offset": 512, "driver": "raw", "file": {"driver": "file", "filename": ")" +
                raw + R"("}})");
  EXPECT_EQ(name(R"({"driver":"null-co"})"), "null-co://");
  EXPECT_EQ(name(R"({"driver":"null-co","size":1024,"read-zeroes":true})"),
            R"(json:{"read-zeroes": true, "driver": "null-co", "size": 1024})");
  EXPECT_EQ(
      name(R"({"driver":"raw","file":{"driver":"blkdebug","image.filename":")" + raw + R"("}})"),
      "blkdebug::" + raw);
}

TEST_F(Open, ObjectNamesGiveWayToWhatTheCallerSays) {
  OpenOptions options;
  options.format = "raw";
  const std::string name =
      R"(json:{"driver":"qcow2","file.filename":")" + (folder_ / "i.qcow2") + R"("})";
  EXPECT_EQ(Image::open(name)->format(), "qcow2");
  EXPECT_EQ(Image::open(name, options)->format(), "raw");
}

TEST_F(Open, AQcow2ImageInAWindow) {
  const auto image = Image::open_tree({{"driver", "qcow2"},
                                       {"file.driver", "raw"},
                                       {"file.offset", "0"},
                                       {"file.file.filename", folder_ / "i.qcow2"}});
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->size(), 4u << 20);
}

TEST_F(Open, BackingFilesAreFoundFromTheImage) {
  folder_.make_folder("d");
  create(folder_ / "d/o.qcow2", "qcow2", 2 << 20, "../i.qcow2", "qcow2");
  auto image = Image::open(folder_ / "d/o.qcow2", trusting());
  ASSERT_TRUE(image) << image.error().message();
  const auto info = image->info();
  EXPECT_EQ(info->backing_filename, "../i.qcow2");
  EXPECT_EQ(info->full_backing_filename, folder_ / "d/../i.qcow2");
  EXPECT_EQ(info->backing_format, "qcow2");
  EXPECT_EQ(image->backing_info(1)->filename, folder_ / "d/../i.qcow2");
  EXPECT_EQ(image->backing_info(2).error().kind(), ErrorKind::not_found);
}

TEST_F(Open, BackingTroubleIsToldAsSuch) {
  create(folder_ / "miss", "qcow2", 1 << 20, "none", "raw");
  create(folder_ / "proto", "qcow2", 1 << 20, "nope:x", "raw");
  create(folder_ / "wrong", "qcow2", 1 << 20, "i.raw", "qcow2");
  const auto told = [&](const std::string& name) {
    return message_of(Image::open(folder_ / name, trusting()));
  };
  EXPECT_EQ(told("miss"), "Could not open backing file: Could not open '" + (folder_ / "none") +
                              "': No such file or directory");
  EXPECT_EQ(told("proto"), "Could not open backing file: Unknown protocol 'nope'");
  EXPECT_EQ(told("wrong"), "Could not open backing file: Image is not in qcow2 format");
}

TEST_F(Open, BackingOptionsReplaceWhatTheImageNames) {
  create(folder_ / "o", "qcow2", 1 << 20, "none", "raw");
  const auto told = [&](Options options, bool open_backing = true) {
    OpenOptions open = trusting();
    open.driver = std::move(options);
    open.open_backing = open_backing;
    return message_of(Image::open(folder_ / "o", open));
  };
  EXPECT_EQ(told({{"backing.file.filename", folder_ / "i.raw"}}), "no error");
  EXPECT_EQ(told({{"backing", ""}}), "no error");
  EXPECT_EQ(told({{"backing", "x"}}),
            "Could not open backing file: Cannot find device='x' nor node-name='x'");
  EXPECT_EQ(told({{"backing", "x"}}, false),
            "Block format 'qcow2' does not support the option 'backing'");
  EXPECT_EQ(told({{"backing.driver", "raw"}}, false),
            "Block format 'qcow2' does not support the option 'backing.driver'");
  const std::string object =
      R"(json:{"driver":"qcow2","backing":null,"file.filename":")" + (folder_ / "o") + R"("})";
  EXPECT_EQ(message_of(Image::open(object)), "no error");
  EXPECT_EQ(tree({{"driver", "raw"}, {"file.filename", "i.raw"}, {"backing.driver", "raw"}}),
            "Driver doesn't support backing files");
}

TEST_F(Open, ChainsThatEndInThemselvesAreFound) {
  create(folder_ / "one", "qcow2", 1 << 20, "two", "qcow2");
  create(folder_ / "two", "qcow2", 1 << 20, "link", "qcow2");
  std::filesystem::create_symlink("one", folder_ / "link");
  const auto image = Image::open(folder_ / "one", trusting());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind(), ErrorKind::corrupt);
  EXPECT_NE(image.error().message().find("creates an infinite loop"), std::string::npos);
}

TEST_F(Open, ChainsOfEndlessLengthAreRefused) {
  constexpr int images = 300;
  for (int i = 0; i < images; ++i) {
    create(folder_ / std::to_string(i), "qcow2", 1 << 16, std::to_string(i + 1), "qcow2");
  }
  const auto image = Image::open(folder_ / "0", trusting());
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message().find("longer than 256 images"), std::string::npos);
}

// A convert of a raw file onto itself emptied it: nothing said that it was being read.
TEST_F(Open, WritersCanBeKeptOutOfARawFile) {
  OpenOptions options;
  options.deny_writers = true;
  const auto source = Image::open(folder_ / "i.raw", options);
  ASSERT_TRUE(source);
  CreateOptions onto;
  onto.filename = folder_ / "i.raw";
  onto.format = "raw";
  onto.size = 1 << 20;
  EXPECT_EQ(Image::create(onto).error().kind(), ErrorKind::busy);
}

TEST_F(Open, ProbedRawImagesKeepTheirFirstSector) {
  std::string warning;
  OpenOptions options;
  options.writable = true;
  options.warn = [&warning](std::string_view text) { warning = text; };
  auto image = Image::open(folder_ / "i.raw", options);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_TRUE(warning.starts_with("WARNING: Image format was not specified for '"));
  Bytes header(8);
  const unsigned char magic[] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
  std::memcpy(header.data(), magic, sizeof magic);
  const auto refused = image->write(0, header);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().os_error(), EPERM);
  EXPECT_TRUE(image->write(1, header));
  EXPECT_TRUE(image->write(512, header));
  ASSERT_TRUE(image->close());

  warning.clear();
  options.format = "raw";
  auto explicit_raw = Image::open(folder_ / "i.raw", options);
  EXPECT_TRUE(explicit_raw->write(0, header));
  EXPECT_EQ(warning, "");
}

}  // namespace
}  // namespace oxbow::api
