// Every header field is doubted: each row spoils one and names the sentence it must give.
#include "image_file.h"

namespace oxbow::testing {
namespace {

struct Row {
  const char* name;
  uint64_t offset;
  unsigned width;  ///< bytes
  uint64_t value;
  const char* message;
};

const Row rows[] = {
    {"magic", 0, 4, 0x514649fa, "Image is not in qcow2 format"},
    {"version_1", 4, 4, 1, "Unsupported qcow2 version 1"},
    {"version_4", 4, 4, 4, "Unsupported qcow2 version 4"},
    {"cluster_bits_8", 20, 4, 8, "Unsupported cluster size: 2^8"},
    {"cluster_bits_22", 20, 4, 22, "Unsupported cluster size: 2^22"},
    {"cluster_bits_huge", 20, 4, 0xffffffff, "Unsupported cluster size: 2^4294967295"},
    {"header_too_short", 100, 4, 103, "qcow2 header too short"},
    {"header_too_long", 100, 4, 65537, "qcow2 header exceeds cluster size"},
    {"header_into_extensions", 100, 4, 120, "Header extension too large"},
    {"refcount_order", 96, 4, 7, "Reference count entry width too large; may not exceed 64 bits"},
    {"crypt", 32, 4, 3, "Unsupported encryption method 3"},
    {"luks_without_header", 32, 4, 2, "Missing CRYPTO header for crypt method 2"},
    {"size_over_l1", 24, 8, uint64_t{1} << 40, "L1 table is too small"},
    {"size_too_big", 24, 8, uint64_t{1} << 62, "Image is too big"},
    {"size_negative", 24, 8, uint64_t{1} << 63, "Image is too big"},
    {"l1_none", 36, 4, 0, "L1 table is too small"},
    {"l1_too_large", 36, 4, 4194305, "Active L1 table too large"},
    {"l1_unaligned", 40, 8, 0x30200, "Active L1 table offset invalid"},
    {"l1_negative", 40, 8, uint64_t{1} << 63, "Active L1 table offset invalid"},
    {"l1_at_the_end_of_numbers", 40, 8, 0x7fffffffffff0000,
     "Could not read L1 table: Input/output error"},
    {"refcount_table_none", 56, 4, 0, "Image does not contain a reference count table"},
    {"refcount_table_too_large", 56, 4, 129, "Reference count table too large"},
    {"refcount_table_unaligned", 48, 8, 0x10200, "Reference count table offset invalid"},
    {"refcount_table_overflow", 48, 8, 0x7fffffffffff0000, "Reference count table offset invalid"},
    {"snapshots_too_many", 60, 4, 65537, "Snapshot table too large"},
    {"snapshots_unaligned", 64, 8, 512, "Snapshot table offset invalid"},
    {"backing_outside", 8, 8, uint64_t{1} << 40, "Invalid backing file offset"},
    {"unknown_feature", 72, 8, 0x20,
     "Unsupported qcow2 feature(s): Unknown incompatible feature: 20"},
    {"unknown_features", 72, 8, uint64_t{0x41} << 57,
     "Unsupported qcow2 feature(s): Unknown incompatible feature: 8200000000000000"},
    {"compression_bit_alone", 72, 8, 8,
     "qcow2: Compression type incompatible feature bit must not be set"},
    {"compression_type_alone", 104, 1, 1,
     "qcow2: Compression type incompatible feature bit must be set"},
    {"compression_type_unknown", 104, 1, 2, "qcow2: unknown compression type: 2"},
    {"extension_too_large", 116, 4, 0xffffffff, "Header extension too large"},
};

class SpoiledHeader : public ImageFiles, public ::testing::WithParamInterface<Row> {};

std::string be_bytes(uint64_t value, unsigned width) {
  std::string bytes(8, '\0');
  store_be(bytes.data(), value);
  return bytes.substr(8 - width);
}

TEST_P(SpoiledHeader, is_refused_in_the_stock_words) {
  const Row& row = GetParam();
  ASSERT_TRUE(make("a.qcow2", {{"size", "64M"}}));
  ASSERT_TRUE(run(header_of(path("a.qcow2"))));
  patch("a.qcow2", row.offset, be_bytes(row.value, row.width));
  const auto header = run(header_of(path("a.qcow2")));
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().message(), row.message);
  // The stock tool crashes on this one.
  if (!have_stock_tools() || std::string(row.name) == "luks_without_header") return;
  EXPECT_EQ(stock("qemu-img info -f qcow2 a.qcow2").text,
            "qemu-img: Could not open 'a.qcow2': " + std::string(row.message) + "\n");
}

INSTANTIATE_TEST_SUITE_P(, SpoiledHeader, ::testing::ValuesIn(rows),
                         [](const auto& info) { return info.param.name; });

class Header : public ImageFiles {};

TEST_F(Header, of_a_short_file_is_refused) {
  for (const size_t length : {0, 3, 4, 60, 100}) {
    ASSERT_TRUE(make("a.qcow2", {{"size", "1M"}}));
    std::filesystem::resize_file(path("a.qcow2"), length);
    EXPECT_FALSE(run(header_of(path("a.qcow2")))) << length;
  }
}

TEST_F(Header, names_unknown_features_by_the_images_own_table) {
  ASSERT_TRUE(make("a.qcow2", {{"size", "1M"}}));
  // The first row of the feature name table: type, bit, name.
  patch("a.qcow2", 120, std::string("\0\x05quux\0", 7));
  patch("a.qcow2", 72, be<uint64_t>(0x60));
  const auto header = run(header_of(path("a.qcow2")));
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().message(),
            "Unsupported qcow2 feature(s): quux, Unknown incompatible feature: 40");
  EXPECT_EQ(header.error().kind(), ErrorKind::unsupported);
}

TEST_F(Header, gives_back_what_create_was_told) {
  ASSERT_TRUE(make("a.qcow2", {{"size", "5M"},
                               {"cluster_size", "32k"},
                               {"extended_l2", "on"},
                               {"refcount_bits", "8"},
                               {"lazy_refcounts", "on"},
                               {"compression_type", "zstd"},
                               {"backing_file", "below.raw"},
                               {"backing_fmt", "raw"}}));
  const auto header = run(header_of(path("a.qcow2")));
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->size, 5U << 20);
  EXPECT_EQ(header->cluster_size(), 32768U);
  EXPECT_TRUE(header->extended_l2());
  EXPECT_EQ(header->refcount_bits(), 8U);
  EXPECT_EQ(header->compatible_features, qcow2::compatible_lazy_refcounts);
  EXPECT_EQ(header->compression_type, qcow2::compression_zstd);
  EXPECT_EQ(header->backing_file, "below.raw");
  EXPECT_EQ(header->backing_format, "raw");
}

TEST_F(Header, keeps_unknown_extensions_and_fields_byte_for_byte) {
  qcow2::Header header;
  header.size = 1 << 20;
  header.l1_size = 1;
  header.l1_table_offset = 0x30000;
  header.refcount_table_offset = 0x10000;
  header.refcount_table_clusters = 1;
  header.further_fields.assign(8, std::byte{0x5a});
  header.backing_file = "b.raw";
  header.feature_names = qcow2::standard_feature_names();
  header.unknown = {{0x12345678, std::vector<std::byte>(5, std::byte{1})},
                    {0x9abcdef0, {}},
                    {0x12345678, std::vector<std::byte>(600, std::byte{2})}};
  const auto first = qcow2::encode_header(header);
  ASSERT_TRUE(first);
  std::ofstream(path("a.qcow2"), std::ios::binary)
      .write(reinterpret_cast<const char*>(first->data()),
             static_cast<std::streamsize>(first->size()));
  const auto read = run(header_of(path("a.qcow2")));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->unknown.size(), 3U);
  EXPECT_EQ(read->unknown[2].data.size(), 600U);
  const auto again = qcow2::encode_header(*read);
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::ranges::equal(first->span(), again->span()));
}

TEST_F(Header, that_does_not_fit_is_refused) {
  qcow2::Header header;
  header.cluster_bits = 9;
  header.unknown = {{1, std::vector<std::byte>(400)}};
  const auto encoded = qcow2::encode_header(header);
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().kind(), ErrorKind::no_space);
}

}  // namespace
}  // namespace oxbow::testing
