#include "format/luks/luks.h"

#include "base/bytes.h"

namespace oxbow::format::luks {
namespace {

using codec::sector_bytes;

uint64_t sectors_end(const storage::Source& file) { return align_up(file.size(), sector_bytes); }

}  // namespace

LuksImage::LuksImage(std::unique_ptr<storage::Storage> file, LuksHeader header,
                     codec::SecretBytes key, std::unique_ptr<codec::SectorCipher> cipher)
    : file_(std::move(file)),
      header_(std::move(header)),
      key_(std::move(key)),
      data_(std::move(cipher)) {}

Geometry LuksImage::geometry() const {
  const uint64_t end = sectors_end(*file_);
  const uint64_t begin = header_.payload_offset();
  return {end > begin ? end - begin : 0, 0, 0};
}

// Even a hole of the file decrypts to noise: there is nothing but data.
Task<Run> LuksImage::map(uint64_t offset, uint64_t length) {
  Run run;
  run.length = length;
  run.kind = RunKind::data;
  run.host_offset = header_.payload_offset() + offset;
  co_return run;
}

Task<> LuksImage::read_host(Place at, IoSpan into) {
  file_->event("read_aio");
  return data_.read(*file_, {at.host, at.guest}, into);
}

Task<> LuksImage::read_compressed(uint64_t, IoSpan) {
  co_return fail(ErrorKind::internal, "luks images have no compressed clusters");
}

// Whole sectors are written; what the first and the last one hold besides comes along, and nobody
// else writes to them meanwhile.
Task<WritePlan> LuksImage::prepare_write(uint64_t offset, uint64_t length) {
  WritePlan plan;
  plan.guest_offset = offset;
  plan.length = length;
  plan.host_offset = header_.payload_offset() + offset;
  plan.head = offset % sector_bytes;
  plan.tail = align_up(offset + length, sector_bytes) - (offset + length);
  const bool ragged = plan.head != 0 || plan.tail != 0;
  CO_TRY_ASSIGN(plan.lock, co_await guest_locks_.lock(offset - plan.head,
                                                      plan.head + length + plan.tail, ragged));
  co_return plan;
}

Task<> LuksImage::write_piece(uint64_t offset, std::span<const std::byte> piece) {
  const iovec part = io_slice(piece);
  co_return co_await file_->write(offset, IoSpan(&part, 1));
}

Task<> LuksImage::write_host(Place at, IoSpan from) {
  file_->event("write_aio");
  auto write = [this](uint64_t offset, std::span<const std::byte> piece) {
    return write_piece(offset, piece);
  };
  co_return co_await data_.write({at.host, at.guest}, from, write);
}

Task<> LuksImage::commit_write(WritePlan& plan) {
  plan.lock = {};
  co_return {};
}

Task<> LuksImage::abort_write(WritePlan& plan) {
  plan.lock = {};
  co_return {};
}

// Zeroes are data like any other.
Task<uint64_t> LuksImage::zero_units(uint64_t, uint64_t, ZeroFlags) { co_return uint64_t{0}; }

// What was discarded would read as noise.
Task<> LuksImage::discard(uint64_t, uint64_t) { co_return {}; }

Task<> LuksImage::resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) {
  const uint64_t begin = header_.payload_offset();
  if (size > INT64_MAX - begin) {
    co_return fail(ErrorKind::invalid_argument, "The requested file size is too large", EFBIG);
  }
  if (size < geometry().virtual_size && !allow_shrink) {
    co_return fail(ErrorKind::invalid_argument,
                   "Shrinking '" + file_->filename() + "' would lose the data at its end", EINVAL);
  }
  if (size < geometry().virtual_size && preallocation != storage::Preallocation::off) {
    co_return fail(ErrorKind::invalid_argument, "Cannot use preallocation for shrinking files",
                   EINVAL);
  }
  co_return co_await file_->truncate(begin + size, preallocation);
}

Result<std::unique_ptr<codec::SectorCipher>> data_cipher(const LuksHeader& header,
                                                         const codec::SecretBytes& key) {
  return codec::SectorCipher::create(header.spec, key.span());
}

Task<std::unique_ptr<LuksImage>> open_luks(std::unique_ptr<storage::Storage> file,
                                           const codec::SecretBytes* passphrase) {
  FileHeaderBytes bytes(*file);
  CO_TRY_ASSIGN(LuksHeader header, co_await read_header(bytes));
  codec::SecretBytes key;
  std::unique_ptr<codec::SectorCipher> cipher;
  if (passphrase != nullptr) {
    CO_TRY_ASSIGN(key, co_await unlock(bytes, header, passphrase->span()));
    CO_TRY_ASSIGN(cipher, data_cipher(header, key));
  }
  if (sectors_end(*file) < header.payload_offset()) {
    co_return fail(ErrorKind::corrupt, "Could not refresh total sector count: Input/output error",
                   EIO);
  }
  co_return std::make_unique<LuksImage>(std::move(file), std::move(header), std::move(key),
                                        std::move(cipher));
}

}  // namespace oxbow::format::luks
