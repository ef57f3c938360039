// Options of images changed in place through the public API.
#include <algorithm>

#include "support.h"

namespace oxbow::api {
namespace {

constexpr uint64_t disk_bytes = 1 << 20;

OpenOptions for_writing() {
  OpenOptions open = trusting(true);
  open.driver["encrypt.key-secret"] = "s";
  open.secrets = secrets();
  return open;
}

void make(const std::string& path, Options options) {
  CreateOptions create;
  create.filename = path;
  create.size = disk_bytes;
  create.format_options = std::move(options);
  if (create.format_options.contains("encrypt.format")) {
    create.format_options["encrypt.key-secret"] = "s";
  }
  create.secrets = secrets();
  ASSERT_EQ(message_of(Image::create(create)), "no error");
}

std::string amended(Image& image, Options words) {
  AmendOptions options;
  options.options = std::move(words);
  options.secrets = secrets();
  return message_of(amend(image, options));
}

bool reads_as(Image& image, uint64_t offset, uint64_t length, int value) {
  Bytes got(length, std::byte{0xa5});
  return image.read(offset, got) &&
         std::ranges::all_of(got, [&](std::byte it) { return it == std::byte(value); });
}

TEST(Amend, ChangesTheVersionBothWays) {
  const Folder folder;
  create(folder / "a", "qcow2", disk_bytes);
  auto image = Image::open(folder / "a", trusting(true));
  ASSERT_TRUE(image->write(0, Bytes(200000, std::byte{7})));
  ASSERT_TRUE(image->write_zeroes(65536, 65536));
  EXPECT_EQ(amended(*image, {{"compat", "0.10"}}), "no error");
  EXPECT_EQ(image->info()->qcow2->version, 2u);
  EXPECT_TRUE(reads_as(*image, 65536, 65536, 0));
  EXPECT_TRUE(reads_as(*image, 131072, 60000, 7));
  EXPECT_EQ(amended(*image, {{"compat", "1.1"}, {"refcount_bits", "64"}}), "no error");
  EXPECT_EQ(image->info()->qcow2->version, 3u);
  EXPECT_EQ(image->info()->qcow2->refcount_bits, 64u);
  // The image goes on working as what it has become.
  ASSERT_TRUE(image->write_zeroes(0, 65536));
  ASSERT_TRUE(image->create_snapshot("s"));
  ASSERT_TRUE(image->write(0, Bytes(65536, std::byte{8})));
  ASSERT_TRUE(image->close());
  auto again = Image::open(folder / "a", trusting());
  EXPECT_TRUE(reads_as(*again, 0, 65536, 8));
  const auto found = again->check();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->corruptions + found->leaks, 0u);
}

TEST(Amend, RefusesAllOfItBeforeAnythingChanges) {
  const Folder folder;
  create(folder / "a", "qcow2", disk_bytes);
  auto image = Image::open(folder / "a", trusting(true));
  EXPECT_EQ(amended(*image, {{"refcount_bits", "8"}, {"size", "1000"}}),
            "The new size must be a multiple of 512");
  EXPECT_EQ(amended(*image, {{"lazy_refcounts", "on"}, {"backing_file", "x"}}),
            "Cannot amend the backing file");
  EXPECT_EQ(amended(*image, {{"lazy_refcounts", "on"}, {"foo", "x"}}), "Invalid parameter 'foo'");
  ASSERT_TRUE(image->add_bitmap("b"));
  EXPECT_EQ(amended(*image, {{"compat", "0.10"}, {"size", "2097152"}}).substr(0, 40),
            "Cannot downgrade an image with bitmaps: ");
  const auto info = image->info();
  EXPECT_EQ(info->qcow2->refcount_bits, 16u);
  EXPECT_FALSE(info->qcow2->lazy_refcounts);
  EXPECT_EQ(image->size(), disk_bytes);
}

TEST(Amend, ZeroesOfAnEncryptedDiskStayZeroes) {
  for (const char* method : {"luks", "aes"}) {
    const Folder folder;
    Options options{{"encrypt.format", method}};
    if (options["encrypt.format"] == "luks") options["encrypt.iter-time"] = "0";
    make(folder / "a", options);
    auto image = Image::open(folder / "a", for_writing());
    ASSERT_TRUE(image) << image.error().message();
    ASSERT_TRUE(image->write(0, Bytes(200000, std::byte{7})));
    ASSERT_TRUE(image->write_zeroes(65536, 65536));
    EXPECT_EQ(amended(*image, {{"compat", "0.10"}}), "no error");
    ASSERT_TRUE(image->close());
    auto again = Image::open(folder / "a", for_writing());
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->info()->qcow2->version, 2u);
    EXPECT_TRUE(reads_as(*again, 65536, 65536, 0)) << method;
    EXPECT_TRUE(reads_as(*again, 0, 65536, 7)) << method;
  }
}

TEST(Amend, ChangesKeySlotsWithTheRest) {
  const Folder folder;
  make(folder / "a", {{"encrypt.format", "luks"}, {"encrypt.iter-time", "0"}});
  auto image = Image::open(folder / "a", for_writing());
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(amended(*image, {{"encrypt.state", "active"},
                             {"encrypt.new-secret", "n"},
                             {"encrypt.iter-time", "0"},
                             {"refcount_bits", "32"}}),
            "no error");
  ASSERT_TRUE(image->close());
  OpenOptions with_new = for_writing();
  with_new.driver["encrypt.key-secret"] = "n";
  auto again = Image::open(folder / "a", with_new);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->info()->qcow2->refcount_bits, 32u);
}

TEST(Amend, TellsHowFarItIs) {
  const Folder folder;
  make(folder / "a", {{"cluster_size", "512"}, {"refcount_bits", "64"}});
  auto image = Image::open(folder / "a", trusting(true));
  ASSERT_TRUE(image->write(0, Bytes(disk_bytes / 2, std::byte{7})));
  AmendOptions options;
  options.options = {{"compat", "0.10"}, {"refcount_bits", "16"}};
  double last = -1;
  int calls = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    const double part = static_cast<double>(done) / static_cast<double>(total);
    EXPECT_GE(part, last);
    EXPECT_LE(part, 1.0);
    last = part;
    ++calls;
  };
  EXPECT_EQ(message_of(amend(*image, options)), "no error");
  EXPECT_GT(calls, 10);
  EXPECT_GT(last, 0.5);
}

TEST(Amend, IsRefusedForWhatCannotBeAmended) {
  const Folder folder;
  create(folder / "a", "raw", disk_bytes);
  OpenOptions open = trusting(true);
  open.format = "raw";
  auto image = Image::open(folder / "a", open);
  EXPECT_EQ(amended(*image, {{"size", "4096"}}),
            "Format driver 'raw' does not support option amendment");
  EXPECT_TRUE(can_amend("qcow2"));
  EXPECT_FALSE(can_amend("vmdk"));
  create(folder / "b", "qcow2", disk_bytes);
  auto read_only = Image::open(folder / "b", trusting());
  EXPECT_NE(amended(*read_only, {{"lazy_refcounts", "on"}}), "no error");
}

}  // namespace
}  // namespace oxbow::api
