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

// A text that says its version behind comments.
bool is_vmdk_text(std::span<const std::byte> head) {
  std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  while (text.starts_with('#') || text.starts_with(' ')) {
    const size_t end = text.find('\n');
    if (end == text.npos) return false;
    const bool blank = text.substr(0, end).find_first_not_of(" \r") == text.npos;
    if (text.front() == ' ' && !blank) return false;
    text.remove_prefix(end + 1);
  }
  constexpr std::string_view key = "version=";
  if (!text.starts_with(key) || text.size() < key.size() + 2) return false;
  const std::string_view rest = text.substr(key.size());
  return rest[0] >= '1' && rest[0] <= '3' && (rest[1] == '\n' || rest[1] == '\r');
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
  if (is_vmdk_text(head)) return "vmdk";
  // Its signature is at the end.
  return filename.size() > 4 && filename.ends_with(".dmg") ? "dmg" : "raw";
}

bool is_foreign_format(std::string_view format) {
  return std::ranges::find(foreign, format) != std::end(foreign);
}

}  // namespace oxbow::api
