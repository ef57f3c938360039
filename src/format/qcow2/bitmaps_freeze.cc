// A bitmap in use by a backup. It goes on taking what the guest changes, so that what is on disk
// covers all whatever happens; what changes meanwhile is kept a second time, in memory, and is
// what remains dirty of that which the backup has copied.
#include "format/qcow2/bitmaps.h"

namespace oxbow::format::qcow2 {

Task<> Bitmaps::freeze(std::string_view name) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY(co_await examine());
  CO_TRY_ASSIGN(Open* const found, changeable(name));
  CO_TRY(co_await load(*found));
  found->since.emplace(found->bits->bits().size());
  regroup();
  co_return {};
}

Task<> Bitmaps::thaw(std::string_view name, std::span<const ByteRange> copied) {
  CO_TRY_ASSIGN(const auto alone, co_await changing_.lock());
  CO_TRY_ASSIGN(Open* const found, usable(name));
  if (!found->since) {
    co_return fail(ErrorKind::invalid_argument, "Bitmap '" + std::string(name) + "' is not frozen",
                   EINVAL);
  }
  if (!copied.empty()) CO_TRY(co_await take_over(found));
  const SparseBits since = *std::exchange(found->since, std::nullopt);
  const uint8_t granularity = found->entry.granularity_bits;
  for (const ByteRange& range : copied) {
    if (range.offset >= header_.size) continue;
    const uint64_t first = div_round_up(range.offset, uint64_t{1} << granularity);
    const bool to_the_end = range.length >= header_.size - range.offset;
    const uint64_t end = to_the_end ? since.size() : (range.offset + range.length) >> granularity;
    if (first < end) found->bits->clear(first, end - first);
  }
  found->bits->merge(since);
  regroup();
  co_return {};
}

}  // namespace oxbow::format::qcow2
