// Commit and rebase through the public API: which layer is meant, what is left alone, what is
// refused.
#include "support.h"

namespace oxbow::api {
namespace {

class Chain : public ::testing::Test {
 protected:
  Chain() {
    create(folder_ / "base.qcow2", "qcow2", 1 << 20);
    create(folder_ / "mid.qcow2", "qcow2", 1 << 20, "base.qcow2", "qcow2");
    create(folder_ / "top.qcow2", "qcow2", 1 << 20, "mid.qcow2", "qcow2");
    fill("base.qcow2", 0, 1);
    fill("mid.qcow2", 65536, 2);
  }

  [[nodiscard]] Image open(const std::string& name, bool writable = false) const {
    auto image = Image::open(folder_ / name, trusting(writable));
    EXPECT_TRUE(image) << message_of(image);
    return std::move(*image);
  }
  void fill(const std::string& name, uint64_t offset, int pattern) const {
    Image image = open(name, true);
    EXPECT_TRUE(image.write(offset, Bytes(65536, std::byte(pattern))));
    EXPECT_TRUE(image.close());
  }
  [[nodiscard]] int byte_at(const std::string& name, uint64_t offset) const {
    Image image = open(name);
    Bytes one(1);
    EXPECT_TRUE(image.read(offset, one));
    return std::to_integer<int>(one[0]);
  }
  [[nodiscard]] std::string contents(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Folder folder_;
};

TEST_F(Chain, a_layer_is_found_by_any_path_to_it) {
  const Image top = open("top.qcow2");
  EXPECT_EQ(top.find_backing("mid.qcow2"), 1u);
  EXPECT_EQ(top.find_backing("./base.qcow2"), 2u);
  EXPECT_EQ(top.find_backing(folder_ / "base.qcow2"), 2u);
  EXPECT_EQ(top.find_backing("top.qcow2"), std::nullopt);
  EXPECT_EQ(top.find_backing("none"), std::nullopt);
}

TEST_F(Chain, a_commit_to_the_base_leaves_the_layers_between_alone) {
  fill("top.qcow2", 131072, 3);
  const std::string middle = contents("mid.qcow2");
  Image top = open("top.qcow2", true);
  CommitOptions options;
  options.depth = 2;
  options.keep_top = true;
  const auto done = commit(top, options);
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_TRUE(top.close());
  EXPECT_EQ(byte_at("base.qcow2", 65536), 2);
  EXPECT_EQ(byte_at("base.qcow2", 131072), 3);
  EXPECT_EQ(contents("mid.qcow2"), middle);
}

TEST_F(Chain, a_base_that_cannot_be_written_stays_readable_in_the_chain) {
  Image other = open("mid.qcow2");  // its lock forbids writing
  Image top = open("top.qcow2", true);
  const auto done = commit(top);
  ASSERT_FALSE(done);
  Bytes one(1);
  ASSERT_TRUE(top.read(65536, one));
  EXPECT_EQ(one[0], std::byte{2});
}

TEST_F(Chain, a_commit_that_would_change_a_snapshot_writes_nothing) {
  {
    Image top = open("top.qcow2", true);
    ASSERT_TRUE(top.create_snapshot("one"));
    ASSERT_TRUE(top.close());
  }
  fill("top.qcow2", 65536, 9);
  const std::string before = contents("mid.qcow2");
  Image top = open("top.qcow2", true);
  const auto done = commit(top);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::unsupported);
  EXPECT_NE(done.error().message().find("Snapshot 'one'"), std::string::npos);
  ASSERT_TRUE(top.close());
  EXPECT_EQ(contents("mid.qcow2"), before);
  EXPECT_EQ(byte_at("top.qcow2", 65536), 9);
}

TEST_F(Chain, a_rebase_that_would_change_a_snapshot_writes_nothing) {
  {
    Image top = open("top.qcow2", true);
    ASSERT_TRUE(top.create_snapshot("one"));
    ASSERT_TRUE(top.close());
  }
  fill("top.qcow2", 65536, 9);
  Image top = open("top.qcow2", true);
  Image below = open("base.qcow2");
  auto done = rebase(top, &below);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::unsupported);
  // What the snapshot does not miss is no obstacle.
  Image same = open("mid.qcow2");
  done = rebase(top, &same);
  EXPECT_TRUE(done) << done.error().message();
}

TEST_F(Chain, a_changed_backing_file_counts_from_the_next_opening_on) {
  Image top = open("top.qcow2", true);
  ASSERT_TRUE(top.change_backing("base.qcow2", "qcow2"));
  EXPECT_EQ(top.info()->backing_filename, "base.qcow2");
  ASSERT_TRUE(top.close());
  EXPECT_EQ(byte_at("top.qcow2", 65536), 0);
  Image raw = Image::open(folder_ / "base.qcow2",
                          [] {
                            OpenOptions options = trusting(true);
                            options.format = "raw";
                            return options;
                          }())
                  .value();
  EXPECT_EQ(raw.change_backing("x", "raw").error().kind(), ErrorKind::unsupported);
}

}  // namespace
}  // namespace oxbow::api
