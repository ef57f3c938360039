// Grains that are zlib streams, as streamOptimized images have them: each may be written once.
#include <algorithm>
#include <array>

#include "async/loop.h"
#include "base/bytes.h"
#include "codec/zlib_stream.h"
#include "format/vmdk/vmdk.h"

namespace oxbow::format::vmdk {
namespace {

constexpr size_t marker_size = 12;  // the grain's first sector of the disk, the stream's length

}  // namespace

Task<std::shared_ptr<Buffer>> VmdkImage::unpacked(Extent& extent, uint64_t grain) {
  CO_TRY_ASSIGN(const uint32_t entry, co_await extent.tables->entry(grain));
  if (plain_ && plain_extent_ == &extent && plain_sector_ == entry) co_return plain_;
  const uint64_t grain_size = extent.sparse->grain_size;
  const std::string where =
      extent.file->filename() + ": compressed grain at sector " + std::to_string(entry) + ": ";
  uint64_t place = uint64_t{entry} * sector;
  uint64_t length = 2 * grain_size;
  if (extent.sparse->markers) {
    std::array<std::byte, marker_size> marker{};
    const iovec into = io_slice(std::span<std::byte>(marker));
    CO_TRY(co_await extent.file->read(place, IoSpan(&into, 1)));
    length = load_le<uint32_t>(&marker[8]);
    place += marker_size;
    if (length == 0 || length > 2 * grain_size) {
      co_return fail(ErrorKind::io, where + "its length is not valid", EINVAL);
    }
  }
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(length));
  const iovec into = io_slice(packed.span());
  CO_TRY(co_await extent.file->read(place, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate_zeroed(grain_size));
  auto work = [&] { return codec::unzlib(packed.span(), plain.span()); };
  const Result<size_t> made = co_await async::Loop::current_thread().offload(work);
  if (!made) co_return fail(ErrorKind::io, where + made.error().message(), EINVAL);
  plain_ = std::make_shared<Buffer>(std::move(plain));
  plain_extent_ = &extent;
  plain_sector_ = entry;
  co_return plain_;
}

Task<> VmdkImage::read_compressed(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    Extent& extent = extent_at(offset + done);
    const uint64_t inside = offset + done - extent.start;
    const uint64_t grain_size = extent.sparse->grain_size;
    const uint64_t step = std::min(length - done, grain_size - inside % grain_size);
    CO_TRY_ASSIGN(const std::shared_ptr<Buffer> plain,
                  co_await unpacked(extent, inside / grain_size));
    io_copy_from(io_subvector(into, done, step), plain->span().subspan(inside % grain_size, step));
    done += step;
  }
  co_return {};
}

// `from` is a whole grain, or what the disk has of the last one; its sector is known only now.
Task<> VmdkImage::write_packed(Extent& extent, uint64_t guest, IoSpan from) {
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(io_length(from)));
  io_copy_to(from, plain.span());
  std::vector<std::byte> packed;
  auto work = [&] { return codec::zlib(plain.span(), marker_size, packed); };
  CO_TRY(co_await async::Loop::current_thread().offload(work));
  const uint64_t inside = guest - extent.start;
  store_le<uint64_t>(packed.data(), inside / sector);
  store_le<uint32_t>(packed.data() + 8, static_cast<uint32_t>(packed.size() - marker_size));
  packed.resize(align_up(packed.size(), sector));
  const uint64_t place = extent.next_grain;
  if (place / sector > UINT32_MAX) {
    co_return fail(ErrorKind::no_space, extent.file->filename() + ": the extent is full", EFBIG);
  }
  extent.next_grain += packed.size();
  const iovec out = io_slice(std::span<const std::byte>(packed));
  CO_TRY(co_await extent.file->write(place, IoSpan(&out, 1)));
  packed_places_[guest] = static_cast<uint32_t>(place / sector);
  co_return {};
}

}  // namespace oxbow::format::vmdk
