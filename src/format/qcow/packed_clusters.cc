// Compressed clusters: raw deflate, one behind the other at any byte.
#include <algorithm>

#include "async/loop.h"
#include "base/bytes.h"
#include "codec/deflate.h"
#include "format/qcow/qcow.h"

namespace oxbow::format::qcow {

Task<std::shared_ptr<Buffer>> QcowImage::unpacked(uint64_t entry) {
  if (plain_ && plain_entry_ == entry) co_return plain_;
  const uint64_t offset = entry & ((uint64_t{1} << packed_offset_bits()) - 1);
  const uint64_t length = entry >> packed_offset_bits() & (header_.cluster_size() - 1);
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(length));
  const iovec into = io_slice(packed.span());
  if (length != 0) CO_TRY(co_await storage().read(offset, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(header_.cluster_size()));
  auto work = [&] { return codec::inflate(packed.span(), plain.span()); };
  const Result<void> done = co_await async::Loop::current_thread().offload(work);
  if (!done) {
    co_return fail(ErrorKind::io,
                   filename() + ": compressed cluster at host offset " + std::to_string(offset) +
                       ": " + done.error().message(),
                   EIO);
  }
  plain_ = std::make_shared<Buffer>(std::move(plain));
  plain_entry_ = entry;
  co_return plain_;
}

Task<> QcowImage::read_compressed(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const uint64_t inside = at % header_.cluster_size();
    const uint64_t step = std::min(length - done, header_.cluster_size() - inside);
    CO_TRY_ASSIGN(const uint64_t value, co_await tables_.get(at >> header_.cluster_bits));
    CO_TRY_ASSIGN(const std::shared_ptr<Buffer> plain, co_await unpacked(value));
    io_copy_from(io_subvector(into, done, step), plain->span().subspan(inside, step));
    done += step;
  }
  co_return {};
}

Result<size_t> QcowImage::compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                                   int level) const {
  std::vector<std::byte> filled_up;
  if (plain.size() < header_.cluster_size()) {
    filled_up.assign(plain.begin(), plain.end());
    filled_up.resize(header_.cluster_size());
    plain = filled_up;
  }
  // What is not smaller than a cluster is no gain; deflate's last 8 bytes are
  // scratch.
  return codec::deflate(plain, packed.first(header_.cluster_size() - 1 + 8),
                        level != 0 ? level : codec::deflate_default_level);
}

Task<uint64_t> QcowImage::allocate_packed(uint64_t packed) {
  const uint64_t room = std::max(file_size(), end_of_header());
  if ((room + packed) >> packed_offset_bits() != 0) {
    co_return fail(ErrorKind::no_space,
                   "'" + filename() + "': a compressed cluster cannot lie as far as the file's end",
                   EFBIG);
  }
  CO_TRY(co_await clear_room(room, packed));
  co_return room;
}

Task<> QcowImage::link_packed(uint64_t block, uint64_t host_offset, uint64_t packed) {
  plain_.reset();
  return tables_.set(block, compressed_bit | packed << packed_offset_bits() | host_offset);
}

}  // namespace oxbow::format::qcow
