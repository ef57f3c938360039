// The formats that keep a disk in blocks, each as a way to make an image and a
// way to open one: what every one of them has to do is tested once.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "format/legacy_aes.h"
#include "format/parallels/create.h"
#include "format/parallels/parallels.h"
#include "format/qcow/create.h"
#include "format/qcow/qcow.h"
#include "format/qed/create.h"
#include "format/qed/qed.h"
#include "format/vdi/create.h"
#include "format/vdi/vdi.h"
#include "format/vhdx/create.h"
#include "format/vhdx/vhdx.h"
#include "format/vmdk/create.h"
#include "format/vmdk/vmdk.h"
#include "format/vpc/create.h"
#include "format/vpc/vpc.h"
#include "graph/node.h"
#include "lent_storage.h"
#include "storage/memory.h"
#include "this_loop.h"

namespace oxbow::testing {

using async::Task;
using format::Format;

using File = std::unique_ptr<storage::Storage>;

struct BlockKind {
  const char* name;
  Task<> (*create)(File file);
  Task<std::unique_ptr<Format>> (*open)(File file);
  uint64_t block_size;
};

inline constexpr uint64_t disk_size = (5 << 20) - 1024;

inline Task<> create_vdi(File file) {
  return format::vdi::create(std::move(file), {.size = disk_size});
}
inline Task<> create_static_vdi(File file) {
  return format::vdi::create(std::move(file), {.size = disk_size, .fixed = true});
}
inline Task<> create_vpc(File file) {
  return format::vpc::create(std::move(file), {.size = disk_size, .exact_size = true});
}
inline Task<> create_fixed_vpc(File file) {
  return format::vpc::create(std::move(file),
                             {.size = disk_size, .fixed = true, .exact_size = true});
}
inline Task<> create_some_vhdx(File file, bool fixed, bool zero_blocks) {
  CO_TRY_ASSIGN(
      const auto options,
      format::vhdx::settle_create_options(
          {.size = disk_size, .block_size = 1 << 20, .fixed = fixed, .zero_blocks = zero_blocks}));
  co_return co_await format::vhdx::create(std::move(file), options);
}
inline Task<> create_vhdx(File file) { return create_some_vhdx(std::move(file), false, true); }
inline Task<> create_fixed_vhdx(File file) {
  return create_some_vhdx(std::move(file), true, false);
}
inline Task<> create_parallels(File file) {
  return format::parallels::create(std::move(file), {.size = disk_size, .cluster_size = 256 << 10});
}
inline Task<std::unique_ptr<Format>> open_vpc(File file) {
  return format::vpc::open_vpc(std::move(file), format::vpc::SizeRule::automatic);
}
inline Task<std::unique_ptr<Format>> open_vhdx(File file) {
  return format::vhdx::open_vhdx(std::move(file), false);
}

inline Task<File> give(std::shared_ptr<File> file) { co_return std::move(*file); }
inline Task<> create_some_vmdk(File file, bool zero_grains) {
  auto held = std::make_shared<File>(std::move(file));
  format::vmdk::MakeFile make = [held](const std::string&, uint64_t) { return give(held); };
  format::vmdk::CreateOptions options;
  options.size = disk_size;
  options.zero_grains = zero_grains;
  return format::vmdk::create("disk.vmdk", std::move(options), std::move(make));
}
inline Task<> create_vmdk(File file) { return create_some_vmdk(std::move(file), false); }
inline Task<> create_zeroing_vmdk(File file) { return create_some_vmdk(std::move(file), true); }
inline Task<std::unique_ptr<Format>> open_vmdk(File file) {
  return format::vmdk::VmdkImage::open(std::move(file), true, {});
}

inline Task<> create_qed(File file) {
  return format::qed::create(std::move(file),
                             {.size = disk_size, .cluster_size = 16 << 10, .table_clusters = 1});
}
inline Task<> create_qcow(File file) {
  return format::qcow::create(std::move(file), {.size = disk_size});
}
inline Task<> create_small_qcow(File file) {
  return format::qcow::create(std::move(file), {.size = disk_size, .backing_file = "none"});
}
inline Task<> create_aes_qcow(File file) {
  return format::qcow::create(std::move(file), {.size = disk_size, .encrypted = true});
}
inline Task<std::unique_ptr<Format>> open_qcow(File file) {
  CO_TRY_ASSIGN(format::qcow::Header header, co_await format::qcow::read_header(*file));
  std::unique_ptr<format::EncryptedData> encrypted;
  if (header.encrypted) {
    CO_TRY_ASSIGN(encrypted, format::open_legacy_aes(codec::SecretBytes(3)));
  }
  co_return std::make_unique<format::qcow::QcowImage>(std::move(file), std::move(header),
                                                      std::move(encrypted));
}

inline const BlockKind block_kinds[] = {
    {"vdi", create_vdi, format::vdi::open_vdi, 1 << 20},
    {"vdi_static", create_static_vdi, format::vdi::open_vdi, 1 << 20},
    {"vpc", create_vpc, open_vpc, 2 << 20},
    {"vpc_fixed", create_fixed_vpc, open_vpc, 2 << 20},
    {"vhdx", create_vhdx, open_vhdx, 1 << 20},
    {"parallels", create_parallels, format::parallels::open_parallels, 256 << 10},
    {"vhdx_fixed", create_fixed_vhdx, open_vhdx, 1 << 20},
    {"qed", create_qed, format::qed::open_qed, 16 << 10},
    {"qcow", create_qcow, open_qcow, 4 << 10},
    {"qcow_small", create_small_qcow, open_qcow, 512},
    {"qcow_aes", create_aes_qcow, open_qcow, 4 << 10},
    {"vmdk", create_vmdk, open_vmdk, 64 << 10},
    {"vmdk_zeroing", create_zeroing_vmdk, open_vmdk, 64 << 10},
};

/// The bytes of a new image.
inline storage::SparseBytes new_image(const BlockKind& kind) {
  auto memory = std::make_shared<storage::MemoryStorage>();
  const auto made = loop().run(kind.create(std::make_unique<storage::LentStorage>(memory)));
  EXPECT_TRUE(made) << made.error().message();
  return memory->bytes();
}

inline Result<std::unique_ptr<graph::Node>> open_kind(const BlockKind& kind, File file) {
  auto format = loop().run(kind.open(std::move(file)));
  if (!format) return std::unexpected(format.error());
  return std::make_unique<graph::Node>(std::move(*format), nullptr);
}

inline std::vector<std::byte> read_all(graph::Node& node) {
  std::vector<std::byte> out(node.virtual_size());
  const iovec part{out.data(), out.size()};
  const auto read = loop().run(node.read(0, IoSpan(&part, 1)));
  EXPECT_TRUE(read) << read.error().message();
  return out;
}

inline Result<void> write_at(graph::Node& node, uint64_t offset, size_t length, uint8_t value) {
  std::vector<std::byte> bytes(length, static_cast<std::byte>(value));
  const iovec part{bytes.data(), bytes.size()};
  return loop().run(node.write(offset, IoSpan(&part, 1)));
}

inline uint8_t byte_at(graph::Node& node, uint64_t offset) {
  std::byte byte{};
  const iovec part{&byte, 1};
  EXPECT_TRUE(loop().run(node.read(offset, IoSpan(&part, 1))));
  return std::to_integer<uint8_t>(byte);
}

}  // namespace oxbow::testing
