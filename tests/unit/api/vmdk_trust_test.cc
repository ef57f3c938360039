// A vmdk text from a stranger names files of the host: the trust gate keeps them from it.
#include <gtest/gtest.h>
#include <oxbow/image.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace oxbow {
namespace {

TEST(VmdkTrust, ATextDoesNotReadFilesOfOtherDirectories) {
  std::string pattern = std::filesystem::temp_directory_path() / "oxbow-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(pattern.data());
  const std::string text =
      "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
      "createType=\"monolithicFlat\"\nRW 1 FLAT \"";
  std::ofstream(directory / "far.vmdk") << text << "/etc/passwd\" 0\n";
  std::ofstream(directory / "near.vmdk") << text << "near.raw\" 0\n";
  std::ofstream(directory / "near.raw") << "secret";

  const auto far = Image::open(directory / "far.vmdk", {});
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().kind(), ErrorKind::permission);
  EXPECT_TRUE(Image::open(directory / "near.vmdk", {}));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace oxbow
