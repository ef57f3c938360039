// A qcow2 image in memory, of a stated shape, open under a node; for tests of the engine.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "async/loop.h"
#include "delaying_storage.h"
#include "format/qcow2/check.h"
#include "format/qcow2/create.h"
#include "format/qcow2/image.h"
#include "format/raw/raw.h"
#include "graph/node.h"
#include "guest_model.h"
#include "image_bytes.h"
#include "storage/memory.h"
#include "this_loop.h"

namespace oxbow::testing {

struct ImageShape {
  uint32_t version = 3;
  uint32_t cluster_bits = 16;
  uint32_t refcount_order = 4;
  bool extended_l2 = false;
  bool lazy_refcounts = false;
  uint64_t backing_bytes = 0;  ///< 0: no backing file
  uint64_t bytes = 1 << 20;
};

/// An empty image's bytes.
inline storage::SparseBytes make_image(const ImageShape& shape) {
  format::qcow2::Qcow2CreateOptions options;
  options.size = shape.bytes;
  options.version = shape.version;
  options.cluster_bits = shape.cluster_bits;
  options.refcount_order = shape.refcount_order;
  options.extended_l2 = shape.extended_l2;
  options.lazy_refcounts = shape.lazy_refcounts;
  const auto memory = std::make_shared<storage::MemoryStorage>();
  const auto made = async::Loop::current_thread().run(
      format::qcow2::create(std::make_unique<storage::LentStorage>(memory), options));
  EXPECT_TRUE(made) << made.error().message();
  return memory->bytes();
}

/// Bytes that are the same every time: the backing file's contents.
inline uint8_t backing_byte(uint64_t offset) {
  return static_cast<uint8_t>(offset * 7 + offset / 251);
}

inline std::shared_ptr<graph::Node> make_backing(uint64_t bytes) {
  if (bytes == 0) return nullptr;
  std::vector<uint8_t> contents(bytes);
  for (uint64_t i = 0; i < bytes; ++i) contents[i] = backing_byte(i);
  storage::SparseBytes sparse;
  const iovec all{contents.data(), contents.size()};
  sparse.write(0, IoSpan(&all, 1));
  auto file = std::make_unique<storage::MemoryStorage>(std::move(sparse), "backing");
  auto raw = format::raw::RawImage::create(std::move(file), {});
  EXPECT_TRUE(raw) << raw.error().message();
  return std::make_shared<graph::Node>(std::move(*raw), nullptr);
}

/// Opens `file` as qcow2 over `backing`.
inline Result<std::shared_ptr<graph::Node>> open_node(std::unique_ptr<storage::Storage> file,
                                                      std::shared_ptr<graph::Node> backing,
                                                      bool writable = true,
                                                      bool pass_discard = true,
                                                      format::qcow2::BitmapOptions bitmaps = {}) {
  format::qcow2::Qcow2OpenOptions options;
  options.bitmaps = bitmaps;
  options.writable = writable;
  options.has_backing = backing != nullptr;
  options.pass_discard = pass_discard;
  options.encryption.as_stored = true;
  auto image = async::Loop::current_thread().run(
      format::qcow2::open_qcow2(std::move(file), std::move(options)));
  if (!image) return std::unexpected(image.error());
  return std::make_shared<graph::Node>(std::move(*image), std::move(backing));
}

/// A qcow2 node in `file`, which stays, over `below`, if there is any.
inline std::shared_ptr<graph::Node> open_over(std::shared_ptr<storage::Storage> file,
                                              std::shared_ptr<graph::Node> below = nullptr) {
  auto node = open_node(std::make_unique<storage::LentStorage>(std::move(file)), std::move(below));
  EXPECT_TRUE(node) << node.error().message();
  return node.value_or(nullptr);
}

/// What a check of these bytes finds.
inline CheckResult check_bytes(const storage::SparseBytes& bytes, std::string* first = nullptr) {
  storage::MemoryStorage file(bytes);
  async::Loop& loop = async::Loop::current_thread();
  const auto header = loop.run(format::qcow2::read_header(file, true));
  CheckResult failed;
  failed.check_errors = 1;
  if (!header) {
    if (first != nullptr) *first = header.error().message();
    return failed;
  }
  const auto result = loop.run(format::qcow2::check(file, *header, [&](const CheckFinding& found) {
    const bool serious = found.severity == CheckFinding::Severity::error;
    if (first != nullptr && first->empty() && serious) *first = found.text;
  }));
  if (!result && first != nullptr) *first = result.error().message();
  return result ? *result : failed;
}

class TestImage {
 public:
  /// With `delay_seed`, requests are interleaved at random.
  explicit TestImage(const ImageShape& shape, std::optional<uint32_t> delay_seed = {})
      : shape_(shape), delay_seed_(delay_seed), bytes_(make_image(shape)) {
    open();
  }

  graph::Node& node() { return *node_; }
  [[nodiscard]] uint64_t size() const { return shape_.bytes; }
  [[nodiscard]] uint64_t cluster_size() const { return uint64_t{1} << shape_.cluster_bits; }

  Result<void> run(async::Task<> task) { return loop().run(std::move(task)); }

  void fill_model_from_backing(GuestModel& model) const {
    const uint64_t end = std::min(shape_.backing_bytes, shape_.bytes);
    for (uint64_t i = 0; i < end; ++i) model.bytes()[i] = backing_byte(i);
  }

  void expect_contents(GuestModel& model) {
    std::vector<std::byte> all(size());
    const iovec part{all.data(), all.size()};
    const auto done = run(node_->read(0, IoSpan(&part, 1)));
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(model.first_lie(0, all), -1);
  }

  void close() {
    const auto closed = run(node_->close());
    EXPECT_TRUE(closed) << closed.error().message();
    bytes_ = memory_->bytes();
    node_.reset();
  }

  storage::SparseBytes close_and_take() {
    close();
    return std::move(bytes_);
  }

  void reopen() {
    close();
    open();
  }

  /// After a flush: the overlap guard knows what the tables say, no more and no less.
  void expect_guard_exact() {
    ASSERT_TRUE(run(node_->flush()));
    auto& image = dynamic_cast<format::qcow2::Qcow2Image&>(node_->format());
    const auto difference = loop().run(image.guard().difference_from_scan());
    ASSERT_TRUE(difference) << difference.error().message();
    EXPECT_EQ(*difference, "");
  }

  /// After close(): nothing wrong, nothing leaked.
  void expect_clean() const {
    std::string first;
    const CheckResult result = check_bytes(bytes_, &first);
    EXPECT_EQ(result.check_errors, 0u) << first;
    EXPECT_EQ(result.corruptions, 0u) << first;
    EXPECT_EQ(result.leaks, 0u);
  }

 private:
  void open() {
    memory_ = std::make_shared<storage::MemoryStorage>(bytes_);
    std::unique_ptr<storage::Storage> file = std::make_unique<storage::LentStorage>(memory_);
    if (delay_seed_) file = std::make_unique<storage::DelayingStorage>(memory_, *delay_seed_);
    auto opened = open_node(std::move(file), make_backing(shape_.backing_bytes));
    ASSERT_TRUE(opened) << opened.error().message();
    node_ = std::move(*opened);
  }

  ImageShape shape_;
  std::optional<uint32_t> delay_seed_;
  storage::SparseBytes bytes_;
  std::shared_ptr<storage::MemoryStorage> memory_;
  std::shared_ptr<graph::Node> node_;
};

}  // namespace oxbow::testing
