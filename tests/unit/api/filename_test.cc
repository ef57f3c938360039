#include "api/filename.h"

#include <gtest/gtest.h>

namespace oxbow::api {
namespace {

// "key=value ..." of what a name says.
std::string applied(const std::string& name, Options options = {}) {
  OptionTree tree(options);
  if (const auto done = apply_filename(name, tree); !done) return done.error().message();
  std::string out;
  for (const auto& [key, value] : tree.to_options()) out += key + "=" + value + " ";
  return out;
}

TEST(Filename, AColonAfterASlashIsNoProtocol) {
  EXPECT_EQ(protocol_of("nbd:x"), "nbd");
  EXPECT_EQ(protocol_of("x:y/z"), "x");
  EXPECT_EQ(protocol_of("./a:b"), "");
  EXPECT_EQ(protocol_of("x/y:z"), "");
  EXPECT_EQ(protocol_of("plain"), "");
  EXPECT_EQ(path_as_name("a:b"), "./a:b");
  EXPECT_EQ(path_as_name("d/a:b"), "d/a:b");
}

TEST(Filename, ProtocolsChooseTheDriver) {
  EXPECT_EQ(applied("disk"), "driver=file filename=disk ");
  EXPECT_EQ(applied("file:a:b"), "driver=file filename=a:b ");
  EXPECT_EQ(applied("file:///tmp/x"), "driver=file filename=///tmp/x ");
  EXPECT_EQ(applied("host_device:x"), "driver=host_device filename=x ");
  EXPECT_EQ(applied("/dev/null"), "driver=host_device filename=/dev/null ");
  EXPECT_EQ(applied("null-co://"), "driver=null-co ");
  EXPECT_EQ(applied("blkdebug::i.raw"), "driver=blkdebug x-image=i.raw ");
  EXPECT_EQ(applied("blkdebug:conf:a:b"), "config=conf driver=blkdebug x-image=a:b ");
}

TEST(Filename, SaysWhatItDoesNotKnow) {
  EXPECT_EQ(applied("a:b"), "Unknown protocol 'a'");
  EXPECT_EQ(applied("qcow2:x"), "Unknown protocol 'qcow2'");
  EXPECT_EQ(applied("null-co:x"), "The only allowed filename for this driver is 'null-co://'");
  EXPECT_EQ(applied("blkdebug:x"), "blkdebug requires both config file and image path");
  EXPECT_EQ(applied("x", {{"filename", "y"}}),
            "Can't specify 'file' and 'filename' options at the same time");
}

TEST(Filename, AGivenDriverReadsTheNameItsOwnWay) {
  EXPECT_EQ(applied("x:y", {{"driver", "file"}}), "driver=file filename=x:y ");
  EXPECT_EQ(applied("i.raw", {{"driver", "blkdebug"}}), "driver=blkdebug x-image=i.raw ");
  EXPECT_EQ(applied("i.raw", {{"driver", "null-co"}}),
            "The only allowed filename for this driver is 'null-co://'");
}

TEST(Filename, NamesInImagesStartAtTheImage) {
  EXPECT_EQ(resolve_name("dir/top", "base"), "dir/base");
  EXPECT_EQ(resolve_name("/dir/top", "../base"), "/dir/../base");
  EXPECT_EQ(resolve_name("top", "base"), "base");
  EXPECT_EQ(resolve_name("dir/top", "/base"), "/base");
  EXPECT_EQ(resolve_name("dir/top", "nbd:x"), "nbd:x");
  EXPECT_EQ(resolve_name("dir/top", "json:{}"), "json:{}");
  EXPECT_EQ(resolve_name("dir/top", ""), "");
}

}  // namespace
}  // namespace oxbow::api
