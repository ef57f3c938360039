// The public Image: bytes in and out at any offset, completions, status, sizes.
#include "support.h"

namespace oxbow::api {
namespace {

class AnImage : public ::testing::TestWithParam<const char*> {
 protected:
  AnImage() : name_(folder_ / "disk") { create(name_, GetParam(), 8 << 20); }
  [[nodiscard]] Image open(bool writable = true) const {
    OpenOptions options;
    options.format = GetParam();
    options.writable = writable;
    options.unmap_on_discard = true;
    auto image = Image::open(name_, options);
    if (!image) throw std::runtime_error(image.error().message());
    return std::move(*image);
  }
  Folder folder_;
  std::string name_;
};

TEST_P(AnImage, ReadsBackWhatWasWrittenAtAnyOffset) {
  const Bytes bytes = noise(200001, 7);
  Image image = open();
  ASSERT_TRUE(image.write(65535, bytes));
  ASSERT_TRUE(image.close());
  Image again = open(false);
  Bytes found(bytes.size() + 2);
  ASSERT_TRUE(again.read(65534, found));
  EXPECT_EQ(found.front(), std::byte{0});
  EXPECT_EQ(Bytes(found.begin() + 1, found.end() - 1), bytes);
  EXPECT_EQ(found.back(), std::byte{0});
}

TEST_P(AnImage, RefusesWhatLiesBeyondTheEnd) {
  Image image = open();
  Bytes bytes(512);
  EXPECT_EQ(image.read(image.size() - 511, bytes).error().kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(image.write(UINT64_MAX, bytes).error().kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(image.write_zeroes(0, image.size() + 1).error().kind(), ErrorKind::invalid_argument);
  EXPECT_EQ(image.block_status(image.size(), 1).error().kind(), ErrorKind::invalid_argument);
  EXPECT_TRUE(image.read(image.size(), {}));
}

TEST_P(AnImage, IsNotWrittenUnlessOpenedForIt) {
  Image image = open(false);
  EXPECT_FALSE(image.writable());
  EXPECT_EQ(image.write(0, Bytes(512)).error().kind(), ErrorKind::read_only);
}

TEST_P(AnImage, CompletesAsynchronousCallsInAnyNumber) {
  constexpr int requests = 64;
  constexpr size_t length = 10000;
  Image image = open();
  std::vector<Bytes> written;
  int done = 0;
  for (int i = 0; i < requests; ++i) {
    written.push_back(noise(length, i));
    const std::span<const std::byte> part = written.back();
    image.write_async(i * length, {&part, 1}, {},
                      [&done](Result<void> result) { done += result ? 1 : 0; });
  }
  image.drain();
  EXPECT_EQ(done, requests);
  Bytes all(requests * length);
  std::span<std::byte> into = all;
  bool read = false;
  image.read_async(0, {&into, 1}, [&read](Result<void> result) { read = result.has_value(); });
  while (!read) image.poll();
  for (int i = 0; i < requests; ++i) {
    EXPECT_EQ(Bytes(all.begin() + i * length, all.begin() + (i + 1) * length), written[i]);
  }
}

TEST_P(AnImage, TellsARefusalToTheCompletionToo) {
  Image image = open();
  std::optional<ErrorKind> kind;
  image.discard_async(image.size(), 1,
                      [&kind](Result<void> result) { kind = result.error().kind(); });
  EXPECT_EQ(kind, std::nullopt);
  image.drain();
  EXPECT_EQ(kind, ErrorKind::invalid_argument);
}

TEST_P(AnImage, BlockStatusMergesNeighboursThatAreAlike) {
  Image image = open();
  ASSERT_TRUE(image.write(1 << 20, noise(1 << 20, 3)));
  ASSERT_TRUE(image.flush());
  // A new raw file is not all hole: its first block was written.
  const auto before = image.block_status(65536, image.size());
  EXPECT_EQ(before->length, (1u << 20) - 65536);
  EXPECT_TRUE(before->zero);
  const auto data = image.block_status(1 << 20, image.size());
  EXPECT_EQ(data->length, 1u << 20);
  EXPECT_TRUE(data->data);
  EXPECT_TRUE(data->host_offset.has_value());
  EXPECT_EQ(data->filename, name_);
  const auto after = image.block_status(2 << 20, image.size());
  EXPECT_EQ(after->length, 6u << 20);
}

TEST_P(AnImage, ZeroesAndDiscardsReadAsZeroes) {
  Image image = open();
  ASSERT_TRUE(image.write(0, noise(1 << 20, 3)));
  ASSERT_TRUE(image.write_zeroes(1000, 300000));
  ASSERT_TRUE(image.discard(512 << 10, 128 << 10));
  Bytes bytes(1 << 20);
  ASSERT_TRUE(image.read(0, bytes));
  EXPECT_NE(bytes[999], std::byte{0});
  EXPECT_EQ(bytes[1000], std::byte{0});
  EXPECT_EQ(bytes[300999], std::byte{0});
  EXPECT_NE(bytes[301000], std::byte{0});
}

TEST_P(AnImage, ResizesAndRemembersIt) {
  Image image = open();
  ASSERT_TRUE(image.resize(16 << 20));
  EXPECT_EQ(image.size(), 16u << 20);
  ASSERT_TRUE(image.write((16 << 20) - 512, noise(512, 1)));
  ASSERT_TRUE(image.close());
  EXPECT_EQ(open(false).size(), 16u << 20);
}

TEST_P(AnImage, IsMovedWithItsRequests) {
  Image first = open();
  Image second = std::move(first);
  EXPECT_TRUE(second.write(0, noise(512, 1)));
  ASSERT_TRUE(second.close());
  second = open(false);
  EXPECT_FALSE(second.writable());
}

INSTANTIATE_TEST_SUITE_P(Formats, AnImage, ::testing::Values("raw", "qcow2"));

TEST(ImageInfoOf, AChainSaysWhoseBytesTheyAre) {
  const Folder folder;
  create(folder / "base", "raw", 1 << 20);
  create(folder / "top", "qcow2", 2 << 20, "base", "raw");
  {
    OpenOptions options;
    options.writable = true;
    options.format = "raw";
    ASSERT_TRUE(Image::open(folder / "base", options)->write(0, noise(65536, 1)));
  }
  auto image = Image::open(folder / "top");
  ASSERT_TRUE(image) << image.error().message();
  const auto status = image->block_status(0, 1 << 20);
  EXPECT_EQ(status->depth, 1u);
  EXPECT_EQ(status->length, 65536u);
  EXPECT_EQ(status->filename, folder / "base");
  uint64_t length = 2 << 20;
  EXPECT_EQ(image->is_allocated(0, length), false);
  EXPECT_EQ(length, 2u << 20);
  const auto info = image->info();
  EXPECT_EQ(info->format, "qcow2");
  EXPECT_EQ(info->virtual_size, 2u << 20);
  EXPECT_EQ(info->cluster_size, 65536u);
  EXPECT_GT(info->actual_size, 0u);
  EXPECT_EQ(image->backing_info(1)->format, "raw");
}

TEST(ImageDiscard, DoesNothingUnlessAskedForAtOpen) {
  const Folder folder;
  create(folder / "disk", "qcow2", 1 << 20);
  OpenOptions options;
  options.writable = true;
  auto image = Image::open(folder / "disk", options);
  const Bytes bytes = noise(65536, 1);
  ASSERT_TRUE(image->write(0, bytes));
  ASSERT_TRUE(image->discard(0, 65536));
  Bytes found(65536);
  ASSERT_TRUE(image->read(0, found));
  EXPECT_EQ(found, bytes);
}

TEST(ImageSnapshot, IsAsLargeAsTheDiskWasThen) {
  const Folder folder;
  const std::string name = folder / "disk";
  create(name, "qcow2", 2 << 20);
  const Bytes bytes = noise(2 << 20, 5);
  auto image = Image::open(name, trusting(true));
  ASSERT_TRUE(image->write(0, bytes));
  ASSERT_TRUE(image->create_snapshot("large"));
  ASSERT_TRUE(image->resize(1 << 20, Preallocation::off, true));
  ASSERT_TRUE(image->create_snapshot("small"));
  ASSERT_TRUE(image->resize(4 << 20));
  ASSERT_TRUE(image->close());

  for (const auto& [id, size] :
       {std::pair{"1", size_t{2} << 20}, std::pair{"2", size_t{1} << 20}}) {
    auto seen = Image::open(name, trusting());
    ASSERT_TRUE(seen->view_snapshot(id));
    ASSERT_EQ(seen->size(), size);
    Bytes found(size);
    ASSERT_TRUE(seen->read(0, found));
    EXPECT_EQ(found, Bytes(bytes.begin(), bytes.begin() + ptrdiff_t(size)));
  }
}

TEST(ImageCheck, IsNotForRaw) {
  const Folder folder;
  create(folder / "disk", "raw", 1 << 20);
  EXPECT_EQ(Image::open(folder / "disk")->check().error().kind(), ErrorKind::unsupported);
}

}  // namespace
}  // namespace oxbow::api
