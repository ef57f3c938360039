// A table of entries that is read in pages.
#include "format/blocks/entry_table.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/bytes.h"
#include "storage/memory.h"

namespace oxbow::format {
namespace {

async::Loop& loop() { return async::Loop::current_thread(); }

uint64_t entry_on_disk(storage::MemoryStorage& file, uint64_t offset) {
  uint64_t raw = 0;
  const iovec part{&raw, 8};
  EXPECT_TRUE(loop().run(file.read(offset, IoSpan(&part, 1))));
  return load_be<uint64_t>(&raw);
}

TEST(EntryTable, WritesWhatChangedAndNothingBefore) {
  storage::MemoryStorage file(1 << 20);
  EntryTable table(file, {1000, 20000, 8, true});
  for (const uint64_t index : {uint64_t{3}, uint64_t{19999}}) {
    ASSERT_TRUE(loop().run(table.load(index)));
    table.set(index, index * 7);
  }
  EXPECT_EQ(table.changed_pages(), 2u);
  EXPECT_EQ(entry_on_disk(file, 1000 + 3 * 8), 0u);
  ASSERT_TRUE(loop().run(table.write(table.take_changes())));
  EXPECT_EQ(entry_on_disk(file, 1000 + 3 * 8), 21u);
  EXPECT_EQ(entry_on_disk(file, 1000 + 19999 * 8), 19999u * 7);
  EXPECT_EQ(table.changed_pages(), 0u);
}

TEST(EntryTable, KeepsChangesThatCouldNotBeWritten) {
  storage::MemoryStorage file(1 << 20);
  EntryTable table(file, {0, 100, 4, false});
  ASSERT_TRUE(loop().run(table.load(5)));
  table.set(5, 77);
  const auto changes = table.take_changes();
  EXPECT_EQ(table.changed_pages(), 0u);
  table.put_back(changes);
  EXPECT_EQ(table.changed_pages(), 1u);
  file.set_read_only(true);
  EXPECT_FALSE(loop().run(table.write(table.take_changes())));
  EXPECT_EQ(table.changed_pages(), 1u);
  file.set_read_only(false);
  EXPECT_TRUE(loop().run(table.write(table.take_changes())));
  EXPECT_EQ(table.get(5), 77u);
}

TEST(EntryTable, DropsPagesButNoneThatChanged) {
  constexpr uint64_t entries_per_page = 16384;
  storage::MemoryStorage file(uint64_t{1} << 30);
  EntryTable table(file, {0, uint64_t{1000} * entries_per_page, 4, false});
  for (uint64_t page = 0; page < 1000; ++page) {
    ASSERT_TRUE(loop().run(table.load(page * entries_per_page)));
    if (page % 100 == 0) table.set(page * entries_per_page, page + 1);
  }
  for (uint64_t page = 0; page < 1000; page += 100) {
    ASSERT_TRUE(table.holds(page * entries_per_page));
    EXPECT_EQ(table.get(page * entries_per_page), page + 1);
  }
  EXPECT_FALSE(table.holds(entries_per_page));
}

}  // namespace
}  // namespace oxbow::format
