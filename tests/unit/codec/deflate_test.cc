// Packing with our own deflate: what zlib with a window of 4 KiB reads back, in small steps so
// that it really has no more than that; and sizes.
#include "codec/deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <random>
#include <vector>

#include "codec/zstd.h"

namespace oxbow::codec {
namespace {

using Bytes = std::vector<std::byte>;

enum class Sort { zeroes, noise, words, steps, few_values, long_matches, mixed };
constexpr Sort sorts[] = {Sort::zeroes,     Sort::noise,        Sort::words, Sort::steps,
                          Sort::few_values, Sort::long_matches, Sort::mixed};

std::byte byte_of(Sort sort, size_t i, std::mt19937_64& random) {
  constexpr std::string_view text = "cluster table entry refcount guest host offset ";
  switch (sort) {
    case Sort::zeroes: return std::byte{0};
    case Sort::noise: return static_cast<std::byte>(random());
    case Sort::words: return static_cast<std::byte>(text[(i * i / 7 + i) % text.size()]);
    case Sort::steps: return static_cast<std::byte>(i / 300);
    case Sort::few_values: return static_cast<std::byte>(random() % 3);
    case Sort::long_matches: return static_cast<std::byte>((i % 4000) * (i % 4000) / 91);
    case Sort::mixed: return byte_of(sorts[i / 9000 % 6], i, random);
  }
  return {};
}

Bytes sample(Sort sort, size_t size) {
  std::mt19937_64 random(size);
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = byte_of(sort, i, random);
  return bytes;
}

Bytes packed_by_us(const Bytes& plain, int level) {
  Bytes packed(plain.size() + plain.size() / 1000 + 64);
  const auto length = deflate(plain, packed, level);
  EXPECT_TRUE(length);
  EXPECT_NE(length.value_or(0), 0u);
  packed.resize(length.value_or(0));
  return packed;
}

// Gives the output 100 bytes at a time: all that zlib remembers is its window.
Bytes read_by_zlib(const Bytes& packed, size_t size) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -12), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytes plain(size + 100);
  int state = Z_OK;
  while (state == Z_OK && stream.total_out <= size) {
    stream.next_out = reinterpret_cast<Bytef*>(plain.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(std::min<size_t>(100, plain.size() - stream.total_out));
    state = inflate(&stream, Z_NO_FLUSH);
  }
  EXPECT_EQ(state, Z_STREAM_END) << (stream.msg != nullptr ? stream.msg : "");
  EXPECT_EQ(stream.avail_in, 0u);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST(Deflate, zlib_with_a_window_of_4_kib_reads_every_size_and_level) {
  for (const size_t size : {1, 2, 3, 4, 5, 255, 511, 512, 4096, 5000, 65536, 200000, 2 << 20}) {
    for (const Sort sort : sorts) {
      for (int level = 1; level <= deflate_levels; ++level) {
        if (size > 70000 && level != 1 && level != deflate_default_level) continue;
        const Bytes plain = sample(sort, size);
        ASSERT_TRUE(read_by_zlib(packed_by_us(plain, level), size) == plain)
            << size << " bytes, sort " << static_cast<int>(sort) << ", level " << level;
      }
    }
  }
}

TEST(Deflate, our_own_inflate_reads_it) {
  const Bytes plain = sample(Sort::mixed, 65536);
  Bytes back(plain.size());
  ASSERT_TRUE(inflate(packed_by_us(plain, deflate_default_level), back));
  EXPECT_TRUE(back == plain);
}

TEST(Deflate, what_does_not_fit_is_not_packed) {
  const Bytes noise = sample(Sort::noise, 65536);
  Bytes packed(65536 + 8 - 1);
  const auto length = deflate(noise, packed, deflate_default_level);
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, 0u);
}

TEST(Deflate, writes_nothing_beyond_its_room) {
  const Bytes plain = sample(Sort::mixed, 65536);
  const size_t needed = packed_by_us(plain, 4).size();
  for (const size_t room :
       {size_t{0}, size_t{7}, size_t{100}, needed - 1, needed, needed + 7, needed + 8}) {
    Bytes packed(room + 32, std::byte{0x5a});
    const auto length = deflate(plain, std::span(packed).first(room), 4);
    ASSERT_TRUE(length);
    EXPECT_EQ(*length, room == needed + 8 ? needed : 0) << room;
    for (size_t i = room; i < packed.size(); ++i) ASSERT_EQ(packed[i], std::byte{0x5a});
  }
}

TEST(Deflate, the_same_bytes_give_the_same_stream_whatever_came_before) {
  const Bytes plain = sample(Sort::mixed, 65536);
  const Bytes first = packed_by_us(plain, 4);
  packed_by_us(sample(Sort::long_matches, 65536), 4);
  EXPECT_TRUE(packed_by_us(plain, 4) == first);
}

TEST(Deflate, is_as_small_as_zlibs_usual_level_or_nearly) {
  const Bytes plain = sample(Sort::mixed, 54000);
  Bytes packed(plain.size() + 1024);
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_LT(packed_by_us(plain, deflate_default_level).size(), stream.total_out * 102 / 100);
  deflateEnd(&stream);
}

TEST(Zstd, packs_and_unpacks_and_says_what_does_not_fit) {
  const Bytes plain = sample(Sort::mixed, 65536);
  Bytes packed(plain.size());
  const auto length = zstd_compress(plain, packed, zstd_default_level);
  ASSERT_TRUE(length);
  ASSERT_NE(*length, 0u);
  Bytes back(plain.size());
  ASSERT_TRUE(zstd_decompress(std::span(packed).first(*length), back));
  EXPECT_TRUE(back == plain);
  const auto noise = zstd_compress(sample(Sort::noise, 65536), packed, zstd_default_level);
  ASSERT_TRUE(noise);
  EXPECT_EQ(*noise, 0u);
}

}  // namespace
}  // namespace oxbow::codec
