// The enumeration of crash states, and that it finds a journal written in a bad order.
#include "storage/crash.h"

#include <numeric>
#include <set>

#include "storage/crash_states.h"
#include "support.h"

namespace oxbow::storage {
namespace {

Bytes filled(size_t length, int value) { return Bytes(length, static_cast<std::byte>(value)); }

std::byte first_byte(const CrashState& state, uint64_t offset) {
  std::byte byte{};
  const iovec part = io_slice(&byte, 1);
  state.contents.read(offset, IoSpan(&part, 1));
  return byte;
}

std::vector<CrashState> all_states(const CrashStorage& storage, CrashOptions options = {}) {
  std::vector<CrashState> all;
  CrashStates states(storage.log(), options);
  while (auto state = states.next()) all.push_back(*std::move(state));
  EXPECT_EQ(states.counts().states, all.size());
  return all;
}

TEST(Crash, EverySubsetOfAnEpochAndNothingOfTheNext) {
  CrashStorage disk;
  for (uint64_t i = 0; i < 3; ++i) must(write_bytes(disk, i * 512, filled(512, 1)));
  must(disk.flush());
  must(write_bytes(disk, 4096, filled(512, 2)));
  const auto states = all_states(disk);
  // 2^3 without the whole, which is the same as the next epoch with nothing; then 2.
  ASSERT_EQ(states.size(), 7 + 2);
  std::set<int> seen;
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(states[i].flushes, 0);
    EXPECT_EQ(first_byte(states[i], 4096), std::byte{0});
    int mask = 0;
    for (int sector = 0; sector < 3; ++sector) {
      mask |= std::to_integer<int>(first_byte(states[i], sector * 512)) << sector;
    }
    seen.insert(mask);
  }
  EXPECT_EQ(seen.size(), 7);
  for (size_t i = 7; i < 9; ++i) {
    EXPECT_EQ(states[i].flushes, 1);
    for (int sector = 0; sector < 3; ++sector) {
      EXPECT_EQ(first_byte(states[i], sector * 512), std::byte{1});
    }
  }
  EXPECT_EQ(states[8].description, "after flush 1: write 4096+512");
}

TEST(Crash, OverlappingWritesThatArePresentKeepTheirOrder) {
  CrashStorage disk;
  must(write_bytes(disk, 0, filled(512, 1)));
  must(write_bytes(disk, 0, filled(512, 2)));
  const auto states = all_states(disk);
  ASSERT_EQ(states.size(), 4);
  EXPECT_EQ(first_byte(states[3], 0), std::byte{2});
  EXPECT_TRUE(states[3].contents == disk.bytes());
}

TEST(Crash, ADurableWriteIsThereBeforeWhatFollowsIt) {
  CrashStorage disk;
  must(write_bytes(disk, 0, filled(512, 1), {.fua = true}));
  must(write_bytes(disk, 512, filled(512, 2)));
  for (const CrashState& state : all_states(disk)) {
    if (first_byte(state, 512) == std::byte{2}) {
      EXPECT_EQ(first_byte(state, 0), std::byte{1});
    }
  }
  EXPECT_EQ(all_states(disk).size(), 3);
}

TEST(Crash, LongEpochsAreSampledTheSameWayEachTime) {
  CrashStorage disk;
  for (uint64_t i = 0; i < 40; ++i) must(write_bytes(disk, i * 512, filled(512, 1)));
  CrashOptions options;
  options.samples = 100;
  const auto once = all_states(disk, options);
  const auto again = all_states(disk, options);
  ASSERT_EQ(once.size(), again.size());
  EXPECT_GT(once.size(), 400);
  std::set<std::vector<size_t>> different;
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].present, again[i].present);
    different.insert(once[i].present);
  }
  EXPECT_EQ(different.size(), once.size());
  for (size_t end = 0; end <= 40; ++end) {
    std::vector<size_t> prefix(end);
    std::iota(prefix.begin(), prefix.end(), size_t{0});
    EXPECT_TRUE(different.contains(prefix));
  }
}

TEST(Crash, TornWritesMixOldAndNewSectors) {
  CrashStorage disk;
  must(write_bytes(disk, 0, filled(8 * 512, 1)));
  must(disk.flush());
  must(write_bytes(disk, 0, filled(8 * 512, 2)));
  CrashOptions options;
  options.torn = true;
  options.first_epoch = 1;
  const auto states = all_states(disk, options);
  ASSERT_EQ(states.size(), 3);
  std::set<int> values;
  for (int sector = 0; sector < 8; ++sector) {
    values.insert(std::to_integer<int>(first_byte(states[2], sector * 512)));
    EXPECT_EQ(first_byte(states[2], sector * 512), first_byte(states[2], sector * 512 + 511));
  }
  EXPECT_EQ(values, (std::set<int>{1, 2}));
}

TEST(Crash, LengthsAreLostAndKeptLikeWrites) {
  CrashStorage disk;
  must(disk.truncate(10000));
  must(disk.write_zeroes(0, 100));
  must(disk.discard(0, 100));
  std::set<uint64_t> sizes;
  for (const CrashState& state : all_states(disk)) sizes.insert(state.contents.size());
  EXPECT_EQ(sizes, (std::set<uint64_t>{0, 100, 10000}));
}

TEST(Crash, TensOfThousandsOfStatesAreCheap) {
  SparseBytes start;
  const Bytes contents = pattern(1 << 20, 1);
  const iovec part = io_slice(std::span(contents));
  start.write(0, IoSpan(&part, 1));
  CrashStorage disk(start);
  std::mt19937 random(1);
  for (int epoch = 0; epoch < 80; ++epoch) {
    for (int i = 0; i < 8; ++i) {
      must(write_bytes(disk, random() % 256 * 4096, filled(4096, i)));
    }
    must(disk.flush());
  }
  CrashStates states(disk.log(), {});
  while (states.next()) continue;
  EXPECT_EQ(states.counts().states, 80 * 255 + 1);
  EXPECT_EQ(states.counts().longest_epoch, 8);
}

// A toy journal for a value of two sectors: a record in sectors 0 and 1, a commit mark in
// sector 2, the value's home in sectors 3 and 4. Recovery trusts the record when it is
// marked, else the home.
enum class Order { right, mark_too_early };

constexpr uint64_t mark_at = 1024;
constexpr uint64_t home_at = 1536;

Task<> put(Storage& disk, uint64_t offset, int value) {
  const Bytes sector = filled(512, value);
  const iovec part = io_slice(std::span(sector));
  co_return co_await disk.write(offset, IoSpan(&part, 1));
}

Task<> update(Storage& disk, int value, Order order) {
  CO_TRY(co_await put(disk, 0, value));
  CO_TRY(co_await put(disk, 512, value));
  if (order == Order::right) CO_TRY(co_await disk.flush());
  CO_TRY(co_await put(disk, mark_at, 1));
  CO_TRY(co_await disk.flush());
  CO_TRY(co_await put(disk, home_at, value));
  CO_TRY(co_await put(disk, home_at + 512, value));
  CO_TRY(co_await disk.flush());
  CO_TRY(co_await put(disk, mark_at, 0));
  co_return co_await disk.flush();
}

/// -1 for a value that is half old and half new.
int recover(const CrashState& state) {
  const uint64_t from = first_byte(state, mark_at) != std::byte{0} ? 0 : home_at;
  const std::byte first = first_byte(state, from);
  return first == first_byte(state, from + 512) ? std::to_integer<int>(first) : -1;
}

/// States from which recovery brings back anything but an old or a new value, or
/// loses a value whose update had returned.
size_t bad_states(Order order) {
  CrashStorage disk;
  must(disk.truncate(4096));
  must(disk.flush());
  std::vector<size_t> promised_at;  // flush number when update i + 1 returned
  for (int value = 1; value <= 5; ++value) {
    must(update(disk, value, order));
    promised_at.push_back(disk.flush_count());
  }
  size_t bad = 0;
  for (const CrashState& state : all_states(disk)) {
    int promised = 0;
    for (const size_t flush : promised_at) promised += flush <= state.flushes ? 1 : 0;
    const int value = recover(state);
    if (value < promised || value > promised + 1) ++bad;
  }
  return bad;
}

TEST(CrashJournal, TheRightOrderSurvivesEveryCut) { EXPECT_EQ(bad_states(Order::right), 0); }

TEST(CrashJournal, AMarkWithoutItsRecordIsFound) {
  EXPECT_GT(bad_states(Order::mark_too_early), 0);
}

}  // namespace
}  // namespace oxbow::storage
