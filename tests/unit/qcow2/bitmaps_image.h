// An image in memory with dirty bitmaps that a test opens, closes, kills and looks into.
#pragma once

#include <gtest/gtest.h>

#include "bitmap_truth.h"
#include "lent_storage.h"
#include "rich_image.h"

namespace oxbow::testing {

using namespace format::qcow2;

inline constexpr BootId this_boot{std::byte{1}};
inline constexpr BootId next_boot{std::byte{2}};
inline constexpr uint64_t bitmaps_cluster = 4096;

class BitmapsTest : public ::testing::Test {
 protected:
  void open(bool writable = true, BitmapDurability durability = BitmapDurability::close,
            BootId boot = this_boot) {
    auto opened = open_node(std::make_unique<storage::LentStorage>(file_), nullptr, writable, true,
                            BitmapOptions{durability, boot});
    ASSERT_TRUE(opened) << opened.error().message();
    node_ = std::move(*opened);
  }
  void close() {
    ok(loop().run(node_->close()));
    node_.reset();
    const CheckResult found = check_bytes(file_->bytes());
    EXPECT_EQ(found.corruptions + found.check_errors, 0u);
    if (!killed_) {
      EXPECT_EQ(found.leaks, 0u);
    }
  }
  /// The image as a killed process leaves it.
  void kill() {
    file_ = std::make_shared<storage::MemoryStorage>(file_->bytes());
    (void)loop().run(node_->close());
    node_.reset();
    killed_ = true;
  }
  static void ok(const Result<void>& done) { EXPECT_TRUE(done) << done.error().message(); }

  Bitmaps& bitmaps() {
    const auto found = loop().run(engine(*node_).change_bitmaps());
    EXPECT_TRUE(found) << found.error().message();
    return **found;
  }
  void add(const std::string& name, uint8_t bits = 12, bool enabled = true) {
    ok(loop().run(bitmaps().add(name, bits, enabled)));
  }
  void write(uint64_t offset, uint64_t length) {
    const Bytes data(length, std::byte{0x5a});
    const iovec part{const_cast<std::byte*>(data.data()), data.size()};
    ok(loop().run(node_->write(offset, IoSpan(&part, 1))));
  }
  std::vector<uint64_t> dirty(const std::string& name) {
    std::vector<uint64_t> out;
    const auto bits = loop().run(engine(*node_).bitmaps().bits_of(name));
    EXPECT_TRUE(bits) << bits.error().message();
    for (uint64_t at = (*bits)->next_set(0); at < (*bits)->size(); at = (*bits)->next_set(at + 1)) {
      out.push_back(at);
    }
    return out;
  }
  Bitmap entry(const std::string& name) {
    storage::MemoryStorage file(file_->bytes());
    const auto header = loop().run(read_header(file, true));
    const auto found = loop().run(read_bitmap_directory(file, *header));
    EXPECT_TRUE(found) << found.error().message();
    for (const Bitmap& one : *found) {
      if (one.name == name) return one;
    }
    ADD_FAILURE() << "no bitmap " << name;
    return {};
  }
  Bytes bytes_at(uint64_t offset, uint64_t length) {
    Bytes out(length);
    const iovec part{out.data(), out.size()};
    file_->bytes().read(offset, IoSpan(&part, 1));
    return out;
  }
  /// An image with a bitmap that a killed process left IN_USE.
  void leave_in_use() {
    open();
    add("old");
    add("other");
    write(0, 100);
    kill();
  }

  std::shared_ptr<storage::MemoryStorage> file_ =
      std::make_shared<storage::MemoryStorage>(make_image({.cluster_bits = 12, .bytes = 1 << 20}));
  std::shared_ptr<graph::Node> node_;
  bool killed_ = false;  ///< which may have leaked clusters
};

}  // namespace oxbow::testing
