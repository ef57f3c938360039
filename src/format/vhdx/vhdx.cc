#include "format/vhdx/vhdx.h"

#include "base/bytes.h"
#include "base/corrupt.h"
#include "format/vhdx/log.h"

namespace oxbow::format::vhdx {
namespace {

BlockState state_of(uint64_t entry) { return static_cast<BlockState>(entry & state_mask); }

EntryLayout table_layout(const Metadata& metadata) {
  const uint64_t blocks = div_round_up(metadata.disk_size, metadata.block_size);
  const uint64_t bitmaps = blocks == 0 ? 0 : (blocks - 1) / chunk_ratio(metadata.block_size);
  return {metadata.bat.offset, blocks + bitmaps, 8, false};
}

}  // namespace

VhdxImage::VhdxImage(std::unique_ptr<storage::Storage> file, const Header& header,
                     Metadata metadata, bool replayed)
    : BlockImage(std::move(file), metadata.disk_size, metadata.block_size),
      header_(header),
      metadata_(std::move(metadata)),
      chunk_ratio_(chunk_ratio(metadata_.block_size)),
      table_(storage(), table_layout(metadata_)),
      replayed_(replayed) {}

Result<void> VhdxImage::check_entry(uint64_t index, uint64_t entry) const {
  const bool bitmap = index % (chunk_ratio_ + 1) == chunk_ratio_;
  if (bitmap || state_of(entry) != BlockState::fully_present) return {};
  const uint64_t offset = entry & offset_mask;
  const std::string which = "VHDX BAT entry " + std::to_string(index);
  if (offset > INT64_MAX - uint64_t{block_size()}) return corrupt(which + " offset overflow.");
  TRY(metadata_.places.check_free(offset, block_size()));
  const uint64_t end = offset + block_size();
  const uint64_t file_end = file_size();
  if (offset < mib) return corrupt(which + " names the headers of the file.");
  const std::string rest = " points after end of file (" + std::to_string(file_end) +
                           "). Image has probably been truncated.";
  if (offset >= file_end) {
    return corrupt(which + " start offset " + std::to_string(offset) + rest);
  }
  // The last block of a fixed image may end with the disk.
  const uint64_t block = index - index / (chunk_ratio_ + 1);
  const uint64_t needed =
      std::min<uint64_t>(block_size(), geometry().virtual_size - block * block_size());
  if (offset + needed > file_end) {
    return corrupt(which + " end offset " + std::to_string(end - 1) + rest);
  }
  return {};
}

Task<> VhdxImage::check_table() {
  if (file_size() < metadata_.bat.offset) {
    co_return corrupt("VHDX block allocation table lies behind the end of the file");
  }
  Result<void> sound;
  auto look = [&](uint64_t index, uint64_t entry) {
    sound = check_entry(index, entry);
    return sound.has_value();
  };
  CO_TRY(co_await table_.each(look));
  co_return sound;
}

Task<CheckResult> VhdxImage::check(FindingSink on_finding, Repair) {
  CheckResult result;
  if (replayed_) result.corruptions_fixed = 1;
  auto look = [&](uint64_t index, uint64_t entry) {
    if (const auto sound = check_entry(index, entry); !sound) {
      ++result.corruptions;
      if (on_finding) on_finding({CheckFinding::Severity::error, sound.error().message(), true});
    }
    return true;
  };
  CO_TRY(co_await table_.each(look));
  co_return result;
}

Task<BlockImage::Block> VhdxImage::find(uint64_t block) {
  const uint64_t index = entry_of(block);
  if (!table_.holds(index)) CO_TRY(co_await table_.load(index));
  const uint64_t entry = table_.get(index);
  switch (state_of(entry)) {
    case BlockState::fully_present: co_return Block{RunKind::data, entry & offset_mask};
    case BlockState::not_present:
    case BlockState::undefined:
    case BlockState::zero:
    case BlockState::unmapped:
    case BlockState::unmapped_old: co_return Block{RunKind::zero};
    case BlockState::partially_present: break;
  }
  co_return fail(ErrorKind::io,
                 "'" + filename() + "': VHDX BAT entry " + std::to_string(index) +
                     " has the invalid state " + std::to_string(entry & state_mask),
                 EIO);
}

// Who else looks at the file must see that it is not what it was.
Task<> VhdxImage::begin_writing() {
  CO_TRY_ASSIGN(header_.file_write_guid, random_uuid());
  CO_TRY_ASSIGN(header_.data_write_guid, random_uuid());
  co_return co_await write_headers(storage(), header_);
}

Task<uint64_t> VhdxImage::allocate(uint64_t) {
  const uint64_t room = align_up(storage().size(), mib);
  CO_TRY(co_await clear_room(room, block_size()));
  co_return room;
}

Task<> VhdxImage::link(uint64_t block, uint64_t host_offset) {
  const uint64_t index = entry_of(block);
  if (!table_.holds(index)) CO_TRY(co_await table_.load(index));
  table_.set(index, host_offset | static_cast<uint64_t>(BlockState::fully_present));
  co_return {};
}

Task<std::unique_ptr<Format>> open_vhdx(std::unique_ptr<storage::Storage> file, bool check_only) {
  CO_TRY_ASSIGN(Header header, co_await read_header(*file));
  CO_TRY_ASSIGN(const bool dirty, co_await log_needs_replay(*file, header));
  if (dirty && file->read_only()) {
    const std::string& name = file->filename();
    co_return std::unexpected(
        Error(ErrorKind::read_only,
              "VHDX image file '" + name +
                  "' opened read-only, but contains a log that needs to be replayed",
              EPERM)
            .with_hint("To replay the log, run:\nqemu-img check -r all '" + name + "'\n"));
  }
  if (dirty) CO_TRY(co_await replay_log(*file, header));
  CO_TRY_ASSIGN(Metadata metadata, co_await read_metadata(*file, header));
  auto image = std::make_unique<VhdxImage>(std::move(file), header, std::move(metadata), dirty);
  if (!check_only) CO_TRY(co_await image->check_table());
  co_return image;
}

}  // namespace oxbow::format::vhdx
