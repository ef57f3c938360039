// New images are the stock tool's byte for byte, and sound where the stock tool's are not
// at hand to compare with.
#include <oxbow/info.h>

#include "image_file.h"

namespace oxbow::testing {
namespace {

using Words = std::map<std::string, std::string>;

class Create : public ImageFiles {
 protected:
  static std::string joined(const Words& words) {
    std::string list;
    for (const auto& [key, value] : words) {
      if (key != "size") list += (list.empty() ? "-o " : ",") + key + "=" + value;
    }
    return list;
  }

  void expect_like_stock(const Words& words) {
    SCOPED_TRACE(joined(words) + " " + words.at("size"));
    std::filesystem::remove(path("ours"));
    const auto made = make("ours", words);
    ASSERT_TRUE(made) << made.error().message();
    const Output theirs = stock("rm -f theirs; qemu-img create -q -u -f qcow2 " + joined(words) +
                                " theirs " + words.at("size"));
    ASSERT_EQ(theirs.code, 0) << theirs.text;
    EXPECT_EQ(stock("cmp ours theirs").text, "");
  }
};

TEST_F(Create, equals_stock_for_every_shape) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  for (const char* cluster : {"512", "1024", "4096", "8192", "65536", "2097152"}) {
    for (const char* bits : {"1", "2", "4", "8", "16", "32", "64"}) {
      expect_like_stock({{"cluster_size", cluster}, {"refcount_bits", bits}, {"size", "3146240"}});
    }
  }
  expect_like_stock({{"compat", "0.10"}, {"size", "1T"}});
  expect_like_stock({{"lazy_refcounts", "on"}, {"compression_type", "zstd"}, {"size", "0"}});
  expect_like_stock({{"backing_file", "b.raw"}, {"backing_fmt", "raw"}, {"size", "1"}});
  expect_like_stock({{"cluster_size", "512"}, {"size", "4G"}});
}

TEST_F(Create, preallocates_like_stock) {
  if (!have_stock_tools()) GTEST_SKIP() << "no stock tools";
  for (const char* mode : {"metadata", "falloc", "full"}) {
    for (const char* cluster : {"512", "4096", "65536"}) {
      for (const char* bits : {"1", "16", "64"}) {
        expect_like_stock({{"cluster_size", cluster},
                           {"refcount_bits", bits},
                           {"preallocation", mode},
                           {"size", "1234432"}});
      }
    }
    expect_like_stock({{"extended_l2", "on"}, {"preallocation", mode}, {"size", "5M"}});
    expect_like_stock({{"compat", "0.10"}, {"preallocation", mode}, {"size", "5M"}});
  }
  expect_like_stock({{"preallocation", "metadata"}, {"size", "3G"}});
}

// Here the refcount table outgrows a cluster and our layout is our own.
TEST_F(Create, is_sound_where_the_refcount_table_is_large) {
  for (const char* mode : {"metadata", "falloc"}) {
    ASSERT_TRUE(make("a.qcow2", {{"cluster_size", "512"},
                                 {"refcount_bits", "64"},
                                 {"preallocation", mode},
                                 {"size", "20M"}}));
    auto file = run(open(path("a.qcow2"), false));
    ASSERT_TRUE(file);
    const auto header = run(qcow2::read_header(**file, false));
    ASSERT_TRUE(header);
    EXPECT_GT(header->refcount_table_clusters, 1U);
    const auto result = run(qcow2::check(**file, *header, {}));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->corruptions + result->leaks + result->check_errors, 0U);
    EXPECT_EQ(result->allocated_clusters, 40960U);
  }
}

struct Refusal {
  const char* name;
  Words words;
  const char* message;
};

const Refusal refusals[] = {
    {"cluster_size",
     {{"cluster_size", "3000"}},
     "Cluster size must be a power of two between 512 and 2048k"},
    {"cluster_size_word",
     {{"cluster_size", "abc"}},
     "Parameter 'cluster_size' expects a non-negative number below 2^64"},
    {"refcount_bits",
     {{"refcount_bits", "3"}},
     "Refcount width must be a power of two and may not exceed 64 bits"},
    {"refcount_bits_v2",
     {{"refcount_bits", "1"}, {"compat", "0.10"}},
     "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
     "version=v3 or greater)"},
    {"compat", {{"compat", "0.9"}}, "Parameter 'version' does not accept value '0.9'"},
    {"lazy_v2",
     {{"lazy_refcounts", "on"}, {"compat", "0.10"}},
     "Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or "
     "greater)"},
    {"extended_v2",
     {{"extended_l2", "on"}, {"compat", "0.10"}},
     "Extended L2 entries are only supported with compatibility level 1.1 and above (use "
     "version=v3 or greater)"},
    {"extended_small",
     {{"extended_l2", "on"}, {"cluster_size", "8k"}},
     "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes"},
    {"preallocation",
     {{"preallocation", "x"}},
     "Parameter 'preallocation' does not accept value 'x'"},
    {"preallocation_backing",
     {{"preallocation", "metadata"}, {"backing_file", "b"}, {"backing_fmt", "raw"}},
     "Backing file and preallocation can only be used at the same time if extended_l2 is on"},
    {"too_large",
     {{"size", "7E"}},
     "The image size is too large for file format 'qcow2' (try using a larger cluster size)"},
    {"unknown", {{"nope", "1"}}, "Invalid parameter 'nope'"},
};

class Refused : public Create, public ::testing::WithParamInterface<Refusal> {};

TEST_P(Refused, in_the_stock_words) {
  Words words = GetParam().words;
  words.try_emplace("size", "1M");
  const auto made = make("a.qcow2", words);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), GetParam().message);
  if (!have_stock_tools()) return;
  const Output theirs =
      stock("qemu-img create -q -u -f qcow2 " + joined(words) + " b.qcow2 " + words["size"]);
  EXPECT_EQ(theirs.text.substr(0, theirs.text.find('\n')),
            "qemu-img: b.qcow2: " + std::string(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(, Refused, ::testing::ValuesIn(refusals),
                         [](const auto& info) { return info.param.name; });

TEST_F(Create, refuses_a_backing_name_that_does_not_fit) {
  const auto made = make("a.qcow2", {{"size", "1M"},
                                     {"cluster_size", "512"},
                                     {"backing_file", std::string(400, 'n')},
                                     {"backing_fmt", "raw"}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(), "Could not assign backing file '" + std::string(400, 'n') +
                                        "' with format 'raw': No space left on device");
}

}  // namespace
}  // namespace oxbow::testing
