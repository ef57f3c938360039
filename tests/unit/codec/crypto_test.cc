// Ciphers, digests and PBKDF2 against published vectors; sectors against the library's own blocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "codec/cipher.h"
#include "codec/hash.h"
#include "codec/sector_cipher.h"

namespace oxbow::codec {
namespace {

using Bytes = std::vector<std::byte>;

Bytes unhex(std::string_view text) {
  Bytes out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<unsigned>(byte) >> 4];
    out += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

std::span<const std::byte> text(std::string_view words) { return std::as_bytes(std::span(words)); }

struct Vector {
  const char* name;
  CipherAlgorithm cipher;
  CipherMode mode;
  const char* key;
  const char* iv;
  const char* plain;
  const char* secret;
};

// FIPS 197 appendix C; NIST SP 800-38A F.2.1, F.2.5, F.5.5; IEEE 1619-2007 vectors 1 and 2;
// RFC 2144 B.1; the Twofish paper's and the Serpent (NESSIE) known answers.
constexpr Vector vectors[] = {
    {"aes128_ecb", CipherAlgorithm::aes_128, CipherMode::ecb, "000102030405060708090a0b0c0d0e0f",
     "", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"},
    {"aes192_ecb", CipherAlgorithm::aes_192, CipherMode::ecb,
     "000102030405060708090a0b0c0d0e0f1011121314151617", "", "00112233445566778899aabbccddeeff",
     "dda97ca4864cdfe06eaf70a0ec0d7191"},
    {"aes256_ecb", CipherAlgorithm::aes_256, CipherMode::ecb,
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "",
     "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089"},
    {"aes128_cbc", CipherAlgorithm::aes_128, CipherMode::cbc, "2b7e151628aed2a6abf7158809cf4f3c",
     "000102030405060708090a0b0c0d0e0f", "6bc1bee22e409f96e93d7e117393172a",
     "7649abac8119b246cee98e9b12e9197d"},
    {"aes256_cbc", CipherAlgorithm::aes_256, CipherMode::cbc,
     "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "000102030405060708090a0b0c0d0e0f", "6bc1bee22e409f96e93d7e117393172a",
     "f58c4c04d6e5f1ba779eabfb5f7bfbd6"},
    {"aes256_ctr", CipherAlgorithm::aes_256, CipherMode::ctr,
     "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "6bc1bee22e409f96e93d7e117393172a",
     "601ec313775789a5b7a7f504bbf3d228"},
    {"aes128_xts_same_keys", CipherAlgorithm::aes_128, CipherMode::xts,
     "0000000000000000000000000000000000000000000000000000000000000000",
     "00000000000000000000000000000000",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e"},
    {"aes128_xts", CipherAlgorithm::aes_128, CipherMode::xts,
     "1111111111111111111111111111111122222222222222222222222222222222",
     "33333333330000000000000000000000",
     "4444444444444444444444444444444444444444444444444444444444444444",
     "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0"},
    {"cast5_ecb", CipherAlgorithm::cast5_128, CipherMode::ecb, "0123456712345678234567893456789a",
     "", "0123456789abcdef", "238b4fe5847e44b2"},
    {"twofish128_ecb", CipherAlgorithm::twofish_128, CipherMode::ecb,
     "9f589f5cf6122c32b6bfec2f2ae8c35a", "", "d491db16e7b1c39e86cb086b789f5419",
     "019f9809de1711858faac3a3ba20fbc3"},
    {"twofish256_ecb", CipherAlgorithm::twofish_256, CipherMode::ecb,
     "d43bb7556ea32e46f2a282b7d45b4e0d57ff739d4dc92c1bd7fc01700cc8216f", "",
     "90afe91bb288544f2c32dc239b2635e6", "6cb4561c40bf0a9705931cb6d408e7fa"},
    {"serpent128_ecb", CipherAlgorithm::serpent_128, CipherMode::ecb,
     "80000000000000000000000000000000", "", "00000000000000000000000000000000",
     "264e5481eff42a4606abda06c0bfda3d"},
    {"serpent256_ecb", CipherAlgorithm::serpent_256, CipherMode::ecb,
     "8000000000000000000000000000000000000000000000000000000000000000", "",
     "00000000000000000000000000000000", "a223aa1288463c0e2be38ebd825616c0"},
};

class KnownAnswer : public ::testing::TestWithParam<Vector> {};

TEST_P(KnownAnswer, IsGivenBothWays) {
  const Vector& it = GetParam();
  auto cipher = Cipher::create(it.cipher, it.mode, unhex(it.key));
  ASSERT_TRUE(cipher) << cipher.error().message();
  const Bytes plain = unhex(it.plain);
  const Bytes iv = unhex(it.iv);
  Bytes out(plain.size());
  ASSERT_TRUE(cipher->encrypt(iv, plain, out));
  EXPECT_EQ(hex(out), it.secret);
  ASSERT_TRUE(cipher->decrypt(iv, out, out));
  EXPECT_EQ(hex(out), it.plain);
}

INSTANTIATE_TEST_SUITE_P(, KnownAnswer, ::testing::ValuesIn(vectors),
                         [](const auto& info) { return info.param.name; });

TEST(Cipher, RefusesKeysOfTheWrongLengthAndXtsOfSmallBlocks) {
  EXPECT_FALSE(Cipher::create(CipherAlgorithm::aes_256, CipherMode::cbc, Bytes(16)));
  EXPECT_FALSE(Cipher::create(CipherAlgorithm::aes_256, CipherMode::xts, Bytes(32)));
  const auto cast = Cipher::create(CipherAlgorithm::cast5_128, CipherMode::xts, Bytes(32));
  ASSERT_FALSE(cast);
  EXPECT_EQ(cast.error().message(), "Unsupported cipher mode xts");
}

TEST(Hash, GivesThePublishedDigestsOfAbc) {
  const std::pair<const char*, const char*> answers[] = {
      {"md5", "900150983cd24fb0d6963f7d28e17f72"},
      {"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
      {"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"ripemd160", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
  };
  for (const auto& [name, answer] : answers) {
    const auto hash = find_hash(name);
    ASSERT_TRUE(hash) << name;
    const auto found = digest(*hash, text("abc"));
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(hex(found->span()), answer) << name;
    EXPECT_EQ(digest_size(*hash), found->size());
  }
}

TEST(Pbkdf2, GivesTheAnswersOfRfc6070AndRfc7914) {
  const auto one = pbkdf2(HashAlgorithm::sha1, text("password"), text("salt"), 4096, 20);
  EXPECT_EQ(hex(one->span()), "4b007901b765489abead49d926f721d065a429c1");
  const auto two = pbkdf2(HashAlgorithm::sha256, text("passwd"), text("salt"), 1, 64);
  EXPECT_EQ(hex(two->span()),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacb"
            "c49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Pbkdf2, TakesAnEmptyPassword) {
  EXPECT_TRUE(pbkdf2(HashAlgorithm::sha256, {}, text("salt"), 1000, 32));
}

Bytes counted(size_t size) {
  Bytes out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 256);
  return out;
}

// Sector by sector, with the vectors made here.
void expect_sectors(const SectorCipherSpec& spec, uint64_t first, uint64_t number_of_second) {
  const Bytes key = counted(key_size(spec.cipher, spec.mode));
  const auto sectors = SectorCipher::create(spec, key);
  ASSERT_TRUE(sectors) << sectors.error().message();
  const Bytes plain = counted(2 * sector_bytes);
  Bytes out(plain.size());
  ASSERT_TRUE((*sectors)->encrypt(first, plain, out));
  auto cipher = Cipher::create(spec.cipher, spec.mode, key);
  Bytes iv(block_size(spec.cipher));
  store_le(iv.data(), number_of_second);
  if (spec.generator == IvGenerator::essiv) {
    const auto hashed = digest(*spec.generator_hash, key);
    auto essiv = Cipher::create(*essiv_cipher(spec), CipherMode::ecb, hashed->span());
    ASSERT_TRUE(essiv->encrypt({}, iv, iv));
  }
  Bytes second(sector_bytes);
  ASSERT_TRUE(cipher->encrypt(iv, std::span(plain).subspan(sector_bytes), second));
  EXPECT_TRUE(std::ranges::equal(second, std::span(out).subspan(sector_bytes)));
  ASSERT_TRUE((*sectors)->decrypt(first, out, out));
  EXPECT_EQ(out, plain);
}

TEST(SectorCipher, NumbersSectorsInFull) {
  expect_sectors({}, uint64_t{1} << 32, (uint64_t{1} << 32) + 1);
}

TEST(SectorCipher, NumbersSectorsIn32BitsWherePlain) {
  SectorCipherSpec spec;
  spec.generator = IvGenerator::plain;
  expect_sectors(spec, uint64_t{1} << 32, 1);
}

TEST(SectorCipher, EncryptsTheNumberForEssiv) {
  expect_sectors(
      {CipherAlgorithm::aes_128, CipherMode::cbc, IvGenerator::essiv, HashAlgorithm::sha256}, 7, 8);
}

TEST(SectorCipher, TakesCiphersOfSmallBlocks) {
  expect_sectors({CipherAlgorithm::cast5_128, CipherMode::cbc, IvGenerator::plain64, {}}, 5, 6);
}

TEST(SectorCipher, NamesTheCipherThatEssivLacks) {
  const auto refused = SectorCipher::create(
      {CipherAlgorithm::aes_128, CipherMode::cbc, IvGenerator::essiv, HashAlgorithm::sha1},
      Bytes(16));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "No AES cipher with key size 20 available");
}

TEST(SectorCipher, WorksForSeveralThreadsAtOnce) {
  const auto sectors = SectorCipher::create({}, counted(64));
  ASSERT_TRUE(sectors);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const Bytes plain = counted(64 * sector_bytes);
      Bytes out(plain.size());
      for (int round = 0; round < 50; ++round) {
        const auto sector = static_cast<uint64_t>(i * 1000 + round);
        if (!(*sectors)->encrypt(sector, plain, out)) ++wrong;
        if (!(*sectors)->decrypt(sector, out, out) || out != plain) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace oxbow::codec
