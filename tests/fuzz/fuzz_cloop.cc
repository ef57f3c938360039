// Opens whatever the fuzzer made as a cloop image, and reads from it.
#include "format/cloop/cloop.h"
#include "fuzz_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  fuzz::use(async::Loop::current_thread(),
            format::cloop::CloopImage::open(fuzz::file_of(data, size)));
  return 0;
}
