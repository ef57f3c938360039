// Reading compressed clusters: whole ones are unpacked where they are wanted; of parts, what is
// around them is kept, since small reads come in runs and come back.
#include <algorithm>

#include "async/loop.h"
#include "codec/deflate.h"
#include "codec/zstd.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

// What takes no longer than to hand it to another thread and wait for it. Bytes unpacked.
constexpr uint32_t unpacked_here = 8192;

Result<void> unpack(uint8_t compression_type, std::span<const std::byte> packed,
                    std::span<std::byte> cluster) {
  return compression_type == compression_zstd ? codec::zstd_decompress(packed, cluster)
                                              : codec::inflate(packed, cluster);
}

}  // namespace

// A whole cluster into `plain`.
Task<> Qcow2Image::unpack_cluster(L2Entry entry, std::span<std::byte> plain) {
  const CompressedPlace place = compressed_place(entry, header_.cluster_bits);
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(place.length));
  const iovec into = io_slice(packed.span());
  gate_.file().event("read_compressed");
  CO_TRY(co_await gate_.read(place.offset, IoSpan(&into, 1)));
  auto work = [&]() -> Result<void> {
    return unpack(header_.compression_type, packed.span(), plain);
  };
  Result<void> unpacked;
  if (plain.size() <= unpacked_here) {
    unpacked = work();
  } else {
    unpacked = co_await async::Loop::current_thread().offload(work);
  }
  if (unpacked) co_return {};
  // Damaged data, not damaged metadata: the image is as sound as before.
  co_return fail(ErrorKind::io,
                 gate_.file().filename() + ": compressed cluster at host offset " +
                     hex(place.offset) + ": " + unpacked.error().message(),
                 EIO);
}

// By way of the cache. Readers that meet unpack the cluster once.
Task<std::shared_ptr<const Buffer>> Qcow2Image::unpacked_cluster(L2Entry entry) {
  for (;;) {
    if (auto known = unpacked_.find(entry.raw)) co_return known;
    if (!being_unpacked_.contains(entry.raw)) break;
    CO_TRY(co_await unpacked_one_.wait());
  }
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(header_.cluster_size()));
  being_unpacked_.insert(entry.raw);
  const Result<void> done = co_await unpack_cluster(entry, plain.span());
  being_unpacked_.erase(entry.raw);
  unpacked_one_.notify_all();
  CO_TRY(done);
  auto cluster = std::make_shared<const Buffer>(std::move(plain));
  unpacked_.put(entry.raw, cluster);
  co_return cluster;
}

Task<> Qcow2Image::read_compressed(uint64_t offset, IoSpan into) {
  const uint64_t cluster = cluster_of(offset);
  CO_TRY_ASSIGN(const EntryView view, co_await map_.look_up(cluster));
  const L2Entry entry = view.entry(0);
  if (!is_compressed(entry)) {
    co_return fail(ErrorKind::internal, "read_compressed of a cluster that is not compressed");
  }
  if (into.size() == 1 && into[0].iov_len == header_.cluster_size()) {
    if (const auto known = unpacked_.find(entry.raw)) {
      io_copy_from(into, known->span());
      co_return {};
    }
    const std::span plain(static_cast<std::byte*>(into[0].iov_base), into[0].iov_len);
    co_return co_await unpack_cluster(entry, plain);
  }
  CO_TRY_ASSIGN(const auto plain, co_await unpacked_cluster(entry));
  io_copy_from(into, plain->span().subspan(offset % header_.cluster_size()));
  co_return {};
}

}  // namespace oxbow::format::qcow2
