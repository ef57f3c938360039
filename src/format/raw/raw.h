// The raw format: guest bytes are the file's bytes, or those of a window of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "format/format.h"

namespace oxbow::format::raw {

struct RawOptions {
  /// What name() says: "raw", or the storage's driver where no format was put over it.
  std::string name = "raw";
  uint64_t offset = 0;           ///< of the guest's first byte in the file
  std::optional<uint64_t> size;  ///< bytes; without it the image ends where the file does
  /// The image is raw because its contents said so, and nobody else. A write after which
  /// this says true of the first sector is refused: it would be another format's image.
  std::function<bool(std::span<const std::byte>)> forbidden_start;
};

class RawImage final : public Format {
 public:
  static constexpr uint64_t sector = 512;

  /// Refuses a window that does not lie inside `file`, in the stock tools' words.
  static Result<std::unique_ptr<RawImage>> create(std::unique_ptr<storage::Storage> file,
                                                  RawOptions options);

  [[nodiscard]] std::string name() const override { return options_.name; }
  /// The size counts whole sectors; what the file lacks of the last one reads as zeroes.
  [[nodiscard]] Geometry geometry() const override;
  [[nodiscard]] bool read_only() const override { return file_->read_only(); }
  [[nodiscard]] storage::Source& file() override { return *file_; }

  Task<Run> map(uint64_t offset, uint64_t length) override;
  Task<Run> map_for_read(uint64_t offset, uint64_t length) override;
  Task<> read_host(Place at, IoSpan into) override;
  Task<> read_compressed(uint64_t offset, IoSpan into) override;
  Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) override;
  Task<> write_host(Place at, IoSpan from) override;
  Task<> copy_to_host(storage::Source& from, uint64_t from_offset, uint64_t host_offset,
                      uint64_t length) override {
    return file_->copy_from(from, from_offset, host_offset, length);
  }
  Task<> commit_write(WritePlan& plan) override;
  Task<> abort_write(WritePlan& plan) override;
  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override { return file_->flush(); }
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) override;
  Task<> close() override { return file_->close(); }

 private:
  RawImage(std::unique_ptr<storage::Storage> file, RawOptions options)
      : file_(std::move(file)), options_(std::move(options)) {}

  Task<> write_first_sector(uint64_t offset, IoSpan from);

  std::unique_ptr<storage::Storage> file_;
  RawOptions options_;
};

}  // namespace oxbow::format::raw
