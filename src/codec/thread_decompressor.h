// libdeflate's decompressor: about 12 KiB of tables, one a thread instead of one a call.
#pragma once

#include <libdeflate.h>

#include <memory>

namespace oxbow::codec {

/// nullptr: there was no memory for it.
inline libdeflate_decompressor* thread_decompressor() {
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const {
      libdeflate_free_decompressor(decompressor);
    }
  };
  thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  return decompressor.get();
}

}  // namespace oxbow::codec
