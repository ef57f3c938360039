#include "format/qcow/qcow.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::format::qcow {

QcowImage::QcowImage(std::unique_ptr<storage::Storage> file, Header header,
                     std::unique_ptr<EncryptedData> encrypted)
    : BlockImage(std::move(file), header.disk_size, static_cast<uint32_t>(header.cluster_size())),
      header_(std::move(header)),
      encrypted_(std::move(encrypted)),
      tables_(storage(), {header_.l1_offset, header_.l1_entries(), header_.l2_entries(), true},
              [this](uint64_t offset) { return check_table_place(offset); }) {}

std::optional<BackingName> QcowImage::backing_name() const {
  if (header_.backing_file.empty()) return std::nullopt;
  return BackingName{header_.backing_file, std::nullopt};
}

// What is written anew lies behind the header and the first table.
uint64_t QcowImage::end_of_header() const {
  return header_.l1_offset + header_.l1_entries() * sizeof(uint64_t);
}

Result<void> QcowImage::check_table_place(uint64_t offset) const {
  const uint64_t length = header_.l2_entries() * sizeof(uint64_t);
  if (offset <= INT64_MAX - length && !is_metadata(offset, length)) return {};
  return fail(ErrorKind::io,
              filename() + ": an L2 table cannot lie at host offset " + std::to_string(offset),
              EIO);
}

// The header, or a part of the first table.
bool QcowImage::is_metadata(uint64_t offset, uint64_t length) const {
  return offset < header_size || (offset < end_of_header() && offset + length > header_.l1_offset);
}

Task<BlockImage::Block> QcowImage::find(uint64_t block) {
  CO_TRY_ASSIGN(const uint64_t entry, co_await tables_.get(block));
  if (entry == 0) co_return Block{};
  if ((entry & compressed_bit) != 0) co_return Block{RunKind::compressed};
  if (is_metadata(entry, header_.cluster_size())) {
    co_return fail(ErrorKind::io,
                   filename() + ": a cluster cannot lie at host offset " + std::to_string(entry),
                   EIO);
  }
  co_return Block{RunKind::data, entry};
}

// Clusters that lie alike, as long as one answer may take.
Task<Run> QcowImage::map(uint64_t offset, uint64_t length) {
  constexpr uint64_t most_clusters = 4096;
  CO_TRY_ASSIGN(Run run, co_await BlockImage::map(offset, length));
  for (uint64_t i = 1; i < most_clusters && run.length < length; ++i) {
    CO_TRY_ASSIGN(const Run next,
                  co_await BlockImage::map(offset + run.length, length - run.length));
    if (next.kind != run.kind) break;
    if (run.kind == RunKind::data && next.host_offset != run.host_offset + run.length) break;
    run.length += next.length;
  }
  co_return run;
}

Task<> QcowImage::read_host(Place at, IoSpan into) {
  if (!encrypted_) return BlockImage::read_host(at, into);
  return encrypted_->read(storage(), {at.host, at.guest}, into);
}

Task<> QcowImage::write_host(Place at, IoSpan from) {
  if (!encrypted_) return BlockImage::write_host(at, from);
  return encrypted_->write({at.host, at.guest}, from,
                           [this](uint64_t offset, std::span<const std::byte> piece) {
                             return write_piece(offset, piece);
                           });
}

Task<> QcowImage::write_piece(uint64_t offset, std::span<const std::byte> piece) {
  const iovec part = io_slice(piece);
  co_return co_await storage().write(offset, IoSpan(&part, 1));
}

Task<> QcowImage::copy_to_host(storage::Source& from, uint64_t from_offset, uint64_t host_offset,
                               uint64_t length) {
  if (!encrypted_) {
    co_return co_await BlockImage::copy_to_host(from, from_offset, host_offset, length);
  }
  co_return fail(ErrorKind::unsupported, "what is to be encrypted must be seen", ENOTSUP);
}

Task<uint64_t> QcowImage::make_room(uint64_t bytes) {
  const uint64_t room = align_up(std::max(file_size(), end_of_header()), header_.cluster_size());
  CO_TRY(co_await clear_room(room, bytes));
  co_return room;
}

Task<> QcowImage::make_linkable(uint64_t block) {
  co_return co_await tables_.make_table(block, [this](uint64_t bytes) { return make_room(bytes); });
}

Task<> QcowImage::link(uint64_t block, uint64_t host_offset) {
  return tables_.set(block, host_offset);
}

// What the tables pointed at is cut off when nothing does any more.
Task<> QcowImage::make_empty() {
  CO_TRY(co_await tables_.clear());
  forget_rooms();
  plain_.reset();
  co_return co_await storage().truncate(end_of_header());
}

}  // namespace oxbow::format::qcow
