// Power cuts and failing writes during a repair. Whatever part of its writes reached the disk:
// guest data and snapshots are what they were, and a second repair makes the image sound.
#include <gtest/gtest.h>

#include <cstdio>

#include "each_failure.h"
#include "rich_image.h"
#include "snapshots_image.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Qcow2Image;
using format::qcow2::SnapshotKey;

constexpr uint64_t cluster = 512;
constexpr uint64_t repaired_bytes = 128 << 10;
constexpr uint64_t l2_covers = cluster / 8 * cluster;

struct Damage {
  const char* name;
  void (*make)(storage::SparseBytes& bytes);
};

// Every 8 bytes of every refcount block: one count.
template <class Change>
void change_counts(storage::SparseBytes& bytes, uint64_t step, Change change) {
  const uint64_t table = load64(bytes, 48);
  for (uint64_t i = 0; i < cluster; i += 8) {
    const uint64_t block = load64(bytes, table + i);
    for (uint64_t at = 0; block != 0 && at < cluster; at += step) {
      store64(bytes, block + at, change(load64(bytes, block + at)));
    }
  }
}
void spoil_counts(storage::SparseBytes& bytes) {
  change_counts(bytes, 24, [](uint64_t) { return 2; });
}
void clear_counts(storage::SparseBytes& bytes) {
  change_counts(bytes, 8, [](uint64_t) { return 0; });
}
void raise_counts(storage::SparseBytes& bytes) {
  change_counts(bytes, 8, [](uint64_t count) { return count + 1; });
}
void turn_flags(storage::SparseBytes& bytes) {
  const uint64_t l1 = load64(bytes, 40);
  for (uint64_t i = 0; i < repaired_bytes / l2_covers; ++i) {
    const uint64_t table = load64(bytes, l1 + i * 8) & format::qcow2::l1_offset_mask;
    store64(bytes, l1 + i * 8, load64(bytes, l1 + i * 8) ^ format::qcow2::copied_flag);
    for (uint64_t at = table; at < table + cluster; at += 16) {
      if (load64(bytes, at) & format::qcow2::l2_offset_mask) {
        store64(bytes, at, load64(bytes, at) ^ format::qcow2::copied_flag);
      }
    }
  }
}
void set_reserved_bits(storage::SparseBytes& bytes) {
  const auto spoil = [&bytes](uint64_t at) {
    store64(bytes, at, load64(bytes, at) | uint64_t{1} << 60 | uint64_t{1} << 3);
  };
  const uint64_t l1 = load64(bytes, 40);
  for (uint64_t i = 0; i < repaired_bytes / l2_covers; ++i) {
    const uint64_t table = load64(bytes, l1 + i * 8) & format::qcow2::l1_offset_mask;
    spoil(l1 + i * 8);
    for (uint64_t at = table; table != 0 && at < table + cluster; at += 64) spoil(at);
  }
}
void lose_block(storage::SparseBytes& bytes) { store64(bytes, load64(bytes, 48), 0); }
void misplace_block(storage::SparseBytes& bytes) {
  store64(bytes, load64(bytes, 48), load64(bytes, 40));
}
void share_block_with_l2(storage::SparseBytes& bytes) {
  const uint64_t l2 = load64(bytes, load64(bytes, 40)) & format::qcow2::l1_offset_mask;
  store64(bytes, load64(bytes, 48) + 8, l2);
}
void enter_block_twice(storage::SparseBytes& bytes) {
  const uint64_t table = load64(bytes, 48);
  store64(bytes, table + 8, load64(bytes, table));
}
void spoil_entry(storage::SparseBytes& bytes) {
  const uint64_t table = load64(bytes, 48);
  store64(bytes, table, load64(bytes, table) | 1);
}
void place_table(storage::SparseBytes& bytes, uint64_t at) { store64(bytes, 48, at); }
void lose_table(storage::SparseBytes& bytes) { place_table(bytes, uint64_t{1} << 40); }
void misalign_table(storage::SparseBytes& bytes) { place_table(bytes, load64(bytes, 48) + 8); }
void place_table_on_l1(storage::SparseBytes& bytes) { place_table(bytes, load64(bytes, 40)); }
void set_table_clusters(storage::SparseBytes& bytes, uint32_t clusters) {
  store64(bytes, 56, uint64_t{clusters} << 32 | (load64(bytes, 56) & 0xffffffff));
}
void lose_everything(storage::SparseBytes& bytes) {
  clear_counts(bytes);
  const uint64_t table = load64(bytes, 48);
  for (uint64_t i = 0; i < cluster; i += 8) store64(bytes, table + i, 0);
  place_table(bytes, 0);
  set_table_clusters(bytes, 0);
}
void enlarge_table(storage::SparseBytes& bytes) { set_table_clusters(bytes, 0xffffffff); }

const Damage damages[] = {
    {"counts_of_all_kinds", spoil_counts},
    {"counts_gone", clear_counts},
    {"counts_too_high", raise_counts},
    {"flags", turn_flags},
    {"reserved_bits", set_reserved_bits},
    {"block_gone", lose_block},
    {"block_on_a_table", misplace_block},
    {"block_on_an_l2_table", share_block_with_l2},
    {"block_entered_twice", enter_block_twice},
    {"block_entry_with_reserved_bits", spoil_entry},
    {"table_gone", lose_table},
    {"table_misaligned", misalign_table},
    {"table_on_the_l1_table", place_table_on_l1},
    {"table_too_large", enlarge_table},
    {"everything_gone", lose_everything},
};

Result<std::unique_ptr<Qcow2Image>> open(std::shared_ptr<storage::Storage> file) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = true;
  options.check_only = true;
  return loop().run(
      format::qcow2::open_qcow2(std::make_unique<storage::LentStorage>(file), std::move(options)));
}

void repair(const std::shared_ptr<storage::Storage>& file, Repair what = Repair::all) {
  auto image = open(file);
  ASSERT_TRUE(image) << image.error().message();
  const auto done = loop().run((*image)->repair(what, {}));
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_EQ(done->corruptions + done->check_errors, 0u);
  ASSERT_TRUE(loop().run((*image)->close()));
}

// The disk and then what each snapshot holds, of a sound image. The bytes are a copy.
std::vector<Bytes> all_disks(const storage::SparseBytes& bytes) {
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(file), nullptr);
  EXPECT_TRUE(node) << node.error().message();
  std::vector<Bytes> out = {read_all(**node)};
  auto& image = dynamic_cast<Qcow2Image&>((*node)->format());
  for (const char* name : {"one", "two"}) {
    const auto applied = loop().run(image.apply_snapshot(name, SnapshotKey::name));
    EXPECT_TRUE(applied) << applied.error().message();
    out.push_back(read_all(**node));
  }
  EXPECT_TRUE(loop().run((*node)->close()));
  return out;
}

// What a repair makes of it, which is sound.
storage::SparseBytes repaired(const storage::SparseBytes& bytes, Repair what) {
  const auto file = std::make_shared<storage::MemoryStorage>(bytes);
  repair(file, what);
  const CheckResult after = check_bytes(file->bytes());
  EXPECT_EQ(after.corruptions + after.leaks + after.check_errors, 0u);
  return file->bytes();
}

void expect_repairable(const storage::SparseBytes& bytes, const std::vector<Bytes>& disks) {
  const storage::SparseBytes after = repaired(bytes, Repair::all);
  if (::testing::Test::HasFailure()) return;
  ASSERT_TRUE(all_disks(after) == disks);
}

// Cuts the power everywhere in a repair; `look` judges what is left.
template <class Look>
void cut_everywhere(const storage::SparseBytes& damaged, Repair what, const Look& look) {
  const auto crash = std::make_shared<storage::CrashStorage>(damaged);
  repair(crash, what);
  if (::testing::Test::HasFatalFailure()) return;
  storage::CrashOptions options;
  options.exhaustive = 6;
  options.samples = 12;
  options.torn = true;
  const storage::CrashLog log = crash->log();
  storage::CrashStates walk(log, options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    look(state->contents);
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%zu crash states\n", size_t{walk.counts().states});
  EXPECT_GT(walk.counts().states, 10u);
}

class RepairCrash : public ::testing::TestWithParam<Damage> {};

TEST_P(RepairCrash, leaves_nothing_worse_than_there_was) {
  storage::SparseBytes bytes = make_image_with_snapshots(repaired_bytes, 6);
  const std::vector<Bytes> disks = all_disks(bytes);
  GetParam().make(bytes);
  cut_everywhere(bytes, Repair::all,
                 [&](const storage::SparseBytes& left) { expect_repairable(left, disks); });
}

// What cannot be read is given up: what can be is as it was, and a second repair ends where the
// first would have.
TEST(GiveUpCrash, ends_where_it_would_have_ended) {
  constexpr uint64_t lost_cluster = 2;
  constexpr uint64_t lost_range = 1;  // an L1 index
  storage::SparseBytes bytes = make_image_with_snapshots(repaired_bytes, 6);
  const Bytes before = all_disks(bytes).front();
  Bytes expected = before;
  std::fill_n(expected.begin() + lost_cluster * cluster, cluster, std::byte{});
  std::fill_n(expected.begin() + lost_range * l2_covers, l2_covers, std::byte{});
  ASSERT_NE(expected, before);
  const uint64_t l1 = load64(bytes, 40);
  const uint64_t table = load64(bytes, l1) & format::qcow2::l1_offset_mask;
  store64(bytes, table + lost_cluster * 8, format::qcow2::copied_flag | uint64_t{1} << 40);
  store64(bytes, l1 + lost_range * 8, load64(bytes, l1 + lost_range * 8) | uint64_t{1} << 40);
  cut_everywhere(bytes, Repair::unreadable, [&](const storage::SparseBytes& left) {
    const storage::SparseBytes after = repaired(left, Repair::unreadable);
    ASSERT_EQ(all_disks(after).front(), expected);
  });
}

Result<void> try_to_repair(std::shared_ptr<storage::Storage> file) {
  auto image = open(std::move(file));
  if (!image) return std::unexpected(image.error());
  const auto done = loop().run((*image)->repair(Repair::all, {}));
  const Result<void> closed = loop().run((*image)->close());
  return done ? closed : std::unexpected(done.error());
}

TEST_P(RepairCrash, may_fail_at_every_write) {
  storage::SparseBytes bytes = make_image_with_snapshots(repaired_bytes, 6);
  const std::vector<Bytes> disks = all_disks(bytes);
  GetParam().make(bytes);
  expect_failures_survived(
      {{bytes, 2}}, [](const FailingFiles& files) { return try_to_repair(files.shared()); },
      [&](const FailingFiles& files, const Result<void>& done) {
        // Space that could not be given back to the host does no harm.
        if (done) {
          EXPECT_EQ(check_bytes(files.bytes()).corruptions, 0u);
        }
        expect_repairable(files.bytes(), disks);
      });
}

INSTANTIATE_TEST_SUITE_P(Damages, RepairCrash, ::testing::ValuesIn(damages),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
