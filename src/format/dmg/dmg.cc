#include "format/dmg/dmg.h"

#include <algorithm>

#include "async/loop.h"
#include "codec/bzip2.h"
#include "codec/zlib_stream.h"

namespace oxbow::format::dmg {
namespace {

Result<void> unpack(ChunkKind kind, std::span<const std::byte> packed, std::span<std::byte> plain) {
  TRY_ASSIGN(const size_t made, kind == ChunkKind::bzip2 ? codec::unbzip2(packed, plain)
                                                         : codec::unzlib(packed, plain));
  if (made == plain.size()) return {};
  return fail(ErrorKind::corrupt, "The compressed data is too short");
}

}  // namespace

Task<std::unique_ptr<Format>> DmgImage::open(std::unique_ptr<storage::Storage> file,
                                             std::function<void(std::string_view)> warn) {
  CO_TRY_ASSIGN(Layout layout, co_await read_layout(*file, std::move(warn)));
  co_return std::unique_ptr<Format>(new DmgImage(std::move(file), std::move(layout)));
}

// nullptr: no chunk that can be read has these bytes.
const Chunk* DmgImage::find(uint64_t offset) const {
  const uint64_t number = offset / sector;
  auto after = std::ranges::upper_bound(layout_.chunks, number, {}, &Chunk::start);
  while (after != layout_.chunks.begin()) {
    --after;
    if (number - after->start < after->count) return &*after;
    // Empty chunks may begin where another one does.
    if (after->count != 0) break;
  }
  return nullptr;
}

Task<> DmgImage::read_guest(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const Chunk* chunk = find(at);
    if (chunk == nullptr) {
      co_return fail(ErrorKind::io,
                     file().filename() + ": no readable chunk holds the disk's bytes at offset " +
                         std::to_string(at),
                     EIO);
    }
    const uint64_t inside = at - chunk->start * sector;
    const uint64_t left = chunk->count - inside / sector;
    const uint64_t step = left > length / sector
                              ? length - done
                              : std::min(length - done, left * sector - inside % sector);
    const std::vector<iovec> part = io_subvector(into, done, step);
    CO_TRY(co_await read_chunk(*chunk, inside, part));
    done += step;
  }
  co_return {};
}

Task<> DmgImage::read_chunk(const Chunk& chunk, uint64_t inside, IoSpan into) {
  if (chunk.kind == ChunkKind::zero || chunk.kind == ChunkKind::ignored) {
    io_fill_zero(into);
    co_return {};
  }
  if (chunk.kind != ChunkKind::raw) {
    CO_TRY_ASSIGN(const std::shared_ptr<Buffer> plain, co_await unpacked(chunk));
    io_copy_from(into, plain->span().subspan(inside));
    co_return {};
  }
  const uint64_t length = io_length(into);
  const uint64_t size = file().size();
  const bool stored = inside <= chunk.length && length <= chunk.length - inside &&
                      chunk.offset <= size && inside + length <= size - chunk.offset;
  if (!stored) {
    co_return fail(ErrorKind::io,
                   file().filename() + ": the chunk at sector " + std::to_string(chunk.start) +
                       " is longer than what is stored of it",
                   EIO);
  }
  co_return co_await file().read(chunk.offset + inside, into);
}

Task<std::shared_ptr<Buffer>> DmgImage::unpacked(const Chunk& chunk) {
  if (plain_of_ == &chunk && plain_) co_return plain_;
  const uint64_t size = file().size();
  const uint64_t length = std::min(chunk.length, size - std::min(size, chunk.offset));
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(length));
  const iovec into = io_slice(packed.span());
  if (length != 0) CO_TRY(co_await file().read(chunk.offset, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(chunk.count * sector));
  auto work = [&] { return unpack(chunk.kind, packed.span(), plain.span()); };
  const Result<void> done = co_await async::Loop::current_thread().offload(work);
  if (!done) {
    co_return fail(ErrorKind::io,
                   file().filename() + ": chunk at sector " + std::to_string(chunk.start) + ": " +
                       done.error().message(),
                   EIO);
  }
  plain_ = std::make_shared<Buffer>(std::move(plain));
  plain_of_ = &chunk;
  co_return plain_;
}

}  // namespace oxbow::format::dmg
