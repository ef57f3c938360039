// Persistent dirty bitmaps through the public API.
#include <oxbow/image.h>

#include <algorithm>
#include <bit>

#include "async/loop.h"
#include "base/result.h"
#include "format/qcow2/image.h"
#include "graph/node.h"

namespace oxbow {
namespace {

using format::qcow2::BitmapsAtRest;
using format::qcow2::Qcow2Image;

template <class T>
Result<T> wait(async::Task<T> task) {
  return async::Loop::current_thread().run(std::move(task));
}

Qcow2Image* with_bitmaps(const Image& image) {
  return dynamic_cast<Qcow2Image*>(&image.node()->format());
}

Result<Qcow2Image*> having(const Image& image, const std::string& name) {
  if (Qcow2Image* format = with_bitmaps(image)) return format;
  return fail(ErrorKind::not_found, "Dirty bitmap '" + name + "' not found", ENOENT);
}

Result<BitmapsAtRest> changeable(const Image& image, const std::string& name) {
  TRY_ASSIGN(Qcow2Image * format, having(image, name));
  return wait(format->change_bitmaps());
}

// 0 where the bytes are no granularity: too small for any bitmap.
uint8_t granularity_bits(uint64_t bytes, const Qcow2Image& image) {
  constexpr uint64_t least_default = 4096;
  constexpr uint64_t most_default = 65536;
  if (bytes == 0) {
    bytes = std::clamp<uint64_t>(image.header().cluster_size(), least_default, most_default);
  }
  const bool sound =
      std::has_single_bit(bytes) && bytes <= uint64_t{1} << format::qcow2::max_granularity_bits;
  return sound ? static_cast<uint8_t>(std::countr_zero(bytes)) : 0;
}

}  // namespace

Result<void> Image::add_bitmap(const std::string& name, uint64_t granularity, bool enabled) {
  Qcow2Image* image = with_bitmaps(*this);
  if (image == nullptr) {
    return fail(ErrorKind::unsupported,
                "Can't store persistent bitmaps to " + filename() + ": Operation not supported",
                ENOTSUP);
  }
  TRY_ASSIGN(const BitmapsAtRest bitmaps, wait(image->change_bitmaps()));
  return wait(bitmaps->add(name, granularity_bits(granularity, *image), enabled));
}

Result<void> Image::remove_bitmap(const std::string& name) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->remove(name));
}

Result<void> Image::clear_bitmap(const std::string& name) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->clear(name));
}

Result<void> Image::enable_bitmap(const std::string& name, bool enabled) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->set_enabled(name, enabled));
}

Result<void> Image::merge_bitmap(const std::string& into, Image& source, const std::string& name) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, into));
  TRY(bitmaps->granularity_bits_of(into));
  TRY_ASSIGN(Qcow2Image * from, having(source, name));
  TRY_ASSIGN(const uint8_t granularity, from->bitmaps().granularity_bits_of(name));
  TRY_ASSIGN(const SparseBits* found, wait(from->bitmaps().bits_of(name)));
  if (size() != source.size()) {
    return fail(ErrorKind::invalid_argument,
                "Bitmaps are of different sizes (destination size is " + std::to_string(size()) +
                    ", source size is " + std::to_string(source.size()) + ") and can't be merged",
                EINVAL);
  }
  const SparseBits bits = *found;  // it may be the one that changes
  return wait(bitmaps->merge(into, bits, granularity));
}

Result<void> Image::visit_dirty(
    const std::string& name, const std::function<void(uint64_t offset, uint64_t length)>& visit) {
  TRY_ASSIGN(Qcow2Image * image, having(*this, name));
  TRY_ASSIGN(const uint8_t granularity, image->bitmaps().granularity_bits_of(name));
  TRY_ASSIGN(const SparseBits* bits, wait(image->bitmaps().bits_of(name)));
  for (uint64_t at = bits->next_set(0); at < bits->size();) {
    const uint64_t end = bits->next_clear(at);
    const uint64_t offset = at << granularity;
    visit(offset, std::min(end << granularity, size()) - offset);
    at = bits->next_set(end);
  }
  return {};
}

Result<void> Image::freeze_bitmap(const std::string& name) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->freeze(name));
}

Result<void> Image::thaw_bitmap(const std::string& name, std::span<const ByteRange> copied) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->thaw(name, copied));
}

Result<void> Image::set_bitmap_durability(const std::string& name,
                                          std::optional<BitmapDurability> setting) {
  TRY_ASSIGN(const BitmapsAtRest bitmaps, changeable(*this, name));
  return wait(bitmaps->set_durability(name, setting));
}

}  // namespace oxbow
