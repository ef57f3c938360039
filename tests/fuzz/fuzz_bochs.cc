// Opens whatever the fuzzer made as a Bochs image, and reads from it.
#include "format/bochs/bochs.h"
#include "fuzz_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  fuzz::use(async::Loop::current_thread(),
            format::bochs::BochsImage::open(fuzz::file_of(data, size)));
  return 0;
}
