#include "format/qcow2/bitmap_record.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/bytes.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr std::byte version{1};
constexpr size_t record_fixed_bytes = 24;
constexpr uint64_t flag_bits = 0xff;

// FNV-1a: only to find a name again in an image that nobody else has written to.
uint64_t hash_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  }
  return hash & ~flag_bits;
}

unsigned code_of(std::optional<BitmapDurability> setting) {
  return setting ? static_cast<unsigned>(*setting) + 1 : 0;
}

std::optional<BitmapDurability> setting_of(unsigned code) {
  if (code == 0) return std::nullopt;
  return static_cast<BitmapDurability>(code - 1);
}

std::optional<std::byte> hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return std::byte(letter - '0');
  if (letter >= 'a' && letter <= 'f') return std::byte(letter - 'a' + 10);
  return std::nullopt;
}

}  // namespace

BootId current_boot() {
  BootId id{};
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  file >> text;
  size_t digits = 0;
  for (const char letter : text) {
    const auto digit = hex_digit(letter);
    if (!digit || digits == 2 * id.size()) continue;
    id[digits / 2] = id[digits / 2] << 4 | *digit;
    ++digits;
  }
  return digits == 2 * id.size() ? id : BootId{};
}

std::optional<BitmapRecord> BitmapRecord::decode(std::span<const std::byte> data) {
  if (data.size() < record_fixed_bytes || data[0] != version || data[1] > std::byte{3}) {
    return std::nullopt;
  }
  const size_t count = load_be<uint16_t>(data.data() + 2);
  if (count > max_entries || data.size() < record_fixed_bytes + count * 8) return std::nullopt;
  BitmapRecord record;
  record.image_setting = setting_of(std::to_integer<unsigned>(data[1]));
  std::ranges::copy(data.subspan(8, record.boot.size()), record.boot.begin());
  for (size_t i = 0; i < count; ++i) {
    const auto raw = load_be<uint64_t>(data.data() + record_fixed_bytes + i * 8);
    record.entries.push_back({raw & ~flag_bits, setting_of(raw & 3), setting_of(raw >> 2 & 3)});
  }
  return record;
}

std::vector<std::byte> BitmapRecord::encode() const {
  std::vector<std::byte> data(record_fixed_bytes + max_entries * 8);
  data[0] = version;
  data[1] = std::byte(code_of(image_setting));
  store_be<uint16_t>(data.data() + 2, static_cast<uint16_t>(entries.size()));
  std::ranges::copy(boot, data.begin() + 8);
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    store_be<uint64_t>(data.data() + record_fixed_bytes + i * 8,
                       entry.name_hash | code_of(entry.setting) | code_of(entry.holds) << 2);
  }
  return data;
}

const BitmapRecord::Entry* BitmapRecord::find(std::string_view name) const {
  const auto found = std::ranges::find(entries, hash_of(name), &Entry::name_hash);
  return found == entries.end() ? nullptr : &*found;
}

BitmapRecord::Entry* BitmapRecord::find_or_add(std::string_view name) {
  const auto found = std::ranges::find(entries, hash_of(name), &Entry::name_hash);
  if (found != entries.end()) return &*found;
  if (entries.size() == max_entries) return nullptr;
  entries.push_back({hash_of(name), std::nullopt, std::nullopt});
  return &entries.back();
}

bool BitmapRecord::covers(std::string_view name, const BootId& now) const {
  const Entry* entry = find(name);
  if (entry == nullptr || !entry->holds) return false;
  if (*entry->holds == BitmapDurability::power) return true;
  return *entry->holds == BitmapDurability::process && boot == now && now != BootId{};
}

}  // namespace oxbow::format::qcow2
