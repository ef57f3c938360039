#include "api/probe.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace oxbow::api {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t qcow_magic = 0x514649fb;  // "QFI\xfb"

struct Signature {
  std::string_view format;
  size_t offset;
  std::string_view bytes;
};

constexpr Signature signatures[] = {
    {"qed", 0, "QED\0"sv},
    {"vmdk", 0, "KDMV"sv},
    {"vmdk", 0, "COWD"sv},
    {"vmdk", 0, "# Disk DescriptorFile"sv},
    {"vhdx", 0, "vhdxfile"sv},
    {"vpc", 0, "conectix"sv},
    {"vdi", 64, "\x7f\x10\xda\xbe"sv},
    {"luks", 0, "LUKS\xba\xbe\0\1"sv},
    {"parallels", 0, "WithoutFreeSpace"sv},
    {"parallels", 0, "WithouFreSpacExt"sv},
    {"cloop", 0,
     "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"sv},
};
constexpr std::string_view foreign[] = {"qcow", "qed",       "vmdk",  "vhdx",  "vpc", "vdi",
                                        "luks", "parallels", "bochs", "cloop", "dmg"};

bool matches(const Signature& signature, std::span<const std::byte> head) {
  const size_t end = signature.offset + signature.bytes.size();
  return head.size() >= end && std::memcmp(head.data() + signature.offset, signature.bytes.data(),
                                           signature.bytes.size()) == 0;
}

// Text that ends at its first zero byte; what follows it in its field says nothing.
bool holds_text(std::span<const std::byte> head, size_t offset, std::string_view text) {
  return head.size() > offset + text.size() &&
         std::memcmp(&head[offset], text.data(), text.size()) == 0 &&
         head[offset + text.size()] == std::byte{0};
}

bool is_bochs(std::span<const std::byte> head) {
  constexpr size_t version_at = 64;
  if (head.size() < version_at + 4) return false;
  const auto version = load_le<uint32_t>(&head[version_at]);
  return holds_text(head, 0, "Bochs Virtual HD Image") && holds_text(head, 32, "Redolog") &&
         holds_text(head, 48, "Growing") && (version == 0x10000 || version == 0x20000);
}

}  // namespace

std::string probe_format(std::span<const std::byte> head, std::string_view filename) {
  if (head.size() >= 8 && load_be<uint32_t>(head.data()) == qcow_magic) {
    const auto version = load_be<uint32_t>(head.data() + 4);
    if (version >= 2) return "qcow2";
    if (version == 1) return "qcow";
  }
  for (const Signature& signature : signatures) {
    if (matches(signature, head)) return std::string(signature.format);
  }
  if (is_bochs(head)) return "bochs";
  // Its signature is at the end.
  return filename.size() > 4 && filename.ends_with(".dmg") ? "dmg" : "raw";
}

bool is_foreign_format(std::string_view format) {
  return std::ranges::find(foreign, format) != std::end(foreign);
}

}  // namespace oxbow::api
