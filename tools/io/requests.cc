#include "requests.h"

#include <fmt/format.h>

namespace oxbow::tools::io {

std::unique_ptr<IoBuffer> take_buffer(BufferPool& pool, uint64_t length) {
  auto buffer = pool.take(length);
  if (buffer) return std::move(*buffer);
  fmt::print("{}\n", buffer.error().message());
  return nullptr;
}

bool report_read(const Report& report, std::span<const std::byte> bytes, uint64_t offset,
                 Clock::duration time) {
  bool matches = true;
  if (report.pattern) {
    matches = all_bytes_are(bytes.subspan(report.check_from, report.check_length), *report.pattern);
    if (!matches) {
      fmt::print("Pattern verification failed at offset {}, {} bytes\n", offset + report.check_from,
                 report.check_length);
    }
  }
  if (report.quiet) return matches;
  if (report.dump) print_dump(bytes, offset);
  report_transfer(report, "read", offset, bytes.size(), time);
  return matches;
}

void report_transfer(const Report& report, const char* verb, uint64_t offset, uint64_t length,
                     Clock::duration time) {
  if (!report.quiet) print_statistics({verb, offset, length, time, report.machine});
}

}  // namespace oxbow::tools::io
