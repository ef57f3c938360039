// --object.
#include "objects.h"

#include <gtest/gtest.h>

namespace oxbow::tools {
namespace {

std::string refusal(std::string_view text) {
  ObjectSet objects;
  auto added = objects.add(text);
  EXPECT_FALSE(added) << text;
  return added ? "" : added.error().message();
}

TEST(Objects, ASecretIsKeptByItsId) {
  ObjectSet objects;
  ASSERT_TRUE(objects.add("secret,id=s0,data=abc"));
  ASSERT_TRUE(objects.add("secret,id=s1,data=YWJj,format=base64"));
  ASSERT_TRUE(objects.add(R"({"qom-type":"secret","id":"s2","data":"x"})"));
  EXPECT_EQ(*objects.secret("s0"), "abc");
  EXPECT_EQ(*objects.secret("s1"), "abc");
  EXPECT_EQ(*objects.secret("s2"), "x");
  EXPECT_EQ(objects.secret("s3"), nullptr);
}

TEST(Objects, MistakesAreToldInTheStockWords) {
  EXPECT_EQ(refusal("id=s0"), "Parameter 'qom-type' is missing");
  EXPECT_EQ(refusal("foo"), "Parameter 'qom-type' does not accept value 'foo'");
  EXPECT_EQ(refusal("secret"), "Parameter 'id' is missing");
  EXPECT_EQ(refusal("secret,id=9,data=x"), "Parameter 'id' expects an identifier");
  EXPECT_EQ(refusal("secret,id=s0"), "Either 'file' or 'data' must be provided");
  EXPECT_EQ(refusal("secret,id=s0,data=x,file=y"), "'file' and 'data' are mutually exclusive");
  EXPECT_EQ(refusal("secret,id=s0,nope=1"), "Parameter 'nope' is unexpected");
  EXPECT_EQ(refusal("secret,id=s0,data=x,format=zz"),
            "Parameter 'format' does not accept value 'zz'");
  EXPECT_EQ(refusal("secret,id=s0,data=%%,format=base64"),
            "Base64 data contains invalid characters");
}

TEST(Objects, KnownTypesThatAreNotThereYetAreRefused) {
  EXPECT_EQ(refusal("tls-creds-x509,id=t0,dir=/tmp"),
            "Objects of type 'tls-creds-x509' are not supported yet");
}

TEST(Objects, AnIdIsTakenOnce) {
  ObjectSet objects;
  ASSERT_TRUE(objects.add("secret,id=s0,data=x"));
  EXPECT_EQ(objects.add("secret,id=s0,data=y").error().message(),
            "attempt to add duplicate property 's0' to object (type 'container')");
}

}  // namespace
}  // namespace oxbow::tools
