#include "format/qcow2/guest_data.h"

#include <algorithm>

namespace oxbow::format::qcow2 {

using storage::Preallocation;

Task<> GuestData::not_open() const {
  co_return fail(ErrorKind::invalid_argument,
                 gate_.file().filename() + ": the external data file is not open", EINVAL);
}

Task<uint64_t> GuestData::allocate(uint64_t guest, uint64_t count) {
  if (elsewhere()) co_return guest << header_.cluster_bits;
  co_return co_await refcounts_.allocate(Writes::data, count);
}

void GuestData::release(uint64_t host, uint64_t clusters) {
  if (!elsewhere()) refcounts_.release(Writes::data, host, clusters);
}

Task<> GuestData::take_back(uint64_t host, uint64_t clusters) {
  if (elsewhere()) co_return {};
  const std::vector<Release> unused{{Writes::data, host >> header_.cluster_bits, clusters}};
  co_return co_await refcounts_.apply(unused);
}

Task<> GuestData::provide(uint64_t host, uint64_t length, Preallocation preallocation) {
  if (elsewhere()) {
    if (raw() || host >= old_end_) co_return {};
    const Result<void> zeroed =
        co_await data_file_->write_zeroes(host, std::min(length, old_end_ - host));
    ++ended_;
    co_return zeroed;
  }
  if (host < gate_.file().size()) {
    co_return co_await gate_.write_zeroes(Writes::data, host, length, {});
  }
  const bool space = preallocation != Preallocation::metadata;
  co_return co_await gate_.truncate(host + length, space ? preallocation : Preallocation::off);
}

Task<bool> GuestData::zero_beforehand(uint64_t host, uint64_t length) {
  const Result<void> zeroed =
      co_await data_file_->write_zeroes(host, length, {.no_fallback = true});
  ++ended_;
  if (!zeroed && zeroed.error().kind() == ErrorKind::unsupported) co_return false;
  CO_TRY(zeroed);
  co_return true;
}

Task<> GuestData::before_zeroes(uint64_t guest, uint64_t length, storage::ZeroFlags flags) {
  if (!elsewhere()) co_return {};
  Result<void> done;
  if (raw()) {
    done = co_await data_file_->write_zeroes(guest, length, flags);
  } else if (flags.may_unmap && pass_discard_ && guest < data_file_->size()) {
    // Only a hint: the entries have the say.
    (void)co_await data_file_->discard(guest, std::min(length, data_file_->size() - guest));
  }
  ++ended_;
  co_return done;
}

// A VM state behind the disk stays.
Task<> GuestData::give_up_disk() {
  const uint64_t end = elsewhere() ? std::min(header_.size, data_file_->size()) : 0;
  if (end == 0) co_return {};
  (void)co_await data_file_->discard(0, end);
  ++ended_;
  co_return {};
}

Task<> GuestData::barrier() {
  if (flushed_ == ended_) co_return {};
  const uint64_t covered = ended_;
  CO_TRY(co_await data_file_->flush());
  flushed_ = std::max(flushed_, covered);
  co_return {};
}

// A device is as long as it is: long enough will do.
Task<> GuestData::truncate(uint64_t size, Preallocation preallocation) {
  const Result<void> done = co_await data_file_->truncate(size, preallocation);
  ++ended_;
  const bool fixed = !done && done.error().kind() == ErrorKind::unsupported;
  if (fixed && data_file_->size() >= size) co_return {};
  co_return done;
}

Task<> GuestData::grow_to(uint64_t size, Preallocation preallocation) {
  if (!elsewhere()) co_return {};
  old_end_ = data_file_->size();
  if (preallocation == Preallocation::off) co_return co_await truncate(size, preallocation);
  size = align_up(size, header_.cluster_size());
  if (old_end_ >= size) co_return {};
  const bool space = preallocation != Preallocation::metadata;
  co_return co_await truncate(size, space ? preallocation : Preallocation::off);
}

Task<> GuestData::shrink_to(uint64_t size) {
  if (!elsewhere() || data_file_->size() <= size) co_return {};
  co_return co_await truncate(size, Preallocation::off);
}

Result<uint64_t> GuestData::allocated_bytes() const {
  return elsewhere() ? data_file_->allocated_bytes() : 0;
}

Task<> GuestData::close() {
  if (!elsewhere()) co_return {};
  co_return co_await data_file_->close();
}

}  // namespace oxbow::format::qcow2
