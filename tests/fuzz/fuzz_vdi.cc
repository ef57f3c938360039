// VDI images of any bytes.
#include "format/vdi/vdi.h"
#include "fuzz_blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  oxbow::fuzz::use_image(oxbow::format::vdi::open_vdi, oxbow::fuzz::bytes_of(data, size),
                         oxbow::fuzz::Blocks::apart);
  return 0;
}
