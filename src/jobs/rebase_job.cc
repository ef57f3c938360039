#include "jobs/rebase_job.h"

#include <algorithm>
#include <cstring>

#include "jobs/same_file.h"

namespace oxbow::jobs {

using format::RunKind;
using graph::Node;
using graph::NodeStatus;

namespace {

constexpr uint64_t window = uint64_t{2} << 20;
constexpr unsigned at_once = 8;

Error failed(std::string line, const Error& cause) {
  return Error(cause.kind(), std::move(line), cause.as_errno()).with_hint(cause.message() + "\n");
}

uint64_t unit_of(const format::Format& image, const RebaseOptions& options) {
  const uint32_t packed = options.compress ? image.compressed_unit() : 0;
  return packed != 0 ? packed : std::max<uint64_t>(image.geometry().subcluster_size, 512);
}

void bulk(Node* top, bool on) {
  for (; top != nullptr; top = top->backing().get()) top->format().file().expect_bulk(on);
}

}  // namespace

RebaseJob::RebaseJob(std::shared_ptr<Node> image, std::shared_ptr<Node> below,
                     RebaseOptions options)
    : image_(std::move(image)),
      old_(image_->backing().get()),
      new_(std::move(below)),
      options_(std::move(options)),
      unit_(unit_of(image_->format(), options_)),
      buffers_(2 * window) {}

Task<> RebaseJob::run() {
  if (options_.progress.report) options_.progress.report(0, image_->virtual_size());
  announce_bulk(true);
  const bool compressed_before = image_->compresses();
  if (options_.compress) image_->set_compress(true);
  async::TaskGroup group(at_once);
  const Result<void> started = co_await start_items(group);
  if (!started) turns_.give_up();
  const Result<void> ended = co_await group.join();
  image_->set_compress(compressed_before);
  announce_bulk(false);
  CO_TRY(ended);
  CO_TRY(started);
  CO_TRY(co_await image_->flush());
  if (options_.progress.report)
    options_.progress.report(image_->virtual_size(), image_->virtual_size());
  co_return {};
}

void RebaseJob::announce_bulk(bool on) {
  bulk(image_.get(), on);
  bulk(new_.get(), on);
}

Task<std::optional<uint64_t>> RebaseJob::first_difference() {
  CO_TRY_ASSIGN(BufferPool::Lease lease, buffers_.take());
  for (uint64_t offset = 0; offset < image_->virtual_size();) {
    CO_TRY_ASSIGN(const Item item, co_await item_at(offset));
    offset = item.end;
    if (item.pieces.empty()) continue;
    CO_TRY_ASSIGN(const std::vector<Difference> found, co_await differences(item, lease.span()));
    if (!found.empty()) co_return found.front().offset;
  }
  co_return std::nullopt;
}

Task<> RebaseJob::start_items(async::TaskGroup& group) {
  const uint64_t size = image_->virtual_size();
  for (uint64_t offset = 0; offset < size;) {
    CO_TRY_ASSIGN(Item item, co_await item_at(offset));
    offset = item.end;
    if (item.pieces.empty()) continue;
    const uint64_t number = turns_.take_number();
    Task<> work = do_item(std::move(item), number);
    CO_TRY(co_await group.spawn(std::move(work)));
  }
  co_return {};
}

// Ends at the first boundary of a window behind which something is to be read.
Task<RebaseJob::Item> RebaseJob::item_at(uint64_t offset) {
  const uint64_t size = image_->virtual_size();
  Item item;
  item.end = offset;
  uint64_t stop = size;
  while (item.end < stop) {
    const uint64_t at = item.end;
    const Result<NodeStatus> here = co_await image_->status_here(at, stop - at);
    if (!here) {
      const char* why = std::strerror(here.error().as_errno());
      co_return std::unexpected(
          failed(std::string("error while reading image metadata: ") + why, here.error()));
    }
    if (here->kind != RunKind::hole) {
      item.end += here->length;
      continue;
    }
    CO_TRY_ASSIGN(const Piece piece, co_await piece_at(at, here->length));
    if (piece.length == 0) co_return fail(ErrorKind::internal, "an empty run");
    if (piece.old_zero && piece.new_zero) {
      item.end += piece.length;
      continue;
    }
    if (item.pieces.empty()) stop = std::min(size, align_down(at, window) + window);
    Piece inside = piece;
    inside.length = std::min(piece.length, stop - at);
    item.pieces.push_back(inside);
    item.end += inside.length;
  }
  co_return item;
}

// What both decide alike counts as zero on both sides: nothing is to be done about it.
Task<RebaseJob::Piece> RebaseJob::piece_at(uint64_t offset, uint64_t length) {
  Piece piece;
  piece.offset = offset;
  CO_TRY_ASSIGN(const Seen before, co_await look(old_, offset, length));
  CO_TRY_ASSIGN(const Seen after, co_await look(new_.get(), offset, before.length));
  piece.length = std::min(before.length, after.length);
  piece.old_zero = before.zero;
  piece.new_zero = after.zero;
  if (!before.zero && !after.zero && same_bytes(before, after)) {
    piece.old_zero = true;
    piece.new_zero = true;
  }
  co_return piece;
}

Task<RebaseJob::Seen> RebaseJob::look(Node* node, uint64_t offset, uint64_t length) {
  Seen seen;
  seen.length = length;
  if (node == nullptr || offset >= node->virtual_size()) co_return seen;
  const uint64_t inside = std::min(length, node->virtual_size() - offset);
  const Result<NodeStatus> status = co_await node->status(offset, inside);
  if (!status) {
    const char* why = std::strerror(status.error().as_errno());
    co_return std::unexpected(
        failed(std::string("error while reading image metadata: ") + why, status.error()));
  }
  seen.status = *status;
  seen.length = status->length;
  seen.zero = status->zero;
  seen.decided_by = node;
  for (uint32_t i = 0; i < status->depth; ++i) {
    seen.decided_by = seen.decided_by->backing().get();
  }
  co_return seen;
}

// Two chains that meet in one file: it holds the same for both.
bool RebaseJob::same_bytes(const Seen& one, const Seen& other) {
  if (one.status.kind != other.status.kind ||
      one.status.has_host_offset != other.status.has_host_offset ||
      one.status.host_offset != other.status.host_offset) {
    return false;
  }
  format::Format& left = one.decided_by->format();
  format::Format& right = other.decided_by->format();
  const bool plain = one.status.has_host_offset;
  if (!plain && left.name() != right.name()) return false;
  const std::pair files(plain ? one.status.file : &left.file(),
                        plain ? other.status.file : &right.file());
  const auto [known, is_new] = same_files_.try_emplace(files, false);
  if (is_new) {
    const std::string name = files.first->filename();
    known->second = same_file(name, files.second->filename());
  }
  return known->second;
}

Task<> RebaseJob::do_item(Item item, uint64_t number) {
  const Result<void> done = co_await read_and_write(item, number);
  if (!done) {
    turns_.give_up();
    co_return done;
  }
  done_ = std::max(done_, item.end);
  if (options_.progress.report) options_.progress.report(done_, image_->virtual_size());
  co_return {};
}

Task<> RebaseJob::read_and_write(const Item& item, uint64_t number) {
  CO_TRY_ASSIGN(BufferPool::Lease lease, buffers_.take());
  CO_TRY_ASSIGN(const std::vector<Difference> found, co_await differences(item, lease.span()));
  CO_TRY(co_await turns_.wait(number));
  for (const Difference& difference : found) {
    CO_TRY(
        co_await write(difference, lease.span().subspan(difference.offset - item.buffer_base())));
  }
  turns_.done();
  co_return {};
}

Task<std::vector<RebaseJob::Difference>> RebaseJob::differences(const Item& item,
                                                                std::span<std::byte> buffer) {
  std::vector<Difference> found;
  for (const Piece& piece : item.pieces) {
    const uint64_t at = piece.offset - item.buffer_base();
    const auto before = buffer.subspan(at, piece.length);
    const auto after = buffer.subspan(window + at, piece.length);
    if (piece.old_zero) {
      std::ranges::fill(before, std::byte{0});
    } else {
      CO_TRY(co_await read(old_, "old", piece.offset, before));
    }
    if (piece.new_zero) {
      std::ranges::fill(after, std::byte{0});
    } else {
      CO_TRY(co_await read(new_.get(), "new", piece.offset, after));
    }
    compare(piece, before, after, found);
  }
  co_return found;
}

Task<> RebaseJob::read(Node* node, const char* which, uint64_t offset, std::span<std::byte> into) {
  const uint64_t inside = std::min<uint64_t>(into.size(), node->virtual_size() - offset);
  std::ranges::fill(into.subspan(inside), std::byte{0});
  const iovec slice = io_slice(into.first(inside));
  const Result<void> done = co_await node->read(offset, IoSpan(&slice, 1));
  if (done || done.error().kind() == ErrorKind::cancelled) co_return done;
  co_return std::unexpected(
      failed(std::string("error while reading from ") + which + " backing file", done.error()));
}

// In whole units of the image: a write to part of one would bring the rest along anyway. Past the
// end of the old backing file zeroes need no data.
void RebaseJob::compare(const Piece& piece, std::span<const std::byte> old_bytes,
                        std::span<const std::byte> new_bytes,
                        std::vector<Difference>& found) const {
  if (std::memcmp(old_bytes.data(), new_bytes.data(), piece.length) == 0) return;
  const uint64_t old_end = old_ != nullptr ? align_up(old_->virtual_size(), 512) : 0;
  for (uint64_t at = 0; at < piece.length;) {
    const uint64_t offset = piece.offset + at;
    const uint64_t length = std::min(piece.length - at, align_down(offset, unit_) + unit_ - offset);
    if (std::memcmp(old_bytes.data() + at, new_bytes.data() + at, length) != 0) {
      const bool zeroes = offset >= old_end;
      Difference* last = found.empty() ? nullptr : &found.back();
      if (last != nullptr && last->zeroes == zeroes && last->offset + last->length == offset) {
        last->length += length;
      } else {
        found.push_back({offset, length, zeroes});
      }
    }
    at += length;
  }
}

// Without a zero flag (version 2) zeroes in an image without a backing file are holes, through
// which the new one would show. `zeroes`: as many as the difference is long, at least.
Task<> RebaseJob::fill_holes(const Difference& difference, std::span<const std::byte> zeroes) {
  for (uint64_t at = 0; at < difference.length;) {
    CO_TRY_ASSIGN(const NodeStatus status,
                  co_await image_->status_here(difference.offset + at, difference.length - at));
    if (status.kind == format::RunKind::hole) {
      const iovec slice = io_slice(zeroes.first(status.length));
      CO_TRY(co_await image_->write(difference.offset + at, IoSpan(&slice, 1)));
    }
    at += status.length;
  }
  co_return {};
}

Task<> RebaseJob::write(const Difference& difference, std::span<const std::byte> bytes) {
  Result<void> done;
  if (difference.zeroes) {
    const graph::ZeroFlags flags{.may_unmap = true};
    done = co_await image_->write_zeroes(difference.offset, difference.length, flags);
    if (done && old_ == nullptr) done = co_await fill_holes(difference, bytes);
  } else {
    const iovec slice = io_slice(bytes.first(difference.length));
    done = co_await image_->write(difference.offset, IoSpan(&slice, 1));
  }
  if (done || done.error().kind() == ErrorKind::cancelled) co_return done;
  const char* why = std::strerror(done.error().as_errno());
  co_return std::unexpected(
      failed(std::string("Error while writing to COW image: ") + why, done.error()));
}

}  // namespace oxbow::jobs
