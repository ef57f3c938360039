#include "codec/bzip2.h"

#include <bzlib.h>

#include <limits>

namespace oxbow::codec {

Result<size_t> unbzip2(std::span<const std::byte> packed, std::span<std::byte> plain) {
  constexpr size_t most = std::numeric_limits<unsigned>::max();
  auto made = static_cast<unsigned>(std::min(plain.size(), most));
  const auto given = static_cast<unsigned>(std::min(packed.size(), most));
  // The library takes its input without const and only reads it.
  auto* source = const_cast<char*>(reinterpret_cast<const char*>(packed.data()));
  const int result =
      BZ2_bzBuffToBuffDecompress(reinterpret_cast<char*>(plain.data()), &made, source, given, 0, 0);
  if (result == BZ_MEM_ERROR) {
    return fail(ErrorKind::out_of_memory, "No memory to decompress with");
  }
  if (result != BZ_OK) return fail(ErrorKind::corrupt, "The compressed data is damaged (bzip2)");
  return made;
}

}  // namespace oxbow::codec
