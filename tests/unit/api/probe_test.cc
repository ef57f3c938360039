#include "api/probe.h"

#include <gtest/gtest.h>

#include <cstring>

namespace oxbow::api {
namespace {

using namespace std::string_view_literals;

std::string probed(std::string_view start, size_t offset = 0) {
  std::array<std::byte, probe_bytes> head{};
  std::memcpy(head.data() + offset, start.data(), start.size());
  return probe_format(head);
}

TEST(Probe, Qcow2ByMagicAndVersion) {
  EXPECT_EQ(probed("QFI\xfb\0\0\0\2"sv), "qcow2");
  EXPECT_EQ(probed("QFI\xfb\0\0\0\3"sv), "qcow2");
  EXPECT_EQ(probed("QFI\xfb\0\0\0\4"sv), "qcow2");  // and refused by version later
  EXPECT_EQ(probed("QFI\xfb\0\0\0\1"sv), "qcow");
  EXPECT_EQ(probed("QFI\xfb\0\0\0\0"sv), "raw");
}

TEST(Probe, FormatsThatAreNotReadHere) {
  EXPECT_EQ(probed("QED\0"sv), "qed");
  EXPECT_EQ(probed("KDMV"), "vmdk");
  EXPECT_EQ(probed("# Disk DescriptorFile\nversion=1\n"), "vmdk");
  EXPECT_EQ(probed("vhdxfile"), "vhdx");
  EXPECT_EQ(probed("conectix"), "vpc");
  EXPECT_EQ(probed("\x7f\x10\xda\xbe", 64), "vdi");
  EXPECT_EQ(probed("LUKS\xba\xbe\0\1"sv), "luks");
  EXPECT_EQ(probed("WithouFreSpacExt"), "parallels");
  EXPECT_TRUE(is_foreign_format("vmdk"));
  EXPECT_FALSE(is_foreign_format("qcow2"));
}

TEST(Probe, AllElseIsRaw) {
  EXPECT_EQ(probed(""), "raw");
  EXPECT_EQ(probed("Bochs Virtual HD Image"), "raw");  // without the type that follows
  EXPECT_EQ(probe_format({}), "raw");
}

}  // namespace
}  // namespace oxbow::api
