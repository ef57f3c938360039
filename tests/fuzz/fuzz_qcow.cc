// Images of the first qcow of any bytes, with a key where they ask for one.
#include "format/legacy_aes.h"
#include "format/qcow/qcow.h"
#include "fuzz_blocks.h"

namespace {

using namespace oxbow;

async::Task<std::unique_ptr<format::Format>> open_qcow(std::unique_ptr<storage::Storage> file) {
  CO_TRY_ASSIGN(format::qcow::Header header, co_await format::qcow::read_header(*file));
  std::unique_ptr<format::EncryptedData> encrypted;
  if (header.encrypted) {
    CO_TRY_ASSIGN(encrypted, format::open_legacy_aes(codec::SecretBytes(3)));
  }
  co_return std::make_unique<format::qcow::QcowImage>(std::move(file), std::move(header),
                                                      std::move(encrypted));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const storage::SparseBytes bytes = fuzz::bytes_of(data, size);
  fuzz::use_image(open_qcow, bytes, fuzz::Blocks::anywhere);
  async::Loop& loop = async::Loop::current_thread();
  if (auto node = fuzz::open_with(loop, open_qcow, bytes, true)) {
    fuzz::write_compressed(loop, *node);
    fuzz::write_some(loop, *node);
    (void)loop.run(node->close());
  }
  return 0;
}
