// QED images of any bytes.
#include "format/qed/qed.h"
#include "fuzz_blocks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  fuzz::use_image(format::qed::open_qed, fuzz::bytes_of(data, size), fuzz::Blocks::anywhere);
  return 0;
}
