#include "codec/zlib_stream.h"

#include <libdeflate.h>

#include <memory>

#include "codec/thread_decompressor.h"

namespace oxbow::codec {
namespace {

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

libdeflate_compressor* thread_compressor() {
  constexpr int level = 6;
  thread_local const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(level));
  return compressor.get();
}

}  // namespace

Result<size_t> unzlib(std::span<const std::byte> packed, std::span<std::byte> plain) {
  libdeflate_decompressor* decompressor = thread_decompressor();
  if (decompressor == nullptr) {
    return fail(ErrorKind::out_of_memory, "No memory to decompress with");
  }
  size_t used = 0;
  size_t made = 0;
  const libdeflate_result result = libdeflate_zlib_decompress_ex(
      decompressor, packed.data(), packed.size(), plain.data(), plain.size(), &used, &made);
  if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
    return fail(ErrorKind::corrupt,
                "The compressed data holds more than " + std::to_string(plain.size()) + " bytes");
  }
  if (result != LIBDEFLATE_SUCCESS) {
    return fail(ErrorKind::corrupt, "The compressed data is damaged (zlib)");
  }
  return made;
}

Result<void> zlib(std::span<const std::byte> plain, size_t room, std::vector<std::byte>& packed) {
  libdeflate_compressor* compressor = thread_compressor();
  if (compressor == nullptr) {
    return fail(ErrorKind::out_of_memory, "No memory to compress with");
  }
  packed.resize(room + libdeflate_zlib_compress_bound(compressor, plain.size()));
  const size_t made = libdeflate_zlib_compress(compressor, plain.data(), plain.size(),
                                               packed.data() + room, packed.size() - room);
  if (made == 0) return fail(ErrorKind::internal, "A stream did not fit into its bound");
  packed.resize(room + made);
  return {};
}

}  // namespace oxbow::codec
