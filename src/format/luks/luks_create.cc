#include "format/luks/luks_create.h"

#include <charconv>
#include <cstdio>

#include "base/invalid.h"

namespace oxbow::format::luks {
namespace {

using Words = std::map<std::string, std::string>;

// The digest of the volume's key, which every try computes, is cheaper than a slot.
constexpr uint64_t digest_share = 8;

std::optional<std::string> take(Words& words, const char* key) {
  auto node = words.extract(key);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

// `find` gives what the word names, or nothing.
template <class T, class Find>
Result<void> take_word(Words& words, const char* key, T& into, Find find) {
  const auto word = take(words, key);
  if (!word) return {};
  const auto found = find(*word);
  if (!found) {
    return invalid("Parameter '" + std::string(key) + "' does not accept value '" + *word + "'");
  }
  into = *found;
  return {};
}

Result<void> take_cipher(Words& words, codec::SectorCipherSpec& spec) {
  // Ciphers that the stock tool has a word for and no code.
  const auto word = words.find("cipher-alg");
  if (word != words.end() && (word->second == "3des" || word->second == "des")) {
    return fail(ErrorKind::unsupported, "Algorithm '" + word->second + "' not supported", ENOTSUP);
  }
  return take_word(words, "cipher-alg", spec.cipher,
                   [](const std::string& name) { return codec::find_cipher(name); });
}

Result<uint64_t> take_iter_time(Words& words, uint64_t usual) {
  const auto word = take(words, "iter-time");
  if (!word) return usual;
  uint64_t value = 0;
  int64_t negative = 0;
  const char* end = word->data() + word->size();
  if (std::from_chars(word->data(), end, value).ptr == end && !word->empty()) return value;
  if (std::from_chars(word->data(), end, negative).ptr == end && !word->empty()) {
    return static_cast<uint64_t>(negative);
  }
  return invalid("Parameter 'iter-time' expects a number");
}

Result<void> check_spec(const codec::SectorCipherSpec& spec) {
  if (spec.mode == codec::CipherMode::xts && block_size(spec.cipher) != 16) {
    return fail(ErrorKind::unsupported, "Unsupported cipher mode xts", ENOTSUP);
  }
  if (spec.generator == codec::IvGenerator::essiv) TRY(codec::essiv_cipher(spec));
  return {};
}

// A random one, in the usual form.
Result<std::string> new_uuid() {
  std::array<uint8_t, 16> raw;
  TRY(codec::fill_random(std::as_writable_bytes(std::span(raw))));
  raw[6] = static_cast<uint8_t>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<uint8_t>((raw[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", raw[i]);
    text += digits;
  }
  return text;
}

}  // namespace

Result<LuksCreateOptions> take_create_options(Words& words) {
  LuksCreateOptions out;
  TRY(take_cipher(words, out.spec));
  TRY(take_word(words, "cipher-mode", out.spec.mode,
                [](const std::string& name) { return codec::find_mode(name); }));
  TRY(take_word(words, "ivgen-alg", out.spec.generator,
                [](const std::string& name) { return codec::find_iv_generator(name); }));
  if (words.contains("ivgen-hash-alg")) {
    TRY(take_word(words, "ivgen-hash-alg", out.spec.generator_hash.emplace(),
                  [](const std::string& name) { return codec::find_hash(name); }));
  }
  TRY(take_word(words, "hash-alg", out.hash,
                [](const std::string& name) { return codec::find_hash(name); }));
  TRY_ASSIGN(out.iter_time, take_iter_time(words, out.iter_time));
  if (out.spec.generator == codec::IvGenerator::essiv && !out.spec.generator_hash) {
    out.spec.generator_hash = codec::HashAlgorithm::sha256;
  }
  TRY(check_spec(out.spec));
  return out;
}

Task<LuksHeader> create_header(HeaderBytes& bytes, const LuksCreateOptions& options,
                               Passphrase passphrase) {
  LuksHeader header;
  header.spec = options.spec;
  header.hash = options.hash;
  lay_out(header);
  CO_TRY_ASSIGN(header.uuid, new_uuid());
  codec::SecretBytes key(header.key_bytes);
  CO_TRY(codec::fill_random(key.span()));
  CO_TRY_ASSIGN(const uint32_t digest_iterations,
                co_await count_iterations(header.hash, digest_bytes,
                                          div_round_up(options.iter_time, digest_share)));
  CO_TRY(co_await set_digest(header, key, digest_iterations));
  CO_TRY_ASSIGN(const uint32_t iterations,
                co_await count_iterations(header.hash, header.key_bytes, options.iter_time));
  const auto raw = encode_header(header);
  CO_TRY(co_await bytes.write(0, raw));
  CO_TRY(co_await fill_slot(bytes, header, 0, key, passphrase, iterations));
  co_return header;
}

}  // namespace oxbow::format::luks
