// The stock tools' words for creation options: their values and what excludes what.
#include <bit>
#include <charconv>
#include <optional>

#include "base/invalid.h"
#include "format/qcow2/create.h"

namespace oxbow::format::qcow2 {
namespace {

using storage::Preallocation;
using Words = std::map<std::string, std::string>;

Result<bool> parse_switch(const std::string& key, const std::string& word) {
  if (word == "on" || word == "yes" || word == "true" || word == "y") return true;
  if (word == "off" || word == "no" || word == "false" || word == "n") return false;
  return invalid("Parameter '" + key + "' expects 'on' or 'off'");
}

std::optional<uint64_t> number_prefix(std::string_view& text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

// Bytes, with a suffix of one letter.
std::optional<uint64_t> parse_size(std::string_view text) {
  const std::optional<uint64_t> value = number_prefix(text);
  if (!value || text.size() > 1) return std::nullopt;
  if (text.empty()) return value;
  constexpr std::string_view suffixes = "bkmgtpe";
  const size_t power = suffixes.find(static_cast<char>(text[0] | 0x20));
  if (power == std::string_view::npos || *value > (UINT64_MAX >> (10 * power))) {
    return std::nullopt;
  }
  return *value << (10 * power);
}

Result<uint32_t> parse_version(const std::string& word) {
  if (word == "0.10" || word == "v2") return 2;
  if (word == "1.1" || word == "v3") return 3;
  return invalid("Parameter 'version' does not accept value '" + word + "'");
}

Result<Preallocation> parse_preallocation(const std::string& word) {
  if (word == "off") return Preallocation::off;
  if (word == "metadata") return Preallocation::metadata;
  if (word == "falloc") return Preallocation::falloc;
  if (word == "full") return Preallocation::full;
  return invalid("Parameter 'preallocation' does not accept value '" + word + "'");
}

Result<uint8_t> parse_compression(const std::string& word) {
  if (word == "zlib") return compression_zlib;
  if (word == "zstd") return compression_zstd;
  return invalid("Parameter 'compression-type' does not accept value '" + word + "'");
}

Result<void> parse_cluster_size(const std::string& word, Qcow2CreateOptions& into) {
  const std::optional<uint64_t> size = parse_size(word);
  if (!size) return invalid("Parameter 'cluster_size' expects a non-negative number below 2^64");
  // What is no power of two is refused later, where the stock tools do.
  into.cluster_bits =
      std::has_single_bit(*size) ? static_cast<uint32_t>(std::countr_zero(*size)) : 0;
  return {};
}

Result<void> parse_refcount_bits(const std::string& word, Qcow2CreateOptions& into) {
  std::string_view text = word;
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::optional<uint64_t> bits = number_prefix(text);
  if (!bits || !text.empty()) return invalid("Parameter 'refcount_bits' expects a number");
  const bool usable = !word.starts_with('-') && std::has_single_bit(*bits);
  into.refcount_order =
      usable ? static_cast<uint32_t>(std::countr_zero(*bits)) : max_refcount_order + 1;
  return {};
}

// Takes the keys of encryption out of `options`.
Result<std::optional<Qcow2Encryption>> take_encryption(Words& options) {
  Words own;
  for (auto it = options.begin(); it != options.end();) {
    const auto here = it++;
    if (here->first.starts_with("encrypt.")) own[here->first.substr(8)] = here->second;
    if (here->first.starts_with("encrypt.")) options.erase(here);
  }
  bool old_way = false;
  if (const auto word = options.extract("encryption"); !word.empty()) {
    TRY_ASSIGN(old_way, parse_switch("encryption", word.mapped()));
  }
  if (old_way && own.contains("format")) {
    return invalid("'encrypt.format' and its alias 'encryption' can't be used at the same time");
  }
  if (old_way) own["format"] = "aes";
  if (own.empty()) return std::nullopt;
  const auto format = own.extract("format");
  if (format.empty()) return invalid("Parameter 'encrypt.format' is missing");
  if (format.mapped() != "aes" && format.mapped() != "luks") {
    return invalid("Parameter 'format' does not accept value '" + format.mapped() + "'");
  }
  Qcow2Encryption out;
  out.method = format.mapped() == "aes" ? crypt_aes : crypt_luks;
  const auto secret = own.extract("key-secret");
  if (out.method == crypt_luks) {
    TRY_ASSIGN(out.luks, luks::take_create_options(own));
  }
  if (!own.empty()) {
    return invalid("Parameter 'encrypt." + own.begin()->first + "' is unexpected");
  }
  if (secret.empty()) return invalid("Parameter 'encrypt.key-secret' is required for cipher");
  out.key_secret = secret.mapped();
  return out;
}

Result<void> parse_one(const std::string& key, const std::string& word, Qcow2CreateOptions& into) {
  if (key == "cluster_size") return parse_cluster_size(word, into);
  if (key == "refcount_bits") return parse_refcount_bits(word, into);
  if (key == "extended_l2") {
    TRY_ASSIGN(into.extended_l2, parse_switch(key, word));
  } else if (key == "lazy_refcounts") {
    TRY_ASSIGN(into.lazy_refcounts, parse_switch(key, word));
  } else if (key == "compat") {
    TRY_ASSIGN(into.version, parse_version(word));
  } else if (key == "preallocation") {
    TRY_ASSIGN(into.preallocation, parse_preallocation(word));
  } else if (key == "compression_type") {
    TRY_ASSIGN(into.compression_type, parse_compression(word));
  } else if (key == "backing_file") {
    into.backing_file = word;
  } else if (key == "backing_fmt") {
    into.backing_format = word;
  } else if (key == "data_file") {
    into.data_file = word;
  } else if (key == "data_file_raw") {
    TRY_ASSIGN(into.data_file_raw, parse_switch(key, word));
  } else if (key == "size") {
    const std::optional<uint64_t> size = parse_size(word);
    if (!size) return invalid("Parameter 'size' expects a non-negative number below 2^64");
    into.size = *size;
  } else {
    return invalid("Invalid parameter '" + key + "'");
  }
  return {};
}

Result<void> check_size(const Qcow2CreateOptions& options) {
  const uint64_t entry = options.extended_l2 ? 16 : 8;
  const uint64_t clusters = div_round_up(options.size, uint64_t{1} << options.cluster_bits);
  const uint64_t tables = div_round_up(clusters, (uint64_t{1} << options.cluster_bits) / entry);
  // It is rounded up to whole sectors, and the stock tool's sizes have a sign.
  if (options.size > INT64_MAX - 511 && options.size <= INT64_MAX) {
    return fail(ErrorKind::invalid_argument,
                "Could not resize image: Image size cannot be negative", EINVAL);
  }
  if (options.size > INT64_MAX || tables * 8 > max_l1_bytes) {
    return fail(ErrorKind::invalid_argument,
                "The image size is too large for file format 'qcow2' (try using a larger cluster "
                "size)",
                EFBIG);
  }
  return {};
}

constexpr const char* needs_v3 =
    " with compatibility level 1.1 and above (use version=v3 or greater)";

Result<void> check_features(const Qcow2CreateOptions& options) {
  if (options.lazy_refcounts && options.version < 3) {
    return invalid(std::string("Lazy refcounts only supported") + needs_v3);
  }
  if (options.refcount_order > max_refcount_order) {
    return invalid("Refcount width must be a power of two and may not exceed 64 bits");
  }
  if (options.refcount_order != v2_refcount_order && options.version < 3) {
    return invalid(
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
        "version=v3 or greater)");
  }
  if (options.data_file_raw && !options.backing_file.empty()) {
    return invalid("Backing file and data-file-raw cannot be used at the same time");
  }
  if (options.data_file && options.version < 3) {
    return invalid(std::string("External data files are only supported") + needs_v3);
  }
  if (options.compression_type != compression_zlib && options.version < 3) {
    return invalid(std::string("Non-zlib compression type is only supported") + needs_v3);
  }
  return {};
}

}  // namespace

Result<Qcow2CreateOptions> parse_create_options(const Words& given) {
  Qcow2CreateOptions parsed;
  Words options = given;
  // Where several values are wrong, the stock tools name this one first.
  if (const auto compat = options.find("compat"); compat != options.end()) {
    TRY(parse_version(compat->second));
  }
  TRY_ASSIGN(parsed.encryption, take_encryption(options));
  for (const auto& [key, word] : options) TRY(parse_one(key, word, parsed));
  if (parsed.data_file_raw && !parsed.data_file) return invalid("data-file-raw requires data-file");
  return parsed;
}

Result<void> check_create_options(const Qcow2CreateOptions& options) {
  if (options.extended_l2 && options.version < 3) {
    return invalid(std::string("Extended L2 entries are only supported") + needs_v3);
  }
  if (options.cluster_bits < min_cluster_bits || options.cluster_bits > max_cluster_bits) {
    return invalid("Cluster size must be a power of two between 512 and 2048k");
  }
  if (options.extended_l2 && options.cluster_bits < min_extended_cluster_bits) {
    return invalid(
        "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
  }
  if (!options.backing_file.empty() && options.preallocation != Preallocation::off &&
      !options.extended_l2) {
    return invalid(
        "Backing file and preallocation can only be used at the same time if extended_l2 is on");
  }
  if (options.backing_file.empty() && !options.backing_format.empty()) {
    return invalid("Backing format cannot be used without backing file");
  }
  TRY(check_features(options));
  return check_size(options);
}

}  // namespace oxbow::format::qcow2
