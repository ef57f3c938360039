#include "storage/quorum.h"

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/buffer.h"
#include "base/invalid.h"
#include "storage/io_mismatch.h"

namespace oxbow::storage {

/// What one child answered, and how many answered the same, itself included.
struct QuorumStorage::Ballot {
  Buffer bytes;
  Result<void> read;
  size_t votes = 0;
};

Result<void> QuorumStorage::check(const QuorumOptions& options, size_t children, bool writable) {
  if (children == 0) return invalid("Number of provided children must be 1 or more");
  if (options.threshold == 0) {
    return invalid("Parameter 'vote-threshold' expects a value >= 1");
  }
  if (options.threshold > children) return invalid("threshold may not exceed children count");
  if (options.verify && (children != 2 || options.threshold != 2)) {
    return invalid(
        "blkverify=on can only be set if there are exactly two files and vote-threshold is 2");
  }
  if (options.rewrite_corrupted && options.verify) {
    return invalid("rewrite-corrupted=on cannot be used with blkverify=on");
  }
  if (options.rewrite_corrupted && !writable) {
    return fail(ErrorKind::read_only, "Block node is read-only", EACCES);
  }
  return {};
}

Result<std::unique_ptr<QuorumStorage>> QuorumStorage::create(Children children,
                                                             QuorumOptions options,
                                                             std::string filename) {
  const uint64_t size = children.front()->size();
  const bool alike = std::ranges::all_of(
      children, [size](const std::unique_ptr<Storage>& child) { return child->size() == size; });
  if (!alike) {
    return fail(ErrorKind::io, "Could not refresh total sector count: Input/output error", EIO);
  }
  return std::unique_ptr<QuorumStorage>(
      new QuorumStorage(std::move(children), std::move(options), std::move(filename)));
}

Result<uint64_t> QuorumStorage::allocated_bytes() const {
  uint64_t sum = 0;
  for (const auto& child : children_) {
    TRY_ASSIGN(const uint64_t bytes, child->allocated_bytes());
    sum += bytes;
  }
  return sum;
}

Task<> QuorumStorage::read_first(uint64_t offset, IoSpan into) {
  Result<void> done;
  for (const auto& child : children_) {
    done = co_await child->read(offset, into);
    if (done) break;
  }
  co_return done;
}

Task<> QuorumStorage::read_all(uint64_t offset, std::vector<Ballot>& ballots) {
  for (size_t i = 0; i < children_.size(); ++i) {
    const iovec part = io_slice(ballots[i].bytes.span());
    ballots[i].read = co_await children_[i]->read(offset, IoSpan(&part, 1));
  }
  for (Ballot& one : ballots) {
    if (!one.read) continue;
    one.votes = static_cast<size_t>(std::ranges::count_if(ballots, [&one](const Ballot& other) {
      return other.read && !first_mismatch(one.bytes.span(), other.bytes.span());
    }));
  }
  co_return {};
}

Result<void> QuorumStorage::verify(uint64_t offset, const std::vector<Ballot>& ballots) const {
  if (!options_.verify || !ballots[0].read || !ballots[1].read) return {};
  const auto at = first_mismatch(ballots[0].bytes.span(), ballots[1].bytes.span());
  if (!at) return {};
  std::string message = "quorum: offset=" + std::to_string(offset) +
                        " bytes=" + std::to_string(ballots[0].bytes.size()) +
                        " contents mismatch at offset " + std::to_string(offset + *at);
  if (options_.on_mismatch) options_.on_mismatch(message);
  return fail(ErrorKind::io, std::move(message), EIO);
}

Task<> QuorumStorage::rewrite(uint64_t offset, const std::vector<Ballot>& ballots, size_t winner) {
  const iovec right = io_slice(ballots[winner].bytes.span());
  for (size_t i = 0; i < children_.size(); ++i) {
    const bool outvoted =
        ballots[i].read && first_mismatch(ballots[i].bytes.span(), ballots[winner].bytes.span());
    if (outvoted) CO_TRY(co_await children_[i]->write(offset, IoSpan(&right, 1)));
  }
  co_return {};
}

Task<> QuorumStorage::read(uint64_t offset, IoSpan into) {
  if (options_.first_answers) co_return co_await read_first(offset, into);
  std::vector<Ballot> ballots(children_.size());
  for (Ballot& one : ballots) {
    CO_TRY_ASSIGN(one.bytes, Buffer::allocate(io_length(into)));
  }
  CO_TRY(co_await read_all(offset, ballots));
  CO_TRY(verify(offset, ballots));
  const auto winner = std::ranges::max_element(ballots, {}, &Ballot::votes);
  if (winner->votes < options_.threshold) {
    std::vector<Result<void>> results;
    for (const Ballot& one : ballots) results.push_back(one.read);
    CO_TRY(tally(results));
    co_return fail(ErrorKind::io, "'" + filename_ + "': too few of its copies agree", EIO);
  }
  io_copy_from(into, winner->bytes.span());
  if (!options_.rewrite_corrupted) co_return {};
  co_return co_await rewrite(offset, ballots, static_cast<size_t>(winner - ballots.begin()));
}

// Enough successes are a success; else the error that most children met.
Result<void> QuorumStorage::tally(const std::vector<Result<void>>& results) const {
  const auto good = static_cast<size_t>(
      std::ranges::count_if(results, [](const Result<void>& one) { return one.has_value(); }));
  if (good >= options_.threshold) return {};
  std::map<int, size_t> votes;
  const Result<void>* most = nullptr;
  for (const Result<void>& one : results) {
    if (one) continue;
    const size_t now = ++votes[one.error().as_errno()];
    if (most == nullptr || now > votes[most->error().as_errno()]) most = &one;
  }
  return *most;
}

Task<> QuorumStorage::write(uint64_t offset, IoSpan from, WriteFlags flags) {
  std::vector<Result<void>> results;
  for (const auto& child : children_) {
    results.push_back(co_await child->write(offset, from, flags));
  }
  co_return tally(results);
}

Task<> QuorumStorage::write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) {
  std::vector<Result<void>> results;
  for (const auto& child : children_) {
    results.push_back(co_await child->write_zeroes(offset, length, flags));
  }
  co_return tally(results);
}

Task<> QuorumStorage::flush() {
  std::vector<Result<void>> results;
  for (const auto& child : children_) results.push_back(co_await child->flush());
  co_return tally(results);
}

// Zeroes only where all say so: what one calls zeroes another may have lost.
Task<Status> QuorumStorage::status(uint64_t offset, uint64_t length) {
  Status out{length, false, true};
  for (const auto& child : children_) {
    const Result<Status> one = co_await child->status(offset, out.length);
    if (!one) co_return Status{out.length, true, false};
    out.length = std::min(out.length, one->length);
    out.zero = out.zero && one->zero;
  }
  out.data = !out.zero;
  co_return out;
}

}  // namespace oxbow::storage
