#include "codec/deflate.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "codec/deflate_blocks.h"
#include "codec/thread_decompressor.h"

namespace oxbow::codec {
namespace {

constexpr std::array<SearchEffort, deflate_levels> efforts = {{{2, 16, 0},
                                                               {4, 32, 0},
                                                               {2, 12, 8},
                                                               {3, 16, 8},
                                                               {8, 30, 10},
                                                               {12, 32, 10},
                                                               {32, 96, 32},
                                                               {96, 192, 192},
                                                               {512, 258, 258}}};

// One a thread: 50 KiB, and the tokens of the largest buffer so far.
DeflateParser* thread_parser() {
  thread_local const std::unique_ptr<DeflateParser> parser(new (std::nothrow) DeflateParser);
  return parser.get();
}

}  // namespace

Result<size_t> deflate(std::span<const std::byte> plain, std::span<std::byte> packed, int level) {
  DeflateParser* parser = thread_parser();
  if (parser == nullptr || !parser->parse(plain, efforts[std::clamp(level, 1, 9) - 1])) {
    return fail(ErrorKind::out_of_memory, "No memory to compress with");
  }
  constexpr size_t scratch = 8;
  uint64_t room = packed.size() < scratch ? 0 : (packed.size() - scratch) * 8;
  BitWriter writer(packed);
  size_t done = 0;
  for (const DeflateBlock& block : parser->blocks()) {
    const auto tokens = parser->tokens().subspan(block.first_token, block.tokens);
    const bool last = &block == &parser->blocks().back();
    if (!write_block(writer, block, tokens, plain.subspan(done, block.bytes), last, room)) return 0;
    done += block.bytes;
  }
  return writer.finish();
}

Result<void> inflate(std::span<const std::byte> packed, std::span<std::byte> plain) {
  libdeflate_decompressor* decompressor = thread_decompressor();
  if (decompressor == nullptr) {
    return fail(ErrorKind::out_of_memory, "No memory to decompress with");
  }
  size_t used = 0;
  size_t made = 0;
  const libdeflate_result result = libdeflate_deflate_decompress_ex(
      decompressor, packed.data(), packed.size(), plain.data(), plain.size(), &used, &made);
  if (result != LIBDEFLATE_SUCCESS) {
    return fail(ErrorKind::corrupt, "The compressed data is damaged (deflate)");
  }
  if (made != plain.size()) {
    return fail(ErrorKind::corrupt, "The compressed data holds " + std::to_string(made) +
                                        " bytes instead of " + std::to_string(plain.size()));
  }
  return {};
}

}  // namespace oxbow::codec
