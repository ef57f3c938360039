// A LUKS volume in memory for tests: small keys, few iterations.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string_view>

#include "async/loop.h"
#include "format/luks/luks.h"
#include "format/luks/luks_amend.h"
#include "format/luks/luks_create.h"
#include "storage/memory.h"

namespace oxbow::testing {

template <class T>
Result<T> run(async::Task<T> task) {
  return async::Loop::current_thread().run(std::move(task));
}

inline std::span<const std::byte> words(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline codec::SecretBytes secret(std::string_view text) { return codec::SecretBytes(words(text)); }

/// With the passphrase "abc" in slot 0, and `payload` bytes of data that decrypt to noise.
inline format::luks::LuksHeader make_volume(storage::Storage& file, uint64_t payload = 0) {
  using namespace format::luks;
  LuksCreateOptions options;
  options.spec.cipher = codec::CipherAlgorithm::aes_128;
  options.spec.mode = codec::CipherMode::cbc;
  options.iter_time = 0;
  FileHeaderBytes bytes(file);
  auto header = run(create_header(bytes, options, words("abc")));
  EXPECT_TRUE(header) << header.error().message();
  EXPECT_TRUE(run(file.truncate(header->payload_offset() + payload)));
  return *header;
}

inline bool opens(storage::Storage& file, std::string_view passphrase) {
  format::luks::FileHeaderBytes bytes(file);
  const auto header = run(format::luks::read_header(bytes));
  if (!header) return false;
  return run(format::luks::unlock(bytes, *header, words(passphrase))).has_value();
}

}  // namespace oxbow::testing
