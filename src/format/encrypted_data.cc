#include "format/encrypted_data.h"

#include <algorithm>

#include "async/loop.h"

namespace oxbow::format {
namespace {

using async::Loop;
using async::Task;
using codec::sector_bytes;

// What a bounce buffer holds at most.
constexpr uint64_t piece_bytes = 1 << 20;
// Less work than this is done sooner here than handed to a worker.
constexpr uint64_t worth_a_worker = 64 << 10;

bool whole_sectors(IoSpan vector) {
  return std::ranges::all_of(vector,
                             [](const iovec& part) { return part.iov_len % sector_bytes == 0; });
}

std::span<std::byte> bytes_of(const iovec& part) {
  return {static_cast<std::byte*>(part.iov_base), part.iov_len};
}

// `work` as it is or on a worker, by how much there is to do.
template <class Work>
Task<> do_work(Work& work, uint64_t bytes) {
  if (bytes < worth_a_worker) co_return work();
  co_return co_await Loop::current_thread().offload(work);
}

}  // namespace

Task<> EncryptedData::decrypt(uint64_t tweak, IoSpan data) {
  auto work = [&]() -> Result<void> {
    uint64_t sector = tweak / sector_bytes;
    for (const iovec& part : data) {
      const auto bytes = bytes_of(part);
      TRY(cipher_->decrypt(sector, bytes, bytes));
      sector += bytes.size() / sector_bytes;
    }
    return {};
  };
  co_return co_await do_work(work, io_length(data));
}

Task<> EncryptedData::read(storage::Source& file, EncryptedPlace at, IoSpan into) {
  if (!is_aligned(at.offset, sector_bytes) || !whole_sectors(into)) {
    co_return co_await read_aside(file, at, into);
  }
  CO_TRY(co_await file.read(at.offset, into));
  co_return co_await decrypt(at.tweak, into);
}

// Through a buffer of whole sectors.
Task<> EncryptedData::read_aside(storage::Source& file, EncryptedPlace at, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t within = (at.offset + done) % sector_bytes;
    const uint64_t step = std::min(length - done, piece_bytes - within);
    CO_TRY_ASSIGN(Buffer aside, Buffer::allocate(align_up(within + step, sector_bytes)));
    const iovec whole = io_slice(aside.span());
    CO_TRY(co_await file.read(at.offset + done - within, IoSpan(&whole, 1)));
    CO_TRY(co_await decrypt(at.tweak + done - within, IoSpan(&whole, 1)));
    io_copy_from(io_subvector(into, done, step), aside.span().subspan(within, step));
    done += step;
  }
  co_return {};
}

Task<> EncryptedData::write(EncryptedPlace at, IoSpan from, WritePiece write) {
  const uint64_t length = io_length(from);
  CO_TRY_ASSIGN(Buffer aside, Buffer::allocate(std::min(length, piece_bytes)));
  for (uint64_t done = 0; done < length;) {
    const uint64_t step = std::min(length - done, piece_bytes);
    const std::vector<iovec> parts = io_subvector(from, done, step);
    const std::span<std::byte> piece = aside.span().first(step);
    auto work = [&]() -> Result<void> {
      const uint64_t sector = (at.tweak + done) / sector_bytes;
      // One run of sectors is encrypted on its way; others are gathered first.
      if (parts.size() == 1) return cipher_->encrypt(sector, bytes_of(parts.front()), piece);
      io_copy_to(parts, piece);
      return cipher_->encrypt(sector, piece, piece);
    };
    CO_TRY(co_await do_work(work, step));
    CO_TRY(co_await write(at.offset + done, piece));
    done += step;
  }
  co_return {};
}

}  // namespace oxbow::format
