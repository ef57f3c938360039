// A format whose data cannot be had (no key, no data file), so that its metadata can still be
// looked at: info and check work, every access to guest data is refused with one error.
#pragma once

#include <memory>
#include <utility>

#include "format/format.h"

namespace oxbow::format {

class SealedFormat final : public Format {
 public:
  SealedFormat(std::unique_ptr<Format> inner, Error why)
      : inner_(std::move(inner)), why_(std::move(why)) {}

  [[nodiscard]] Format& inner() { return *inner_; }

  [[nodiscard]] std::string name() const override { return inner_->name(); }
  [[nodiscard]] Geometry geometry() const override { return inner_->geometry(); }
  [[nodiscard]] bool read_only() const override { return inner_->read_only(); }
  [[nodiscard]] bool encrypted() const override { return inner_->encrypted(); }
  [[nodiscard]] storage::Source& file() override { return inner_->file(); }
  [[nodiscard]] std::optional<BackingName> backing_name() const override {
    return inner_->backing_name();
  }
  void note_backing(const Format& backing) override { inner_->note_backing(backing); }
  void set_has_backing(bool has_backing) override { inner_->set_has_backing(has_backing); }

  Task<Run> map(uint64_t offset, uint64_t length) override { return inner_->map(offset, length); }
  Task<> read_host(Place, IoSpan) override { return refuse<void>(); }
  Task<> read_compressed(uint64_t, IoSpan) override { return refuse<void>(); }
  Task<WritePlan> prepare_write(uint64_t, uint64_t) override { return refuse<WritePlan>(); }
  Task<> write_host(Place, IoSpan) override { return refuse<void>(); }
  Task<> commit_write(WritePlan&) override { return refuse<void>(); }
  Task<> abort_write(WritePlan&) override { return refuse<void>(); }
  Task<uint64_t> zero_units(uint64_t, uint64_t, ZeroFlags) override { return refuse<uint64_t>(); }
  Task<> discard(uint64_t, uint64_t) override { return refuse<void>(); }
  Task<> resize(uint64_t, storage::Preallocation, bool) override { return refuse<void>(); }
  Task<> flush() override { return inner_->flush(); }
  Task<> close() override { return inner_->close(); }

 private:
  template <class T>
  Task<T> refuse() {
    co_return std::unexpected(why_);
  }

  std::unique_ptr<Format> inner_;
  Error why_;
};

}  // namespace oxbow::format
