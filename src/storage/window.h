// A part of another storage, with offsets of its own: the driver "raw" with its options
// "offset" and "size".
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "storage/storage.h"

namespace oxbow::storage {

class WindowStorage final : public Storage {
 public:
  /// Without a size the window ends where `inner` ends, and may be resized. The errors
  /// have the stock tools' words.
  static Result<std::unique_ptr<Storage>> create(std::unique_ptr<Storage> inner, uint64_t offset,
                                                 std::optional<uint64_t> size);

  /// Whether such a window lies inside `inner`.
  static Result<void> check(const Storage& inner, uint64_t offset, std::optional<uint64_t> size);

  const std::string& filename() const override { return inner_->filename(); }
  std::string driver() const override { return "raw"; }
  bool read_only() const override { return inner_->read_only(); }
  uint64_t size() const override;
  Limits limits() const override;
  Result<uint64_t> allocated_bytes() const override { return inner_->allocated_bytes(); }

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override { return inner_->flush(); }
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> close() override { return inner_->close(); }
  Result<void> set_sharing(Sharing sharing) override { return inner_->set_sharing(sharing); }
  void event(std::string_view name) override { inner_->event(name); }

 private:
  WindowStorage(std::unique_ptr<Storage> inner, uint64_t offset, std::optional<uint64_t> size)
      : inner_(std::move(inner)), offset_(offset), fixed_size_(size) {}

  [[nodiscard]] Result<void> check_inside(uint64_t offset, uint64_t length) const;

  std::unique_ptr<Storage> inner_;
  uint64_t offset_;
  std::optional<uint64_t> fixed_size_;
};

}  // namespace oxbow::storage
