// LUKS headers that lie: parsed, unlocked and read, with work and memory bounded. The fuzzer's
// bytes are the header; iterations are cut short, so that what follows them is reached.
#include <cstring>

#include "base/bytes.h"
#include "format/luks/luks.h"
#include "format/luks/luks_amend.h"
#include "fuzz_common.h"

namespace {

using namespace oxbow;
using namespace oxbow::format::luks;

constexpr uint32_t few = 4;

void cut_iterations(storage::MemoryStorage& file, async::Loop& loop) {
  std::byte raw[4];
  const iovec part = io_slice(std::span<std::byte>(raw));
  const auto limit = [&](uint64_t offset) {
    (void)loop.run(file.read(offset, IoSpan(&part, 1)));
    if (load_be<uint32_t>(raw) <= few) return;
    store_be<uint32_t>(raw, few);
    (void)loop.run(file.write(offset, IoSpan(&part, 1)));
  };
  limit(164);
  for (unsigned slot = 0; slot < key_slots; ++slot) limit(slot_entry_offset(slot) + 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  async::Loop& loop = async::Loop::current_thread();
  auto file = std::make_unique<storage::MemoryStorage>(fuzz::bytes_of(data, size));
  (void)loop.run(open_luks(std::make_unique<storage::MemoryStorage>(file->bytes()), nullptr));
  cut_iterations(*file, loop);
  FileHeaderBytes bytes(*file);
  auto header = loop.run(read_header(bytes));
  if (!header) return 0;
  const std::byte passphrase[3] = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  (void)loop.run(unlock(bytes, *header, passphrase));
  // What was parsed can be written, and is read as the same again.
  const auto raw = encode_header(*header);
  const auto again = parse_header(raw);
  if (!again || encode_header(*again) != raw) std::abort();
  codec::SecretBytes key(header->key_bytes);
  SlotChange change;
  change.activate = true;
  change.force = true;
  change.iter_time = 0;
  change.new_secret.emplace(std::span(passphrase));
  (void)loop.run(change_slots(bytes, *header, key, std::move(change)));
  return 0;
}
