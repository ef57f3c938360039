// Parallels images of any bytes.
#include "format/parallels/parallels.h"
#include "fuzz_blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  fuzz::use_image(format::parallels::open_parallels, fuzz::bytes_of(data, size),
                  fuzz::Blocks::anywhere);
  return 0;
}
