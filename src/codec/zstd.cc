#include "codec/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <memory>

namespace oxbow::codec {
namespace {

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// A frame may ask for a window of its own choice; no cluster needs more than 16 MiB.
constexpr int max_window_log = 24;

ZSTD_DCtx* make_context() {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  if (context != nullptr) ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, max_window_log);
  return context;
}

ZSTD_DCtx* thread_context() {
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(make_context());
  return context.get();
}

// A level's tables are made once a thread.
ZSTD_CCtx* zstd_context() {
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  return context.get();
}

}  // namespace

Result<size_t> zstd_compress(std::span<const std::byte> plain, std::span<std::byte> packed,
                             int level) {
  ZSTD_CCtx* context = zstd_context();
  if (context == nullptr) return fail(ErrorKind::out_of_memory, "No memory to compress with");
  const size_t length =
      ZSTD_compressCCtx(context, packed.data(), packed.size(), plain.data(), plain.size(), level);
  if (ZSTD_isError(length) == 0) return length;
  if (ZSTD_getErrorCode(length) == ZSTD_error_dstSize_tooSmall) return 0;
  return fail(ErrorKind::out_of_memory, std::string("The data cannot be compressed (zstd: ") +
                                            ZSTD_getErrorName(length) + ")");
}

Result<void> zstd_decompress(std::span<const std::byte> packed, std::span<std::byte> plain) {
  ZSTD_DCtx* context = thread_context();
  if (context == nullptr) return fail(ErrorKind::out_of_memory, "No memory to decompress with");
  // The sector count of the entry rounds the frame's length up, so the frame is streamed.
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  ZSTD_outBuffer out{plain.data(), plain.size(), 0};
  while (out.pos < out.size) {
    const size_t in_before = in.pos;
    const size_t out_before = out.pos;
    const size_t result = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(result) != 0) {
      return fail(ErrorKind::corrupt, std::string("The compressed data is damaged (zstd: ") +
                                          ZSTD_getErrorName(result) + ")");
    }
    if (in.pos == in_before && out.pos == out_before) {
      return fail(ErrorKind::corrupt, "The compressed data ends after " + std::to_string(out.pos) +
                                          " bytes instead of " + std::to_string(out.size));
    }
  }
  return {};
}

}  // namespace oxbow::codec
