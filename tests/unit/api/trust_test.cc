#include "api/trust.h"

#include "support.h"

namespace oxbow::api {
namespace {

namespace fs = std::filesystem;

bool allowed(Trust trust, const std::string& image, const std::string& named) {
  return check_trust(trust, image, named).has_value();
}

class TrustGate : public ::testing::Test {
 protected:
  TrustGate() {
    folder_.make_folder("pool");
    folder_.make_folder("pool/below");
    folder_.make_folder("other");
    folder_.write("pool/base", "");
    folder_.write("other/secret", "");
  }
  [[nodiscard]] bool same_directory(const std::string& named) const {
    return allowed(Trust::same_directory, folder_ / "pool/top", named);
  }
  Folder folder_;
};

TEST_F(TrustGate, NoneAndAllDoNotLookAtNames) {
  EXPECT_FALSE(allowed(Trust::none, folder_ / "pool/top", folder_ / "pool/base"));
  EXPECT_TRUE(allowed(Trust::all, folder_ / "pool/top", "/etc/passwd"));
  EXPECT_TRUE(allowed(Trust::all, folder_ / "pool/top", "nbd:x"));
}

TEST_F(TrustGate, SameDirectoryIsNeitherAboveNorBelow) {
  EXPECT_TRUE(same_directory(folder_ / "pool/base"));
  EXPECT_TRUE(same_directory(folder_ / "pool/not-there-yet"));
  EXPECT_TRUE(same_directory(folder_ / "pool/below/../base"));
  EXPECT_TRUE(same_directory("file:" + (folder_ / "pool/base")));
  EXPECT_FALSE(same_directory(folder_ / "pool/../other/secret"));
  EXPECT_FALSE(same_directory(folder_ / "pool/below/x"));
  EXPECT_FALSE(same_directory("/etc/passwd"));
  EXPECT_FALSE(same_directory("/dev/null"));
}

TEST_F(TrustGate, SymbolicLinksAreFollowedFirst) {
  fs::create_symlink(folder_ / "other/secret", folder_ / "pool/link");
  EXPECT_FALSE(same_directory(folder_ / "pool/link"));
  fs::create_symlink("base", folder_ / "pool/inside");
  EXPECT_TRUE(same_directory(folder_ / "pool/inside"));
  fs::create_directory_symlink(folder_ / "pool", folder_ / "alias");
  EXPECT_TRUE(allowed(Trust::same_directory, folder_ / "alias/top", folder_ / "pool/base"));
  fs::create_directory_symlink(folder_ / "other", folder_ / "pool/door");
  EXPECT_FALSE(same_directory(folder_ / "pool/door/secret"));
}

TEST_F(TrustGate, ObjectsAreAllowedByTheFilesInThem) {
  const auto object = [](const std::string& file) {
    return R"(json:{"driver":"qcow2","file":{"driver":"file","filename":")" + file + R"("}})";
  };
  EXPECT_TRUE(same_directory(object(folder_ / "pool/base")));
  EXPECT_FALSE(same_directory(object(folder_ / "other/secret")));
  EXPECT_FALSE(same_directory(R"(json:{"driver":"nbd","host":"x"})"));
  EXPECT_FALSE(same_directory(R"(json:{"driver":"raw","file":{"driver":"blkdebug",)"
                              R"("config":"/etc/passwd","image.filename":"x"}})"));
  EXPECT_FALSE(same_directory("json:{"));
}

TEST_F(TrustGate, OtherProtocolsAreNeverInTheDirectory) {
  EXPECT_FALSE(same_directory("nbd:localhost:10809"));
  EXPECT_FALSE(same_directory("blkdebug::" + (folder_ / "pool/base")));
  EXPECT_TRUE(same_directory("null-co://"));
  EXPECT_FALSE(allowed(Trust::same_directory, "", folder_ / "pool/base"));
}

TEST_F(TrustGate, TheErrorNamesBothFilesAndTheWayOut) {
  const auto refused = check_trust(Trust::same_directory, folder_ / "pool/top", "/etc/passwd");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::permission);
  EXPECT_NE(refused.error().message().find(folder_ / "pool/top"), std::string::npos);
  EXPECT_NE(refused.error().message().find("/etc/passwd"), std::string::npos);
  EXPECT_NE(refused.error().hint().find("--trust=all"), std::string::npos);
}

// CVE-2024-32498: an image that names a host file as its backing file must not get it read.
TEST_F(TrustGate, AnImageDoesNotReadTheHostsFilesByDefault) {
  const std::string image = folder_ / "pool/evil";
  create(image, "qcow2", 1 << 20, "/etc/passwd", "raw");
  EXPECT_EQ(Image::open(image).error().kind(), ErrorKind::permission);
  EXPECT_TRUE(message_of(Image::open(image)).starts_with("Could not open backing file: Image '"));
  EXPECT_TRUE(Image::open(image, trusting()));
  OpenOptions alone;
  alone.open_backing = false;
  EXPECT_TRUE(Image::open(image, alone));
}

TEST_F(TrustGate, HoldsForEveryLayerOfAChain) {
  create(folder_ / "pool/mid", "qcow2", 1 << 20, "../other/secret", "raw");
  create(folder_ / "pool/up", "qcow2", 1 << 20, "mid", "qcow2");
  EXPECT_EQ(Image::open(folder_ / "pool/up").error().kind(), ErrorKind::permission);
  EXPECT_TRUE(Image::open(folder_ / "pool/up", trusting()));
  OpenOptions none;
  none.trust = Trust::none;
  EXPECT_EQ(Image::open(folder_ / "pool/up", none).error().kind(), ErrorKind::permission);
}

TEST_F(TrustGate, WhatTheUserNamesIsNotAsked) {
  const std::string image = folder_ / "pool/top";
  create(image, "qcow2", 1 << 20, "/etc/passwd", "raw");
  OpenOptions options;
  options.trust = Trust::none;
  options.driver = {{"backing.file.filename", folder_ / "pool/base"}};
  EXPECT_EQ(message_of(Image::open(image, options)), "no error");
}

}  // namespace
}  // namespace oxbow::api
