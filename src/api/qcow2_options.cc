#include "api/qcow2_options.h"

#include <algorithm>
#include <bit>

#include "api/guard_options.h"
#include "base/invalid.h"

namespace oxbow::api {
namespace {

using format::qcow2::Qcow2OpenOptions;

constexpr uint64_t min_refcount_cache = 256 << 10;
constexpr uint32_t min_l2_entry = 512;

Result<void> take_cache_sizes(OptionTree& tree, Qcow2OpenOptions& out) {
  TRY_ASSIGN(const auto total, tree.take_size("cache-size"));
  TRY_ASSIGN(const auto l2, tree.take_size("l2-cache-size"));
  TRY_ASSIGN(const auto refcount, tree.take_size("refcount-cache-size"));
  if (total && l2 && refcount) {
    return invalid(
        "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
  }
  if (total && l2 && *l2 > *total) return invalid("l2-cache-size may not exceed cache-size");
  if (total && refcount && *refcount > *total) {
    return invalid("refcount-cache-size may not exceed cache-size");
  }
  TRY_ASSIGN(const auto unpacked, tree.take_size("compressed-cache-size"));
  if (unpacked) out.unpacked_cache_bytes = *unpacked;
  out.l2_cache_bytes = l2.value_or(0);
  out.refcount_cache_bytes = refcount.value_or(0);
  if (total && l2) out.refcount_cache_bytes = *total - *l2;
  if (total && refcount) out.l2_cache_bytes = *total - *refcount;
  if (total && !l2 && !refcount) {
    out.refcount_cache_bytes = std::min(min_refcount_cache, *total);
    out.l2_cache_bytes = *total - out.refcount_cache_bytes;
  }
  if (std::max(out.refcount_cache_bytes, refcount.value_or(0)) >> 40 != 0 ||
      (total && *total >> 40 != 0)) {
    return invalid("Refcount cache size too big");
  }
  return {};
}

Result<void> take_discards(OptionTree& tree, const NodeOptions& node, Qcow2OpenOptions& out) {
  TRY_ASSIGN(const auto request, tree.take_bool("pass-discard-request"));
  TRY(tree.take_bool("pass-discard-snapshot"));
  TRY(tree.take_bool("pass-discard-other"));
  out.pass_discard = request.value_or(node.unmap);
  return {};
}

Result<void> take_bitmap_durability(OptionTree& tree, Qcow2OpenOptions& out) {
  const auto word = tree.take_text("bitmap-durability");
  if (!word) return {};
  out.bitmaps.durability = parse_durability(*word);
  if (!out.bitmaps.durability) {
    return invalid("Parameter 'bitmap-durability' does not accept value '" + *word + "'");
  }
  return {};
}

// Idle cache entries are not dropped by a clock; the caches are bounded.
Result<void> take_clean_interval(OptionTree& tree) {
  TRY_ASSIGN(const auto seconds, tree.take_number("cache-clean-interval"));
  if (seconds && *seconds > UINT32_MAX) return invalid("Cache clean interval too big");
  return {};
}

}  // namespace

std::optional<format::qcow2::BitmapDurability> parse_durability(std::string_view word) {
  using format::qcow2::BitmapDurability;
  if (word == "close") return BitmapDurability::close;
  if (word == "process") return BitmapDurability::process;
  if (word == "power") return BitmapDurability::power;
  return std::nullopt;
}

Result<Qcow2Wishes> take_qcow2_options(OptionTree& tree, const NodeOptions& node) {
  Qcow2Wishes out;
  out.open.writable = node.writable;
  TRY_ASSIGN(out.open.lazy_refcounts, tree.take_bool("lazy-refcounts"));
  TRY(take_discards(tree, node, out.open));
  TRY_ASSIGN(out.open.guard, take_guard_options(tree));
  TRY(take_cache_sizes(tree, out.open));
  TRY(take_bitmap_durability(tree, out.open));
  TRY(take_clean_interval(tree));
  TRY_ASSIGN(out.l2_entry_size, tree.take_size("l2-cache-entry-size"));
  if (out.l2_entry_size && *out.l2_entry_size >= min_l2_entry && *out.l2_entry_size <= UINT32_MAX &&
      std::has_single_bit(*out.l2_entry_size)) {
    out.open.l2_slice_bytes = static_cast<uint32_t>(*out.l2_entry_size);
  }
  OptionTree encrypt = tree.take_below("encrypt");
  out.open.encryption.format = encrypt.take_text("format");
  out.key_secret = encrypt.take_text("key-secret");
  if (!encrypt.empty()) {
    return invalid("Parameter '" + encrypt.all().begin()->first + "' is unexpected");
  }
  return out;
}

Result<void> check_qcow2_options(const Qcow2Wishes& wishes, const format::qcow2::Header& header) {
  if (wishes.l2_entry_size &&
      (wishes.open.l2_slice_bytes == 0 || *wishes.l2_entry_size > header.cluster_size())) {
    return invalid("L2 cache entry size must be a power of two between 512 and the cluster size (" +
                   std::to_string(header.cluster_size()) + ")");
  }
  if (wishes.open.encryption.format && header.crypt_method == format::qcow2::crypt_none) {
    return invalid("No encryption in image header, but options specified format '" +
                   *wishes.open.encryption.format + "'");
  }
  return {};
}

}  // namespace oxbow::api
