#include "format/luks/luks_header.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::format::luks {
namespace {

using codec::SectorCipherSpec;

constexpr uint8_t magic[] = {'L', 'U', 'K', 'S', 0xba, 0xbe};
constexpr size_t name_bytes = 32;
constexpr size_t uuid_bytes = 40;
// Where fields lie.
constexpr size_t at_version = 6;
constexpr size_t at_cipher = 8;
constexpr size_t at_mode = 40;
constexpr size_t at_hash = 72;
constexpr size_t at_payload = 104;
constexpr size_t at_key_bytes = 108;
constexpr size_t at_digest = 112;
constexpr size_t at_digest_salt = 132;
constexpr size_t at_digest_iterations = 164;
constexpr size_t at_uuid = 168;

std::unexpected<Error> damaged(std::string message) {
  return fail(ErrorKind::corrupt, std::move(message), EINVAL);
}
std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorKind::unsupported, std::move(message), ENOTSUP);
}

// The words of the header that name algorithms.
struct Names {
  std::string cipher;
  std::string mode;  ///< "xts-plain64", "cbc-essiv:sha256"
  std::string hash;
};

std::string text_at(std::span<const std::byte> bytes, size_t at, size_t length) {
  std::string text(reinterpret_cast<const char*>(bytes.data()) + at, length);
  return text.substr(0, text.find('\0'));
}

Result<Names> names_of(std::span<const std::byte> bytes) {
  Names names{text_at(bytes, at_cipher, name_bytes), text_at(bytes, at_mode, name_bytes),
              text_at(bytes, at_hash, name_bytes)};
  const auto ended = [](const std::string& name) { return name.size() < name_bytes; };
  if (!ended(names.cipher)) return damaged("LUKS header cipher name is not NUL terminated");
  if (!ended(names.mode)) return damaged("LUKS header cipher mode is not NUL terminated");
  if (!ended(names.hash)) return damaged("LUKS header hash spec is not NUL terminated");
  return names;
}

Result<codec::HashAlgorithm> hash_named(const std::string& name) {
  const auto hash = codec::find_hash(name);
  if (!hash) return unknown("Hash algorithm '" + name + "' not supported");
  return *hash;
}

// Everything that the header says in words.
Result<void> take_algorithms(const Names& names, LuksHeader& header) {
  const size_t dash = names.mode.find('-');
  if (dash == std::string::npos) {
    return damaged("Unexpected cipher mode string format '" + names.mode + "'");
  }
  const std::string mode = names.mode.substr(0, dash);
  std::string generator = names.mode.substr(dash + 1);
  SectorCipherSpec& spec = header.spec;
  if (const size_t colon = generator.find(':'); colon != std::string::npos) {
    TRY_ASSIGN(spec.generator_hash, hash_named(generator.substr(colon + 1)));
    generator.resize(colon);
  }
  const auto known_mode = codec::find_mode(mode);
  if (!known_mode) return unknown("Cipher mode '" + mode + "' not supported");
  spec.mode = *known_mode;
  const size_t key = header.key_bytes / (spec.mode == codec::CipherMode::xts ? 2 : 1);
  const auto cipher = codec::find_cipher(names.cipher, key);
  if (!cipher) {
    return unknown("Algorithm '" + names.cipher + "' with key size " + std::to_string(key) +
                   " bytes not supported");
  }
  spec.cipher = *cipher;
  TRY_ASSIGN(header.hash, hash_named(names.hash));
  const auto known_generator = codec::find_iv_generator(generator);
  if (!known_generator) return unknown("IV generator '" + generator + "' not supported");
  spec.generator = *known_generator;
  if (spec.generator != codec::IvGenerator::essiv) return {};
  if (!spec.generator_hash) return damaged("Missing IV generator hash specification");
  TRY(codec::essiv_cipher(spec));
  return {};
}

Result<void> take_slot(std::span<const std::byte> bytes, unsigned index, LuksHeader& header) {
  const std::byte* raw = bytes.data() + slot_entry_offset(index);
  const std::string name = "Keyslot " + std::to_string(index);
  KeySlot& slot = header.slots[index];
  const auto state = load_be<uint32_t>(raw);
  slot.active = state == slot_enabled;
  slot.iterations = load_be<uint32_t>(raw + 4);
  std::memcpy(slot.salt.data(), raw + 8, salt_bytes);
  slot.sector = load_be<uint32_t>(raw + 40);
  const auto split = load_be<uint32_t>(raw + 44);
  if (split != stripes) {
    return damaged(name + " is corrupted (stripes " + std::to_string(static_cast<int32_t>(split)) +
                   " != " + std::to_string(stripes) + ")");
  }
  if (slot.offset() < first_slot_offset)
    return damaged(name + " is overlapping with the LUKS header");
  if (!slot.active && state != slot_disabled) {
    return damaged(name + " state (active/disable) is corrupted");
  }
  if (slot.active && slot.iterations == 0) return damaged(name + " iteration count is zero");
  if (slot.offset() + header.slot_bytes() > header.payload_offset()) {
    return damaged(name + " is overlapping with the encrypted payload");
  }
  return {};
}

Result<void> check_apart(const LuksHeader& header) {
  const uint64_t length = header.slot_bytes();
  for (unsigned a = 0; a < key_slots; ++a) {
    for (unsigned b = a + 1; b < key_slots; ++b) {
      const uint64_t first = header.slots[a].offset();
      const uint64_t second = header.slots[b].offset();
      if (first < second + length && second < first + length) {
        return damaged("Keyslots " + std::to_string(a) + " and " + std::to_string(b) +
                       " are overlapping in the header");
      }
    }
  }
  return {};
}

// What a stranger's image may make us compute.
Result<void> check_work(const LuksHeader& header) {
  uint64_t total = 0;
  for (const KeySlot& slot : header.slots) {
    if (slot.active) total += uint64_t{slot.iterations} + header.digest_iterations;
  }
  if (total <= max_iterations) return {};
  return unknown("LUKS key slots ask for " + std::to_string(total) +
                 " PBKDF iterations, more than the limit of " + std::to_string(max_iterations));
}

void put_text(std::span<std::byte> bytes, size_t at, std::string_view text, size_t room) {
  std::memcpy(bytes.data() + at, text.data(), std::min(text.size(), room - 1));
}

std::string mode_text(const SectorCipherSpec& spec) {
  std::string text = std::string(name_of(spec.mode)) + "-" + std::string(name_of(spec.generator));
  if (spec.generator_hash) text += ":" + std::string(name_of(*spec.generator_hash));
  return text;
}

}  // namespace

uint64_t LuksHeader::material_bytes() const {
  return align_up(uint64_t{key_bytes} * stripes, codec::sector_bytes);
}

uint64_t LuksHeader::slot_bytes() const { return align_up(material_bytes(), first_slot_offset); }

unsigned LuksHeader::active_slots() const {
  return static_cast<unsigned>(std::ranges::count_if(slots, &KeySlot::active));
}

Result<LuksHeader> parse_header(std::span<const std::byte> bytes) {
  if (std::memcmp(bytes.data(), magic, sizeof magic) != 0) {
    return damaged("Volume is not in LUKS format");
  }
  if (const auto version = load_be<uint16_t>(bytes.data() + at_version); version != 1) {
    return unknown("LUKS version " + std::to_string(version) + " is not supported");
  }
  TRY_ASSIGN(const Names names, names_of(bytes));
  LuksHeader header;
  header.payload_sector = load_be<uint32_t>(bytes.data() + at_payload);
  header.key_bytes = load_be<uint32_t>(bytes.data() + at_key_bytes);
  std::memcpy(header.digest.data(), bytes.data() + at_digest, digest_bytes);
  std::memcpy(header.digest_salt.data(), bytes.data() + at_digest_salt, salt_bytes);
  header.digest_iterations = load_be<uint32_t>(bytes.data() + at_digest_iterations);
  header.uuid = text_at(bytes, at_uuid, uuid_bytes);
  if (header.payload_offset() < first_slot_offset) {
    return damaged("LUKS payload is overlapping with the header");
  }
  if (header.digest_iterations == 0) return damaged("LUKS key iteration count is zero");
  for (unsigned i = 0; i < key_slots; ++i) TRY(take_slot(bytes, i, header));
  TRY(check_apart(header));
  TRY(take_algorithms(names, header));
  TRY(check_work(header));
  return header;
}

std::array<std::byte, slot_entry_bytes> encode_slot(const KeySlot& slot) {
  std::array<std::byte, slot_entry_bytes> raw{};
  store_be(raw.data(), slot.active ? slot_enabled : slot_disabled);
  store_be(raw.data() + 4, slot.iterations);
  std::memcpy(raw.data() + 8, slot.salt.data(), salt_bytes);
  store_be(raw.data() + 40, slot.sector);
  store_be(raw.data() + 44, stripes);
  return raw;
}

std::array<std::byte, header_bytes> encode_header(const LuksHeader& header) {
  std::array<std::byte, header_bytes> raw{};
  std::memcpy(raw.data(), magic, sizeof magic);
  store_be<uint16_t>(raw.data() + at_version, 1);
  put_text(raw, at_cipher, family_of(header.spec.cipher), name_bytes);
  put_text(raw, at_mode, mode_text(header.spec), name_bytes);
  put_text(raw, at_hash, name_of(header.hash), name_bytes);
  store_be(raw.data() + at_payload, header.payload_sector);
  store_be(raw.data() + at_key_bytes, header.key_bytes);
  std::memcpy(raw.data() + at_digest, header.digest.data(), digest_bytes);
  std::memcpy(raw.data() + at_digest_salt, header.digest_salt.data(), salt_bytes);
  store_be(raw.data() + at_digest_iterations, header.digest_iterations);
  put_text(raw, at_uuid, header.uuid, uuid_bytes);
  for (unsigned i = 0; i < key_slots; ++i) {
    const auto entry = encode_slot(header.slots[i]);
    std::ranges::copy(entry, raw.begin() + static_cast<ptrdiff_t>(slot_entry_offset(i)));
  }
  return raw;
}

void lay_out(LuksHeader& header) {
  header.key_bytes = static_cast<uint32_t>(key_size(header.spec.cipher, header.spec.mode));
  const uint64_t room = header.slot_bytes();
  uint64_t at = first_slot_offset;
  for (KeySlot& slot : header.slots) {
    slot.sector = static_cast<uint32_t>(at / codec::sector_bytes);
    at += room;
  }
  header.payload_sector = static_cast<uint32_t>(at / codec::sector_bytes);
}

uint64_t new_header_size(const SectorCipherSpec& spec) {
  LuksHeader header;
  header.spec = spec;
  lay_out(header);
  return header.payload_offset();
}

}  // namespace oxbow::format::luks
