// Guest data that is stored encrypted, sector by sector: read and decrypted, encrypted and written,
// with large pieces of work on the worker pool. Knows neither where keys come from nor what gives
// a sector its number.
#pragma once

#include <functional>
#include <memory>

#include "base/buffer.h"
#include "base/io_vector.h"
#include "codec/sector_cipher.h"
#include "storage/storage.h"

namespace oxbow::format {

/// A place in the file, and the number, in bytes, that gives the sectors there their initial
/// vectors. Both lie equally far into a sector.
struct EncryptedPlace {
  uint64_t offset = 0;
  uint64_t tweak = 0;
};

class EncryptedData {
 public:
  explicit EncryptedData(std::unique_ptr<codec::SectorCipher> cipher)
      : cipher_(std::move(cipher)) {}

  /// Any offset and length.
  async::Task<> read(storage::Source& file, EncryptedPlace at, IoSpan into);

  /// Writes what a piece has become; offset in the file, bytes.
  using WritePiece = std::function<async::Task<>(uint64_t offset, std::span<const std::byte>)>;
  /// Whole sectors, in one piece or several; what `from` holds is not changed.
  async::Task<> write(EncryptedPlace at, IoSpan from, WritePiece write);

 private:
  async::Task<> read_aside(storage::Source& file, EncryptedPlace at, IoSpan into);
  async::Task<> decrypt(uint64_t tweak, IoSpan data);

  std::unique_ptr<codec::SectorCipher> cipher_;
};

}  // namespace oxbow::format
