// VHD images of any bytes; checksums are set right, so that what they protect is reached.
#include "base/bytes.h"
#include "format/vpc/vpc.h"
#include "fuzz_blocks.h"

namespace {

using namespace oxbow;

async::Task<std::unique_ptr<format::Format>> open(std::unique_ptr<storage::Storage> file) {
  return format::vpc::open_vpc(std::move(file), format::vpc::SizeRule::automatic);
}

void set_checksum(std::vector<std::byte>& image, size_t footer) {
  const auto bytes = std::span(image).subspan(footer, 512);
  store_be(bytes.data() + 64, format::vpc::checksum(bytes, 64));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 512) return 0;
  std::vector<std::byte> image(size);
  std::copy_n(reinterpret_cast<const std::byte*>(data), size, image.begin());
  set_checksum(image, 0);
  if (size >= 1024) set_checksum(image, size - 512);
  const auto* bytes = reinterpret_cast<const uint8_t*>(image.data());
  fuzz::use_image(open, fuzz::bytes_of(bytes, size), fuzz::Blocks::anywhere);
  return 0;
}
