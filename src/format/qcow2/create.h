// Making a new qcow2 image in an empty file: options in the stock tools' words, and the
// writing of header, tables and preallocated space. Nothing is read back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "codec/secret_bytes.h"
#include "format/luks/luks_create.h"
#include "format/qcow2/header.h"
#include "storage/storage.h"

namespace oxbow::format::qcow2 {

struct Qcow2Encryption {
  uint32_t method = crypt_luks;
  std::string key_secret;  ///< the id of the passphrase's secret
  std::shared_ptr<const codec::SecretBytes> passphrase;
  luks::LuksCreateOptions luks;
};

struct Qcow2CreateOptions {
  uint64_t size = 0;  ///< virtual size, bytes; rounded up to 512
  uint32_t version = 3;
  uint32_t cluster_bits = 16;
  uint32_t refcount_order = v2_refcount_order;
  bool extended_l2 = false;
  bool lazy_refcounts = false;
  uint8_t compression_type = compression_zlib;
  storage::Preallocation preallocation = storage::Preallocation::off;
  std::string backing_file;    ///< written as it is; empty: none
  std::string backing_format;  ///< empty: not stated
  std::optional<Qcow2Encryption> encryption;
  std::optional<std::string> data_file;  ///< the external one's name, written as it is
  bool data_file_raw = false;            ///< what it holds is what the disk reads

  /// Whether every cluster is linked from the start.
  [[nodiscard]] bool links_data() const {
    return preallocation != storage::Preallocation::off || data_file_raw;
  }
  /// Bytes of the LUKS header in the image.
  [[nodiscard]] uint64_t crypto_header_bytes() const {
    const bool luks = encryption && encryption->method == crypt_luks;
    return luks ? luks::new_header_size(encryption->luks.spec) : 0;
  }
};

/// Reads stock -o keys ("cluster_size", "compat", "refcount_bits", ...); numbers may have
/// suffixes. The key of the size is accepted. Who called finds the passphrase for encryption.
/// Errors are the stock tool's sentences, invalid_argument.
Result<Qcow2CreateOptions> parse_create_options(const std::map<std::string, std::string>& options);

/// Whether the options can make an image at all: what create() asks before it writes.
Result<void> check_create_options(const Qcow2CreateOptions& options);

/// Writes the image to `file`, which is empty or as good as it, and closes it. The header
/// goes last, after a barrier: until then the file is no image. Memory is bounded by the
/// limits of the format's tables, about twice the L1 table.
Task<> create(std::unique_ptr<storage::Storage> file, Qcow2CreateOptions options);
/// The same of an image with an external data file, which is as long as the disk, reads as zeroes
/// and is preallocated as the options say.
Task<> create_with_data_file(std::unique_ptr<storage::Storage> file,
                             std::unique_ptr<storage::Storage> data_file,
                             Qcow2CreateOptions options);

}  // namespace oxbow::format::qcow2
