// The LUKS header: what is written is read back, and every lie is refused in the stock words.
#include <algorithm>

#include "base/bytes.h"
#include "format/luks/af_split.h"
#include "volume.h"

namespace oxbow::testing {
namespace {

using namespace format::luks;

using Raw = std::array<std::byte, header_bytes>;

Raw sound() {
  storage::MemoryStorage file;
  return encode_header(make_volume(file));
}

std::string refusal(const Raw& raw) {
  const auto parsed = parse_header(raw);
  return parsed ? "" : parsed.error().message();
}

std::string with_number(size_t at, uint32_t value) {
  Raw raw = sound();
  store_be(raw.data() + at, value);
  return refusal(raw);
}

std::string with_text(size_t at, std::string_view text) {
  Raw raw = sound();
  std::fill_n(raw.begin() + static_cast<ptrdiff_t>(at), 32, std::byte{0});
  std::ranges::copy(words(text), raw.begin() + static_cast<ptrdiff_t>(at));
  return refusal(raw);
}

TEST(LuksHeader, IsReadAsItWasWritten) {
  storage::MemoryStorage file;
  const LuksHeader made = make_volume(file);
  const auto read = parse_header(encode_header(made));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(encode_header(*read), encode_header(made));
  EXPECT_EQ(read->uuid.size(), 36u);
  EXPECT_EQ(read->active_slots(), 1u);
  EXPECT_EQ(read->payload_offset(), new_header_size(made.spec));
}

TEST(LuksHeader, LaysOutAsTheStockToolDoes) {
  EXPECT_EQ(new_header_size({}), 2068480u);
  EXPECT_EQ(new_header_size({codec::CipherAlgorithm::aes_256,
                             codec::CipherMode::cbc,
                             codec::IvGenerator::plain64,
                             {}}),
            1052672u);
  EXPECT_EQ(new_header_size({codec::CipherAlgorithm::cast5_128,
                             codec::CipherMode::cbc,
                             codec::IvGenerator::plain64,
                             {}}),
            528384u);
}

TEST(LuksHeader, RefusesWhatIsNoHeader) {
  Raw raw = sound();
  raw[0] = std::byte{'X'};
  EXPECT_EQ(refusal(raw), "Volume is not in LUKS format");
  raw = sound();
  raw[7] = std::byte{2};
  EXPECT_EQ(refusal(raw), "LUKS version 2 is not supported");
}

TEST(LuksHeader, RefusesNamesItDoesNotKnow) {
  EXPECT_EQ(with_text(8, "foo"), "Algorithm 'foo' with key size 16 bytes not supported");
  EXPECT_EQ(with_text(40, "foo"), "Unexpected cipher mode string format 'foo'");
  EXPECT_EQ(with_text(40, "foo-plain64"), "Cipher mode 'foo' not supported");
  EXPECT_EQ(with_text(40, "cbc-foo"), "IV generator 'foo' not supported");
  EXPECT_EQ(with_text(40, "cbc-essiv"), "Missing IV generator hash specification");
  EXPECT_EQ(with_text(40, "cbc-essiv:foo"), "Hash algorithm 'foo' not supported");
  EXPECT_EQ(with_text(40, "cbc-essiv:sha1"), "No AES cipher with key size 20 available");
  EXPECT_EQ(with_text(72, "foo"), "Hash algorithm 'foo' not supported");
  EXPECT_EQ(with_text(8, std::string(32, 'a')), "LUKS header cipher name is not NUL terminated");
}

TEST(LuksHeader, RefusesPlacesThatOverlap) {
  EXPECT_EQ(with_number(104, 7), "LUKS payload is overlapping with the header");
  EXPECT_EQ(with_number(104, 100), "Keyslot 0 is overlapping with the encrypted payload");
  EXPECT_EQ(with_number(248, 7), "Keyslot 0 is overlapping with the LUKS header");
  EXPECT_EQ(with_number(248, UINT32_MAX), "Keyslot 0 is overlapping with the encrypted payload");
  EXPECT_EQ(with_number(248, 20), "Keyslots 0 and 1 are overlapping in the header");
  EXPECT_EQ(with_number(108, UINT32_MAX), "Keyslot 0 is overlapping with the encrypted payload");
}

TEST(LuksHeader, RefusesSlotsThatAreDamaged) {
  EXPECT_EQ(with_number(252, 4001), "Keyslot 0 is corrupted (stripes 4001 != 4000)");
  EXPECT_EQ(with_number(208, 1), "Keyslot 0 state (active/disable) is corrupted");
  EXPECT_EQ(with_number(212, 0), "Keyslot 0 iteration count is zero");
  EXPECT_EQ(with_number(164, 0), "LUKS key iteration count is zero");
}

// A stranger's header must not keep us busy for hours.
TEST(LuksHeader, RefusesWorkWithoutEnd) {
  EXPECT_NE(with_number(212, UINT32_MAX), "");
  EXPECT_NE(with_number(164, UINT32_MAX), "");
  EXPECT_EQ(with_number(212, uint32_t{1} << 28), "");
}

TEST(AfSplit, GivesTheKeyBackFromAllStripesOnly) {
  for (const auto hash : {codec::HashAlgorithm::sha1, codec::HashAlgorithm::sha512}) {
    const codec::SecretBytes key = secret("0123456789abcdef0123456789abcdef");
    std::vector<std::byte> material(key.size() * 50);
    ASSERT_TRUE(af_split(hash, 50, key.span(), material));
    auto merged = af_merge(hash, 50, key.size(), material);
    EXPECT_TRUE(std::ranges::equal(merged->span(), key.span()));
    material[777] ^= std::byte{1};
    merged = af_merge(hash, 50, key.size(), material);
    EXPECT_FALSE(std::ranges::equal(merged->span(), key.span()));
  }
}

}  // namespace
}  // namespace oxbow::testing
