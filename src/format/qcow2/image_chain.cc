// What commit and rebase ask of an image: to hold nothing any more, and to stand on another one.
#include <algorithm>

#include "format/qcow2/header_rewrite.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {

// The header names an L1 table without the disk's entries first; what those led to is freed when
// nothing on disk points at it any more. A VM state is not the disk's, and stays.
Task<> Qcow2Image::make_empty() {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  const std::vector<uint64_t> old_l1(map_.l1_entries().begin(), map_.l1_entries().end());
  const auto of_disk = std::span(old_l1).first(
      static_cast<size_t>(std::min<uint64_t>(disk_tables(header_.size), old_l1.size())));
  if (std::ranges::all_of(of_disk, [](uint64_t entry) { return entry == 0; })) co_return {};
  gate_.file().event("empty_image_prepare");
  std::vector<uint64_t> l1 = old_l1;
  std::fill_n(l1.begin(), of_disk.size(), 0);
  CO_TRY_ASSIGN(const uint64_t offset, co_await write_new_l1(Writes::active_l1, l1));
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await gate_.barrier());
  CO_TRY(co_await map_.adopt_l1(offset, std::move(l1), header_.size));
  unpacked_.clear();
  CO_TRY(co_await drop_tree(of_disk, Writes::active_l2));
  CO_TRY(co_await data_.give_up_disk());
  co_return co_await settle();
}

Task<> Qcow2Image::change_backing(std::optional<BackingName> below) {
  CO_TRY(writable());
  const std::string& file = gate_.file().filename();
  if (below && below->file.size() > max_backing_name) {
    co_return fail(ErrorKind::invalid_argument, file + ": the backing file's name is too long",
                   EINVAL);
  }
  if (below && (header_.autoclear_features & autoclear_raw_data_file) != 0) {
    co_return fail(ErrorKind::invalid_argument,
                   file + ": its data file is to be readable by itself: no backing file", EINVAL);
  }
  CO_TRY(co_await flush());
  CO_TRY_ASSIGN(auto guard, co_await flushing_.lock());
  CO_TRY_ASSIGN(HeaderParts parts, co_await read_header_parts(gate_.file(), header_));
  parts.backing_name = below ? below->file : "";
  if (below && below->format) {
    parts.put(extension_backing_format, std::as_bytes(std::span(*below->format)));
  } else {
    parts.drop(extension_backing_format);
  }
  CO_TRY(co_await write_header_parts(gate_, header_, std::move(parts)));
  header_.backing_file = below ? below->file : "";
  header_.backing_format = below ? below->format : std::nullopt;
  co_return {};
}

}  // namespace oxbow::format::qcow2
