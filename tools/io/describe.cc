// What the image says of itself: info, alloc, map.
#include "../info_output.h"
#include "api/filename.h"
#include "arguments.h"
#include "graph/node.h"
#include "statistics.h"

namespace oxbow::tools::io {
namespace {

std::string human(uint64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

// Where a qcow2 image keeps VM states: behind what the L1 entries of the disk cover.
uint64_t vm_state_offset(const ImageInfo& info) {
  if (!info.qcow2 || !info.cluster_size) return 0;
  const uint64_t entry_bytes = info.qcow2->extended_l2 ? 16 : 8;
  const uint64_t covered = uint64_t{*info.cluster_size} * (*info.cluster_size / entry_bytes);
  return (info.virtual_size + covered - 1) / covered * covered;
}

bool report_status_failure(Shell& shell, const Error& error) {
  report_image_error(shell.context, error, "Failed to get allocation status");
  return false;
}

// The bytes from `offset` on, at most `length`, that are stored (or not) as those before.
// Nothing where the image does not tell, after a word to the user.
std::optional<bool> allocated_run(Shell& shell, uint64_t offset, uint64_t& length) {
  auto allocated = shell.image->is_allocated(offset, length);
  if (allocated) return *allocated;
  report_status_failure(shell, allocated.error());
  return std::nullopt;
}

}  // namespace

Outcome run_info(Shell& shell, const Call&) {
  auto info = shell.image->info();
  const std::string format = shell.image->format();
  fmt::print("format name: {}\n", format);
  // Once as a format and once as what lies below it.
  if (api::is_storage_driver(format)) fmt::print("format name: {}\n", format);
  if (!info) {
    error_report(shell.context, info.error());
    return Outcome::failed;
  }
  // The stock shell ends here without a word where the driver has no figures.
  if (!info->dirty) return Outcome::failed;
  if (shell.image->node()->format().file().driver().starts_with("null-")) return Outcome::failed;
  fmt::print("cluster size: {}\n", human(info->cluster_size.value_or(0)));
  fmt::print("vm state offset: {}\n", human(vm_state_offset(*info)));
  fmt::print("{}", format_specific_human(*info));
  return Outcome::done;
}

Outcome run_alloc(Shell& shell, const Call& call) {
  const auto offset = parse_number(shell, call.argv[1]);
  if (!offset) return Outcome::failed;
  std::optional<uint64_t> count = 512;
  if (call.argc == 3) count = parse_number(shell, call.argv[2]);
  if (!count) return Outcome::failed;
  const uint64_t size = shell.image->size();
  const uint64_t asked = std::min(*count, size - std::min(*offset, size));
  uint64_t found = 0;
  for (uint64_t at = 0; at < asked;) {
    uint64_t length = asked - at;
    const auto allocated = allocated_run(shell, *offset + at, length);
    if (!allocated) return Outcome::failed;
    if (*allocated) found += length;
    at += length;
  }
  fmt::print("{}/{} bytes allocated at offset {}\n", found, asked, human(*offset));
  return Outcome::done;
}

Outcome run_map(Shell& shell, const Call&) {
  const uint64_t size = shell.image->size();
  for (uint64_t begin = 0; begin < size;) {
    std::optional<bool> state;
    uint64_t end = begin;
    while (end < size) {
      uint64_t length = size - end;
      const auto allocated = allocated_run(shell, end, length);
      if (!allocated) return Outcome::failed;
      if (state && *state != *allocated) break;
      state = allocated;
      end += length;
    }
    fmt::print("{} ({:#x}) bytes {} allocated at offset {} ({:#x})\n", human(end - begin),
               end - begin, *state ? "   " : "not", human(begin), begin);
    begin = end;
  }
  return Outcome::done;
}

}  // namespace oxbow::tools::io
