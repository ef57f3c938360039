#include "format/vdi/vdi.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/sparse_bits.h"

namespace oxbow::format::vdi {
namespace {

constexpr bool is_allocated(uint64_t entry) { return entry < first_unallocated; }

}  // namespace

VdiImage::VdiImage(std::unique_ptr<storage::Storage> file, const Header& header)
    : BlockImage(std::move(file), header.disk_size, vdi::block_size),
      header_(header),
      table_(storage(), {header.map_offset, header.blocks, 4, false}) {}

Task<bool> VdiImage::data_may_be_holes() { co_return header_.image_type == type_static; }

Task<BlockImage::Block> VdiImage::find(uint64_t block) {
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  const uint64_t entry = table_.get(block);
  if (!is_allocated(entry)) co_return Block{RunKind::zero};
  co_return Block{RunKind::data, header_.data_offset + entry * vdi::block_size};
}

// The header's count may be behind what the map says: a block must not get two users.
Task<> VdiImage::begin_writing() {
  next_block_ = header_.blocks_allocated;
  auto look = [this](uint64_t, uint64_t entry) {
    if (entry < header_.blocks) next_block_ = std::max(next_block_, entry + 1);
    return true;
  };
  co_return co_await table_.each(look);
}

Task<uint64_t> VdiImage::allocate(uint64_t) {
  if (!is_allocated(next_block_)) {
    co_return fail(ErrorKind::no_space,
                   "'" + file().filename() + "': the VDI block map cannot name another block",
                   ENOSPC);
  }
  const uint64_t room = header_.data_offset + next_block_ * vdi::block_size;
  CO_TRY(co_await clear_room(room, vdi::block_size));
  ++next_block_;
  co_return room;
}

Task<> VdiImage::link(uint64_t block, uint64_t host_offset) {
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  table_.set(block, (host_offset - header_.data_offset) / vdi::block_size);
  co_return {};
}

Task<> VdiImage::before_entries() {
  std::array<std::byte, 4> count{};
  store_le(count.data(), static_cast<uint32_t>(next_block_));
  const iovec from = io_slice(std::span<std::byte>(count));
  CO_TRY(co_await storage().write(blocks_allocated_offset, IoSpan(&from, 1)));
  header_.blocks_allocated = load_le<uint32_t>(count.data());
  co_return co_await storage().flush();
}

Task<CheckResult> VdiImage::check(FindingSink on_finding, Repair repair) {
  if (repair != Repair::none) co_return no_check();
  CheckResult result;
  uint64_t allocated = 0;
  SparseBits used(header_.blocks);
  const auto found = [&](std::string text) {
    ++result.corruptions;
    if (on_finding) on_finding({CheckFinding::Severity::error, "ERROR: " + std::move(text)});
  };
  auto look = [&](uint64_t block, uint64_t entry) {
    if (!is_allocated(entry)) return true;
    if (entry >= header_.blocks) {
      found("block index " + std::to_string(block) + " too large, is " + std::to_string(entry));
      return true;
    }
    ++allocated;
    if (used.test(entry)) {
      found("block index " + std::to_string(entry) + " also used by " + std::to_string(entry));
    }
    used.set(entry, 1);
    return true;
  };
  CO_TRY(co_await table_.each(look));
  if (allocated != header_.blocks_allocated) {
    found("allocated blocks mismatch, is " + std::to_string(allocated) + ", should be " +
          std::to_string(header_.blocks_allocated));
  }
  co_return result;
}

Task<std::unique_ptr<Format>> open_vdi(std::unique_ptr<storage::Storage> file) {
  CO_TRY_ASSIGN(const Header header, co_await read_header(*file));
  co_return std::make_unique<VdiImage>(std::move(file), header);
}

}  // namespace oxbow::format::vdi
