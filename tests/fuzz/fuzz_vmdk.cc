// Opens whatever the fuzzer made as a vmdk image, reads from it and writes to it. Files that it
// names are the same bytes again: a text that names itself does not go on.
#include "format/vmdk/vmdk.h"
#include "fuzz_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow;
  static const uint8_t* bytes;
  static size_t length;
  bytes = data;
  length = size;
  const auto beside = [](const std::string&) -> async::Task<std::unique_ptr<storage::Storage>> {
    co_return fuzz::file_of(bytes, length);
  };
  fuzz::use(async::Loop::current_thread(),
            format::vmdk::VmdkImage::open(fuzz::file_of(data, size), true, beside));
  return 0;
}
