// Damage, then a repair: what could be read before can be read after, and nothing but counts,
// flags and misplaced zeroes has changed.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "format/qcow2/survey.h"
#include "rich_image.h"
#include "snapshots_image.h"
#include "stock_check.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;

// Repairs the image that these bytes are.
CheckResult repair_bytes(storage::SparseBytes& bytes, Repair what) {
  const auto memory = std::make_shared<storage::MemoryStorage>(bytes);
  format::qcow2::Qcow2OpenOptions options;
  options.writable = true;
  options.check_only = true;
  options.encryption.as_stored = true;
  async::Loop& loop = async::Loop::current_thread();
  auto opened = loop.run(format::qcow2::open_qcow2(std::make_unique<storage::LentStorage>(memory),
                                                   std::move(options)));
  EXPECT_TRUE(opened) << opened.error().message();
  const auto result = loop.run((*opened)->repair(what, {}));
  EXPECT_TRUE(result) << result.error().message();
  EXPECT_TRUE(loop.run((*opened)->close()));
  bytes = memory->bytes();
  return result.value_or(CheckResult());
}

class RepairTest : public ::testing::Test {
 protected:
  void SetUp() override { bytes = make_image_with_snapshots(disk_bytes); }

  std::unique_ptr<Qcow2Image> open(bool writable, bool check_only) {
    memory_ = std::make_shared<storage::MemoryStorage>(bytes);
    format::qcow2::Qcow2OpenOptions options;
    options.writable = writable;
    options.check_only = check_only;
    options.encryption.as_stored = true;
    auto image = run(format::qcow2::open_qcow2(std::make_unique<storage::LentStorage>(memory_),
                                               std::move(options)));
    return image ? std::move(*image) : nullptr;
  }

  Result<CheckResult> repair(Repair what) {
    auto image = open(true, true);
    if (!image) return fail(ErrorKind::corrupt, "does not open");
    auto result = run(image->repair(what, {}));
    EXPECT_TRUE(run(image->close()));
    bytes = memory_->bytes();
    return result;
  }

  CheckResult check() {
    auto image = open(false, true);
    auto result = run(format::qcow2::check(image->file(), image->header(), {}));
    EXPECT_TRUE(result);
    return result.value_or(CheckResult());
  }

  // Each guest cluster's bytes, or nothing where it cannot be read.
  std::vector<std::vector<std::byte>> read_disk() {
    std::vector<std::vector<std::byte>> out;
    auto image = open(false, false);
    if (!image) return out;
    auto node = std::make_shared<graph::Node>(std::move(image), nullptr);
    for (uint64_t at = 0; at < disk_bytes; at += cluster) {
      std::vector<std::byte> data(cluster);
      const iovec part{data.data(), data.size()};
      if (!run(node->read(at, IoSpan(&part, 1)))) data.clear();
      out.push_back(std::move(data));
    }
    EXPECT_TRUE(run(node->close()));
    return out;
  }

  template <class T>
  static Result<T> run(async::Task<T> task) {
    return async::Loop::current_thread().run(std::move(task));
  }

  static constexpr uint64_t cluster = 512;
  static constexpr uint64_t disk_bytes = 256 << 10;
  storage::SparseBytes bytes;

  // Host offsets of the refcount table's clusters and of its blocks.
  std::set<uint64_t> refcount_structure() {
    std::set<uint64_t> out;
    const uint64_t table = load64(bytes, 48);
    const uint64_t table_bytes = (load64(bytes, 56) >> 32) * cluster;
    for (uint64_t at = table; at < table + table_bytes; at += cluster) out.insert(at);
    for (uint64_t at = table; at < table + table_bytes; at += 8) {
      out.insert(load64(bytes, at) / cluster * cluster);
    }
    return out;
  }

  // Every L1 and L2 table, snapshots' too.
  std::vector<uint64_t> tables() {
    std::vector<uint64_t> l1 = {load64(bytes, 40)};
    const uint64_t entries = load64(bytes, 32) & 0xffffffff;
    uint64_t entry = load64(bytes, 64);
    for (uint64_t left = load64(bytes, 56) & 0xffffffff; left != 0; --left) {
      l1.push_back(load64(bytes, entry));
      entry += 72;  // 40 bytes, 24 of extra data, an id of 1 and a name of 3, aligned
    }
    std::vector<uint64_t> out = l1;
    for (const uint64_t table : l1) {
      for (uint64_t i = 0; i < entries; ++i) {
        const uint64_t l2 = load64(bytes, table + i * 8) & format::qcow2::l1_offset_mask;
        if (l2 != 0) out.push_back(l2);
      }
    }
    return out;
  }

  void flip_bit(uint64_t offset, unsigned bit) {
    store64(bytes, offset, load64(bytes, offset) ^ uint64_t{1} << bit);
  }

  // Clusters that something refers to, besides the header and the refcounts' own.
  std::vector<uint64_t> referred() {
    auto image = open(false, true);
    const auto snapshots = run(format::qcow2::read_snapshots(image->file(), image->header()));
    EXPECT_TRUE(snapshots);
    const auto seen =
        run(format::qcow2::survey_quietly(image->file(), image->header(), *snapshots));
    EXPECT_TRUE(seen);
    const std::set<uint64_t> own = refcount_structure();
    std::vector<uint64_t> out;
    for (uint64_t at = cluster; at < bytes.size(); at += cluster) {
      if (seen->references.count(at / cluster) != 0 && !own.contains(at)) out.push_back(at);
    }
    return out;
  }

  // Nothing but what nobody reads: the COPIED flag, reserved bits of an L1 or L2 entry.
  static bool only_flags_differ(uint64_t old, uint64_t now) {
    const uint64_t differ = (old ^ now) & ~format::qcow2::copied_flag;
    return differ == 0 || differ == (old & format::qcow2::l1_reserved_mask) ||
           differ == (old & format::qcow2::l2_reserved_mask);
  }

  // No word of these clusters differs but by flags, or is a plain zero now.
  void expect_only_flags_changed(const storage::SparseBytes& before,
                                 const std::vector<uint64_t>& clusters) {
    for (const uint64_t at : clusters) {
      for (uint64_t word = at; word < at + cluster; word += 8) {
        const uint64_t old = load64(before, word);
        const uint64_t now = load64(bytes, word);
        EXPECT_TRUE(only_flags_differ(old, now) || now == format::qcow2::l2_zero_flag)
            << "at " << word << ": " << std::hex << old << " has become " << now;
      }
    }
  }

  static void expect_still_readable(const std::vector<std::vector<std::byte>>& before,
                                    const std::vector<std::vector<std::byte>>& after) {
    ASSERT_GE(after.size(), before.size());
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_TRUE(before[i].empty() || before[i] == after[i]) << "guest cluster " << i;
    }
  }

 private:
  std::shared_ptr<storage::MemoryStorage> memory_;
};

TEST_F(RepairTest, ClosedImageIsLeftAlone) {
  const std::vector<uint64_t> all = referred();
  const storage::SparseBytes before = bytes;
  const auto result = repair(Repair::all);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->corruptions_fixed + result->leaks_fixed, 0u);
  for (uint64_t at = 0; at < bytes.size(); at += 8)
    ASSERT_EQ(load64(before, at), load64(bytes, at));
}

TEST_F(RepairTest, OpenForReadingCannotBeRepaired) {
  auto image = open(true, false);
  const auto result = run(image->repair(Repair::all, {}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::invalid_argument);
  EXPECT_TRUE(run(image->close()));
}

TEST_F(RepairTest, OpenForRepairRefusesGuestWrites) {
  auto node = std::make_shared<graph::Node>(open(true, true), nullptr);
  std::vector<std::byte> data(cluster);
  const iovec part{data.data(), data.size()};
  const auto written = run(node->write(0, IoSpan(&part, 1)));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::read_only);
  EXPECT_TRUE(run(node->close()));
}

// Whatever the refcounts say, the tables say it all: everything is as it was.
TEST_F(RepairTest, DamagedRefcountsAreMadeAsTheyWere) {
  const storage::SparseBytes sound = bytes;
  const std::vector<uint64_t> kept = referred();
  const auto disk = read_disk();
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    bytes = sound;
    const std::set<uint64_t> set = refcount_structure();
    std::vector<uint64_t> places(set.begin(), set.end());
    std::erase(places, 0u);
    for (unsigned flips = 1 + random() % 6; flips != 0; --flips) {
      flip_bit(places[random() % places.size()] + random() % 64 * 8, random() % 64);
    }
    const auto result = repair(Repair::all);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->corruptions + result->check_errors, 0u);
    const CheckResult after = check();
    EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
    EXPECT_EQ(stock_check(bytes).value_or(0), 0);
    EXPECT_EQ(read_disk(), disk);
    for (const uint64_t at : kept) {
      for (uint64_t word = at; word < at + cluster; word += 8) {
        ASSERT_EQ(load64(bytes, word), load64(sound, word)) << "at " << word;
      }
    }
  }
}

// A mark that is gone lets the next writer trust the counts, and take clusters that are in use.
TEST_F(RepairTest, UncleanImageWhoseCountsStayTooLowStaysUnclean) {
  const uint64_t block = load64(bytes, load64(bytes, 48));
  store64(bytes, block + 64, 0);
  store64(bytes, 72, load64(bytes, 72) | format::qcow2::incompatible_dirty);
  const storage::SparseBytes damaged = bytes;
  EXPECT_EQ(repair(Repair::leaks).error().kind(), ErrorKind::corrupt);
  for (uint64_t at = 0; at < damaged.size(); at += 8) {
    ASSERT_EQ(load64(damaged, at), load64(bytes, at)) << "at " << at;
  }
  ASSERT_TRUE(repair(Repair::all));
  EXPECT_EQ(load64(bytes, 72) & format::qcow2::incompatible_dirty, 0u);
}

TEST_F(RepairTest, RefcountTableWhereNoneCanBeIsMadeAnew) {
  const storage::SparseBytes sound = bytes;
  const auto disk = read_disk();
  constexpr uint64_t too_large = 0x7fffffff00000000;
  for (const auto& [field, value] : {std::pair<uint64_t, uint64_t>{48, 0x201},
                                     {48, 1ULL << 40},
                                     {48, 0},
                                     {56, too_large | load64(sound, 56) % (1ULL << 32)}}) {
    SCOPED_TRACE(field + value);
    bytes = sound;
    store64(bytes, field, value);
    const auto result = repair(Repair::all);
    ASSERT_TRUE(result) << result.error().message();
    const CheckResult after = check();
    EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
    EXPECT_EQ(stock_check(bytes).value_or(0), 0);
    EXPECT_EQ(read_disk(), disk);
  }
}

// Entries that were damaged stay so where only a guess could help; all else is put right around
// them, and what can be read is not touched.
TEST_F(RepairTest, NothingReadableIsTouched) {
  const storage::SparseBytes sound = bytes;
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    bytes = sound;
    const std::vector<uint64_t> all = tables();
    const std::set<uint64_t> set = refcount_structure();
    const std::vector<uint64_t> counts(set.begin(), set.end());
    for (unsigned flips = 1 + random() % 4; flips != 0; --flips) {
      const bool count = random() % 4 == 0;
      const uint64_t at = count ? counts[random() % counts.size()] : all[random() % all.size()];
      if (at != 0) flip_bit(at + random() % 64 * 8, random() % 64);
    }
    const storage::SparseBytes damaged = bytes;
    const std::vector<uint64_t> kept = referred();
    const auto readable = read_disk();
    const Repair what = seed % 3 == 0 ? Repair::leaks : Repair::all;
    const auto result = repair(what);
    expect_still_readable(readable, read_disk());
    expect_only_flags_changed(damaged, kept);
    if (what == Repair::leaks) continue;
    ASSERT_TRUE(result) << result.error().message();
    const CheckResult after = check();
    EXPECT_EQ(after.leaks + after.check_errors, 0u);
    EXPECT_EQ(after.corruptions, result->corruptions);
    EXPECT_EQ(stock_check(bytes).value_or(after.corruptions != 0 ? 2 : 0),
              after.corruptions != 0 ? 2 : 0);
  }
}

// Tables are read as if reserved bits were not there, so they can go.
TEST_F(RepairTest, ReservedBitsAreCleared) {
  const storage::SparseBytes sound = bytes;
  const auto disk = read_disk();
  for (const uint64_t table : tables()) {
    const bool l1 = table == load64(sound, 40);
    for (const unsigned bit : {1U, 8U, 56U, 61U}) {
      const uint64_t at = table + bit % 4 * 8;
      if (load64(sound, at) == 0) continue;
      SCOPED_TRACE("table at " + std::to_string(table) + ", bit " + std::to_string(bit));
      bytes = sound;
      flip_bit(at, bit);
      const auto result = repair(Repair::all);
      ASSERT_TRUE(result) << result.error().message();
      EXPECT_EQ(result->corruptions, 0u);
      EXPECT_EQ(result->corruptions_fixed, 1u);
      EXPECT_EQ(load64(bytes, at), load64(sound, at)) << (l1 ? "L1" : "L2");
      EXPECT_EQ(read_disk(), disk);
    }
  }
}

// With what cannot be read given up, nothing is left to repair, and the rest is as it was.
TEST_F(RepairTest, WhatLeadsNowhereIsGivenUp) {
  const storage::SparseBytes sound = bytes;
  const std::vector<uint64_t> all = tables();
  unsigned sound_after = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    bytes = sound;
    for (unsigned flips = 1 + random() % 4; flips != 0; --flips) {
      const uint64_t at = all[random() % all.size()] + random() % 8 * 8;
      if (load64(bytes, at) != 0) flip_bit(at, std::array{9U, 30U, 40U, 50U, 60U}[random() % 5]);
    }
    const auto readable = read_disk();
    const auto result = repair(Repair::unreadable);
    ASSERT_TRUE(result) << result.error().message();
    const auto disk = read_disk();
    expect_still_readable(readable, disk);
    const CheckResult after = check();
    EXPECT_EQ(after.corruptions, result->corruptions);
    EXPECT_EQ(after.leaks + after.check_errors, 0u);
    if (after.corruptions != 0) continue;
    ++sound_after;
    EXPECT_EQ(stock_check(bytes).value_or(0), 0);
    for (const auto& data : disk) EXPECT_FALSE(data.empty());
  }
  EXPECT_GT(sound_after, 150u);
}

// The disk changes where something is given up: whoever backs up by the bitmap has to know.
TEST(Repair, GivingUpMakesBitmapsDirty) {
  for (const bool enabled : {true, false}) {
    RichImage image;
    const uint64_t table = image.place[Writes::bitmap_table];
    const uint64_t directory = image.place[Writes::bitmap_directory];
    const uint64_t bits = load64(image.bytes, table);
    store64(image.bytes, directory + 8, uint64_t{1} << 32 | (enabled ? 2 : 0));
    store64(image.bytes, image.l2_entry_of(3), uint64_t{1} << 40);
    const CheckResult result = repair_bytes(image.bytes, Repair::unreadable);
    EXPECT_EQ(result.corruptions, 0u);
    EXPECT_EQ(load64(image.bytes, image.l2_entry_of(3)), 0u);
    EXPECT_EQ(load64(image.bytes, table), enabled ? format::qcow2::bitmap_all_ones : bits);
    const CheckResult after = check_bytes(image.bytes);
    EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
  }
}

// Nothing is given up where the bitmaps cannot tell of it, nor unless it is asked for.
TEST(Repair, NothingIsGivenUpUnseen) {
  for (const Repair what : {Repair::all, Repair::unreadable}) {
    RichImage image;
    const uint64_t directory = image.place[Writes::bitmap_directory];
    store64(image.bytes, directory + 8, uint64_t{1} << 32 | 2);
    store64(image.bytes, image.l2_entry_of(3), uint64_t{1} << 40);
    // Guest data where the bitmap's table is.
    store64(image.bytes, image.l2_entry_of(4), image.place[Writes::bitmap_table]);
    EXPECT_NE(repair_bytes(image.bytes, what).corruptions, 0u);
    EXPECT_EQ(load64(image.bytes, image.l2_entry_of(3)), uint64_t{1} << 40);
  }
}

// The stock tool takes every snapshot for leaked clusters where there is a bitmap, too.
TEST(Repair, LeaksBesideABitmapAreFreedAndSnapshotsStay) {
  for (const Repair what : {Repair::leaks, Repair::all}) {
    RichImage image;
    const storage::SparseBytes sound = image.bytes;
    (void)image.add_cluster();
    const CheckResult result = repair_bytes(image.bytes, what);
    EXPECT_EQ(result.leaks_fixed, 1u);
    EXPECT_EQ(result.corruptions_fixed, 0u);
    for (uint64_t at = 0; at < sound.size(); at += 8) {
      ASSERT_EQ(load64(sound, at), load64(image.bytes, at)) << "at " << at;
    }
  }
}

// A bitmap may say too much, and must not say too little.
TEST(Repair, BitmapWhoseBitsLieOutsideIsAllDirty) {
  RichImage image;
  const uint64_t table = image.place[Writes::bitmap_table];
  store64(image.bytes, table, 1ULL << 40);
  const CheckResult result = repair_bytes(image.bytes, Repair::all);
  EXPECT_EQ(result.corruptions, 0u);
  EXPECT_EQ(load64(image.bytes, table), 1u);
  const CheckResult after = check_bytes(image.bytes);
  EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
}

// Metadata of every class keeps its bytes while all counts are made anew.
TEST(Repair, EveryClassOutlivesARebuild) {
  RichImage image;
  for (const auto& [kind, at] : image.place) set_refcount(image.bytes, at, 0);
  const storage::SparseBytes before = image.bytes;
  EXPECT_EQ(repair_bytes(image.bytes, Repair::all).corruptions, 0u);
  const CheckResult after = check_bytes(image.bytes);
  EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
  EXPECT_EQ(load64(image.bytes, 88), format::qcow2::autoclear_bitmaps);
  EXPECT_EQ(load64(image.bytes, 64), load64(before, 64));
  for (const auto& [kind, at] : image.place) {
    if (kind == Writes::main_header || kind == Writes::refcount_table ||
        kind == Writes::refcount_block) {
      continue;
    }
    for (uint64_t word = at; word < at + RichImage::cluster; word += 8) {
      ASSERT_EQ(load64(image.bytes, word), load64(before, word)) << static_cast<int>(kind);
    }
  }
}

}  // namespace
}  // namespace oxbow::testing
