// Header extensions: the typed, length-prefixed fields between the header and the backing
// file's name. Pure functions over bytes; reading them from the file is header.cc's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace oxbow::format::qcow2 {

struct BitmapsExtension {
  uint32_t count = 0;
  uint64_t directory_size = 0;  ///< bytes
  uint64_t directory_offset = 0;
};

/// Where the LUKS header lies in the file.
struct CryptoExtension {
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// One row of the feature name table, for messages about features that are not known.
struct FeatureName {
  uint8_t type = 0;  ///< 0 incompatible, 1 compatible, 2 autoclear
  uint8_t bit = 0;
  std::string name;  ///< at most 46 bytes
};

/// Kept and written back byte for byte.
struct UnknownExtension {
  uint32_t type = 0;
  std::vector<std::byte> data;
};

struct Extensions {
  std::optional<std::string> backing_format;
  std::optional<std::string> data_file;
  std::optional<CryptoExtension> crypto;
  std::optional<BitmapsExtension> bitmaps;
  /// There were bitmaps, but a program that knows none has written since: they are void.
  bool bitmaps_outdated = false;
  std::vector<FeatureName> feature_names;
  std::vector<UnknownExtension> unknown;  ///< in their order
};

/// What of the header decides how extensions are judged.
struct ExtensionContext {
  uint32_t cluster_bits = 0;
  uint32_t crypt_method = 0;
  uint64_t autoclear_features = 0;
};

/// How many bytes of the header's cluster must be in memory to read all the extensions in
/// [begin, end): `bytes` is its beginning. At most `end` + 8; more than bytes.size() means:
/// read that much and ask again.
[[nodiscard]] uint64_t extensions_need(std::span<const std::byte> bytes, uint64_t begin,
                                       uint64_t end);

/// `bytes` holds what extensions_need() asked for. Errors: corrupt, in the stock tool's words.
Result<Extensions> parse_extensions(std::span<const std::byte> bytes, uint64_t begin, uint64_t end,
                                    const ExtensionContext& context);

/// The feature name table alone, whatever state the rest is in.
[[nodiscard]] std::vector<FeatureName> parse_feature_names(std::span<const std::byte> bytes,
                                                           uint64_t begin, uint64_t end);

/// Every extension and the end marker, in the order in which the stock tools write them.
[[nodiscard]] std::vector<std::byte> encode_extensions(const Extensions& extensions);

/// The names of all features that the format's specification defines.
[[nodiscard]] std::vector<FeatureName> standard_feature_names();

}  // namespace oxbow::format::qcow2
