// Memory for keys and passphrases: overwritten before it is given back.
#pragma once

#include <string.h>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace oxbow::codec {

/// A fixed number of bytes; movable, not copied by accident.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t size) : bytes_(size) {}
  explicit SecretBytes(std::span<const std::byte> from) : bytes_(from.begin(), from.end()) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~SecretBytes() {
    if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
  }

  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<std::byte> span() { return bytes_; }
  [[nodiscard]] std::span<const std::byte> span() const { return bytes_; }
  [[nodiscard]] SecretBytes copy() const { return SecretBytes(span()); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace oxbow::codec
