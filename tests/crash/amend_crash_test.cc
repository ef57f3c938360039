// Power cuts and failing writes while an image is amended. Whatever part of the unflushed writes
// reached the disk: the disk, its VM state, each snapshot and each bitmap hold what they held, a
// check finds leaks at worst, the header says what was or what was to be, and amending goes on from
// there.
#include <gtest/gtest.h>

#include <cstdio>

#include "each_failure.h"
#include "stock_check.h"
#include "storage/crash_states.h"
#include "whole_contents.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Amendment;
using format::qcow2::Qcow2Image;

using Words = std::map<std::string, std::string>;

struct Amending {
  const char* name;
  ImageShape shape;
  Words words;
  bool snapshots = true;
  bool bitmap = false;
  bool old_table = false;  ///< of snapshots, without the fields that version 3 asks for
};

const Amending amendings[] = {
    {"down_512", {.cluster_bits = 9, .bytes = 40 << 10}, {{"compat", "0.10"}}},
    {"down_over_4k",
     {.cluster_bits = 12, .backing_bytes = 300 << 10, .bytes = 160 << 10},
     {{"compat", "0.10"}}},
    {"down_lazy_1k",
     {.cluster_bits = 10, .lazy_refcounts = true, .bytes = 40 << 10},
     {{"compat", "0.10"}}},
    {"down_and_width_512",
     {.cluster_bits = 9, .refcount_order = 6, .bytes = 40 << 10},
     {{"compat", "0.10"}, {"refcount_bits", "16"}}},
    {"up_512", {.version = 2, .cluster_bits = 9, .bytes = 40 << 10}, {{"compat", "1.1"}}},
    {"up_old_table_1k",
     {.version = 2, .cluster_bits = 10, .bytes = 40 << 10},
     {{"compat", "1.1"}},
     true,
     false,
     true},
    {"up_4k", {.version = 2, .cluster_bits = 12, .bytes = 160 << 10}, {{"compat", "1.1"}}},
    {"up_wide_lazy_1k",
     {.version = 2, .cluster_bits = 10, .bytes = 40 << 10},
     {{"compat", "1.1"}, {"refcount_bits", "64"}, {"lazy_refcounts", "on"}}},
    {"width_64_512", {.cluster_bits = 9, .bytes = 40 << 10}, {{"refcount_bits", "64"}}},
    {"width_8_512",
     {.cluster_bits = 9, .refcount_order = 6, .bytes = 40 << 10},
     {{"refcount_bits", "8"}}},
    {"width_1_512",
     {.cluster_bits = 9, .refcount_order = 5, .bytes = 160 << 10},
     {{"refcount_bits", "1"}},
     false},
    {"width_32_bitmap_4k",
     {.cluster_bits = 12, .bytes = 128 << 10},
     {{"refcount_bits", "32"}},
     true,
     true},
    {"lazy_off_1k",
     {.cluster_bits = 10, .lazy_refcounts = true, .bytes = 40 << 10},
     {{"lazy_refcounts", "off"}}},
};

void write_zeroes(graph::Node& node, uint64_t offset, uint64_t length, bool may_unmap) {
  graph::ZeroFlags flags;
  flags.may_unmap = may_unmap;
  ASSERT_TRUE(loop().run(node.write_zeroes(offset, length, flags)));
}

// As tools wrote it before there were further fields.
void cut_extra_fields(storage::SparseBytes& bytes) {
  storage::MemoryStorage file(bytes);
  const auto header = loop().run(format::qcow2::read_header(file, true));
  const auto snapshots = loop().run(format::qcow2::read_snapshots(file, *header));
  uint64_t from = header->snapshots_offset;
  std::vector<std::byte> table;
  for (const auto& snapshot : *snapshots) {
    const uint64_t begin = table.size();
    table.resize(begin + align_up(40 + snapshot.id.size() + snapshot.name.size(), 8));
    const iovec fixed{table.data() + begin, 40};
    bytes.read(from, IoSpan(&fixed, 1));
    store_be<uint32_t>(table.data() + begin + 36, 0);
    const std::string words = snapshot.id + snapshot.name;
    std::ranges::copy(std::as_bytes(std::span(words)), table.data() + begin + 40);
    from += align_up(40 + snapshot.extra_bytes + words.size(), 8);
  }
  const iovec all{table.data(), table.size()};
  bytes.write(header->snapshots_offset, IoSpan(&all, 1));
}

// Zeroes with and without a cluster, of the disk alone, of snapshots alone and of both.
storage::SparseBytes make(const Amending& amending) {
  const uint64_t size = amending.shape.bytes;
  const uint64_t cluster = uint64_t{1} << amending.shape.cluster_bits;
  TestImage image(amending.shape);
  graph::Node& node = image.node();
  const auto snapshot = [&](const char* name) {
    if (amending.snapshots) take(node, name);
  };
  if (amending.shape.backing_bytes != 0) {
    EXPECT_TRUE(loop().run(engine(node).change_backing(format::BackingName{"base", "raw"})));
  }
  write(node, 0, size / 2, 1);
  write_zeroes(node, 2 * cluster, 2 * cluster, false);
  write_zeroes(node, size - 4 * cluster, 2 * cluster, true);
  snapshot("one");
  write(node, cluster, cluster, 2);
  write_zeroes(node, 5 * cluster, 3 * cluster, false);
  write_zeroes(node, 9 * cluster, 2 * cluster, true);
  snapshot("two");
  snapshot("three");
  write(node, size / 4, cluster, 3);
  write_zeroes(node, size / 4 + 2 * cluster, 2 * cluster, false);
  const Bytes state(3 * cluster / 2, std::byte{5});
  const iovec part{const_cast<std::byte*>(state.data()), state.size()};
  EXPECT_TRUE(loop().run(node.write_vm_state(100, IoSpan(&part, 1))));
  if (amending.bitmap) {
    const auto bitmaps = loop().run(engine(node).change_bitmaps());
    EXPECT_TRUE(loop().run((*bitmaps)->add("b", 12, true)));
  }
  write(node, size / 2 - cluster, cluster / 2, 6);
  storage::SparseBytes bytes = image.close_and_take();
  if (amending.old_table) cut_extra_fields(bytes);
  std::string first;
  const CheckResult found = check_bytes(bytes, &first);
  EXPECT_EQ(found.corruptions + found.leaks + found.check_errors, 0u) << first;
  return bytes;
}

Result<format::qcow2::Header> header_of(const storage::SparseBytes& bytes) {
  storage::MemoryStorage file(bytes);
  return loop().run(format::qcow2::read_header(file, true));
}

Result<void> amend(Qcow2Image& image, const Words& words) {
  auto read = format::qcow2::read_amendment(words, image.header());
  if (!read) return std::unexpected(read.error());
  const Amendment wanted = *read;
  TRY(loop().run(image.check_amendment(wanted)));
  if (wanted.version > image.header().version) TRY(loop().run(image.upgrade()));
  if (wanted.refcount_order != image.header().refcount_order) {
    TRY(loop().run(image.change_refcount_width(wanted.refcount_order, {})));
  }
  if (wanted.lazy_refcounts != image.lazy_refcounts_wished()) {
    TRY(loop().run(image.wish_lazy_refcounts(wanted.lazy_refcounts)));
  }
  if (wanted.version < image.header().version) TRY(loop().run(image.downgrade({})));
  return {};
}

Result<void> open_and_amend(const Amending& amending, std::unique_ptr<storage::Storage> file) {
  auto node = open_node(std::move(file), make_backing(amending.shape.backing_bytes));
  if (!node) return std::unexpected(node.error());
  const Result<void> amended = amend(engine(**node), amending.words);
  const Result<void> closed = loop().run((*node)->close());
  return amended ? closed : amended;
}

// What an image may be read by, in whichever state it is.
void expect_whole(const Amending& amending, const storage::SparseBytes& bytes,
                  const Contents& contents) {
  ASSERT_EQ(corruption_in(bytes), "");
  ASSERT_TRUE(contents_of(bytes, {.backing_bytes = amending.shape.backing_bytes}) == contents);
}

// What the words ask for is true.
void expect_amended(const Amending& amending, const storage::SparseBytes& bytes) {
  const auto header = header_of(bytes);
  ASSERT_TRUE(header) << header.error().message();
  const auto wanted = format::qcow2::read_amendment(amending.words, *header);
  ASSERT_TRUE(wanted) << wanted.error().message();
  EXPECT_EQ(header->version, wanted->version);
  EXPECT_EQ(header->refcount_order, wanted->refcount_order);
  const bool lazy = (header->compatible_features & format::qcow2::compatible_lazy_refcounts) != 0;
  EXPECT_EQ(lazy, wanted->lazy_refcounts);
  if (header->version < 3) {
    EXPECT_EQ(header->incompatible_features, 0u);
    return;
  }
  storage::MemoryStorage file(bytes);
  const auto snapshots = loop().run(format::qcow2::read_snapshots(file, *header));
  ASSERT_TRUE(snapshots) << snapshots.error().message();
  for (const auto& snapshot : *snapshots) EXPECT_GE(snapshot.extra_bytes, 16u);
}

class AmendCrash : public ::testing::TestWithParam<Amending> {};

TEST_P(AmendCrash, leaves_what_everybody_reads) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before, {.backing_bytes = GetParam().shape.backing_bytes});
  const auto file = std::make_shared<storage::MemoryStorage>(before);
  const auto done = open_and_amend(GetParam(), std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(done) << done.error().message();
  expect_whole(GetParam(), file->bytes(), contents);
  expect_amended(GetParam(), file->bytes());
  EXPECT_EQ(check_bytes(file->bytes()).leaks, 0u);
}

TEST_P(AmendCrash, keeps_everything_at_every_point) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before, {.backing_bytes = GetParam().shape.backing_bytes});
  const auto crash = std::make_shared<storage::CrashStorage>(before);
  const auto done = open_and_amend(GetParam(), std::make_unique<storage::LentStorage>(crash));
  ASSERT_TRUE(done) << done.error().message();
  storage::CrashOptions options;
  options.exhaustive = 5;
  options.samples = 40;
  options.torn = true;
  storage::CrashStates walk(crash->log(), options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    expect_whole(GetParam(), state->contents, contents);
    if (HasFatalFailure()) return;
    if (walk.counts().states % 8 != 0) continue;
    const auto file = std::make_shared<storage::MemoryStorage>(state->contents);
    const auto again = open_and_amend(GetParam(), std::make_unique<storage::LentStorage>(file));
    ASSERT_TRUE(again) << again.error().message();
    expect_whole(GetParam(), file->bytes(), contents);
    expect_amended(GetParam(), file->bytes());
    if (HasFatalFailure()) return;
  }
  std::printf("%zu crash states\n", size_t{walk.counts().states});
  EXPECT_GT(walk.counts().states, 1u);
}

TEST_P(AmendCrash, keeps_everything_where_a_write_fails) {
  const storage::SparseBytes before = make(GetParam());
  const Contents contents = contents_of(before, {.backing_bytes = GetParam().shape.backing_bytes});
  expect_failures_survived(
      {{before, 2}},
      [](const FailingFiles& files) { return open_and_amend(GetParam(), files.file()); },
      [&](const FailingFiles& files, const Result<void>& done) {
        expect_whole(GetParam(), files.bytes(), contents);
        if (files.chosen()) expect_stock_agrees(files.bytes());
        if (done) expect_amended(GetParam(), files.bytes());
      });
}

INSTANTIATE_TEST_SUITE_P(Amendings, AmendCrash, ::testing::ValuesIn(amendings),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
