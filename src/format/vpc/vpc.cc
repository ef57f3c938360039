#include "format/vpc/vpc.h"

#include <algorithm>

#include "base/bytes.h"

namespace oxbow::format::vpc {
namespace {

uint64_t bitmap_size(uint32_t block_size) {
  return align_up(div_round_up(block_size / sector, 8), sector);
}

}  // namespace

DynamicVpc::DynamicVpc(std::unique_ptr<storage::Storage> file, const VpcHeader& header)
    : BlockImage(std::move(file), header.size, header.dynamic.block_size),
      header_(header),
      bitmap_bytes_(bitmap_size(header.dynamic.block_size)),
      table_(storage(), {header.dynamic.table_offset, header.dynamic.table_entries, 4, true}),
      full_bitmaps_(header.dynamic.table_entries) {}

Task<> DynamicVpc::start() {
  const DynamicHeader& dynamic = header_.dynamic;
  end_of_blocks_ = align_up(dynamic.table_offset + uint64_t{dynamic.table_entries} * 4, sector);
  uint64_t end = end_of_blocks_;
  // A table that is not all in the file is not read to its end.
  const uint64_t file_end = file().size();
  auto look = [&](uint64_t, uint64_t entry) {
    if (entry != unallocated) {
      end = std::max(end, entry * sector + bitmap_bytes_ + block_size());
    }
    return end <= file_end;
  };
  if (end <= file_end) CO_TRY(co_await table_.each(look));
  if (end > file_end) {
    co_return fail(ErrorKind::corrupt,
                   "block-vpc: free_data_block_offset points after the end of file. The image has "
                   "been truncated.",
                   EINVAL);
  }
  end_of_blocks_ = end;
  co_return {};
}

Task<BlockImage::Block> DynamicVpc::find(uint64_t block) {
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  const uint64_t entry = table_.get(block);
  if (entry == unallocated) co_return Block{RunKind::zero};
  co_return Block{RunKind::data, entry * sector + bitmap_bytes_};
}

// The footer goes to the new end before the room for the block, which takes its place, is used. A
// crash between leaves an image whose footer is the copy at the beginning.
Task<uint64_t> DynamicVpc::allocate(uint64_t) {
  const uint64_t room = end_of_blocks_;
  const uint64_t end = room + bitmap_bytes_ + block_size();
  if (end / sector >= unallocated) {
    co_return fail(ErrorKind::no_space,
                   "'" + file().filename() + "': the VHD table cannot name another block", ENOSPC);
  }
  const uint64_t used = std::min(storage().size(), end);
  const iovec footer = io_slice(std::span<std::byte>(header_.footer));
  CO_TRY(co_await storage().write(end, IoSpan(&footer, 1)));
  if (used > room) CO_TRY(co_await clear_room(room, used - room));
  CO_TRY(co_await write_bitmap(room));
  end_of_blocks_ = end;
  co_return room + bitmap_bytes_;
}

Task<> DynamicVpc::write_bitmap(uint64_t offset) {
  CO_TRY_ASSIGN(Buffer ones, Buffer::allocate(bitmap_bytes_));
  std::ranges::fill(ones.span(), std::byte{0xff});
  const iovec from = io_slice(ones.span());
  co_return co_await storage().write(offset, IoSpan(&from, 1));
}

Task<> DynamicVpc::link(uint64_t block, uint64_t host_offset) {
  if (!table_.holds(block)) CO_TRY(co_await table_.load(block));
  table_.set(block, (host_offset - bitmap_bytes_) / sector);
  full_bitmaps_.set(block, 1);
  co_return {};
}

// What others wrote in part: sectors that they did not mark lie in the file as zeroes.
Task<> DynamicVpc::make_block_ready(uint64_t block, uint64_t host_offset) {
  CO_TRY(co_await write_bitmap(host_offset - bitmap_bytes_));
  full_bitmaps_.set(block, 1);
  co_return {};
}

Task<std::unique_ptr<Format>> open_vpc(std::unique_ptr<storage::Storage> file, SizeRule rule) {
  CO_TRY_ASSIGN(const VpcHeader header, co_await read_header(*file, rule));
  if (header.fixed) co_return std::make_unique<FixedVpc>(std::move(file), header.size);
  auto image = std::make_unique<DynamicVpc>(std::move(file), header);
  CO_TRY(co_await image->start());
  co_return image;
}

}  // namespace oxbow::format::vpc
