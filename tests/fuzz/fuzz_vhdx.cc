// VHDX images that are sound but for some spots: the input is a list of them (where: 1 byte for the
// part, 2 for the offset in it; how many bytes: 1; the bytes). Checksums are set right.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "format/vhdx/create.h"
#include "format/vhdx/vhdx.h"
#include "fuzz_blocks.h"
#include "lent_storage.h"

namespace {

using namespace oxbow;

constexpr uint64_t mib = 1 << 20;
// Both headers, both region tables, log, BAT, metadata and what it says.
constexpr uint64_t parts[] = {0x10000, 0x20000, 0x30000, 0x40000,
                              mib,     2 * mib, 3 * mib, 3 * mib + 0x10000};

storage::SparseBytes sound_image() {
  async::Loop& loop = async::Loop::current_thread();
  auto file = std::make_shared<storage::MemoryStorage>();
  const auto options = format::vhdx::settle_create_options({.size = 4 * mib, .block_size = mib});
  (void)loop.run(format::vhdx::create(std::make_unique<storage::LentStorage>(file), *options));
  return file->bytes();
}

void put(storage::SparseBytes& image, uint64_t offset, std::span<const std::byte> bytes) {
  const iovec part = io_slice(bytes);
  image.write(offset, IoSpan(&part, 1));
}

void set_checksum(storage::SparseBytes& image, uint64_t offset, size_t length) {
  std::vector<std::byte> bytes(length);
  const iovec part{bytes.data(), bytes.size()};
  image.read(offset, IoSpan(&part, 1));
  store_le<uint32_t>(bytes.data() + 4, 0);
  store_le(bytes.data() + 4, crc32c(bytes));
  put(image, offset, bytes);
}

async::Task<std::unique_ptr<format::Format>> open(std::unique_ptr<storage::Storage> file) {
  return format::vhdx::open_vhdx(std::move(file), false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const storage::SparseBytes sound = sound_image();
  storage::SparseBytes image = sound;
  for (size_t at = 0; at + 4 < size;) {
    const uint64_t offset = parts[data[at] % std::size(parts)] + load_le<uint16_t>(data + at + 1);
    const size_t length = std::min<size_t>(data[at + 3], size - at - 4);
    put(image, offset, std::as_bytes(std::span(data + at + 4, length)));
    at += 4 + length;
  }
  for (const uint64_t header : {parts[0], parts[1]}) set_checksum(image, header, 4096);
  for (const uint64_t table : {parts[2], parts[3]}) set_checksum(image, table, 65536);
  for (const uint64_t entry : {mib + 8192, mib}) set_checksum(image, entry, 8192);
  fuzz::use_image(open, image, oxbow::fuzz::Blocks::apart);
  return 0;
}
