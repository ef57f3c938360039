#include "storage/sparse_bytes.h"

#include <algorithm>
#include <cstring>

namespace oxbow::storage {
namespace {

/// Calls visit(part, offset) for the pieces of `vector` that lie inside one page each.
template <class Visit>
void for_each_piece(IoSpan vector, uint64_t offset, Visit visit) {
  for (const iovec& part : vector) {
    size_t done = 0;
    while (done < part.iov_len) {
      const size_t room = SparseBytes::page_size - offset % SparseBytes::page_size;
      const size_t take = std::min(room, part.iov_len - done);
      visit(std::span(static_cast<std::byte*>(part.iov_base) + done, take), offset);
      done += take;
      offset += take;
    }
  }
}

}  // namespace

const SparseBytes::Page* SparseBytes::find(uint64_t number) const {
  const auto found = pages_.find(number);
  return found == pages_.end() ? nullptr : found->second.get();
}

SparseBytes::Page& SparseBytes::own(uint64_t number) {
  std::shared_ptr<Page>& page = pages_[number];
  if (page == nullptr) {
    page = std::make_shared<Page>();
    page->fill(std::byte{0});
  } else if (page.use_count() != 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

void SparseBytes::read(uint64_t offset, IoSpan into) const {
  for_each_piece(into, offset, [this](std::span<std::byte> piece, uint64_t at) {
    const Page* page = at < size_ ? find(at / page_size) : nullptr;
    if (page == nullptr) {
      std::memset(piece.data(), 0, piece.size());
    } else {
      std::memcpy(piece.data(), page->data() + at % page_size, piece.size());
    }
  });
}

void SparseBytes::write(uint64_t offset, IoSpan from) {
  for_each_piece(from, offset, [this](std::span<std::byte> piece, uint64_t at) {
    std::memcpy(own(at / page_size).data() + at % page_size, piece.data(), piece.size());
  });
  const uint64_t length = io_length(from);
  if (length != 0) size_ = std::max(size_, offset + length);
}

void SparseBytes::clear_in_page(uint64_t offset, uint64_t length) {
  if (length == 0 || find(offset / page_size) == nullptr) return;
  std::memset(own(offset / page_size).data() + offset % page_size, 0, length);
}

void SparseBytes::zero(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  const uint64_t end = offset + length;
  size_ = std::max(size_, end);
  const uint64_t first_whole = offset / page_size + (offset % page_size != 0 ? 1 : 0);
  const uint64_t end_whole = end / page_size;
  if (first_whole > end_whole) {
    clear_in_page(offset, length);
    return;
  }
  clear_in_page(offset, first_whole * page_size - offset);
  pages_.erase(pages_.lower_bound(first_whole), pages_.lower_bound(end_whole));
  clear_in_page(end_whole * page_size, end % page_size);
}

void SparseBytes::resize(uint64_t size) {
  // Bytes beyond the end are kept zero, so that growing uncovers nothing old.
  if (size < size_) zero(size, size_ - size);
  size_ = size;
}

SparseBytes::Extent SparseBytes::extent(uint64_t offset, uint64_t length) const {
  const uint64_t end = offset + length;
  auto page = pages_.lower_bound(offset / page_size);
  if (page == pages_.end() || page->first > offset / page_size) {
    const uint64_t stop = page == pages_.end() ? end : std::min(end, page->first * page_size);
    return {stop - offset, false};
  }
  uint64_t stop = (page->first + 1) * page_size;
  for (++page; stop < end && page != pages_.end() && page->first * page_size == stop; ++page) {
    stop += page_size;
  }
  return {std::min(stop, end) - offset, true};
}

bool operator==(const SparseBytes& a, const SparseBytes& b) {
  if (a.size_ != b.size_) return false;
  static const SparseBytes::Page zeroes = {};
  auto left = a.pages_.begin();
  auto right = b.pages_.begin();
  while (left != a.pages_.end() || right != b.pages_.end()) {
    const bool no_left = left == a.pages_.end();
    const bool no_right = right == b.pages_.end();
    const uint64_t number = no_left    ? right->first
                            : no_right ? left->first
                                       : std::min(left->first, right->first);
    const SparseBytes::Page* x = &zeroes;
    const SparseBytes::Page* y = &zeroes;
    if (!no_left && left->first == number) x = (left++)->second.get();
    if (!no_right && right->first == number) y = (right++)->second.get();
    if (x != y && *x != *y) return false;
  }
  return true;
}

}  // namespace oxbow::storage
