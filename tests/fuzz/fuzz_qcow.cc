// Opens whatever the fuzzer made as an image of the first qcow, and reads from it.
#include "format/qcow/qcow.h"
#include "fuzz_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  fuzz::use(async::Loop::current_thread(),
            format::qcow::QcowImage::open(fuzz::file_of(data, size), true));
  return 0;
}
