// The check against the stock tool's: the same damage, the same sentences and counts.
#include <oxbow/info.h>

#include "format/qcow2/check_repair.h"
#include "image_file.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t cluster = 65536;
constexpr uint64_t copied = uint64_t{1} << 63;
constexpr uint64_t compressed = uint64_t{1} << 62;
constexpr uint64_t refcount_table = cluster;
constexpr uint64_t refcount_block = 2 * cluster;
constexpr uint64_t l1 = 3 * cluster;
constexpr uint64_t l2 = 4 * cluster;

class Check : public ImageFiles {
 protected:
  static async::Task<CheckResult> check_file(std::string path, const qcow2::FindingSink& sink) {
    CO_TRY_ASSIGN(auto file, co_await open(std::move(path), false));
    CO_TRY_ASSIGN(const qcow2::Header header, co_await qcow2::read_header(*file, true));
    co_return co_await qcow2::check(*file, header, sink);
  }

  Result<CheckResult> check(const std::string& name, std::string* findings = nullptr) {
    const qcow2::FindingSink sink = [&](const CheckFinding& finding) {
      if (findings != nullptr) *findings += finding.text + "\n";
    };
    return run(check_file(path(name), sink));
  }

  // A field of the stock tool's JSON; keys that are zero are left out there.
  static uint64_t field(const std::string& json, const std::string& key) {
    const size_t at = json.find("\"" + key + "\": ");
    return at == std::string::npos ? 0 : std::stoull(json.substr(at + key.size() + 4));
  }

  void expect_like_stock(const std::string& name) {
    std::string findings;
    const auto ours = check(name, &findings);
    ASSERT_TRUE(ours) << ours.error().message();
    stock("qemu-img check --output=json " + name + " >json 2>err");
    std::string words = bytes_of("err");
    const std::string last = "qemu-img: Check failed\n";
    if (words.ends_with(last)) words.resize(words.size() - last.size());
    EXPECT_EQ(findings, words);
    const std::string json = bytes_of("json");
    EXPECT_EQ(ours->corruptions, field(json, "corruptions"));
    EXPECT_EQ(ours->leaks, field(json, "leaks"));
    EXPECT_EQ(ours->check_errors, field(json, "check-errors"));
    EXPECT_EQ(ours->total_clusters, field(json, "total-clusters"));
    EXPECT_EQ(ours->allocated_clusters, field(json, "allocated-clusters"));
    EXPECT_EQ(ours->fragmented_clusters, field(json, "fragmented-clusters"));
    EXPECT_EQ(ours->compressed_clusters, field(json, "compressed-clusters"));
    EXPECT_EQ(ours->image_end_offset, field(json, "image-end-offset"));
  }

  // Data clusters 5 to 9; L2 entries 0 to 4 point at them.
  void make_victim() {
    const Output made = stock(
        "qemu-img create -q -f qcow2 v.qcow2 64M && qemu-io -c 'write -P 1 0 320k' "
        "-c 'write -z 512k 64k' v.qcow2");
    ASSERT_EQ(made.code, 0) << made.text;
  }
};

struct Damage {
  const char* name;
  uint64_t offset;
  uint64_t value;
  unsigned width = 8;
};

const Damage damages[] = {
    {"none", l2, copied | 5 * cluster},
    {"l2_unaligned", l2, copied | (5 * cluster + 512)},
    {"l2_zero_unaligned", l2 + 64, (5 * cluster + 512) | 1},
    {"l2_beyond_the_end", l2, copied | uint64_t{1} << 40},
    {"l2_at_the_end", l2, copied | 10 * cluster},
    {"l2_last_and_unaligned", l2, copied | (9 * cluster + 512)},
    {"l2_reserved_bit", l2, copied | 5 * cluster | 2},
    {"l2_copied_of_nothing", l2 + 800, copied},
    {"l2_copied_missing", l2, 5 * cluster},
    {"l2_twice", l2, copied | 6 * cluster},
    {"l2_gone", l2, 0},
    {"l2_compressed", l2, compressed | 5 * cluster},
    {"l2_compressed_copied", l2, copied | compressed | 5 * cluster},
    {"l2_compressed_over_two", l2, compressed | (6 * cluster - 100) | uint64_t{3} << 54},
    {"l2_compressed_beyond", l2, compressed | uint64_t{1} << 40},
    {"l1_unaligned", l1, copied | (l2 + 512)},
    {"l1_beyond", l1, copied | uint64_t{1} << 40},
    {"l1_reserved_bit", l1, copied | l2 | 1},
    {"l1_copied_missing", l1, l2},
    {"l1_to_itself", l1, copied | l1},
    {"l1_to_the_header", l1, copied},
    {"l1_gone", l1, 0},
    {"refcount_table_unaligned", refcount_table, refcount_block + 512},
    {"refcount_table_beyond", refcount_table, uint64_t{1} << 40},
    {"refcount_table_reserved_bit", refcount_table, refcount_block | 1},
    {"refcount_table_gone", refcount_table, 0},
    {"refcount_table_twice", refcount_table + 8, refcount_block},
    {"refcount_table_to_data", refcount_table, 5 * cluster},
    {"refcount_zero", refcount_block + 10, 0, 2},
    {"refcount_two", refcount_block + 10, 2, 2},
    {"refcount_of_l2", refcount_block + 8, 0, 2},
    {"refcount_of_header", refcount_block, 0, 2},
    {"refcount_of_itself", refcount_block + 4, 3, 2},
    {"header_size", 24, 65536},
    {"header_l1_elsewhere", 40, 2 * cluster},
    {"header_refcount_table_elsewhere", 48, uint64_t{1} << 40},
    {"header_two_refcount_table_clusters", 56, 2, 4},
    {"header_dirty", 72, 1},
};

class Damaged : public Check, public ::testing::WithParamInterface<Damage> {};

TEST_P(Damaged, is_told_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  make_victim();
  const Damage& damage = GetParam();
  patch("v.qcow2", damage.offset, be(damage.value).substr(8 - damage.width));
  expect_like_stock("v.qcow2");
}

INSTANTIATE_TEST_SUITE_P(, Damaged, ::testing::ValuesIn(damages),
                         [](const auto& info) { return info.param.name; });

TEST_F(Check, tells_of_truncated_files_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  for (const uint64_t size : {9 * cluster, 9 * cluster + 100, 4 * cluster, 3 * cluster}) {
    make_victim();
    std::filesystem::resize_file(path("v.qcow2"), size);
    expect_like_stock("v.qcow2");
  }
}

TEST_F(Check, follows_snapshots_and_bitmaps_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  make_victim();
  ASSERT_EQ(stock("qemu-img snapshot -c one v.qcow2 && qemu-io -c 'write 0 64k' v.qcow2 && "
                  "qemu-img snapshot -c two v.qcow2 && qemu-img bitmap --add v.qcow2 b")
                .code,
            0);
  expect_like_stock("v.qcow2");
  patch("v.qcow2", refcount_block + 2 * 6, be<uint16_t>(9));
  expect_like_stock("v.qcow2");
  const auto header = run(header_of(path("v.qcow2")));
  ASSERT_TRUE(header);
  for (const auto& [at, value] : std::map<uint64_t, uint64_t>{{0, 0x300}, {8, ~uint64_t{0}}}) {
    patch("v.qcow2", header->snapshots_offset + at, be(value));
    expect_like_stock("v.qcow2");
  }
}

TEST_F(Check, judges_subcluster_bitmaps_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  const uint64_t table = 4 * 16384;
  const std::pair<uint64_t, uint64_t> spoilt[] = {{8, uint64_t{1} << 32 | 1},
                                                  {16 * 50 + 8, 1},
                                                  {16 * 50 + 8, uint64_t{1} << 32},
                                                  {0, copied | (5 * 16384 + 512)},
                                                  {16, compressed | 5 * 16384}};
  for (const auto& [offset, value] : spoilt) {
    ASSERT_EQ(stock("qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=16k e.qcow2 4M && "
                    "qemu-io -c 'write 0 64k' -c 'write 100k 1k' e.qcow2")
                  .code,
              0);
    patch("e.qcow2", table + offset, be(value));
    expect_like_stock("e.qcow2");
  }
}

TEST_F(Check, counts_in_every_refcount_width_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  for (const char* bits : {"1", "2", "4", "8", "16", "32", "64"}) {
    SCOPED_TRACE(bits);
    ASSERT_EQ(stock(std::string("rm -f w.qcow2; qemu-img create -q -f qcow2 -o ") +
                    "cluster_size=512,refcount_bits=" + bits +
                    " w.qcow2 1M && qemu-io -c 'write 0 100k' w.qcow2")
                  .code,
              0);
    expect_like_stock("w.qcow2");
    patch("w.qcow2", 2 * 512 + 8, be<uint64_t>(0));  // some counts of the first block
    expect_like_stock("w.qcow2");
    patch("w.qcow2", 3 * 512 + 8, be<uint64_t>(copied | 5 * 512));  // an L2 table twice
    expect_like_stock("w.qcow2");
  }
}

TEST_F(Check, takes_little_memory_for_a_file_that_claims_to_be_huge) {
  ASSERT_TRUE(make("a.qcow2", {{"size", "1M"}, {"cluster_size", "512"}}));
  std::filesystem::resize_file(path("a.qcow2"), uint64_t{1} << 42);
  const auto result = check("a.qcow2");
  if (result) {
    EXPECT_EQ(result->corruptions, 0U);
  } else {
    EXPECT_EQ(result.error().kind(), ErrorKind::out_of_memory);
  }
}

class Repair : public Check {
 protected:
  static async::Task<CheckResult> repair_file(std::string path) {
    CO_TRY_ASSIGN(auto file, co_await open(std::move(path), true));
    CO_TRY_ASSIGN(qcow2::Header header, co_await qcow2::read_header(*file, true));
    qcow2::Gate gate(std::move(file));
    CO_TRY_ASSIGN(const CheckResult result,
                  co_await qcow2::check_and_repair(gate, header, oxbow::Repair::all, {}));
    CO_TRY(co_await gate.close());
    co_return result;
  }

  void expect_repaired(const std::string& name) {
    const auto repaired = run(repair_file(path(name)));
    ASSERT_TRUE(repaired) << repaired.error().message();
    std::string findings;
    const auto result = check(name, &findings);
    ASSERT_TRUE(result);
    EXPECT_EQ(findings, "");
    if (have_stock_tools()) {
      EXPECT_EQ(stock("qemu-img check " + name).code, 0);
    }
  }
};

TEST_F(Repair, sets_every_wrong_count_right) {
  for (const char* bits : {"1", "4", "16", "64"}) {
    SCOPED_TRACE(bits);
    ASSERT_TRUE(make("a.qcow2", {{"size", "1M"},
                                 {"cluster_size", "512"},
                                 {"refcount_bits", bits},
                                 {"preallocation", "metadata"}}));
    patch("a.qcow2", 2 * 512, std::string(100, '\0'));
    expect_repaired("a.qcow2");
  }
}

TEST_F(Repair, adds_blocks_and_a_larger_table_where_they_are_missing) {
  ASSERT_TRUE(make("a.qcow2", {{"size", "4M"},
                               {"cluster_size", "512"},
                               {"refcount_bits", "64"},
                               {"preallocation", "metadata"}}));
  const auto header = run(header_of(path("a.qcow2")));
  ASSERT_TRUE(header);
  patch("a.qcow2", header->refcount_table_offset,
        std::string(size_t{header->refcount_table_clusters} * 512, '\0'));
  patch("a.qcow2", 56, be<uint32_t>(1));
  const auto repaired = run(repair_file(path("a.qcow2")));
  ASSERT_TRUE(repaired) << repaired.error().message();
  const auto result = check("a.qcow2");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->corruptions, 0U);
}

TEST_F(Repair, leaves_damaged_tables_alone) {
  ASSERT_TRUE(make("a.qcow2", {{"size", "1M"}, {"preallocation", "metadata"}}));
  patch("a.qcow2", l2, be<uint64_t>(uint64_t{1} << 40));
  const std::string before = bytes_of("a.qcow2").substr(l2, 65536);
  const auto repaired = run(repair_file(path("a.qcow2")));
  ASSERT_TRUE(repaired) << repaired.error().message();
  EXPECT_EQ(repaired->corruptions, 1U);
  EXPECT_EQ(bytes_of("a.qcow2").substr(l2, 65536), before);
}

}  // namespace
}  // namespace oxbow::testing
