// Where the guest's data lies: in counted clusters of the image's own file, behind the gate; or in
// an external data file, each cluster at the guest's own offset, where nothing is counted and no
// metadata ever goes. Whoever moves data asks here and need not know which.
#pragma once

#include <memory>

#include "base/held_ranges.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"
#include "format/qcow2/refcounts.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

class GuestData {
 public:
  /// `data_file`: nullptr where the data lies in the image's own file, or cannot be had.
  /// `pass_discard`: what is given up is punched out of the data file.
  GuestData(Gate& gate, Refcounts& refcounts, const Header& header,
            std::unique_ptr<storage::Storage> data_file, bool pass_discard)
      : gate_(gate),
        refcounts_(refcounts),
        header_(header),
        data_file_(std::move(data_file)),
        pass_discard_(pass_discard) {}

  /// It lies in another file than the metadata.
  [[nodiscard]] bool elsewhere() const { return data_file_ != nullptr; }
  /// To look at.
  [[nodiscard]] storage::Source& file() const { return elsewhere() ? *data_file_ : gate_.file(); }

  /// invalid_argument where there is a data file and it was not opened.
  Task<> read(uint64_t host, IoSpan into) {
    if (elsewhere()) return data_file_->read(host, into);
    return header_.has_data_file() ? not_open() : gate_.read(host, into);
  }
  Task<> write(uint64_t host, IoSpan from) {
    return elsewhere() ? data_file_->write(host, from) : gate_.write(Writes::data, host, from);
  }

  /// Clusters for guest clusters from `guest` on; not linked yet, nor is what they hold known.
  Task<uint64_t> allocate(uint64_t guest, uint64_t count);
  /// One reference less for clusters whose entries were replaced in memory.
  void release(uint64_t host, uint64_t clusters);
  /// Clusters that were allocated and never linked are free again.
  Task<> take_back(uint64_t host, uint64_t clusters);
  /// Allocated clusters become zeroes, and occupy space where that is asked for.
  Task<> provide(uint64_t host, uint64_t length, storage::Preallocation preallocation);

  /// Makes part of a data file zeroes that clusters just allocated are to have around the data;
  /// false where that takes writing them.
  Task<bool> zero_beforehand(uint64_t host, uint64_t length);
  /// Comes before the entries of guest bytes say that they read as zeroes: a raw data file says so
  /// too, and what any data file need not hold any more is given up.
  Task<> before_zeroes(uint64_t guest, uint64_t length, storage::ZeroFlags flags);
  /// No entry on disk refers to the disk's data any more.
  Task<> give_up_disk();

  /// A write has been given this place; ended() when it is over, done or failed.
  [[nodiscard]] HeldRanges::Hold hold(uint64_t host, uint64_t length) {
    return elsewhere() ? HeldRanges::Hold() : gate_.hold_data(host, length);
  }
  void ended(HeldRanges::Hold& held) {
    if (elsewhere()) {
      ++ended_;
    } else {
      gate_.end_data(held);
    }
  }
  /// What was written to a data file is on stable media. Comes before the gate's barrier, which
  /// answers for data in the image's own file.
  Task<> barrier();

  /// A data file is made to hold `size` bytes if it is shorter; clusters that are to be linked lie
  /// in it whole. What lies behind has no meaning unless it is raw. shrink_to() takes it back.
  Task<> grow_to(uint64_t size, storage::Preallocation preallocation);
  Task<> shrink_to(uint64_t size);

  /// Bytes occupied by a data file; 0 where there is none.
  [[nodiscard]] Result<uint64_t> allocated_bytes() const;
  Task<> close();

 private:
  [[nodiscard]] bool raw() const {
    return (header_.autoclear_features & autoclear_raw_data_file) != 0;
  }
  Task<> truncate(uint64_t size, storage::Preallocation preallocation);
  Task<> not_open() const;

  Gate& gate_;
  Refcounts& refcounts_;
  const Header& header_;
  std::unique_ptr<storage::Storage> data_file_;
  bool pass_discard_;
  // Of the data file: where it ended before it was made longer; what lies below may be anything.
  uint64_t old_end_ = UINT64_MAX;
  // As the gate counts them: changes that have ended, and of those what a flush has covered.
  uint64_t ended_ = 0;
  uint64_t flushed_ = 0;
};

}  // namespace oxbow::format::qcow2
