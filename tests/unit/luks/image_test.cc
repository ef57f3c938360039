// Guest data of a luks image: any offset and length, nobody's neighbour changed, nothing plain in
// the file.
#include <algorithm>
#include <random>

#include "graph/node.h"
#include "volume.h"

namespace oxbow::testing {
namespace {

using namespace format::luks;

constexpr uint64_t disk = 256 << 10;

class LuksDisk : public ::testing::Test {
 protected:
  LuksDisk() {
    auto file = std::make_unique<storage::MemoryStorage>();
    make_volume(*file, disk);
    memory_ = file.get();
    const codec::SecretBytes passphrase = secret("abc");
    auto image = run(open_luks(std::move(file), &passphrase));
    EXPECT_TRUE(image) << image.error().message();
    node_ = std::make_unique<graph::Node>(std::move(*image), nullptr);
  }

  void write(uint64_t offset, std::vector<std::byte> data) {
    const iovec part = io_slice(std::span<std::byte>(data));
    const auto done = run(node_->write(offset, IoSpan(&part, 1)));
    ASSERT_TRUE(done) << done.error().message();
  }
  std::vector<std::byte> read(uint64_t offset, uint64_t length) {
    std::vector<std::byte> out(length);
    const iovec part = io_slice(std::span<std::byte>(out));
    EXPECT_TRUE(run(node_->read(offset, IoSpan(&part, 1))));
    return out;
  }

  storage::MemoryStorage* memory_ = nullptr;
  std::unique_ptr<graph::Node> node_;
};

TEST_F(LuksDisk, ReadsWhatWasWrittenAtAnyOffsetAndLength) {
  std::mt19937 random(3);
  std::vector<std::byte> model(disk, std::byte{1});
  write(0, model);
  for (int i = 0; i < 200; ++i) {
    const uint64_t offset = random() % disk;
    const uint64_t length = 1 + random() % std::min<uint64_t>(disk - offset, 20000);
    const std::vector<std::byte> data(length, static_cast<std::byte>(random()));
    std::ranges::copy(data, model.begin() + static_cast<ptrdiff_t>(offset));
    write(offset, data);
    const uint64_t from = random() % disk;
    const uint64_t count = 1 + random() % (disk - from);
    const auto got = read(from, count);
    ASSERT_TRUE(std::equal(got.begin(), got.end(), model.begin() + static_cast<ptrdiff_t>(from)));
  }
  EXPECT_EQ(read(0, disk), model);
}

TEST_F(LuksDisk, StoresNothingAsItIs) {
  write(0, std::vector<std::byte>(disk, std::byte{0x5a}));
  std::vector<std::byte> stored(memory_->size());
  const iovec part = io_slice(std::span<std::byte>(stored));
  memory_->bytes().read(0, IoSpan(&part, 1));
  const std::vector<std::byte> plain(16, std::byte{0x5a});
  EXPECT_TRUE(std::ranges::search(stored, plain).empty());
}

// Two writers of one sector must not put back what the other has just replaced.
TEST_F(LuksDisk, WritersOfOneSectorKeepOutOfEachOthersBytes) {
  write(0, std::vector<std::byte>(1024, std::byte{0}));
  std::vector<std::byte> bytes(64);
  std::vector<iovec> parts;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i + 1);
    parts.push_back({&bytes[i], 1});
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    async::Loop::current_thread().spawn(node_->write(i * 3, IoSpan(&parts[i], 1)));
  }
  async::Loop::current_thread().drain();
  const auto got = read(0, 192);
  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(got[i * 3], bytes[i]) << i;
}

TEST_F(LuksDisk, LeavesTheCallersBytesAlone) {
  std::vector<std::byte> data(8192, std::byte{7});
  const iovec part = io_slice(std::span<std::byte>(data));
  ASSERT_TRUE(run(node_->write(512, IoSpan(&part, 1))));
  EXPECT_EQ(data, std::vector<std::byte>(8192, std::byte{7}));
}

TEST_F(LuksDisk, ShowsNoPlaceWhereTheBytesLie) {
  const auto status = run(node_->status(0, disk));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->length, disk);
  EXPECT_FALSE(status->has_host_offset);
  EXPECT_FALSE(status->zero);
}

TEST(Luks, RefusesAWrongPassphrase) {
  auto file = std::make_unique<storage::MemoryStorage>();
  make_volume(*file, disk);
  const codec::SecretBytes passphrase = secret("wrong");
  const auto image = run(open_luks(std::move(file), &passphrase));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message(), "Invalid password, cannot unlock any keyslot");
  EXPECT_EQ(image.error().kind(), ErrorKind::permission);
}

}  // namespace
}  // namespace oxbow::testing
