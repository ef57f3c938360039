#include "format/blocks/entry_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::format {

uint64_t EntryTable::bytes_of_page(uint64_t page) const {
  const uint64_t first = page * entries_per_page();
  return std::min(entries_per_page(), layout_.count - first) * layout_.entry_bytes;
}

uint64_t EntryTable::decode(const std::byte* at) const {
  if (layout_.entry_bytes == 8) {
    return layout_.big_endian ? load_be<uint64_t>(at) : load_le<uint64_t>(at);
  }
  return layout_.big_endian ? load_be<uint32_t>(at) : load_le<uint32_t>(at);
}

void EntryTable::encode(std::byte* at, uint64_t value) const {
  if (layout_.entry_bytes == 8) {
    return layout_.big_endian ? store_be<uint64_t>(at, value) : store_le<uint64_t>(at, value);
  }
  const auto narrow = static_cast<uint32_t>(value);
  return layout_.big_endian ? store_be<uint32_t>(at, narrow) : store_le<uint32_t>(at, narrow);
}

Task<Buffer> EntryTable::read_page(uint64_t page) {
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(bytes_of_page(page)));
  const iovec into = io_slice(bytes.span());
  CO_TRY(co_await file_.read(layout_.offset + page * page_bytes, IoSpan(&into, 1)));
  co_return bytes;
}

// One at a time: a page that was read before another task changed, wrote and dropped it must not
// come back.
Task<> EntryTable::load(uint64_t index) {
  const uint64_t page = index / entries_per_page();
  CO_TRY_ASSIGN(auto guard, co_await loading_.lock());
  if (pages_.contains(page)) co_return {};
  CO_TRY_ASSIGN(Buffer bytes, co_await read_page(page));
  drop_some();
  pages_[page].bytes = std::move(bytes);
  order_.push_back(page);
  co_return {};
}

// Changed pages stay.
void EntryTable::drop_some() {
  for (size_t left = order_.size(); pages_.size() >= most_pages && left != 0; --left) {
    const uint64_t oldest = order_.front();
    order_.pop_front();
    const Page& page = pages_.at(oldest);
    if (page.changed_begin == page.changed_end && page.in_flight == 0) {
      pages_.erase(oldest);
    } else {
      order_.push_back(oldest);
    }
  }
}

uint64_t EntryTable::get(uint64_t index) const {
  const Page& page = pages_.at(index / entries_per_page());
  return decode(page.bytes.data() + index % entries_per_page() * layout_.entry_bytes);
}

void EntryTable::set(uint64_t index, uint64_t value) {
  Page& page = pages_.at(index / entries_per_page());
  const uint64_t at = index % entries_per_page() * layout_.entry_bytes;
  encode(page.bytes.data() + at, value);
  mark(page, at, at + layout_.entry_bytes);
}

void EntryTable::mark(Page& page, uint64_t begin, uint64_t end) {
  if (page.changed_begin == page.changed_end) {
    ++changed_;
    page.changed_begin = begin;
    page.changed_end = end;
    return;
  }
  page.changed_begin = std::min(page.changed_begin, begin);
  page.changed_end = std::max(page.changed_end, end);
}

EntryTable::Changes EntryTable::take_changes() {
  Changes changes;
  if (changed_ == 0) return changes;
  for (auto& [number, page] : pages_) {
    if (page.changed_begin == page.changed_end) continue;
    Change change;
    change.page = number;
    change.offset = layout_.offset + number * page_bytes + page.changed_begin;
    change.bytes.assign(page.bytes.data() + page.changed_begin,
                        page.bytes.data() + page.changed_end);
    page.changed_begin = page.changed_end = 0;
    ++page.in_flight;
    changes.push_back(std::move(change));
  }
  changed_ = 0;
  return changes;
}

Task<> EntryTable::write(Changes changes) {
  Result<void> first;
  for (const Change& change : changes) {
    const iovec from = io_slice(std::span(change.bytes));
    if (first) first = co_await file_.write(change.offset, IoSpan(&from, 1));
  }
  if (!first) {
    put_back(changes);
    co_return first;
  }
  for (const Change& change : changes) --pages_.at(change.page).in_flight;
  co_return {};
}

void EntryTable::put_back(const Changes& changes) {
  for (const Change& change : changes) {
    Page& page = pages_.at(change.page);
    --page.in_flight;
    const uint64_t begin = change.offset - layout_.offset - change.page * page_bytes;
    mark(page, begin, begin + change.bytes.size());
  }
}

}  // namespace oxbow::format
