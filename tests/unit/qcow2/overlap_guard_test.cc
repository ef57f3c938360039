// The overlap guard: every class of metadata against every way to destroy it, at the gate and
// through the engine; its options, its memory limit, its events.
#include "format/qcow2/overlap_guard.h"

#include <gtest/gtest.h>

#include "rich_image.h"
#include "tables_on_disk.h"

namespace oxbow::testing {
namespace {

using namespace format::qcow2;

class NothingCounted final : public CountsInMemory {
 public:
  std::optional<Wrong> first_not_one(uint64_t, uint64_t) const override { return {}; }
  bool known_not_one(uint64_t) const override { return false; }
};

/// A gate over a rich image, armed.
class GuardedFile {
 public:
  explicit GuardedFile(const RichImage& rich, GuardOptions options = {}) {
    auto owned = std::make_unique<storage::MemoryStorage>(rich.bytes);
    file_ = owned.get();
    gate_ = std::make_unique<Gate>(std::move(owned));
    auto header = loop().run(read_header(*file_, true));
    EXPECT_TRUE(header) << header.error().message();
    if (header) header_ = std::move(*header);
    EXPECT_TRUE(loop().run(tables_.load(*file_, header_)));
    guard_ = std::make_unique<OverlapGuard>(
        *file_, header_, tables_, options,
        [this](const MemoryLimitReached& lost) { lost_.push_back(lost); });
    gate_->arm(header_, *guard_, counts_,
               [this](const Corruption& corruption) { corruptions_.push_back(corruption); });
  }

  Gate& gate() { return *gate_; }
  OverlapGuard& guard() { return *guard_; }
  const std::vector<Corruption>& corruptions() const { return corruptions_; }
  const std::vector<MemoryLimitReached>& lost() const { return lost_; }
  /// Nothing but the corrupt bit differs from the bytes before.
  void expect_untouched(const RichImage& rich) const {
    ASSERT_EQ(file_->bytes().size(), rich.bytes.size());
    for (uint64_t at = 0; at < rich.bytes.size(); at += 8) {
      uint64_t expected = load64(rich.bytes, at);
      if (at == header_offset_incompatible) expected |= incompatible_corrupt;
      ASSERT_EQ(load64(file_->bytes(), at), expected) << at;
    }
  }

 private:
  storage::MemoryStorage* file_;
  std::unique_ptr<Gate> gate_;
  Header header_;
  TablesOnDisk tables_;
  NothingCounted counts_;
  std::unique_ptr<OverlapGuard> guard_;
  std::vector<Corruption> corruptions_;
  std::vector<MemoryLimitReached> lost_;
};

const RichImage& rich_image() {
  static const RichImage rich;
  return rich;
}

class EveryClass : public ::testing::TestWithParam<ClassName> {
 protected:
  const RichImage& rich = rich_image();
  uint64_t place = rich.place.at(GetParam().kind);
  std::byte junk[RichImage::cluster] = {};
  iovec from{junk, sizeof junk};

  void expect_refused(GuardedFile& file, const Result<void>& done) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().as_errno(), EIO);
    ASSERT_EQ(file.corruptions().size(), 1u);
    file.expect_untouched(rich);
  }
  void expect_named(const GuardedFile& file) {
    EXPECT_EQ(file.corruptions().at(0).message,
              "Preventing invalid write on metadata (overlaps with " +
                  std::string(GetParam().words) + ")");
    EXPECT_EQ(file.corruptions().at(0).offset, place);
  }
};

TEST_P(EveryClass, data_write_is_refused) {
  GuardedFile file(rich);
  expect_refused(file, loop().run(file.gate().write(Writes::data, place, IoSpan(&from, 1))));
  expect_named(file);
}

TEST_P(EveryClass, data_write_that_only_touches_it_is_refused) {
  GuardedFile file(rich);
  const uint64_t offset = place + RichImage::cluster - 1;
  const iovec one{junk, 1};
  expect_refused(file, loop().run(file.gate().write(Writes::data, offset, IoSpan(&one, 1))));
}

TEST_P(EveryClass, zero_write_is_refused) {
  GuardedFile file(rich);
  expect_refused(file,
                 loop().run(file.gate().write_zeroes(Writes::data, place, RichImage::cluster, {})));
  expect_named(file);
}

TEST_P(EveryClass, punched_hole_is_refused) {
  GuardedFile file(rich);
  expect_refused(file, loop().run(file.gate().discard(place, RichImage::cluster)));
}

TEST_P(EveryClass, truncation_is_refused) {
  GuardedFile file(rich);
  expect_refused(file, loop().run(file.gate().truncate(place, storage::Preallocation::off)));
}

TEST_P(EveryClass, releasing_it_as_data_is_refused) {
  GuardedFile file(rich);
  expect_refused(file, loop().run(file.gate().check_release(place, RichImage::cluster)));
}

TEST_P(EveryClass, write_of_every_other_class_is_refused) {
  for (const ClassName& other : class_names) {
    if (other.kind == GetParam().kind) continue;
    SCOPED_TRACE(other.option);
    GuardedFile file(rich);
    // The header is written to its own cluster only; before the index is there, to no other.
    ASSERT_TRUE(loop().run(file.guard().ensure_built()));
    expect_refused(file, loop().run(file.gate().write(other.kind, place, IoSpan(&from, 1))));
  }
}

TEST_P(EveryClass, allocation_of_it_for_any_class_is_refused) {
  for (const ClassName& other : class_names) {
    SCOPED_TRACE(other.option);
    GuardedFile file(rich);
    expect_refused(file, loop().run(file.gate().enter(other.kind, place, RichImage::cluster)));
  }
}

TEST_P(EveryClass, own_write_is_let_through) {
  GuardedFile file(rich);
  const std::vector<std::byte> same = rich.contents(place);
  const iovec again{const_cast<std::byte*>(same.data()), same.size()};
  const auto done = loop().run(file.gate().write(GetParam().kind, place, IoSpan(&again, 1)));
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_TRUE(file.corruptions().empty());
}

TEST_P(EveryClass, is_not_looked_for_when_its_flag_is_off) {
  GuardOptions options;
  options.checked = every_class & ~class_bit(GetParam().kind);
  GuardedFile file(rich, options);
  EXPECT_TRUE(loop().run(file.gate().write(Writes::data, place, IoSpan(&from, 1))));
}

// Rows 11, 17 and beyond 3: whatever the limit, the verdict is the same.
TEST_P(EveryClass, is_protected_from_its_tables_where_memory_ends) {
  for (const uint64_t limit : {1, 8, 100, 300, 1000, 100000}) {
    SCOPED_TRACE(limit);
    GuardOptions options;
    options.memory_limit = limit;
    GuardedFile file(rich, options);
    expect_refused(file, loop().run(file.gate().write(Writes::data, place, IoSpan(&from, 1))));
    expect_named(file);
    EXPECT_EQ(file.lost().empty(), limit >= 300);
    EXPECT_LE(file.guard().memory_bytes(), limit);
  }
}

TEST_P(EveryClass, is_unprotected_where_memory_ends_only_if_so_wished) {
  GuardOptions options;
  options.memory_limit = 1;
  options.unprotected_when_full = true;
  GuardedFile file(rich, options);
  EXPECT_TRUE(loop().run(file.gate().write(Writes::data, place, IoSpan(&from, 1))));
  EXPECT_EQ(file.lost().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Classes, EveryClass, ::testing::ValuesIn(class_names),
                         [](const auto& info) {
                           std::string name(info.param.option);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(OverlapGuard, nothing_is_written_after_a_refusal) {
  GuardedFile file(rich_image());
  std::byte junk[512] = {};
  const iovec from{junk, sizeof junk};
  const uint64_t end = rich_image().bytes.size();
  ASSERT_FALSE(loop().run(file.gate().write(Writes::data, 0, IoSpan(&from, 1))));
  EXPECT_FALSE(loop().run(file.gate().write(Writes::data, end, IoSpan(&from, 1))));
  EXPECT_FALSE(loop().run(file.gate().enter(Writes::active_l2, end, 512)));
  EXPECT_EQ(file.corruptions().size(), 1u);
  file.expect_untouched(rich_image());
}

TEST(OverlapGuard, reads_nothing_before_the_first_write) {
  GuardedFile file(rich_image());
  EXPECT_EQ(file.guard().memory_bytes(), 0u);
}

TEST(OverlapGuard, metadata_is_not_written_where_none_was_entered) {
  GuardedFile file(rich_image());
  std::byte junk[512] = {};
  const iovec from{junk, sizeof junk};
  const uint64_t free = align_up(rich_image().bytes.size(), 512) + 512;
  ASSERT_TRUE(loop().run(file.guard().ensure_built()));
  EXPECT_FALSE(loop().run(file.gate().write(Writes::active_l2, free, IoSpan(&from, 1))));
  EXPECT_EQ(file.corruptions().at(0).message,
            "Preventing invalid write of active L2 table where there is none");
}

// Rule 7: what is in flight counts.
TEST(OverlapGuard, cluster_with_an_unfinished_data_write_cannot_become_metadata) {
  GuardedFile file(rich_image());
  const uint64_t free = align_up(rich_image().bytes.size(), 512) + 512;
  HeldRanges::Hold held = file.gate().hold_data(free + 100, 10);
  EXPECT_FALSE(loop().run(file.gate().enter(Writes::active_l2, free, 512)));
  file.gate().end_data(held);
}

TEST(OverlapGuard, cluster_is_free_for_metadata_once_the_data_write_has_ended) {
  GuardedFile file(rich_image());
  const uint64_t free = align_up(rich_image().bytes.size(), 512) + 512;
  HeldRanges::Hold held = file.gate().hold_data(free, 512);
  file.gate().end_data(held);
  EXPECT_TRUE(loop().run(file.gate().enter(Writes::active_l2, free, 512)));
}

}  // namespace
}  // namespace oxbow::testing
