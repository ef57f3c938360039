#include "format/qcow2/measure.h"

#include <bit>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "base/invalid.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {
namespace {

using storage::Preallocation;
using Words = std::map<std::string, std::string>;

constexpr uint64_t luks_slots = 8;
constexpr uint64_t luks_stripes = 4000;
constexpr uint64_t luks_alignment = 4096;

std::string_view word_of(const Words& options, const char* key) {
  const auto found = options.find(key);
  return found == options.end() ? std::string_view() : std::string_view(found->second);
}

// 0 where it is none.
uint64_t number_of(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

Result<uint32_t> cluster_bits_of(const Words& options) {
  const std::string_view word = word_of(options, "cluster_size");
  if (word.empty()) return 16;
  const uint64_t size = number_of(word);
  const bool usable = std::has_single_bit(size) && size >= (1u << min_cluster_bits) &&
                      size <= (1u << max_cluster_bits);
  if (usable) return static_cast<uint32_t>(std::countr_zero(size));
  return invalid("Cluster size must be a power of two between 512 and 2048k");
}

Result<uint32_t> version_of(const Words& options) {
  const std::string_view word = word_of(options, "compat");
  if (word.empty() || word == "1.1" || word == "v3") return 3;
  if (word == "0.10" || word == "v2") return 2;
  return invalid("Invalid compatibility level: '" + std::string(word) + "'");
}

Result<uint32_t> refcount_order_of(const Words& options, uint32_t version) {
  const std::string_view word = word_of(options, "refcount_bits");
  if (word.empty()) return v2_refcount_order;
  const uint64_t bits = number_of(word);
  if (!std::has_single_bit(bits) || bits > 64) {
    return invalid("Refcount width must be a power of two and may not exceed 64 bits");
  }
  if (version < 3 && bits != 16) {
    return invalid(
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
        "compat=1.1 or greater)");
  }
  return static_cast<uint32_t>(std::countr_zero(bits));
}

Result<Preallocation> preallocation_of(const Words& options) {
  const std::string_view word = word_of(options, "preallocation");
  if (word.empty() || word == "off") return Preallocation::off;
  if (word == "metadata") return Preallocation::metadata;
  if (word == "falloc") return Preallocation::falloc;
  if (word == "full") return Preallocation::full;
  return invalid("invalid parameter value: " + std::string(word));
}

// Key material of eight slots behind the header; XTS has two keys.
uint64_t luks_bytes_of(const Words& options) {
  if (word_of(options, "encrypt.format") != "luks") return 0;
  const std::string_view cipher = word_of(options, "encrypt.cipher-alg");
  const std::string_view mode = word_of(options, "encrypt.cipher-mode");
  const uint64_t bits = cipher == "3des" ? 192 : number_of(cipher.substr(cipher.rfind('-') + 1));
  uint64_t key = (bits == 0 ? 256 : bits) / 8;
  if (mode.empty() || mode == "xts") key *= 2;
  return luks_alignment + luks_slots * align_up(key * luks_stripes, luks_alignment);
}

}  // namespace

Result<MeasureShape> parse_measure_options(const Words& options) {
  MeasureShape shape;
  TRY_ASSIGN(shape.cluster_bits, cluster_bits_of(options));
  shape.extended_l2 = word_of(options, "extended_l2") == "on";
  if (shape.extended_l2 && shape.cluster_bits < min_extended_cluster_bits) {
    return invalid(
        "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
  }
  TRY_ASSIGN(shape.version, version_of(options));
  TRY_ASSIGN(shape.refcount_order, refcount_order_of(options, shape.version));
  TRY_ASSIGN(shape.preallocation, preallocation_of(options));
  shape.has_backing = !word_of(options, "backing_file").empty();
  shape.luks_bytes = luks_bytes_of(options);
  return shape;
}

Result<uint64_t> measure_metadata(const MeasureShape& shape, uint64_t virtual_size) {
  const uint64_t cluster_size = uint64_t{1} << shape.cluster_bits;
  const uint64_t guest = div_round_up(virtual_size, cluster_size);
  const uint64_t tables = div_round_up(guest, cluster_size / (shape.extended_l2 ? 16 : 8));
  if (tables > max_l1_bytes / 8) {
    return invalid("The image size is too large (try using a larger cluster size)");
  }
  const uint64_t counted = 1 + div_round_up(tables * 8, cluster_size) + tables + guest;
  // Refcount blocks count themselves and their table.
  const uint64_t per_block = (cluster_size * 8) >> shape.refcount_order;
  uint64_t blocks = 1;
  uint64_t table = 1;
  for (;;) {
    const uint64_t needed = div_round_up(counted + blocks + table, per_block);
    const uint64_t needed_table = div_round_up(needed * 8, cluster_size);
    if (needed <= blocks && needed_table <= table) break;
    blocks = needed;
    table = needed_table;
  }
  const uint64_t clusters = counted - guest + blocks + table;
  return (clusters << shape.cluster_bits) + align_up(shape.luks_bytes, cluster_size);
}

uint64_t measure_bitmap(uint64_t cluster_size, uint64_t virtual_size, uint64_t granularity) {
  const uint64_t bytes = div_round_up(div_round_up(virtual_size, granularity), 8);
  const uint64_t clusters = div_round_up(bytes, cluster_size);
  return clusters * cluster_size + align_up(clusters * 8, cluster_size);
}

uint64_t measure_bitmap_entry(uint64_t name_length) {
  constexpr uint64_t fixed_part = 24;
  return align_up(fixed_part + name_length, 8);
}

}  // namespace oxbow::format::qcow2
