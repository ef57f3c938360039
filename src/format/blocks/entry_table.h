// A table of numbers in an image's file, one for each block of the disk: read page by page when
// they are asked for, changed in memory, and written when the caller says that what they point at
// is on disk. Keeps a bounded number of pages, so that a table may be as large as a header claims.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "base/buffer.h"
#include "storage/storage.h"

namespace oxbow::format {

using async::Task;

struct EntryLayout {
  uint64_t offset = 0;       ///< of entry 0 in the file
  uint64_t count = 0;        ///< entries
  uint32_t entry_bytes = 4;  ///< 4 or 8
  bool big_endian = false;
};

class EntryTable {
 public:
  /// Changed entries of one page, as they are to be on disk.
  struct Change {
    uint64_t page = 0;
    uint64_t offset = 0;  ///< in the file
    std::vector<std::byte> bytes;
  };
  using Changes = std::vector<Change>;

  EntryTable(storage::Storage& file, EntryLayout layout) : file_(file), layout_(layout) {}

  [[nodiscard]] uint64_t count() const { return layout_.count; }
  /// get() and set() may be called for this index until the next suspension.
  [[nodiscard]] bool holds(uint64_t index) const {
    return pages_.contains(index / entries_per_page());
  }
  /// Makes holds() true; index < count().
  Task<> load(uint64_t index);
  [[nodiscard]] uint64_t get(uint64_t index) const;
  void set(uint64_t index, uint64_t value);

  /// Pages that hold what is not on disk.
  [[nodiscard]] size_t changed_pages() const { return changed_; }
  /// What changed since the last call; it is written by write(), or put back where what must
  /// be written before it could not be.
  Changes take_changes();
  Task<> write(Changes changes);
  void put_back(const Changes& changes);

  /// Calls visit(index, value) for each entry in order until it says false; the pages are not
  /// kept. What was changed and not written yet is not seen.
  template <class Visit>
  Task<> each(Visit& visit);

 private:
  static constexpr uint64_t page_bytes = 64 << 10;
  static constexpr size_t most_pages = 256;

  struct Page {
    Buffer bytes;
    uint64_t changed_begin = 0;  // bytes; none where begin == end
    uint64_t changed_end = 0;
    unsigned in_flight = 0;  // writes of its changes that are under way
  };

  [[nodiscard]] uint64_t entries_per_page() const { return page_bytes / layout_.entry_bytes; }
  [[nodiscard]] uint64_t bytes_of_page(uint64_t page) const;
  [[nodiscard]] uint64_t decode(const std::byte* at) const;
  void encode(std::byte* at, uint64_t value) const;
  Task<Buffer> read_page(uint64_t page);
  void drop_some();
  void mark(Page& page, uint64_t begin, uint64_t end);

  storage::Storage& file_;
  EntryLayout layout_;
  std::unordered_map<uint64_t, Page> pages_;
  std::deque<uint64_t> order_;  // of loading; the oldest go first
  size_t changed_ = 0;
  async::Mutex loading_;
};

template <class Visit>
Task<> EntryTable::each(Visit& visit) {
  for (uint64_t page = 0; page * entries_per_page() < layout_.count; ++page) {
    CO_TRY_ASSIGN(const Buffer bytes, co_await read_page(page));
    uint64_t index = page * entries_per_page();
    for (size_t at = 0; at < bytes.size(); at += layout_.entry_bytes, ++index) {
      if (!visit(index, decode(bytes.data() + at))) co_return {};
    }
  }
  co_return {};
}

}  // namespace oxbow::format
