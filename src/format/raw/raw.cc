#include "format/raw/raw.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "storage/window.h"

namespace oxbow::format::raw {
namespace {

// How many of the file's bytes there are from `start` on.
uint64_t bytes_from(const storage::Source& file, uint64_t start) {
  return file.size() > start ? file.size() - start : 0;
}

}  // namespace

Result<std::unique_ptr<RawImage>> RawImage::create(std::unique_ptr<storage::Storage> file,
                                                   RawOptions options) {
  TRY(storage::WindowStorage::check(*file, options.offset, options.size));
  return std::unique_ptr<RawImage>(new RawImage(std::move(file), std::move(options)));
}

Geometry RawImage::geometry() const {
  const uint64_t bytes = options_.size.value_or(bytes_from(*file_, options_.offset));
  return {align_up(bytes, sector), 0, 0};
}

Task<Run> RawImage::map(uint64_t offset, uint64_t length) {
  Run run;
  const uint64_t end = bytes_from(*file_, options_.offset);
  if (offset >= end) {
    run.length = length;
    run.kind = RunKind::zero;
    run.has_host_offset = file_->limits().has_places;
    run.host_offset = offset + options_.offset;
    co_return run;
  }
  const uint64_t host_offset = offset + options_.offset;
  const uint64_t asked = std::min(length, end - offset);
  CO_TRY_ASSIGN(const storage::Status status, co_await file_->status(host_offset, asked));
  run.length = std::min(status.length, asked);
  run.kind = status.zero ? RunKind::zero : RunKind::data;
  run.has_host_offset = file_->limits().has_places;
  run.host_offset = host_offset;
  co_return run;
}

// The file knows its holes best: nothing is asked before it is read.
Task<Run> RawImage::map_for_read(uint64_t offset, uint64_t length) {
  Run run;
  run.length = length;
  run.kind = RunKind::data;
  run.has_host_offset = true;
  run.host_offset = offset + options_.offset;
  co_return run;
}

Task<> RawImage::read_host(Place at, IoSpan into) {
  file_->event("read_aio");
  return file_->read(at.host, into);
}

Task<> RawImage::read_compressed(uint64_t, IoSpan) {
  co_return fail(ErrorKind::internal, "raw images have no compressed clusters");
}

Task<WritePlan> RawImage::prepare_write(uint64_t offset, uint64_t length) {
  WritePlan plan;
  plan.guest_offset = offset;
  plan.host_offset = offset + options_.offset;
  plan.length = length;
  co_return plan;
}

Task<> RawImage::write_host(Place at, IoSpan from) {
  file_->event("write_aio");
  const bool restricted = options_.forbidden_start && at.host < options_.offset + sector;
  if (restricted) return write_first_sector(at.host - options_.offset, from);
  return file_->write(at.host, from);
}

Task<> RawImage::write_first_sector(uint64_t offset, IoSpan from) {
  std::array<std::byte, sector> start{};
  const iovec into = io_slice(std::span<std::byte>(start));
  CO_TRY(co_await file_->read(options_.offset, IoSpan(&into, 1)));
  io_copy_to(from, std::span(start).subspan(offset));
  if (options_.forbidden_start(start)) {
    co_return fail(ErrorKind::permission,
                   "The format of '" + file_->filename() +
                       "' was not specified, and this write would make it an image of another "
                       "format",
                   EPERM);
  }
  co_return co_await file_->write(options_.offset + offset, from);
}

Task<> RawImage::commit_write(WritePlan&) { co_return {}; }
Task<> RawImage::abort_write(WritePlan&) { co_return {}; }

Task<uint64_t> RawImage::zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) {
  storage::ZeroFlags below;
  below.may_unmap = flags.may_unmap;
  below.no_fallback = flags.no_fallback;
  CO_TRY(co_await file_->write_zeroes(offset + options_.offset, length, below));
  co_return length;
}

Task<> RawImage::discard(uint64_t offset, uint64_t length) {
  const uint64_t end = bytes_from(*file_, options_.offset);
  if (offset >= end) co_return {};
  co_return co_await file_->discard(offset + options_.offset, std::min(length, end - offset));
}

Task<> RawImage::resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) {
  if (options_.size) {
    co_return fail(ErrorKind::unsupported, "Cannot resize fixed-size raw disks", ENOTSUP);
  }
  if (size > INT64_MAX - options_.offset) {
    co_return fail(ErrorKind::invalid_argument, "Disk size too large for the chosen offset",
                   EINVAL);
  }
  if (size < geometry().virtual_size && !allow_shrink) {
    co_return fail(ErrorKind::invalid_argument,
                   "Shrinking '" + file_->filename() + "' would lose the data at its end", EINVAL);
  }
  if (size < geometry().virtual_size && preallocation != storage::Preallocation::off) {
    co_return fail(ErrorKind::invalid_argument, "Cannot use preallocation for shrinking files",
                   EINVAL);
  }
  co_return co_await file_->truncate(options_.offset + size, preallocation);
}

}  // namespace oxbow::format::raw
