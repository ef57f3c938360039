#include "format/blocks/empty_image.h"

namespace oxbow::format {
namespace {

async::Task<> write_all(storage::Storage& file, uint64_t bytes, std::span<std::byte> header) {
  CO_TRY(co_await file.truncate(bytes));
  CO_TRY(co_await file.flush());
  const iovec from = io_slice(header);
  CO_TRY(co_await file.write(0, IoSpan(&from, 1)));
  co_return co_await file.flush();
}

}  // namespace

async::Task<> write_empty_image(std::unique_ptr<storage::Storage> file, uint64_t bytes,
                                std::span<std::byte> header) {
  const Result<void> written = co_await write_all(*file, bytes, header);
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format
