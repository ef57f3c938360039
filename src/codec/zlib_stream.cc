#include "codec/zlib_stream.h"

#include <libdeflate.h>

#include <memory>

namespace oxbow::codec {
namespace {

struct Free {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};

libdeflate_decompressor* thread_decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  return decompressor.get();
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

}  // namespace oxbow::codec
