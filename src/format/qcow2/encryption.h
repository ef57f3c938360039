// The encryption of a qcow2 image's guest data: LUKS, whose header lies in clusters of the image
// and which numbers sectors by their place in the file; or the old AES method, which numbers them
// by their place on the disk. Compressed clusters are not encrypted, whatever the header says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "format/encrypted_data.h"
#include "format/format.h"
#include "format/luks/luks_amend.h"
#include "format/luks/luks_create.h"
#include "format/qcow2/gate.h"
#include "format/qcow2/guest_data.h"

namespace oxbow::format::qcow2 {

using PassphraseSource = std::function<Result<codec::SecretBytes>()>;

struct EncryptionOptions {
  std::optional<std::string> format;  ///< "aes", "luks": which one the header must say
  /// Asked for an encrypted image. Absent: its guest data will not be asked for.
  PassphraseSource passphrase;
  /// Guest data passes as it is stored, and the key slots are not looked at: for tests.
  bool as_stored = false;
};

/// The LUKS header's clusters.
class CryptoHeaderBytes final : public luks::HeaderBytes {
 public:
  CryptoHeaderBytes(Gate& gate, CryptoExtension place) : gate_(gate), place_(place) {}
  Task<> read(uint64_t offset, std::span<std::byte> into) override;
  Task<> write(uint64_t offset, std::span<const std::byte> from) override;
  Task<> barrier() override { return gate_.barrier(); }

 private:
  [[nodiscard]] Result<void> check(uint64_t offset, uint64_t length) const;

  Gate& gate_;
  CryptoExtension place_;
};

class Encryption {
 public:
  /// Of an image whose header names a method; errors in the stock tool's words.
  static Task<std::unique_ptr<Encryption>> open(Gate& gate, GuestData& guest_data,
                                                const Header& header,
                                                const EncryptionOptions& options);

  /// Present where the method is LUKS.
  [[nodiscard]] const std::optional<luks::LuksHeader>& luks_header() const { return luks_; }

  Task<> read(Place at, IoSpan into);
  /// Whole sectors.
  Task<> write(Place at, IoSpan from);
  /// Of an image that was opened with its key.
  Task<> change_slots(luks::SlotChange change);

 private:
  Encryption(Gate& gate, GuestData& guest_data) : gate_(gate), guest_data_(guest_data) {}
  Task<> open_luks(const Header& header, const EncryptionOptions& options);
  Result<void> open_aes(const EncryptionOptions& options);
  [[nodiscard]] EncryptedPlace place(Place at) const {
    return {at.host, luks_ ? at.host : at.guest};
  }
  Task<> write_piece(uint64_t offset, std::span<const std::byte> piece);

  Gate& gate_;
  GuestData& guest_data_;
  CryptoExtension header_place_;
  std::optional<luks::LuksHeader> luks_;
  codec::SecretBytes key_;               // the LUKS volume's
  std::unique_ptr<EncryptedData> data_;  // nullptr: opened without a key
};

/// Writes the header of a new LUKS volume to clusters that are counted and linked by nothing yet.
Task<> create_crypto_header(Gate& gate, CryptoExtension place,
                            const luks::LuksCreateOptions& options, luks::Passphrase passphrase);

}  // namespace oxbow::format::qcow2
