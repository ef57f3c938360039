// What of the image's dirty bitmaps survives a crash: a header extension of our own names the
// bitmaps whose bits on disk cover every change, while they are IN_USE; an autoclear bit says
// that nobody else has written since. Other software keeps the one and clears the other.
#pragma once

#include <oxbow/info.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace oxbow::format::qcow2 {

using oxbow::BitmapDurability;

/// The machine's present run, by which a power cut is told from a killed process. All zero where
/// it is not known: then nothing but `power` survives.
using BootId = std::array<std::byte, 16>;
[[nodiscard]] BootId current_boot();

/// The extension's contents:
///   0     version, 1
///   1     the image's own setting: 0 none, else BitmapDurability + 1
///   2-3   count of entries
///   4-7   reserved, 0
///   8-23  the boot during which the session ran
///   24-   entries of 8 bytes: the name's hash with the lowest 8 bits taken for
///         bits 0-1 the bitmap's own setting, as above; bits 2-3 what holds in this session
class BitmapRecord {
 public:
  struct Entry {
    uint64_t name_hash = 0;                   ///< lowest 8 bits 0
    std::optional<BitmapDurability> setting;  ///< of this bitmap alone
    std::optional<BitmapDurability> holds;    ///< process or power: its bits on disk cover all
  };
  static constexpr size_t max_entries = 60;

  std::optional<BitmapDurability> image_setting;
  BootId boot{};
  std::vector<Entry> entries;

  /// Nothing where the bytes are no record of this version.
  static std::optional<BitmapRecord> decode(std::span<const std::byte> data);
  /// Always of the same length, so that it can be changed in place.
  [[nodiscard]] std::vector<std::byte> encode() const;

  [[nodiscard]] const Entry* find(std::string_view name) const;
  /// Nullptr where there is no room for one more.
  Entry* find_or_add(std::string_view name);
  /// Whether the bits of this bitmap, found IN_USE, cover every change.
  [[nodiscard]] bool covers(std::string_view name, const BootId& now) const;
};

}  // namespace oxbow::format::qcow2
