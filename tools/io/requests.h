// Requests with their buffers, and what is done with the bytes that were read: comparing with
// a pattern, dumping. Shared by the synchronous and the asynchronous commands.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "shell.h"
#include "statistics.h"

namespace oxbow::tools::io {

/// What every transfer command can be told to do with its result.
struct Report {
  bool quiet = false;
  bool machine = false;            ///< -C
  bool dump = false;               ///< -v
  std::optional<uint8_t> pattern;  ///< -P of a read
  uint64_t check_from = 0;         ///< bytes of the request left out of the comparison
  uint64_t check_length = 0;       ///< bytes compared
};

/// A buffer of `length` bytes, or a complaint on stdout.
std::unique_ptr<IoBuffer> take_buffer(BufferPool& pool, uint64_t length);

/// One part for each length, side by side in `bytes`.
template <class Byte>
std::vector<std::span<Byte>> split(std::span<Byte> bytes, std::span<const uint64_t> lengths) {
  std::vector<std::span<Byte>> parts;
  parts.reserve(lengths.size());
  for (uint64_t length : lengths) {
    parts.push_back(bytes.first(length));
    bytes = bytes.subspan(length);
  }
  return parts;
}

/// Compares, dumps and prints figures. False where the pattern did not match.
bool report_read(const Report& report, std::span<const std::byte> bytes, uint64_t offset,
                 Clock::duration time);
void report_transfer(const Report& report, const char* verb, uint64_t offset, uint64_t length,
                     Clock::duration time);

}  // namespace oxbow::tools::io
