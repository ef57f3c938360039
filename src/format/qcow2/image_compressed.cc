// Reading compressed clusters: the last one is kept unpacked, since small reads come in runs.
#include <algorithm>

#include "async/loop.h"
#include "codec/deflate.h"
#include "codec/zstd.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

Result<void> unpack(uint8_t compression_type, std::span<const std::byte> packed,
                    std::span<std::byte> cluster) {
  return compression_type == compression_zstd ? codec::zstd_decompress(packed, cluster)
                                              : codec::inflate(packed, cluster);
}

}  // namespace

Task<std::shared_ptr<Buffer>> Qcow2Image::decompressed(const L2Entry& entry, uint64_t cluster) {
  if (blob_raw_ == entry.raw && blob_cluster_ == cluster && blob_) co_return blob_;
  const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(place.length));
  const iovec into = io_slice(packed.span());
  CO_TRY(co_await gate_.read(place.offset, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(header_.cluster_size()));
  auto work = [&]() -> Result<void> {
    return unpack(header_.compression_type, packed.span(), plain.span());
  };
  Result<void> unpacked = co_await async::Loop::current_thread().offload(work);
  if (!unpacked) {
    // Damaged data, not damaged metadata: the image is as sound as before.
    co_return fail(ErrorKind::io,
                   gate_.file().filename() + ": compressed cluster at host offset " +
                       hex(place.offset) + ": " + unpacked.error().message(),
                   EIO);
  }
  blob_ = std::make_shared<Buffer>(std::move(plain));
  blob_cluster_ = cluster;
  blob_raw_ = entry.raw;
  co_return blob_;
}

Task<> Qcow2Image::read_compressed(uint64_t offset, IoSpan into) {
  const uint64_t cluster = cluster_of(offset);
  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up(cluster));
  const L2Entry entry = view.entry(0);
  if (!is_compressed(entry)) {
    co_return fail(ErrorKind::internal, "read_compressed of a cluster that is not compressed");
  }
  CO_TRY_ASSIGN(const std::shared_ptr<Buffer> plain, co_await decompressed(entry, cluster));
  io_copy_from(into, plain->span().subspan(offset % header_.cluster_size()));
  co_return {};
}

}  // namespace oxbow::format::qcow2
