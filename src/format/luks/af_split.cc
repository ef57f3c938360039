#include "format/luks/af_split.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"

namespace oxbow::format::luks {
namespace {

using codec::HashAlgorithm;
using codec::SecretBytes;

// Each piece of a digest's length becomes the digest of its number and itself; the last may be
// shorter.
Result<void> diffuse(HashAlgorithm hash, std::span<std::byte> block) {
  const size_t piece = codec::digest_size(hash);
  std::vector<std::byte> input;
  uint32_t number = 0;
  for (size_t at = 0; at < block.size(); at += piece, ++number) {
    const auto part = block.subspan(at, std::min(piece, block.size() - at));
    input.resize(sizeof number + part.size());
    store_be(input.data(), number);
    std::ranges::copy(part, input.begin() + sizeof number);
    TRY_ASSIGN(const SecretBytes digest, codec::digest(hash, input));
    std::ranges::copy(digest.span().first(part.size()), part.begin());
  }
  ::explicit_bzero(input.data(), input.size());
  return {};
}

void add(std::span<std::byte> into, std::span<const std::byte> other) {
  for (size_t i = 0; i < into.size(); ++i) into[i] ^= other[i];
}

}  // namespace

Result<void> af_split(HashAlgorithm hash, uint32_t stripes, std::span<const std::byte> key,
                      std::span<std::byte> material) {
  const size_t size = key.size();
  SecretBytes block(size);
  TRY(codec::fill_random(material.first((stripes - 1) * size)));
  for (uint32_t i = 0; i + 1 < stripes; ++i) {
    add(block.span(), material.subspan(i * size, size));
    TRY(diffuse(hash, block.span()));
  }
  add(block.span(), key);
  std::ranges::copy(block.span(), material.begin() + static_cast<ptrdiff_t>((stripes - 1) * size));
  return {};
}

Result<SecretBytes> af_merge(HashAlgorithm hash, uint32_t stripes, size_t key_size,
                             std::span<const std::byte> material) {
  SecretBytes block(key_size);
  for (uint32_t i = 0; i + 1 < stripes; ++i) {
    add(block.span(), material.subspan(i * key_size, key_size));
    TRY(diffuse(hash, block.span()));
  }
  add(block.span(), material.subspan((stripes - 1) * key_size, key_size));
  return block;
}

}  // namespace oxbow::format::luks
