#include "format/raw/raw.h"

#include "async/loop.h"
#include "storage/memory.h"
#include "support.h"

namespace oxbow::format::raw {
namespace {

template <class T>
Result<T> run(Task<T> task) {
  return async::Loop::current_thread().run(std::move(task));
}

std::unique_ptr<RawImage> make(uint64_t file_size, RawOptions options = {}) {
  auto image = RawImage::create(std::make_unique<storage::MemoryStorage>(file_size), options);
  return image ? std::move(*image) : nullptr;
}

std::string refusal(uint64_t file_size, uint64_t offset, std::optional<uint64_t> size) {
  RawOptions options;
  options.offset = offset;
  options.size = size;
  auto image = RawImage::create(std::make_unique<storage::MemoryStorage>(file_size), options);
  return image ? "no error" : image.error().message();
}

TEST(Raw, SizesCountWholeSectors) {
  EXPECT_EQ(make(1000)->geometry().virtual_size, 1024u);
  RawOptions options;
  options.offset = 1000;
  EXPECT_EQ(make(1 << 20, options)->geometry().virtual_size, 1048064u);
}

TEST(Raw, WindowsLieInsideTheFile) {
  EXPECT_EQ(refusal(1 << 20, 512, 1024), "no error");
  EXPECT_EQ(refusal(1 << 20, 2 << 20, std::nullopt),
            "Offset (2097152) cannot be greater than size of the containing file (1048576)");
  EXPECT_EQ(refusal(1 << 20, 512, 1 << 20),
            "The sum of offset (512) and size (1048576) has to be smaller or equal to the  actual "
            "size of the containing file (1048576)");
  EXPECT_EQ(refusal(1 << 20, 0, 1000), "Specified size is not multiple of 512");
}

TEST(Raw, MapSaysWhereInTheFileAndWhatIsAHole) {
  RawOptions options;
  options.offset = 4096;
  auto image = make(1 << 20, options);
  const api::Bytes bytes = api::noise(8192, 1);
  const iovec from = io_slice(std::span<const std::byte>(bytes));
  auto plan = run(image->prepare_write(65536, 8192));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->host_offset, 65536u + 4096);
  ASSERT_TRUE(run(image->write_host({plan->host_offset, 0}, IoSpan(&from, 1))));
  const auto data = run(image->map(65536, 8192));
  EXPECT_EQ(data->kind, RunKind::data);
  EXPECT_EQ(data->host_offset, 65536u + 4096);
  const auto hole = run(image->map(0, 4096));
  EXPECT_EQ(hole->kind, RunKind::zero);
  EXPECT_EQ(hole->host_offset, 4096u);
}

TEST(Raw, BytesThatTheLastSectorLacksReadAsZeroes) {
  auto image = make(1000);
  const auto run_past_end = run(image->map(1000, 24));
  EXPECT_EQ(run_past_end->kind, RunKind::zero);
  EXPECT_EQ(run_past_end->host_offset, 1000u);
  EXPECT_TRUE(run(image->discard(1000, 24)));
}

TEST(Raw, ResizeKeepsTheOffset) {
  RawOptions options;
  options.offset = 512;
  auto image = make(1 << 20, options);
  ASSERT_TRUE(run(image->resize(2 << 20, storage::Preallocation::off, false)));
  EXPECT_EQ(image->geometry().virtual_size, 2u << 20);
  EXPECT_EQ(image->file().size(), (2u << 20) + 512);
  EXPECT_EQ(run(image->resize(512, storage::Preallocation::off, false)).error().kind(),
            ErrorKind::invalid_argument);
  EXPECT_TRUE(run(image->resize(512, storage::Preallocation::off, true)));
  options.size = 512;
  EXPECT_EQ(run(make(1 << 20, options)->resize(1024, storage::Preallocation::off, false))
                .error()
                .message(),
            "Cannot resize fixed-size raw disks");
}

}  // namespace
}  // namespace oxbow::format::raw
