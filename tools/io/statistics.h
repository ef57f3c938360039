// What the shell prints after a request: bytes, place, time and rates.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace oxbow::tools::io {

using Clock = std::chrono::steady_clock;

/// "512 bytes", "1.500 KiB", "64 MiB"; `bytes` may be a rate with a fraction.
std::string human_bytes(double bytes);

struct Transfer {
  const char* verb;  ///< "read", "wrote", "discard"
  uint64_t offset;   ///< guest bytes
  uint64_t length;   ///< bytes, all of them transferred
  Clock::duration time;
  bool machine = false;  ///< one line of comma separated figures
};

std::string statistics(const Transfer& transfer);
void print_statistics(const Transfer& transfer);

/// Hexadecimal, and what is a letter or a digit of ASCII; 16 bytes a line; `offset` is that of the
/// first byte.
void print_dump(std::span<const std::byte> bytes, uint64_t offset);

/// True where all of `bytes` are `pattern`.
bool all_bytes_are(std::span<const std::byte> bytes, uint8_t pattern);

}  // namespace oxbow::tools::io
