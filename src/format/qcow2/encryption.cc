#include "format/qcow2/encryption.h"

#include "format/legacy_aes.h"

namespace oxbow::format::qcow2 {
namespace {

Result<void> check_format(const Header& header, const EncryptionOptions& options) {
  const std::string reported = header.crypt_method == crypt_aes ? "aes" : "luks";
  if (!options.format || *options.format == reported) return {};
  return fail(ErrorKind::invalid_argument,
              "Header reported '" + reported + "' encryption format but options specify '" +
                  *options.format + "'",
              EINVAL);
}

}  // namespace

Result<void> CryptoHeaderBytes::check(uint64_t offset, uint64_t length) const {
  if (offset <= place_.length && length <= place_.length - offset) return {};
  return fail(ErrorKind::corrupt, "Request for data outside of extension header", EINVAL);
}

Task<> CryptoHeaderBytes::read(uint64_t offset, std::span<std::byte> into) {
  CO_TRY(check(offset, into.size()));
  const iovec part = io_slice(into);
  co_return co_await gate_.read(place_.offset + offset, IoSpan(&part, 1));
}

Task<> CryptoHeaderBytes::write(uint64_t offset, std::span<const std::byte> from) {
  CO_TRY(check(offset, from.size()));
  const iovec part = io_slice(from);
  co_return co_await gate_.write(Writes::crypto_header, place_.offset + offset, IoSpan(&part, 1));
}

Task<std::unique_ptr<Encryption>> Encryption::open(Gate& gate, GuestData& guest_data,
                                                   const Header& header,
                                                   const EncryptionOptions& options) {
  CO_TRY(check_format(header, options));
  std::unique_ptr<Encryption> out(new Encryption(gate, guest_data));
  if (header.crypt_method == crypt_luks) {
    CO_TRY(co_await out->open_luks(header, options));
  } else {
    CO_TRY(out->open_aes(options));
  }
  co_return out;
}

Task<> Encryption::open_luks(const Header& header, const EncryptionOptions& options) {
  header_place_ = *header.crypto;
  CryptoHeaderBytes bytes(gate_, header_place_);
  CO_TRY_ASSIGN(luks_, co_await luks::read_header(bytes));
  if (!options.passphrase) co_return {};
  CO_TRY_ASSIGN(const codec::SecretBytes passphrase, options.passphrase());
  CO_TRY_ASSIGN(key_, co_await luks::unlock(bytes, *luks_, passphrase.span()));
  CO_TRY_ASSIGN(auto cipher, codec::SectorCipher::create(luks_->spec, key_.span()));
  data_ = std::make_unique<EncryptedData>(std::move(cipher));
  co_return {};
}

Result<void> Encryption::open_aes(const EncryptionOptions& options) {
  if (!options.passphrase) return {};
  TRY_ASSIGN(const codec::SecretBytes passphrase, options.passphrase());
  TRY_ASSIGN(data_, open_legacy_aes(passphrase));
  return {};
}

Task<> Encryption::read(Place at, IoSpan into) {
  co_return co_await data_->read(guest_data_.file(), place(at), into);
}

Task<> Encryption::write_piece(uint64_t offset, std::span<const std::byte> piece) {
  const iovec part = io_slice(piece);
  co_return co_await guest_data_.write(offset, IoSpan(&part, 1));
}

Task<> Encryption::write(Place at, IoSpan from) {
  auto write = [this](uint64_t offset, std::span<const std::byte> piece) {
    return write_piece(offset, piece);
  };
  co_return co_await data_->write(place(at), from, write);
}

Task<> Encryption::change_slots(luks::SlotChange change) {
  if (!luks_) {
    co_return fail(ErrorKind::unsupported, "Only LUKS encryption options can be amended", ENOTSUP);
  }
  CryptoHeaderBytes bytes(gate_, header_place_);
  co_return co_await luks::change_slots(bytes, *luks_, key_, std::move(change));
}

Task<> create_crypto_header(Gate& gate, CryptoExtension place,
                            const luks::LuksCreateOptions& options, luks::Passphrase passphrase) {
  // What the file held there before is no part of a header.
  CO_TRY(co_await gate.write_zeroes(Writes::crypto_header, place.offset, place.length, {}));
  CryptoHeaderBytes bytes(gate, place);
  CO_TRY(co_await luks::create_header(bytes, options, passphrase));
  co_return {};
}

}  // namespace oxbow::format::qcow2
