#include "format/cloop/cloop.h"

#include <algorithm>
#include <array>

#include "async/loop.h"
#include "base/bytes.h"
#include "base/corrupt.h"
#include "codec/zlib_stream.h"

namespace oxbow::format::cloop {
namespace {

constexpr uint64_t block_size_at = 128;  // what is before it is a shell script
constexpr uint64_t places_at = 136;
constexpr uint32_t max_block_size = 64 << 20;
constexpr uint64_t max_packed_size = 2 * uint64_t{max_block_size};
constexpr uint32_t max_blocks = UINT32_MAX / sizeof(uint64_t);
constexpr uint64_t max_table = 512 << 20;

Result<void> check_sizes(uint32_t block_size, uint32_t blocks) {
  const std::string size_text = "block_size " + std::to_string(block_size);
  if (block_size == 0) return corrupt("block_size cannot be zero");
  if (block_size % 512 != 0) return corrupt(size_text + " must be a multiple of 512");
  if (block_size > max_block_size) return corrupt(size_text + " must be 64 MB or less");
  if (blocks > max_blocks) {
    return corrupt("n_blocks " + std::to_string(blocks) + " must be " + std::to_string(max_blocks) +
                   " or less");
  }
  if ((uint64_t{blocks} + 1) * sizeof(uint64_t) > max_table) {
    return corrupt("image requires too many offsets, try increasing block size");
  }
  return {};
}

Result<void> append(std::vector<uint64_t>& places, uint64_t place) {
  const std::string where =
      " at index " + std::to_string(places.size()) + ", image file is corrupt";
  if (!places.empty() && place < places.back()) {
    return corrupt("offsets not monotonically increasing" + where);
  }
  if (!places.empty() && place - places.back() > max_packed_size) {
    return corrupt("invalid compressed block size" + where);
  }
  places.push_back(place);
  return {};
}

// Piece by piece, and each number looked at: what a header claims and the file does not hold
// costs no memory.
Task<std::vector<uint64_t>> read_places(storage::Source& file, uint32_t blocks) {
  constexpr uint64_t piece = 8192;
  std::vector<uint64_t> places;
  std::vector<std::byte> bytes(piece * sizeof(uint64_t));
  const uint64_t total = uint64_t{blocks} + 1;
  while (places.size() < total) {
    const uint64_t start = places_at + places.size() * sizeof(uint64_t);
    if (start >= file.size() && !places.empty() && places.back() == 0) {
      // Nothing but the zeroes behind the end follows: every block is empty.
      co_return fail(ErrorKind::corrupt, "the table of offsets lies beyond the end of the file",
                     EINVAL);
    }
    const uint64_t count = std::min(piece, total - places.size());
    const iovec into = io_slice(std::span(bytes).first(count * sizeof(uint64_t)));
    CO_TRY(co_await file.read(start, IoSpan(&into, 1)));
    for (uint64_t i = 0; i < count; ++i) {
      CO_TRY(append(places, load_be<uint64_t>(&bytes[i * sizeof(uint64_t)])));
    }
  }
  co_return places;
}

}  // namespace

Task<std::unique_ptr<Format>> CloopImage::open(std::unique_ptr<storage::Storage> file) {
  std::array<std::byte, 8> head{};
  const iovec into = io_slice(std::span<std::byte>(head));
  CO_TRY(co_await file->read(block_size_at, IoSpan(&into, 1)));
  const auto block_size = load_be<uint32_t>(head.data());
  const auto blocks = load_be<uint32_t>(&head[4]);
  CO_TRY(check_sizes(block_size, blocks));
  CO_TRY_ASSIGN(std::vector<uint64_t> places, co_await read_places(*file, blocks));
  co_return std::unique_ptr<Format>(new CloopImage(std::move(file), block_size, std::move(places)));
}

Task<> CloopImage::read_guest(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const uint64_t step = std::min(length - done, block_size_ - at % block_size_);
    CO_TRY_ASSIGN(const std::shared_ptr<Buffer> block, co_await unpacked(at / block_size_));
    io_copy_from(io_subvector(into, done, step), block->span().subspan(at % block_size_, step));
    done += step;
  }
  co_return {};
}

Task<std::shared_ptr<Buffer>> CloopImage::unpacked(uint64_t index) {
  if (block_ && block_index_ == index) co_return block_;
  const uint64_t place = places_[index];
  const uint64_t end = std::min(places_[index + 1], std::max(file().size(), place));
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(end - place));
  const iovec into = io_slice(packed.span());
  if (packed.size() != 0) CO_TRY(co_await file().read(place, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(block_size_));
  auto work = [&] { return codec::unzlib(packed.span(), plain.span()); };
  const Result<size_t> made = co_await async::Loop::current_thread().offload(work);
  if (!made || *made != block_size_) {
    co_return fail(ErrorKind::io,
                   file().filename() + ": block " + std::to_string(index) + ": " +
                       (made ? "The compressed data is too short" : made.error().message()),
                   EIO);
  }
  block_ = std::make_shared<Buffer>(std::move(plain));
  block_index_ = index;
  co_return block_;
}

}  // namespace oxbow::format::cloop
