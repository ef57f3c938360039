// Unpacking clusters: sound data followed by anything, and data that lies.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <random>
#include <vector>

#include "codec/deflate.h"
#include "codec/zstd.h"

namespace oxbow::codec {
namespace {

using Bytes = std::vector<std::byte>;

Bytes sample(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * i / 100);
  return bytes;
}

Bytes deflated(const Bytes& plain) {
  Bytes packed(plain.size() + 1024);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes zstd_packed(const Bytes& plain) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

struct Codec {
  const char* name;
  Bytes (*pack)(const Bytes&);
  Result<void> (*unpack)(std::span<const std::byte>, std::span<std::byte>);
};

class Unpacking : public ::testing::TestWithParam<Codec> {};

TEST_P(Unpacking, ignores_what_follows_the_data) {
  for (const size_t size : {512, 65536, 2 << 20}) {
    const Bytes plain = sample(size);
    Bytes packed = GetParam().pack(plain);
    packed.resize(packed.size() + 500, std::byte{0xff});
    Bytes out(size);
    const auto done = GetParam().unpack(packed, out);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(out, plain);
  }
}

TEST_P(Unpacking, refuses_data_that_is_too_short) {
  const Bytes packed = GetParam().pack(sample(4096));
  Bytes out(8192);
  const auto done = GetParam().unpack(packed, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::corrupt);
}

TEST_P(Unpacking, refuses_data_that_is_cut) {
  const Bytes packed = GetParam().pack(sample(65536));
  Bytes out(65536);
  for (const size_t length : {size_t{0}, size_t{1}, packed.size() / 2, packed.size() - 8}) {
    EXPECT_FALSE(GetParam().unpack(std::span(packed).first(length), out)) << length;
  }
}

TEST_P(Unpacking, survives_noise) {
  std::mt19937 random(7);
  Bytes packed = GetParam().pack(sample(65536));
  Bytes out(65536);
  for (int i = 0; i < 2000; ++i) {
    Bytes noisy = packed;
    for (int k = 0; k < 3; ++k) noisy[random() % noisy.size()] = static_cast<std::byte>(random());
    const auto done = GetParam().unpack(noisy, out);
    if (!done) {
      EXPECT_EQ(done.error().kind(), ErrorKind::corrupt);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Unpacking,
                         ::testing::Values(Codec{"deflate", deflated, inflate},
                                           Codec{"zstd", zstd_packed, zstd_decompress}),
                         [](const auto& info) { return info.param.name; });

// A few bytes that ask for a window of a gigabyte.
TEST(Zstd, refuses_frames_with_a_huge_window) {
  Bytes plain = sample(65536);
  Bytes packed(ZSTD_compressBound(plain.size()) + 64);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 30);
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  Bytes unpacked(65536);
  EXPECT_FALSE(zstd_decompress(packed, unpacked));
}

}  // namespace
}  // namespace oxbow::codec
