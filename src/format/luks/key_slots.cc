#include "format/luks/key_slots.h"

#include <time.h>

#include <algorithm>

#include "async/loop.h"
#include "format/luks/af_split.h"

namespace oxbow::format::luks {
namespace {

using async::Loop;
using codec::SecretBytes;

// How long a calibration runs at least; the clock ticks finer.
constexpr uint64_t calibration_ns = 20'000'000;
constexpr uint64_t overwrites = 4;

Result<SecretBytes> digest_of(const LuksHeader& header, std::span<const std::byte> key) {
  return codec::pbkdf2(header.hash, key, header.digest_salt, header.digest_iterations,
                       digest_bytes);
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b) {
  std::byte difference{0};
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

Result<std::unique_ptr<codec::SectorCipher>> slot_cipher(const LuksHeader& header,
                                                         const KeySlot& slot,
                                                         Passphrase passphrase) {
  TRY_ASSIGN(const SecretBytes key,
             codec::pbkdf2(header.hash, passphrase, slot.salt, slot.iterations, header.key_bytes));
  return codec::SectorCipher::create(header.spec, key.span());
}

// Whatever comes out of the material, if its digest is the volume's.
Result<std::optional<SecretBytes>> key_from(const LuksHeader& header, const KeySlot& slot,
                                            Passphrase passphrase, std::span<std::byte> material) {
  TRY_ASSIGN(const auto cipher, slot_cipher(header, slot, passphrase));
  TRY(cipher->decrypt(0, material, material));
  TRY_ASSIGN(SecretBytes key, af_merge(header.hash, stripes, header.key_bytes, material));
  TRY_ASSIGN(const SecretBytes digest, digest_of(header, key.span()));
  if (!same(digest.span(), header.digest)) return std::nullopt;
  return std::optional(std::move(key));
}

Result<void> material_for(const LuksHeader& header, const KeySlot& slot, const SecretBytes& key,
                          Passphrase passphrase, std::span<std::byte> material) {
  TRY(af_split(header.hash, stripes, key.span(), material));
  TRY_ASSIGN(const auto cipher, slot_cipher(header, slot, passphrase));
  return cipher->encrypt(0, material, material);
}

uint64_t cpu_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Result<uint64_t> iterations_in(codec::HashAlgorithm hash, size_t length, uint64_t milliseconds) {
  const Salt salt{};
  for (uint32_t count = 4096;; count *= 2) {
    const uint64_t begin = cpu_nanoseconds();
    TRY(codec::pbkdf2(hash, salt, salt, count, length));
    const uint64_t spent = cpu_nanoseconds() - begin;
    if (spent < calibration_ns && count < (uint32_t{1} << 30)) continue;
    const double per_ms = count * 1e6 / static_cast<double>(std::max<uint64_t>(spent, 1));
    return static_cast<uint64_t>(per_ms * static_cast<double>(milliseconds));
  }
}

}  // namespace

Task<LuksHeader> read_header(HeaderBytes& bytes) {
  std::array<std::byte, header_bytes> raw{};
  CO_TRY(co_await bytes.read(0, raw));
  co_return parse_header(raw);
}

Task<std::optional<SecretBytes>> open_slot(HeaderBytes& bytes, const LuksHeader& header,
                                           unsigned slot, Passphrase passphrase) {
  CO_TRY_ASSIGN(Buffer material, Buffer::allocate(header.material_bytes()));
  CO_TRY(co_await bytes.read(header.slots[slot].offset(), material.span()));
  auto work = [&] { return key_from(header, header.slots[slot], passphrase, material.span()); };
  Result<std::optional<SecretBytes>> key = co_await Loop::current_thread().offload(work);
  ::explicit_bzero(material.data(), material.size());
  co_return key;
}

Task<SecretBytes> unlock(HeaderBytes& bytes, const LuksHeader& header, Passphrase passphrase) {
  if (header.spec.mode == codec::CipherMode::xts && header.key_bytes % 2 != 0) {
    co_return fail(ErrorKind::corrupt, "XTS cipher key length should be a multiple of 2", EINVAL);
  }
  for (unsigned slot = 0; slot < key_slots; ++slot) {
    if (!header.slots[slot].active) continue;
    CO_TRY_ASSIGN(std::optional<SecretBytes> key,
                  co_await open_slot(bytes, header, slot, passphrase));
    if (key) co_return std::move(*key);
  }
  co_return fail(ErrorKind::permission, "Invalid password, cannot unlock any keyslot", EPERM);
}

Task<uint32_t> count_iterations(codec::HashAlgorithm hash, size_t length, uint64_t milliseconds) {
  if (milliseconds == 0) co_return min_iterations;
  auto work = [&] { return iterations_in(hash, length, milliseconds); };
  CO_TRY_ASSIGN(const uint64_t count, co_await Loop::current_thread().offload(work));
  // Nobody could open the volume again where it asked for more.
  if (count > max_iterations / (2 * key_slots)) {
    co_return fail(ErrorKind::invalid_argument,
                   "PBKDF iterations " + std::to_string(count) + " larger than " +
                       std::to_string(max_iterations / (2 * key_slots)),
                   ERANGE);
  }
  co_return std::max(min_iterations, static_cast<uint32_t>(count));
}

// The material first, the entry without the flag next; then the flag alone, four bytes of one
// sector: what a crash tears apart is a slot that is not active.
Task<> fill_slot(HeaderBytes& bytes, LuksHeader& header, unsigned slot, const SecretBytes& key,
                 Passphrase passphrase, uint32_t iterations) {
  KeySlot entry = header.slots[slot];
  entry.active = false;
  entry.iterations = iterations;
  CO_TRY(codec::fill_random(entry.salt));
  CO_TRY_ASSIGN(Buffer material, Buffer::allocate_zeroed(header.material_bytes()));
  auto work = [&] { return material_for(header, entry, key, passphrase, material.span()); };
  CO_TRY(co_await Loop::current_thread().offload(work));
  CO_TRY(co_await bytes.write(entry.offset(), material.span()));
  auto raw = encode_slot(entry);
  CO_TRY(co_await bytes.write(slot_entry_offset(slot), raw));
  CO_TRY(co_await bytes.barrier());
  entry.active = true;
  raw = encode_slot(entry);
  CO_TRY(co_await bytes.write(slot_entry_offset(slot), std::span(raw).first(4)));
  CO_TRY(co_await bytes.barrier());
  header.slots[slot] = entry;
  co_return {};
}

Task<> erase_slot(HeaderBytes& bytes, LuksHeader& header, unsigned slot) {
  KeySlot entry;
  entry.sector = header.slots[slot].sector;
  const auto raw = encode_slot(entry);
  CO_TRY(co_await bytes.write(slot_entry_offset(slot), raw));
  CO_TRY(co_await bytes.barrier());
  header.slots[slot] = entry;
  CO_TRY_ASSIGN(Buffer noise, Buffer::allocate(header.material_bytes()));
  for (uint64_t i = 0; i < overwrites; ++i) {
    CO_TRY(codec::fill_random(noise.span()));
    CO_TRY(co_await bytes.write(entry.offset(), noise.span()));
    CO_TRY(co_await bytes.barrier());
  }
  co_return {};
}

Task<> set_digest(LuksHeader& header, const SecretBytes& key, uint32_t iterations) {
  header.digest_iterations = iterations;
  CO_TRY(codec::fill_random(header.digest_salt));
  auto work = [&] { return digest_of(header, key.span()); };
  CO_TRY_ASSIGN(const SecretBytes digest, co_await Loop::current_thread().offload(work));
  std::ranges::copy(digest.span(), header.digest.begin());
  co_return {};
}

}  // namespace oxbow::format::luks
