#include "format/qcow2/amend.h"

#include <algorithm>
#include <bit>

#include "base/invalid.h"
#include "format/qcow2/resize_rules.h"
#include "storage/option_values.h"

namespace oxbow::format::qcow2 {
namespace {

using Words = std::map<std::string, std::string>;

std::optional<std::string> word(const Words& words, const std::string& key) {
  const auto found = words.find(key);
  if (found == words.end()) return std::nullopt;
  return found->second;
}

Result<void> check_keys(const Words& words) {
  constexpr std::string_view known[] = {"compat",         "data_file",    "data_file_raw",
                                        "refcount_bits",  "backing_file", "backing_fmt",
                                        "lazy_refcounts", "size"};
  for (const auto& [key, value] : words) {
    if (std::ranges::find(known, key) == std::end(known)) {
      return invalid("Invalid parameter '" + key + "'");
    }
  }
  return {};
}

Result<void> read_version(const Words& words, Amendment& into) {
  const auto level = word(words, "compat");
  if (!level) return {};
  if (*level == "0.10" || *level == "v2") {
    into.version = 2;
  } else if (*level == "1.1" || *level == "v3") {
    into.version = 3;
  } else {
    return invalid("Unknown compatibility level " + *level);
  }
  return {};
}

Result<void> read_data_file(const Words& words, const Header& header, Amendment& into) {
  into.data_file = word(words, "data_file");
  if (into.data_file && !header.has_data_file()) {
    return invalid("data-file can only be set for images that use an external data file");
  }
  const auto raw = word(words, "data_file_raw");
  if (!raw) return {};
  TRY_ASSIGN(const bool wanted, storage::parse_switch_option("data_file_raw", *raw));
  if (wanted && !into.raw_data_file) {
    return invalid("data-file-raw cannot be set on existing images");
  }
  into.raw_data_file = wanted;
  return {};
}

Result<void> read_refcount_bits(const Words& words, Amendment& into) {
  const auto text = word(words, "refcount_bits");
  if (!text) return {};
  TRY_ASSIGN(const uint64_t bits, storage::parse_number_option("refcount_bits", *text));
  if (bits > 64 || !std::has_single_bit(bits)) {
    return invalid("Refcount width must be a power of two and may not exceed 64 bits");
  }
  const auto order = static_cast<uint32_t>(std::countr_zero(bits));
  if (into.version < 3 && order != v2_refcount_order) {
    return invalid(
        "Refcount widths other than 16 bits require compatibility level 1.1 or above (use "
        "compat=1.1 or greater)");
  }
  into.refcount_order = order;
  return {};
}

// Only what it says already may be said.
Result<void> check_backing(const Words& words, const Header& header) {
  const auto file = word(words, "backing_file");
  const auto format = word(words, "backing_fmt");
  if (!file && !format) return {};
  const bool same = file.value_or("") == header.backing_file &&
                    file.has_value() == !header.backing_file.empty() &&
                    format == header.backing_format;
  if (same) return {};
  return std::unexpected(Error(ErrorKind::unsupported, "Cannot amend the backing file", ENOTSUP)
                             .with_hint("You can use 'qemu-img rebase' instead.\n"));
}

Result<void> read_lazy_refcounts(const Words& words, Amendment& into) {
  const auto text = word(words, "lazy_refcounts");
  if (!text) return {};
  TRY_ASSIGN(const bool wanted, storage::parse_switch_option("lazy_refcounts", *text));
  if (wanted && !into.lazy_refcounts && into.version < 3) {
    return invalid(
        "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or "
        "greater)");
  }
  into.lazy_refcounts = wanted;
  return {};
}

// A size of 0 asks for none.
Result<void> read_size(const Words& words, const Header& header, Amendment& into) {
  const auto text = word(words, "size");
  if (!text) return {};
  TRY_ASSIGN(const uint64_t bytes, storage::parse_size_option("size", *text));
  if (bytes == 0) return {};
  into.size = bytes;
  return check_new_size(header, into.version, bytes);
}

// What of it version 2 cannot be; the image's contents have their say later.
Result<void> check_version_2(const Amendment& wanted, const Header& header) {
  if (wanted.version >= 3 || header.version < 3) return {};
  if (wanted.refcount_order != v2_refcount_order) {
    return fail(ErrorKind::unsupported, "compat=0.10 requires refcount_bits=16", ENOTSUP);
  }
  if (header.has_data_file()) {
    return fail(ErrorKind::unsupported, "Cannot downgrade an image with a data file", ENOTSUP);
  }
  return {};
}

}  // namespace

Result<Amendment> read_amendment(const Words& words, const Header& header) {
  Amendment wanted;
  wanted.version = header.version;
  wanted.refcount_order = header.refcount_order;
  wanted.lazy_refcounts = (header.compatible_features & compatible_lazy_refcounts) != 0;
  wanted.size = header.size;
  wanted.raw_data_file = (header.autoclear_features & autoclear_raw_data_file) != 0;
  TRY(check_keys(words));
  TRY(read_version(words, wanted));
  TRY(read_data_file(words, header, wanted));
  TRY(read_refcount_bits(words, wanted));
  TRY(check_backing(words, header));
  TRY(read_lazy_refcounts(words, wanted));
  TRY(read_size(words, header, wanted));
  TRY(check_version_2(wanted, header));
  return wanted;
}

}  // namespace oxbow::format::qcow2
