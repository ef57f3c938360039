#include "format/vmdk/vmdk.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/corrupt.h"

namespace oxbow::format::vmdk {
namespace {

constexpr uint64_t max_text = 2 << 20;

bool is_known_type(const std::string& type) {
  constexpr std::array known = {"monolithicFlat",       "vmfs",
                                "vmfsSparse",           "seSparse",
                                "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"};
  return std::ranges::find(known, type) != known.end();
}

}  // namespace

Task<std::unique_ptr<Format>> VmdkImage::open(std::unique_ptr<storage::Storage> file, bool writable,
                                              OpenBeside open_beside) {
  std::unique_ptr<VmdkImage> image(new VmdkImage(std::move(file)));
  const Result<void> loaded = co_await image->load(writable, std::move(open_beside));
  if (!loaded) {
    (void)co_await image->close_extents();
    (void)co_await image->file_->close();
    co_return std::unexpected(loaded.error());
  }
  co_return std::unique_ptr<Format>(std::move(image));
}

Task<> VmdkImage::load(bool writable, OpenBeside open_beside) {
  CO_TRY_ASSIGN(const bool sparse, co_await is_sparse(*file_));
  std::string text;
  if (sparse) {
    Extent extent;
    extent.file = file_.get();
    CO_TRY_ASSIGN(extent.sparse, co_await read_sparse_header(*file_));
    const SparseHeader header = *extent.sparse;
    text_offset_ = header.descriptor;
    if (header.descriptor != 0) {
      const uint64_t length = std::min(header.descriptor_size, max_text);
      CO_TRY_ASSIGN(text, co_await read_text(header.descriptor, length));
      CO_TRY_ASSIGN(descriptor_, parse_descriptor(text));
    }
    CO_TRY(co_await add_sparse(std::move(extent), header.capacity * sector));
  } else {
    CO_TRY_ASSIGN(text, co_await read_text(0, std::min(file_->size(), max_text)));
    CO_TRY_ASSIGN(descriptor_, parse_descriptor(text));
    if (!is_known_type(descriptor_.create_type)) {
      co_return fail(ErrorKind::unsupported,
                     "Unsupported image type '" + descriptor_.create_type + "'", ENOTSUP);
    }
    for (const ExtentLine& line : descriptor_.extents) {
      CO_TRY(co_await add_named(line, open_beside));
    }
  }
  cid_place_ = find_cid(std::string_view(text).substr(0, text.find('\0')));
  if (extents_.empty()) co_return corrupt("the VMDK descriptor names no extent that can be used");
  const bool in_place = !writable || cid_place_.offset != std::string_view::npos;
  cid_renewed_ = !in_place;  // a file of ESX has no text
  co_return {};
}

Task<std::string> VmdkImage::read_text(uint64_t offset, uint64_t length) {
  std::string text(length, '\0');
  const iovec into = io_slice(text.data(), text.size());
  if (length != 0) CO_TRY(co_await file_->read(offset, IoSpan(&into, 1)));
  co_return text;
}

Task<> VmdkImage::add_sparse(Extent extent, uint64_t capacity) {
  extent.start = virtual_size_;
  extent.end = extent.start + capacity;
  CO_TRY_ASSIGN(extent.tables, co_await GrainTables::load(*extent.file, *extent.sparse));
  extent.next_grain = align_up(extent.file->size(), extent.sparse->grain_size);
  if (extent.sparse->compressed) extent.next_grain = align_up(extent.file->size(), sector);
  virtual_size_ = extent.end;
  extents_.push_back(std::move(extent));
  co_return {};
}

Task<> VmdkImage::add_named(const ExtentLine& line, OpenBeside& open_beside) {
  if (line.type == "SESPARSE") {
    co_return fail(ErrorKind::unsupported, "VMDK extents of type SESPARSE are not read", ENOTSUP);
  }
  const uint64_t length = line.sectors * sector;
  if (length > INT64_MAX - virtual_size_) co_return corrupt("the VMDK extents are too large");
  Extent extent;
  extent.type = line.type;
  CO_TRY_ASSIGN(extent.own, co_await open_beside(line.file));
  extent.file = extent.own.get();
  if (line.type == "FLAT" || line.type == "VMFS") {
    extent.start = virtual_size_;
    extent.end = extent.start + length;
    extent.offset = line.offset * sector;
    virtual_size_ = extent.end;
    extents_.push_back(std::move(extent));
    co_return {};
  }
  Result<SparseHeader> header = co_await read_sparse_header(*extent.file);
  if (!header) {
    (void)co_await extent.own->close();
    co_return std::unexpected(std::move(header).error());
  }
  extent.sparse = *header;
  co_return co_await add_sparse(std::move(extent), length);
}

// 0 where grains differ, or do not begin at multiples of their size.
uint64_t VmdkImage::common_grain() const {
  const uint64_t first = extents_.front().sparse ? extents_.front().sparse->grain_size : 0;
  if (first == 0 || first > UINT32_MAX) return 0;
  const bool alike = std::ranges::all_of(extents_, [first](const Extent& one) {
    return one.sparse && one.sparse->grain_size == first && one.start % first == 0;
  });
  return alike ? first : 0;
}

Geometry VmdkImage::geometry() const {
  const auto grain = static_cast<uint32_t>(common_grain());
  return {virtual_size_, grain, grain};
}

Result<uint64_t> VmdkImage::allocated_bytes() {
  TRY_ASSIGN(uint64_t bytes, file_->allocated_bytes());
  for (const Extent& one : extents_) {
    if (!one.own) continue;
    TRY_ASSIGN(const uint64_t more, one.own->allocated_bytes());
    bytes += more;
  }
  return bytes;
}

std::optional<BackingName> VmdkImage::backing_name() const {
  if (descriptor_.parent_file.empty()) return std::nullopt;
  return BackingName{descriptor_.parent_file, "vmdk"};
}

void VmdkImage::note_backing(const Format& backing) {
  const auto* parent = dynamic_cast<const VmdkImage*>(&backing);
  parent_changed_ = parent != nullptr && descriptor_.parent_cid != no_parent &&
                    parent->descriptor_.cid != descriptor_.parent_cid;
}

Extent& VmdkImage::extent_at(uint64_t offset) {
  return *std::ranges::upper_bound(extents_, offset, {}, &Extent::end);
}

Task<bool> VmdkImage::data_may_be_holes() {
  co_return std::ranges::any_of(extents_, [](const Extent& one) { return !one.sparse; });
}

Task<Run> VmdkImage::map(uint64_t offset, uint64_t length) {
  Extent& extent = extent_at(offset);
  length = std::min(length, extent.end - offset);
  if (extent.sparse) co_return co_await map_sparse(extent, offset, length);
  Run run;
  run.length = length;
  run.kind = RunKind::data;
  run.has_host_offset = true;
  run.host_offset = extent.offset + (offset - extent.start);
  run.file = extent.file;
  co_return run;
}

Task<Run> VmdkImage::map_for_read(uint64_t offset, uint64_t length) {
  CO_TRY_ASSIGN(const Run run, co_await map(offset, length));
  if (run.kind == RunKind::hole && parent_changed_) {
    co_return fail(ErrorKind::corrupt,
                   file_->filename() +
                       ": the backing file has been changed (its CID is not "
                       "the parentCID of this image)",
                   EINVAL);
  }
  co_return run;
}

// Grains of one table that lie alike.
Task<Run> VmdkImage::map_sparse(Extent& extent, uint64_t offset, uint64_t length) {
  const SparseHeader& header = *extent.sparse;
  const uint64_t grain_size = header.grain_size;
  const uint64_t inside = offset - extent.start;
  const uint64_t first = inside / grain_size;
  CO_TRY_ASSIGN(const uint32_t entry, co_await extent.tables->entry(first));
  const auto kind_of = [&header](uint32_t one) {
    if (one == 0) return RunKind::hole;
    if (one == 1 && header.zero_grains) return RunKind::zero;
    return header.compressed ? RunKind::compressed : RunKind::data;
  };
  Run run;
  run.kind = kind_of(entry);
  run.length = grain_size - inside % grain_size;
  const uint64_t last = first + extent.tables->left_in_table(first);
  for (uint64_t grain = first + 1; grain < last && run.length < length; ++grain) {
    CO_TRY_ASSIGN(const uint32_t next, co_await extent.tables->entry(grain));
    if (kind_of(next) != run.kind) break;
    const uint64_t expected = entry + (grain - first) * (grain_size / sector);
    if (run.kind == RunKind::data && next != expected) break;
    run.length += grain_size;
  }
  run.length = std::min(run.length, length);
  if (run.kind != RunKind::data) co_return run;
  run.has_host_offset = true;
  run.host_offset = uint64_t{entry} * sector + inside % grain_size;
  run.file = extent.file;
  co_return run;
}

Task<> VmdkImage::read_host(Place at, IoSpan into) {
  return extent_at(at.guest).file->read(at.host, into);
}

// That every grain lies in its file; the first that does not ends it, as in the stock tools.
Task<CheckResult> VmdkImage::check(FindingSink on_finding, Repair repair) {
  if (repair != Repair::none) co_return no_check();
  for (Extent& one : extents_) {
    if (!one.sparse) continue;
    const uint64_t grains = div_round_up(one.end - one.start, one.sparse->grain_size);
    for (uint64_t grain = 0; grain < grains; ++grain) {
      CO_TRY_ASSIGN(const uint32_t entry, co_await one.tables->entry(grain));
      if (uint64_t{entry} * sector < one.file->size()) continue;
      const uint64_t guest = (one.start + grain * one.sparse->grain_size) / sector;
      CheckFinding finding;
      finding.severity = CheckFinding::Severity::note;
      finding.text =
          "ERROR: cluster offset for sector " + std::to_string(guest) + " points after EOF";
      if (on_finding) on_finding(finding);
      co_return fail(ErrorKind::corrupt, one.file->filename() + ": a grain lies behind the end",
                     EINVAL);
    }
  }
  co_return CheckResult{};
}

Task<> VmdkImage::close_extents() {
  Result<void> first;
  for (Extent& one : extents_) {
    if (!one.own) continue;
    const Result<void> closed = co_await one.own->close();
    if (first && !closed) first = closed;
  }
  co_return first;
}

Task<> VmdkImage::close() {
  Result<void> first;
  if (!read_only()) first = co_await flush();
  const Result<void> extents = co_await close_extents();
  if (first && !extents) first = extents;
  const Result<void> own = co_await file_->close();
  if (first && !own) first = own;
  co_return first;
}

Task<> VmdkImage::resize(uint64_t, storage::Preallocation, bool) {
  co_return fail(ErrorKind::unsupported, "Image format driver does not support resize", ENOTSUP);
}

}  // namespace oxbow::format::vmdk
