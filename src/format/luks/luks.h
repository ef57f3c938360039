// The luks format: a LUKS1 header, and guest data behind it, encrypted by sectors.
#pragma once

#include <memory>
#include <string>

#include "format/encrypted_data.h"
#include "format/format.h"
#include "format/luks/key_slots.h"

namespace oxbow::format::luks {

class LuksImage final : public Format {
 public:
  /// Without the volume's key there is no guest data to be had (SealedFormat).
  LuksImage(std::unique_ptr<storage::Storage> file, LuksHeader header, codec::SecretBytes key,
            std::unique_ptr<codec::SectorCipher> cipher);

  [[nodiscard]] std::string name() const override { return "luks"; }
  /// The size counts whole sectors.
  [[nodiscard]] Geometry geometry() const override;
  [[nodiscard]] bool read_only() const override { return file_->read_only(); }
  [[nodiscard]] storage::Source& file() override { return *file_; }
  [[nodiscard]] const LuksHeader& header() const { return header_; }

  Task<Run> map(uint64_t offset, uint64_t length) override;
  async::RangeLock* guest_locks() override { return &guest_locks_; }
  Task<> read_host(Place at, IoSpan into) override;
  Task<> read_compressed(uint64_t offset, IoSpan into) override;
  Task<WritePlan> prepare_write(uint64_t offset, uint64_t length) override;
  Task<> write_host(Place at, IoSpan from) override;
  Task<> commit_write(WritePlan& plan) override;
  Task<> abort_write(WritePlan& plan) override;
  Task<uint64_t> zero_units(uint64_t offset, uint64_t length, ZeroFlags flags) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override { return file_->flush(); }
  Task<> resize(uint64_t size, storage::Preallocation preallocation, bool allow_shrink) override;
  Task<> close() override { return file_->close(); }

  /// For changes of key slots.
  [[nodiscard]] LuksHeader& header() { return header_; }
  [[nodiscard]] storage::Storage& storage() { return *file_; }
  [[nodiscard]] const codec::SecretBytes& key() const { return key_; }

 private:
  Task<> write_piece(uint64_t offset, std::span<const std::byte> piece);

  std::unique_ptr<storage::Storage> file_;
  LuksHeader header_;
  codec::SecretBytes key_;
  EncryptedData data_;
  async::RangeLock guest_locks_;
};

/// `passphrase`: nullptr for a look at the header alone; guest data is not asked for then.
/// Errors are the stock tool's sentences; permission for a wrong passphrase.
Task<std::unique_ptr<LuksImage>> open_luks(std::unique_ptr<storage::Storage> file,
                                           const codec::SecretBytes* passphrase);

/// The cipher of an unlocked volume's data.
Result<std::unique_ptr<codec::SectorCipher>> data_cipher(const LuksHeader& header,
                                                         const codec::SecretBytes& key);

}  // namespace oxbow::format::luks
