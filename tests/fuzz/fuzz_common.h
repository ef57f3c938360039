// What the fuzz targets over whole images share: the fuzzer's bytes as a file, opened, and a
// guest that writes to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "base/bytes.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "graph/node.h"
#include "storage/memory.h"

namespace oxbow::fuzz {

/// What a guest writes.
inline constexpr std::byte guest_byte{0x5a};

inline storage::SparseBytes bytes_of(const uint8_t* data, size_t size) {
  storage::SparseBytes bytes;
  const iovec all{const_cast<uint8_t*>(data), size};
  bytes.write(0, IoSpan(&all, 1));
  return bytes;
}

inline async::Task<std::unique_ptr<storage::Storage>> empty_data_file() {
  co_return std::make_unique<storage::MemoryStorage>();
}

/// Of the seed that is encrypted.
inline constexpr std::string_view passphrase = "abc";

/// LUKS is left to its own target, which keeps its iterations few.
inline bool is_aes(async::Loop& loop, storage::Storage& file) {
  std::byte method[4]{};
  const iovec part{method, sizeof method};
  (void)loop.run(file.read(32, IoSpan(&part, 1)));
  return load_be<uint32_t>(method) == format::qcow2::crypt_aes;
}

/// A node over `file`; nullptr where the image is refused.
inline std::unique_ptr<graph::Node> open(async::Loop& loop, std::unique_ptr<storage::Storage> file,
                                         bool writable) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = writable;
  options.pass_discard = true;
  if (is_aes(loop, *file)) {
    options.encryption.passphrase = [] {
      return codec::SecretBytes(std::as_bytes(std::span(passphrase)));
    };
  }
  options.open_data_file = [](const std::optional<std::string>&) { return empty_data_file(); };
  auto image = loop.run(format::qcow2::open_qcow2(std::move(file), std::move(options)));
  if (!image) return nullptr;
  return std::make_unique<graph::Node>(std::move(*image), nullptr);
}

/// Writes, zeroes and discards at the beginning, in the middle and at the end of the disk.
inline void write_some(async::Loop& loop, graph::Node& node) {
  const uint64_t size = node.virtual_size();
  if (size < 4096) return;
  std::vector<std::byte> buffer(3000, guest_byte);
  const iovec part{buffer.data(), buffer.size()};
  for (const uint64_t offset : {uint64_t{0}, size / 2, size - 3000}) {
    (void)loop.run(node.write(offset, IoSpan(&part, 1)));
    (void)loop.run(node.write_zeroes(offset, 2048, {}));
    (void)loop.run(node.discard(offset, std::min<uint64_t>(size - offset, 1 << 20)));
  }
  (void)loop.run(node.flush());
}

/// Compressed clusters at the beginning and at the end of the disk, where nothing was.
inline void write_compressed(async::Loop& loop, graph::Node& node) {
  const uint64_t size = node.virtual_size();
  const uint64_t unit = node.format().compressed_unit();
  if (unit == 0 || size < unit) return;
  std::vector<std::byte> buffer(unit, guest_byte);
  const iovec part{buffer.data(), buffer.size()};
  for (const uint64_t offset : {uint64_t{0}, size / 2 / unit * unit, (size - unit) / unit * unit}) {
    (void)loop.run(node.write_compressed(offset, IoSpan(&part, 1)));
    (void)loop.run(node.read(offset, IoSpan(&part, 1)));
  }
  (void)loop.run(node.flush());
}

}  // namespace oxbow::fuzz
