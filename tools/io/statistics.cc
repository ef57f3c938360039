#include "statistics.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace oxbow::tools::io {
namespace {

using Text = fmt::memory_buffer;

void add_bytes(Text& text, double bytes) {
  static constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto out = std::back_inserter(text);
  if (bytes < 1024) {
    if (bytes == std::floor(bytes)) {
      fmt::format_to(out, "{} bytes", static_cast<uint64_t>(bytes));
    } else {
      fmt::format_to(out, "{:f} bytes", bytes);
    }
    return;
  }
  size_t unit = 0;
  for (bytes /= 1024; bytes >= 1024 && unit + 1 < units.size(); ++unit) bytes /= 1024;
  fmt::format_to(out, "{:.3f}", bytes);
  if (std::string_view(text.data(), text.size()).ends_with(".000")) text.resize(text.size() - 4);
  fmt::format_to(out, " {}", units[unit]);
}

// "00.00 sec" below a minute, else or `always_long` "h:mm:ss.hh".
void add_time(Text& text, Clock::duration time, bool always_long) {
  const auto hundredths =
      std::chrono::duration_cast<std::chrono::duration<uint64_t, std::centi>>(time).count();
  const uint64_t seconds = hundredths / 100;
  auto out = std::back_inserter(text);
  if (seconds < 60 && !always_long) {
    fmt::format_to(out, "{:02}.{:02} sec", seconds, hundredths % 100);
  } else {
    fmt::format_to(out, "{}:{:02}:{:02}.{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                   hundredths % 100);
  }
}

void add_statistics(Text& text, const Transfer& transfer) {
  const double seconds = std::chrono::duration<double>(transfer.time).count();
  const double rate = static_cast<double>(transfer.length) / seconds;
  auto out = std::back_inserter(text);
  if (transfer.machine) {
    fmt::format_to(out, "{},1,", transfer.length);
    add_time(text, transfer.time, true);
    fmt::format_to(out, ",{:.3f},{:.3f}\n", rate, 1 / seconds);
    return;
  }
  fmt::format_to(out, "{} {}/{} bytes at offset {}\n", transfer.verb, transfer.length,
                 transfer.length, transfer.offset);
  add_bytes(text, static_cast<double>(transfer.length));
  fmt::format_to(out, ", 1 ops; ");
  add_time(text, transfer.time, false);
  fmt::format_to(out, " (");
  add_bytes(text, rate);
  fmt::format_to(out, "/sec and {:.4f} ops/sec)\n", 1 / seconds);
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::string human_bytes(double bytes) {
  Text text;
  add_bytes(text, bytes);
  return fmt::to_string(text);
}

std::string statistics(const Transfer& transfer) {
  Text text;
  add_statistics(text, transfer);
  return fmt::to_string(text);
}

void print_statistics(const Transfer& transfer) {
  Text text;
  add_statistics(text, transfer);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_dump(std::span<const std::byte> bytes, uint64_t offset) {
  Text text;
  auto out = std::back_inserter(text);
  for (; !bytes.empty(); offset += 16) {
    const auto row = bytes.first(std::min<size_t>(16, bytes.size()));
    text.clear();
    fmt::format_to(out, "{:08x}:  ", offset);
    for (std::byte byte : row) fmt::format_to(out, "{:02x} ", static_cast<unsigned>(byte));
    text.push_back(' ');
    for (std::byte byte : row) {
      const char letter = static_cast<char>(byte);
      text.push_back(is_letter_or_digit(letter) ? letter : '.');
    }
    text.push_back('\n');
    std::fwrite(text.data(), 1, text.size(), stdout);
    bytes = bytes.subspan(row.size());
  }
}

bool all_bytes_are(std::span<const std::byte> bytes, uint8_t pattern) {
  if (bytes.empty()) return true;
  return bytes[0] == std::byte(pattern) &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace oxbow::tools::io
