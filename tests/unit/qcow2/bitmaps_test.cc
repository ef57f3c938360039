// Persistent dirty bitmaps, row by row of docs/dirty-bitmaps.md.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "async/task_group.h"
#include "bitmaps_image.h"
#include "delaying_storage.h"
#include "each_failure.h"
#include "storage/crash.h"

namespace oxbow::testing {
namespace {

TEST_F(BitmapsTest, row_1_found_in_use_it_is_not_loaded_nor_merged_from) {
  leave_in_use();
  open();
  EXPECT_TRUE(engine(*node_).bitmaps().list()[0].in_use());
  const auto bits = loop().run(engine(*node_).bitmaps().bits_of("old"));
  ASSERT_FALSE(bits);
  EXPECT_EQ(bits.error().message(), "Bitmap 'old' is inconsistent and cannot be used");
  close();
}

TEST_F(BitmapsTest, row_2_all_are_marked_by_one_write_before_the_first_guest_write) {
  open();
  add("one");
  add("two");
  add("three", 16);
  close();
  const auto crash = std::make_shared<storage::CrashStorage>(file_->bytes());
  auto opened = open_node(std::make_unique<storage::LentStorage>(crash), nullptr, true, true,
                          BitmapOptions{BitmapDurability::close, this_boot});
  ASSERT_TRUE(opened);
  EXPECT_EQ(crash->log().epochs.size(), 1u);
  EXPECT_TRUE(crash->log().epochs[0].empty()) << "opening writes nothing";
  node_ = std::move(*opened);
  write(0, 100);
  const auto& first = crash->log().epochs[0];
  ASSERT_EQ(first.size(), 1u) << "one update and a flush, then all else";
  storage::SparseBytes marked = file_->bytes();
  first[0].apply_to(marked);
  *file_ = storage::MemoryStorage(marked);
  for (const char* name : {"one", "two", "three"}) EXPECT_TRUE(entry(name).in_use()) << name;
  ok(loop().run(node_->close()));
}

TEST_F(BitmapsTest, row_3_closing_stores_and_unmarks) {
  open();
  add("one");
  write(5 * 4096 + 7, 4096);
  close();
  EXPECT_FALSE(entry("one").in_use());
  open(false);
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{5, 6}));
}

TEST_F(BitmapsTest, row_4_removing_from_an_image_open_for_reading_is_an_error) {
  open();
  add("one");
  close();
  open(false);
  const auto refused = loop().run(engine(*node_).change_bitmaps());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::read_only);
}

TEST_F(BitmapsTest, row_5_reading_then_writing_then_reading) {
  open();
  add("one");
  close();
  for (uint64_t round = 0; round < 3; ++round) {
    open(false);
    EXPECT_EQ(dirty("one").size(), round);
    ok(loop().run(node_->close()));
    open();
    write(round * 8192, 1);
    EXPECT_TRUE(entry("one").in_use());
    close();
    EXPECT_FALSE(entry("one").in_use());
  }
}

TEST_F(BitmapsTest, row_6_found_in_use_it_stays_untouched_until_it_is_removed) {
  leave_in_use();
  const Bitmap before = entry("old");
  const Bytes table = bytes_at(before.table_offset, bitmaps_cluster);
  open();
  write(0, 1 << 20);
  ok(loop().run(bitmaps().remove("other")));
  // Its table would have to change with the disk's size.
  EXPECT_FALSE(loop().run(node_->resize(3 << 20, storage::Preallocation::off, false)));
  close();
  const Bitmap after = entry("old");
  EXPECT_TRUE(after.in_use());
  EXPECT_EQ(after.table_offset, before.table_offset);
  EXPECT_EQ(bytes_at(after.table_offset, bitmaps_cluster), table);
  open();
  ok(loop().run(bitmaps().remove("old")));
  close();
  open();
  EXPECT_TRUE(engine(*node_).bitmaps().empty());
  close();
}

TEST_F(BitmapsTest, row_7_fifty_rounds_allocate_and_free_nothing) {
  open();
  add("one");
  add("two", 9);
  write(0, 1 << 20);
  ok(loop().run(bitmaps().clear("one")));
  ok(loop().run(bitmaps().clear("two")));
  write(100, 1);
  close();
  const uint64_t size = file_->bytes().size();
  const Bytes refcounts =
      bytes_at(load64(file_->bytes(), load64(file_->bytes(), 48)), bitmaps_cluster);
  for (uint64_t round = 0; round < 50; ++round) {
    open();
    write(round * 17001, 3000);
    if (round % 10 == 9) ok(loop().run(bitmaps().clear("one")));
    close();
    EXPECT_EQ(file_->bytes().size(), size);
    EXPECT_EQ(bytes_at(load64(file_->bytes(), load64(file_->bytes(), 48)), bitmaps_cluster),
              refcounts);
  }
}

TEST_F(BitmapsTest, row_8_what_other_software_keeps_stays_byte_for_byte) {
  open();
  add("one");
  add("two");
  add("three");
  close();
  // By hand: a type, a flag, and extra data that are not known.
  storage::MemoryStorage copy(file_->bytes());
  const auto header = loop().run(read_header(copy, true));
  auto entries = loop().run(read_bitmap_directory(copy, *header));
  (*entries)[0].type = 7;
  (*entries)[1].flags |= 0x100;
  (*entries)[2].extra = {std::byte{1}, std::byte{2}, std::byte{3}};
  const std::vector<std::byte> strange = encode_bitmap_directory(*entries);
  auto changed = file_->bytes();
  const iovec part{const_cast<std::byte*>(strange.data()), strange.size()};
  changed.write(header->bitmaps->directory_offset, IoSpan(&part, 1));
  store64(changed, 112 + 392 + 8 + 8, strange.size());
  file_ = std::make_shared<storage::MemoryStorage>(changed);

  open();
  for (const Bitmap& one : engine(*node_).bitmaps().list()) EXPECT_TRUE(one.foreign()) << one.name;
  EXPECT_FALSE(loop().run(engine(*node_).bitmaps().bits_of("three")));
  write(0, 5000);
  add("mine");
  write(0, 5000);
  close();
  open();
  ok(loop().run(bitmaps().remove("mine")));
  close();
  for (size_t i = 0; i < entries->size(); ++i) {
    const Bitmap now = entry((*entries)[i].name);
    EXPECT_EQ(encode_bitmap_directory(std::span(&now, 1)),
              encode_bitmap_directory(std::span(&(*entries)[i], 1)));
  }
}

TEST_F(BitmapsTest, row_9_resizing_gives_tables_of_the_new_size_and_returns_the_old) {
  open();
  add("one", 9);
  write(1000, 1);
  write((1 << 20) - 1, 1);
  const uint64_t large = 300 << 20;  // 19 clusters of bits
  ok(loop().run(node_->resize(large, storage::Preallocation::off, false)));
  write(large - 1, 1);
  close();
  EXPECT_EQ(entry("one").table_size, 19u);
  open();
  std::vector<uint64_t> expected(large / 512 - 2047 + 1);
  expected[0] = 1;
  std::iota(expected.begin() + 1, expected.end(), 2047);  // and all that the disk grew by
  EXPECT_EQ(dirty("one"), expected);
  ok(loop().run(node_->resize(600 << 10, storage::Preallocation::off, true)));
  close();
  EXPECT_EQ(entry("one").table_size, 1u);
  open();
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{1}));
  close();
}

// What was cut off the disk came back as zeroes, and the next incremental backup lacked them.
TEST_F(BitmapsTest, what_a_disk_grows_by_is_dirty) {
  for (const bool killed : {false, true}) {
    *file_ = storage::MemoryStorage(make_image({.cluster_bits = 12, .bytes = 1 << 20}));
    open(true, BitmapDurability::process);
    add("one", 12);
    ok(loop().run(node_->resize(300 << 10, storage::Preallocation::off, true)));
    close();
    open(true, BitmapDurability::process);
    EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{}));
    ok(loop().run(node_->resize(330240, storage::Preallocation::off, false)));
    killed ? kill() : close();
    open(true, BitmapDurability::process);
    const std::vector<uint64_t> grown{75, 76, 77, 78, 79, 80};
    const std::vector<uint64_t> seen = dirty("one");
    // What a killed process leaves may say more.
    EXPECT_TRUE(std::ranges::includes(seen, grown));
    if (!killed) {
      EXPECT_EQ(seen, grown);
    }
    close();
  }
}

// A bitmap over a disk that grew to 100 GiB took 25 MiB.
TEST_F(BitmapsTest, what_is_all_dirty_takes_no_room) {
  constexpr uint64_t grown = uint64_t{100} << 30;
  constexpr uint64_t old_granules = (1 << 20) / 512;
  constexpr uint64_t all_granules = grown / 512;
  constexpr uint64_t per_cluster = bitmaps_cluster * 8;
  for (const auto durability : {BitmapDurability::close, BitmapDurability::process}) {
    *file_ = storage::MemoryStorage(make_image({.cluster_bits = 12, .bytes = 1 << 20}));
    open(true, durability);
    add("one", 9);
    const uint64_t before = file_->size();
    ok(loop().run(node_->resize(grown, storage::Preallocation::off, false)));
    const auto expect_dirty_from = [&](uint64_t first) {
      const auto bits = loop().run(engine(*node_).bitmaps().bits_of("one"));
      ASSERT_TRUE(bits) << bits.error().message();
      EXPECT_EQ((*bits)->next_set(0), first);
      EXPECT_EQ((*bits)->next_clear(first), all_granules);
    };
    expect_dirty_from(old_granules);
    close();
    // The cluster in which the disk ended, the table, tables of the disk and counts.
    const uint64_t table_bytes = all_granules / per_cluster * 8;
    EXPECT_LT(file_->size(), before + table_bytes + (1 << 20));
    open(false);
    expect_dirty_from(old_granules);
    close();

    // What is clean again is told from what is dirty still.
    open(true, durability);
    const std::vector<ByteRange> copied{{0, grown - 700 * 512}};
    ok(loop().run(bitmaps().freeze("one")));
    ok(loop().run(bitmaps().thaw("one", copied)));
    write(grown / 2, 512);
    close();
    open(false);
    std::vector<uint64_t> wanted{all_granules / 2};
    for (uint64_t at = all_granules - 700; at < all_granules; ++at) wanted.push_back(at);
    EXPECT_EQ(dirty("one"), wanted);
    close();
  }
}

// An entry says it of all bits, and nobody takes it for a place.
TEST_F(BitmapsTest, what_is_all_dirty_stays_so_through_check_repair_and_compact) {
  open(true, BitmapDurability::process);
  add("one", 9);
  write(0, 1 << 20);
  ok(loop().run(node_->flush()));
  const auto difference = loop().run(engine(*node_).guard().difference_from_scan());
  EXPECT_EQ(difference.value_or("failed"), "");
  const auto expect_all_dirty = [&] {
    EXPECT_EQ(load64(file_->bytes(), entry("one").table_offset), bitmap_all_ones);
    EXPECT_EQ(dirty("one").size(), 2048u);
  };
  expect_all_dirty();
  close();
  open();
  expect_all_dirty();
  ok(loop().run(node_->write_zeroes(0, 1 << 20, {.may_unmap = true})));
  ASSERT_TRUE(loop().run(engine(*node_).compact({})));
  expect_all_dirty();
  close();

  Qcow2OpenOptions options;
  options.writable = true;
  options.check_only = true;
  auto image =
      loop().run(open_qcow2(std::make_unique<storage::LentStorage>(file_), std::move(options)));
  ASSERT_TRUE(image) << image.error().message();
  const auto repaired = loop().run((*image)->repair(Repair::all, {}));
  ASSERT_TRUE(repaired) << repaired.error().message();
  EXPECT_EQ(repaired->corruptions_fixed + repaired->leaks_fixed, 0u);
  ok(loop().run((*image)->close()));
  open(false);
  expect_all_dirty();
  close();
}

TEST_F(BitmapsTest, killed_process_leaves_what_its_durability_says) {
  for (const auto durability :
       {BitmapDurability::close, BitmapDurability::process, BitmapDurability::power}) {
    for (const BootId& boot : {this_boot, next_boot}) {
      *file_ = storage::MemoryStorage(make_image({.cluster_bits = 12, .bytes = 1 << 20}));
      open(true, durability);
      add("one");
      write(70000, 1);
      kill();
      const bool kept = durability == BitmapDurability::power ||
                        (durability == BitmapDurability::process && boot == this_boot);
      open(true, durability, boot);
      EXPECT_EQ(engine(*node_).bitmaps().list()[0].in_use(), !kept);
      if (kept) {
        EXPECT_TRUE(std::ranges::count(dirty("one"), 70000 / 4096));
      }
      close();
      EXPECT_EQ(entry("one").in_use(), !kept);
    }
  }
}

// The boot identifier may come back: another machine used the image in between.
TEST_F(BitmapsTest, a_bitmap_given_up_elsewhere_is_not_taken_up_again) {
  open(true, BitmapDurability::process);
  add("one");
  write(0, 1);
  kill();
  open(true, BitmapDurability::process, next_boot);
  write(500000, 1);
  close();
  open(true, BitmapDurability::process, this_boot);
  EXPECT_TRUE(engine(*node_).bitmaps().list()[0].in_use());
  close();
}

TEST_F(BitmapsTest, another_writer_in_between_is_found_out) {
  open(true, BitmapDurability::power);
  add("one");
  write(0, 1);
  kill();
  auto changed = file_->bytes();
  store64(changed, header_offset_autoclear,
          load64(changed, header_offset_autoclear) & autoclear_bitmaps);
  file_ = std::make_shared<storage::MemoryStorage>(changed);
  open();
  EXPECT_TRUE(engine(*node_).bitmaps().list()[0].in_use());
  close();
}

TEST_F(BitmapsTest, settings_of_image_and_bitmap_are_kept_in_the_image) {
  open(true, BitmapDurability::process);
  add("one");
  add("two");
  ok(loop().run(bitmaps().set_durability("one", BitmapDurability::power)));
  close();
  open(true, BitmapDurability::close);
  EXPECT_EQ(engine(*node_).bitmaps().durability_of("one"), BitmapDurability::power);
  EXPECT_EQ(engine(*node_).bitmaps().durability_of("two"), BitmapDurability::close);
  write(0, 1);
  kill();
  open(true, BitmapDurability::close, next_boot);
  EXPECT_FALSE(engine(*node_).bitmaps().list()[0].in_use());
  EXPECT_TRUE(engine(*node_).bitmaps().list()[1].in_use());
  close();
}

TEST_F(BitmapsTest, are_exact_after_any_operations) {
  open();
  add("fine", 9);
  add("coarse", 14);
  std::vector<bool> fine((1 << 20) / 512);
  OpSource source(3, 1 << 20, bitmaps_cluster);
  Bytes buffer(1 << 20);
  for (int step = 0; step < 600; ++step) {
    const GuestOp op = source.next();
    ok(loop().run(apply_op(*node_, op, buffer)));
    if (op.kind != GuestOp::Kind::read && op.kind != GuestOp::Kind::flush) {
      for (uint64_t at = op.offset / 512; at <= (op.offset + op.length - 1) / 512; ++at) {
        fine[at] = true;
      }
    }
    if (step % 100 == 99) {
      close();
      open();
    }
    if (step == 400) {
      ok(loop().run(bitmaps().clear("fine")));
      fine.assign(fine.size(), false);
    }
  }
  std::vector<uint64_t> expected;
  for (uint64_t i = 0; i < fine.size(); ++i) {
    if (fine[i]) expected.push_back(i);
  }
  EXPECT_EQ(dirty("fine"), expected);
  close();
}

// Writers that never rest, and a backup that clears the bitmap beneath them.
class Restless {
 public:
  Restless(graph::Node& node, uint32_t seed) : node_(node), random_(seed) {}

  async::Task<> all() {
    async::TaskGroup group(writers + 1);
    for (int i = 0; i < writers; ++i) CO_TRY(co_await group.spawn(write_on(i)));
    CO_TRY(co_await group.spawn(clear_now_and_then()));
    co_return co_await group.join();
  }
  /// What the disk held when the bitmap was cleared last.
  [[nodiscard]] const Bytes& base() const { return base_; }

 private:
  static constexpr int writers = 6;

  async::Task<> write_on(int number) {
    for (int i = 0; i < 80; ++i) {
      const Bytes data(1 + random_() % 6000, static_cast<std::byte>(1 + number * 40 + i % 40));
      const uint64_t offset = random_() % (node_.virtual_size() - data.size());
      const iovec part{const_cast<std::byte*>(data.data()), data.size()};
      CO_TRY(co_await node_.write(offset, IoSpan(&part, 1)));
    }
    co_return {};
  }
  async::Task<> clear_now_and_then() {
    for (int i = 0; i < 8; ++i) {
      for (unsigned turns = random_() % 40; turns != 0; --turns) CO_TRY(co_await loop().yield());
      {
        CO_TRY_ASSIGN(const auto bitmaps, co_await engine(node_).change_bitmaps());
        CO_TRY(co_await bitmaps->clear("one"));
      }
      Bytes now(node_.virtual_size());
      const iovec part{now.data(), now.size()};
      CO_TRY(co_await node_.read(0, IoSpan(&part, 1)));
      base_ = std::move(now);
    }
    co_return {};
  }

  graph::Node& node_;
  std::mt19937 random_;
  Bytes base_;
};

TEST_F(BitmapsTest, cleared_beneath_writers_miss_nothing) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const auto made = make_image({.cluster_bits = 12, .bytes = 256 << 10});
    const auto slow = std::make_shared<storage::DelayingStorage>(
        std::make_shared<storage::MemoryStorage>(made), seed);
    const auto durability = static_cast<BitmapDurability>(seed % 3);
    auto opened = open_node(std::make_unique<storage::LentStorage>(slow), nullptr, true, true,
                            BitmapOptions{durability, this_boot});
    ASSERT_TRUE(opened);
    node_ = std::move(*opened);
    add("one", 9 + seed % 5);
    add("two", 12);
    Restless restless(*node_, seed);
    ok(loop().run(restless.all()));
    const auto bits = loop().run(engine(*node_).bitmaps().bits_of("one"));
    ASSERT_TRUE(bits);
    EXPECT_TRUE(
        covers(engine(*node_).bitmaps().list()[0], **bits, restless.base(), read_all(*node_)));
    ok(loop().run(node_->close()));
    node_.reset();
  }
}

TEST_F(BitmapsTest, frozen_by_a_backup_keep_what_changes_meanwhile) {
  open();
  add("one");
  add("two");
  write(0, 100);
  write(7 * 4096, 100);
  ok(loop().run(bitmaps().freeze("one")));
  write(0, 100);
  write(5 * 4096, 100);
  for (const auto& refused :
       {loop().run(bitmaps().clear("one")), loop().run(bitmaps().remove("one")),
        loop().run(bitmaps().freeze("one")), loop().run(bitmaps().set_enabled("one", false))}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::busy);
  }
  const std::vector<ByteRange> all{{0, node_->virtual_size()}};
  ok(loop().run(bitmaps().thaw("one", all)));
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{0, 5}));
  EXPECT_EQ(dirty("two"), (std::vector<uint64_t>{0, 5, 7}));

  ok(loop().run(bitmaps().freeze("one")));
  write(9 * 4096, 100);
  ok(loop().run(bitmaps().thaw("one", {})));
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{0, 5, 9})) << "a backup that failed";

  ok(loop().run(bitmaps().freeze("one")));
  const std::vector<ByteRange> some{{0, 4096}, {5 * 4096 + 1, 4096}};
  ok(loop().run(bitmaps().thaw("one", some)));
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{5, 9})) << "what was copied whole";
  close();
  open(false);
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{5, 9}));
  close();
}

TEST_F(BitmapsTest, frozen_when_the_image_is_closed_lose_nothing) {
  open();
  add("one");
  write(0, 100);
  ok(loop().run(bitmaps().freeze("one")));
  write(4096, 100);
  close();
  open(false);
  EXPECT_EQ(dirty("one"), (std::vector<uint64_t>{0, 1}));
  close();
}

TEST_F(BitmapsTest, disabled_ones_are_not_marked_and_do_not_change) {
  open();
  add("off", 12, false);
  write(0, 5000);
  EXPECT_FALSE(entry("off").in_use());
  close();
  open(false);
  EXPECT_TRUE(dirty("off").empty());
}

class BitmapFailures : public ::testing::TestWithParam<BitmapDurability> {};

// A whole life of a bitmap, which goes on whatever fails; gives the first failure.
Result<void> live(graph::Node& node) {
  Result<void> first;
  const auto note = [&](const Result<void>& done) {
    if (first) first = done;
  };
  const auto change = [&](auto what) {
    const auto bitmaps = loop().run(engine(node).change_bitmaps());
    note(bitmaps ? loop().run(what(**bitmaps)) : std::unexpected(bitmaps.error()));
  };
  const Bytes data(3000, std::byte{0x77});
  const iovec part{const_cast<std::byte*>(data.data()), data.size()};
  const auto write = [&](uint64_t at) {
    if (at < node.virtual_size()) note(loop().run(node.write(at, IoSpan(&part, 1))));
  };
  write(10000);
  change([](Bitmaps& bitmaps) { return bitmaps.add("b", 10, true); });
  write(50000);
  change([](Bitmaps& bitmaps) { return bitmaps.clear("a"); });
  write(90000);
  note(loop().run(node.resize(9 << 20, storage::Preallocation::off, false)));
  write(8 << 20);
  change([](Bitmaps& bitmaps) { return bitmaps.remove("b"); });
  write(120000);
  return first;
}

// What is not IN_USE covers all that changed since it was added or cleared.
void expect_no_lie(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
  auto after = open_node(std::make_unique<storage::MemoryStorage>(bytes), nullptr, true, true,
                         BitmapOptions{std::nullopt, this_boot});
  ASSERT_TRUE(after) << after.error().message();
  const Bytes now = read_all(**after);
  for (const Bitmap& one : engine(**after).bitmaps().list()) {
    if (one.in_use()) continue;
    const auto bits = loop().run(engine(**after).bitmaps().bits_of(one.name));
    ASSERT_TRUE(bits) << bits.error().message();
    // "a" was cleared on the way, if that went well: what came later it must know.
    Bytes base(now.size());
    if (one.name == "a") std::copy_n(now.begin(), 60000, base.begin());
    if (one.name == "b") std::copy_n(now.begin(), 14000, base.begin());
    EXPECT_TRUE(covers(one, **bits, base, now)) << one.name;
  }
  const auto closed = loop().run((*after)->close());
  ASSERT_TRUE(closed) << closed.error().message();
}

TEST_P(BitmapFailures, at_any_step_leave_no_lie) {
  const auto start =
      std::make_shared<storage::MemoryStorage>(make_image({.cluster_bits = 11, .bytes = 1 << 20}));
  auto made = open_node(std::make_unique<storage::LentStorage>(start), nullptr);
  ASSERT_TRUE(loop().run(engine(**made).bitmaps().add("a", 9, true)));
  ASSERT_TRUE(loop().run((*made)->close()));
  const auto run = [](const FailingFiles& files) -> Result<void> {
    auto node = open_node(files.file(), nullptr, true, true, BitmapOptions{GetParam(), this_boot});
    if (!node) return std::unexpected(node.error());
    const Result<void> lived = live(**node);
    return first_of({lived, loop().run((*node)->close())});
  };
  expect_failures_survived({{start->bytes(), 30}}, run, [](const FailingFiles& files, const auto&) {
    expect_no_lie(files.bytes());
  });
}

std::string word_of(const ::testing::TestParamInfo<BitmapDurability>& info) {
  const char* const words[] = {"close", "process", "power"};
  return words[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Durabilities, BitmapFailures,
                         ::testing::Values(BitmapDurability::close, BitmapDurability::process,
                                           BitmapDurability::power),
                         word_of);

}  // namespace
}  // namespace oxbow::testing
