// The LUKS1 header: 592 bytes that say how a volume is encrypted and where its eight key slots
// lie. Facts: the LUKS On-Disk Format Specification 1.2.3. Pure functions over bytes; who has a
// LuksHeader may trust its places to lie apart and inside the header's space.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "codec/sector_cipher.h"

namespace oxbow::format::luks {

inline constexpr size_t header_bytes = 592;
inline constexpr unsigned key_slots = 8;
inline constexpr uint32_t stripes = 4000;
inline constexpr size_t salt_bytes = 32;
inline constexpr size_t digest_bytes = 20;
inline constexpr uint64_t first_slot_offset = 4096;
inline constexpr uint32_t min_iterations = 1000;
/// What unlocking may cost at most, in PBKDF2 iterations of all active slots together: about a
/// minute. An image that asks for more is refused, since anybody may have made it.
inline constexpr uint64_t max_iterations = uint64_t{1} << 29;

inline constexpr uint32_t slot_enabled = 0x00ac71f3;
inline constexpr uint32_t slot_disabled = 0x0000dead;

using Salt = std::array<std::byte, salt_bytes>;

struct KeySlot {
  bool active = false;
  uint32_t iterations = 0;
  Salt salt{};
  uint32_t sector = 0;  ///< of the key material, in units of 512 bytes
  [[nodiscard]] uint64_t offset() const { return uint64_t{sector} * codec::sector_bytes; }
};

struct LuksHeader {
  codec::SectorCipherSpec spec;
  /// Of key derivation and of the anti-forensic splitter.
  codec::HashAlgorithm hash = codec::HashAlgorithm::sha256;
  uint32_t key_bytes = 0;                        ///< of the volume's key
  uint32_t payload_sector = 0;                   ///< where guest data begins, in units of 512 bytes
  std::array<std::byte, digest_bytes> digest{};  ///< of the volume's key
  Salt digest_salt{};
  uint32_t digest_iterations = 0;
  std::string uuid;
  std::array<KeySlot, key_slots> slots;

  [[nodiscard]] uint64_t payload_offset() const {
    return uint64_t{payload_sector} * codec::sector_bytes;
  }
  /// Bytes that a slot's key material takes, whole sectors.
  [[nodiscard]] uint64_t material_bytes() const;
  /// Bytes that belong to a slot.
  [[nodiscard]] uint64_t slot_bytes() const;
  [[nodiscard]] unsigned active_slots() const;
};

/// `bytes`: header_bytes. Errors: corrupt or unsupported, the stock tool's sentences.
Result<LuksHeader> parse_header(std::span<const std::byte> bytes);
[[nodiscard]] std::array<std::byte, header_bytes> encode_header(const LuksHeader& header);

/// Where a slot's entry lies in the header, and its 48 bytes.
inline constexpr size_t slot_entry_bytes = 48;
[[nodiscard]] constexpr uint64_t slot_entry_offset(unsigned slot) {
  return 208 + uint64_t{slot} * slot_entry_bytes;
}
[[nodiscard]] std::array<std::byte, slot_entry_bytes> encode_slot(const KeySlot& slot);

/// Puts slots and payload where the stock tools do, for a new header of these ciphers.
void lay_out(LuksHeader& header);
/// Bytes before the payload of a new volume.
[[nodiscard]] uint64_t new_header_size(const codec::SectorCipherSpec& spec);

}  // namespace oxbow::format::luks
