// Images opened with a layer of the caller's making: snapshots that vanish, copies made by reads,
// breakpoints of the fault driver.
#include <algorithm>

#include "support.h"

namespace oxbow::api {
namespace {

class Overlay : public ::testing::Test {
 protected:
  Overlay() {
    create(folder_ / "base.raw", "raw", 1 << 20);
    OpenOptions options = trusting(true);
    options.format = "raw";
    auto base = Image::open(folder_ / "base.raw", options);
    EXPECT_TRUE(base && base->write(0, std::vector<std::byte>(1 << 20, std::byte{7})));
  }

  static bool reads(Image& image, uint64_t offset, uint64_t length, int pattern) {
    std::vector<std::byte> bytes(length);
    if (!image.read(offset, bytes)) return false;
    return std::ranges::all_of(bytes, [&](std::byte b) { return b == std::byte(pattern); });
  }

  Folder folder_;
};

TEST_F(Overlay, ASnapshotTakesWritesThatAreGoneAfterwards) {
  OpenOptions options = trusting(true);
  options.format = "raw";
  options.snapshot = true;
  auto image = Image::open(folder_ / "base.raw", options);
  ASSERT_TRUE(image) << message_of(image);
  EXPECT_EQ(image->format(), "qcow2");
  const std::vector<std::byte> nines(512, std::byte{9});
  ASSERT_TRUE(image->write(65536, nines));
  EXPECT_TRUE(reads(*image, 65536, 512, 9));
  EXPECT_TRUE(reads(*image, 66048, 4096, 7));
  ASSERT_TRUE(image->close());

  options.snapshot = false;
  options.writable = false;
  auto base = Image::open(folder_ / "base.raw", options);
  ASSERT_TRUE(base) << message_of(base);
  EXPECT_TRUE(reads(*base, 0, 1 << 20, 7));
}

TEST_F(Overlay, CopyOnReadKeepsWhatIsRead) {
  CreateOptions create;
  create.filename = folder_ / "top.qcow2";
  create.backing_file = folder_ / "base.raw";
  create.backing_format = "raw";
  create.trust = Trust::all;
  ASSERT_TRUE(Image::create(create));
  OpenOptions options = trusting(true);
  options.copy_on_read = true;
  auto image = Image::open(create.filename, options);
  ASSERT_TRUE(image) << message_of(image);
  EXPECT_TRUE(reads(*image, 100000, 1000, 7));
  uint64_t run = 1 << 20;
  EXPECT_FALSE(*image->is_allocated(0, run));
  EXPECT_EQ(run, 65536u);
  run = 1 << 20;
  EXPECT_TRUE(*image->is_allocated(65536, run));
  EXPECT_EQ(run, 65536u) << "one cluster";
  EXPECT_TRUE(reads(*image, 0, 1 << 20, 7));
}

TEST_F(Overlay, CopyOnReadNeedsAWritableImage) {
  OpenOptions options = trusting(false);
  options.copy_on_read = true;
  EXPECT_EQ(message_of(Image::open(folder_ / "base.raw", options)),
            "Can't use copy-on-read on read-only device");
}

TEST_F(Overlay, BreakpointsNeedTheFaultDriver) {
  OpenOptions options = trusting(true);
  options.format = "raw";
  auto plain = Image::open(folder_ / "base.raw", options);
  ASSERT_TRUE(plain) << message_of(plain);
  EXPECT_EQ(plain->add_breakpoint("read_aio", "A").error().kind(), ErrorKind::unsupported);
  ASSERT_TRUE(plain->close());

  auto image = Image::open("blkdebug::" + (folder_ / "base.raw"), options);
  ASSERT_TRUE(image) << message_of(image);
  EXPECT_EQ(image->add_breakpoint("nope", "A").error().kind(), ErrorKind::not_found);
  ASSERT_TRUE(image->add_breakpoint("read_aio", "A"));
  std::vector<std::byte> bytes(512);
  const std::span<std::byte> part(bytes);
  bool done = false;
  image->read_async(0, std::span(&part, 1), [&done](Result<void>) { done = true; });
  for (int i = 0; i < 10; ++i) image->poll();
  EXPECT_TRUE(image->is_suspended("A"));
  EXPECT_FALSE(done);
  ASSERT_TRUE(image->resume_breakpoint("A"));
  image->drain();
  EXPECT_TRUE(done);
  EXPECT_FALSE(image->is_suspended("A"));
}

}  // namespace
}  // namespace oxbow::api
