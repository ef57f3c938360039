// Dirty bitmaps of images that are damaged, or made to do harm: guest writes go on, nothing is
// written where a bitmap has no business, and what is not sure says that it is inconsistent.
#include "bitmaps_image.h"

namespace oxbow::testing {
namespace {

class DamagedBitmaps : public BitmapsTest {
 protected:
  void SetUp() override {
    open();
    add("one");
    add("two");
    add("off", 12, false);
    write(0, 100);
    close();
  }
  uint64_t table_word(const std::string& name) {
    return load64(file_->bytes(), entry(name).table_offset);
  }
  void set_word(uint64_t offset, uint64_t value) {
    std::byte raw[8];
    store_be<uint64_t>(raw, value);
    const iovec part{raw, sizeof raw};
    ok(loop().run(file_->write(offset, IoSpan(&part, 1), {})));
  }
  void set_table_word(const std::string& name, uint64_t value) {
    set_word(entry(name).table_offset, value);
  }
  /// Where the directory has its entry.
  uint64_t entry_place(const std::string& name) {
    const auto header = loop().run(read_header(*file_, true));
    uint64_t at = header->bitmaps->directory_offset;
    const auto all = loop().run(read_bitmap_directory(*file_, *header));
    for (const Bitmap& one : *all) {
      if (one.name == name) return at;
      at += encode_bitmap_directory(std::span(&one, 1)).size();
    }
    return 0;
  }
  /// A session that dirties another place. Gives what the image is afterwards.
  void use() {
    open();
    write(512 << 10, 100);
    ok(loop().run(node_->close()));
    node_.reset();
  }
  void expect_inconsistent(const std::string& name) { EXPECT_TRUE(entry(name).in_use()) << name; }
  void expect_refused() {
    const Bytes before = bytes_at(0, 64 << 10);
    EXPECT_FALSE(open_node(std::make_unique<storage::LentStorage>(file_), nullptr, true));
    EXPECT_EQ(before, bytes_at(0, 64 << 10));
  }
  void expect_right(const std::string& name) {
    EXPECT_FALSE(entry(name).in_use()) << name;
    open(false);
    EXPECT_EQ(dirty(name), (std::vector<uint64_t>{0, 128})) << name;
    ok(loop().run(node_->close()));
    node_.reset();
  }
};

TEST_F(DamagedBitmaps, that_share_a_cluster_are_both_inconsistent) {
  set_table_word("two", table_word("one"));
  const Bytes before = bytes_at(table_word("one"), bitmaps_cluster);
  use();
  expect_inconsistent("one");
  expect_inconsistent("two");
  EXPECT_EQ(bytes_at(table_word("one"), bitmaps_cluster), before);
}

TEST_F(DamagedBitmaps, that_share_a_cluster_with_a_disabled_one_are_both_inconsistent) {
  set_table_word("off", table_word("one"));
  use();
  expect_inconsistent("one");
  expect_inconsistent("off");
  expect_right("two");
}

TEST_F(DamagedBitmaps, that_share_a_table_are_both_inconsistent) {
  set_word(entry_place("two"), entry("one").table_offset);
  use();
  expect_inconsistent("one");
  expect_inconsistent("two");
}

TEST_F(DamagedBitmaps, whose_cluster_counts_as_anybody_elses_are_inconsistent) {
  storage::SparseBytes bytes = file_->bytes();
  set_refcount(bytes, table_word("one"), 2);
  *file_ = storage::MemoryStorage(bytes);
  use();
  expect_inconsistent("one");
  expect_right("two");
}

TEST_F(DamagedBitmaps, that_lie_on_an_l2_table_do_not_overwrite_it) {
  const uint64_t l2 = load64(file_->bytes(), load64(file_->bytes(), 40)) & l1_offset_mask;
  set_table_word("one", l2);
  const Bytes before = bytes_at(l2, bitmaps_cluster);
  open();
  const Bytes data(100, std::byte{1});
  const iovec part{const_cast<std::byte*>(data.data()), data.size()};
  (void)loop().run(node_->write(0, IoSpan(&part, 1)));
  (void)loop().run(node_->close());
  node_.reset();
  EXPECT_EQ(bytes_at(l2, bitmaps_cluster), before);
  expect_inconsistent("one");
}

TEST_F(DamagedBitmaps, that_are_removed_take_nobodys_clusters_along) {
  const uint64_t shared = table_word("one");
  set_table_word("two", shared);
  open();
  ok(loop().run(bitmaps().remove("two")));
  write(256 << 10, 64 << 10);
  ok(loop().run(node_->close()));
  node_.reset();
  EXPECT_EQ(table_word("one"), shared);
  EXPECT_EQ(check_bytes(file_->bytes()).corruptions, 0u);
  expect_inconsistent("one");
}

// As the stock tools do: the image does not open.
TEST_F(DamagedBitmaps, fields_out_of_range_are_told_and_nothing_is_written) {
  struct Field {
    const char* name;
    uint64_t offset;
    std::byte value;
  };
  for (const Field& field :
       {Field{"table size 0", 11, std::byte{0}}, Field{"table of 16 MiB entries", 8, std::byte{1}},
        Field{"table offset off a cluster", 7, std::byte{1}},
        Field{"granularity 0", 17, std::byte{0}}, Field{"granularity 255", 17, std::byte{255}},
        Field{"name of 64 KiB", 18, std::byte{255}}, Field{"name of 0", 19, std::byte{0}},
        Field{"extra of 4 GiB", 20, std::byte{255}}}) {
    SCOPED_TRACE(field.name);
    const auto whole = file_->bytes();
    const iovec part{const_cast<std::byte*>(&field.value), 1};
    ok(loop().run(file_->write(entry_place("one") + field.offset, IoSpan(&part, 1), {})));
    expect_refused();
    *file_ = storage::MemoryStorage(whole);
  }
}

TEST_F(DamagedBitmaps, names_that_repeat_are_told_and_nothing_is_written) {
  std::string name = "one";
  const iovec part{name.data(), name.size()};
  ok(loop().run(file_->write(entry_place("two") + 24, IoSpan(&part, 1), {})));
  expect_refused();
}

TEST_F(DamagedBitmaps, extension_out_of_range_is_told_and_nothing_is_written) {
  const auto load32 = [&](uint64_t offset) { return load64(file_->bytes(), offset) >> 32; };
  uint64_t place = load32(100);  // the header's length: extensions follow
  while (load32(place) != extension_bitmaps) {
    place += 8 + align_up(load32(place + 4), 8);
    ASSERT_LT(place, bitmaps_cluster);
  }
  struct Field {
    const char* name;
    uint64_t offset;
    uint64_t value;
  };
  for (const Field& field :
       {Field{"65,536 entries", 8, uint64_t{65536} << 32}, Field{"no entries", 8, 0},
        Field{"4 entries where there are 3", 8, uint64_t{4} << 32},
        Field{"a reserved word", 8, (uint64_t{3} << 32) + 1},
        Field{"a directory of more than 64 MiB", 16, (64 << 20) + 8},
        Field{"a directory of 64 MiB, nearly all of it beyond the file", 16, 64 << 20},
        Field{"a directory of 2^63 bytes", 16, uint64_t{1} << 63}, Field{"no directory", 16, 0},
        Field{"one off a cluster", 24, 0x1008},
        Field{"one beyond all files", 24, ~uint64_t{0xfff}}}) {
    SCOPED_TRACE(field.name);
    const auto whole = file_->bytes();
    set_word(place + field.offset, field.value);
    expect_refused();
    *file_ = storage::MemoryStorage(whole);
  }
}

TEST_F(DamagedBitmaps, tables_with_entries_that_are_none_are_told_and_nothing_is_written) {
  for (const uint64_t word : {uint64_t{0x123}, uint64_t{0x1001}, ~uint64_t{0}, uint64_t{1} << 60}) {
    SCOPED_TRACE(word);
    const auto whole = file_->bytes();
    set_table_word("one", word);
    expect_refused();
    *file_ = storage::MemoryStorage(whole);
  }
}

TEST_F(DamagedBitmaps, whose_cluster_lies_beyond_the_file_are_inconsistent) {
  set_table_word("one", uint64_t{1} << 50);
  use();
  expect_inconsistent("one");
  expect_right("two");
  EXPECT_LT(file_->size(), uint64_t{1} << 30);
}

}  // namespace
}  // namespace oxbow::testing
