// Images whose data lies in a file of its own.
#include <gtest/gtest.h>

#include "data_file_image.h"
#include "failing_storage.h"
#include "image_bytes.h"

namespace oxbow::testing {
namespace {

using storage::MemoryStorage;
using storage::Preallocation;

struct Kind {
  const char* name;
  DataFileShape shape;
};

const Kind kinds[] = {
    {"plain_4k", {}},
    {"plain_512", {.cluster_bits = 9}},
    {"plain_64k_backed", {.cluster_bits = 16, .backing_bytes = 700000}},
    {"raw_4k", {.raw = true}},
    {"raw_512", {.cluster_bits = 9, .raw = true}},
    {"raw_odd", {.cluster_bits = 16, .raw = true, .bytes = (1 << 20) - 512}},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true}},
    {"ext_32k_backed", {.cluster_bits = 15, .extended_l2 = true, .backing_bytes = 1 << 20}},
    {"raw_ext_16k", {.cluster_bits = 14, .raw = true, .extended_l2 = true}},
};

class DataFile : public ::testing::TestWithParam<Kind> {
 protected:
  DataFile() { reopen(make_two_files(shape())); }

  [[nodiscard]] const DataFileShape& shape() const { return GetParam().shape; }

  void reopen(const TwoFiles& files) {
    image_ = std::make_shared<MemoryStorage>(files.image);
    data_ = std::make_shared<MemoryStorage>(files.data);
    auto node = open_two_files(image_, data_, make_backing(shape().backing_bytes));
    ASSERT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
  }
  void close_and_reopen() {
    const auto closed = loop().run(node_->close());
    ASSERT_TRUE(closed) << closed.error().message();
    node_.reset();
    reopen({image_->bytes(), data_->bytes()});
  }
  void write(uint64_t offset, uint64_t length, uint8_t pattern) {
    std::vector<std::byte> bytes(length, std::byte{pattern});
    const iovec part{bytes.data(), bytes.size()};
    const auto done = loop().run(node_->write(offset, IoSpan(&part, 1)));
    ASSERT_TRUE(done) << done.error().message();
  }

  std::vector<std::byte> part_of_disk(uint64_t offset, uint64_t length) {
    std::vector<std::byte> out(length);
    const iovec part{out.data(), out.size()};
    const auto done = loop().run(node_->read(offset, IoSpan(&part, 1)));
    EXPECT_TRUE(done) << done.error().message();
    return out;
  }

  std::shared_ptr<MemoryStorage> image_;
  std::shared_ptr<MemoryStorage> data_;
  std::shared_ptr<graph::Node> node_;
};

TEST_P(DataFile, reads_back_what_was_written_and_stays_consistent) {
  GuestModel model(shape().bytes);
  for (uint64_t i = 0; i < std::min(shape().backing_bytes, shape().bytes); ++i) {
    model.bytes()[i] = backing_byte(i);
  }
  const uint64_t cluster = uint64_t{1} << shape().cluster_bits;
  OpSource source(7, shape().bytes, cluster);
  std::vector<std::byte> buffer(4 * cluster + 65536);
  for (int i = 0; i < 600; ++i) {
    const GuestOp op = source.next();
    const Result<void> done = loop().run(apply_op(*node_, op, buffer));
    ASSERT_TRUE(done) << done.error().message();
    model.apply(op);
    if (op.kind == GuestOp::Kind::read) {
      ASSERT_EQ(model.first_lie(op.offset, std::span(buffer).first(op.length)), -1) << i;
    }
    // A raw data file needs no image to be read by.
    if (shape().raw) {
      ASSERT_EQ(part_of(data_->bytes(), op.offset, op.length), part_of_disk(op.offset, op.length))
          << i;
    }
    if (i % 100 == 99) close_and_reopen();
  }
  EXPECT_EQ(model.first_lie(0, read_all(*node_)), -1);
  ASSERT_TRUE(loop().run(node_->close()));
  std::string first;
  const CheckResult found = check_bytes(image_->bytes(), &first);
  EXPECT_EQ(found.corruptions + found.check_errors + found.leaks, 0u) << first;
}

TEST_P(DataFile, guest_bytes_lie_at_their_own_offsets_and_nowhere_else) {
  const uint64_t before = image_->bytes().size();
  const uint64_t at = shape().bytes / 2 + 512;
  write(at, 100000, 0x5a);
  ASSERT_TRUE(loop().run(node_->flush()));
  EXPECT_EQ(part_of(data_->bytes(), at, 100000), std::vector<std::byte>(100000, std::byte{0x5a}));
  // An L2 table and what counts it, at the most.
  EXPECT_LE(image_->bytes().size(), before + (8u << shape().cluster_bits));
  EXPECT_EQ(data_->bytes().size(), shape().bytes);
}

TEST_P(DataFile, grows_and_shrinks_with_the_disk) {
  write(shape().bytes - 512, 512, 0x11);
  const uint64_t larger = shape().bytes + (300 << 10);
  for (const Preallocation how : {Preallocation::off, Preallocation::metadata}) {
    ASSERT_TRUE(loop().run(node_->resize(larger, how, false)));
    // Clusters that are linked lie in it whole.
    const bool links = shape().raw || how == Preallocation::metadata;
    EXPECT_EQ(data_->bytes().size(),
              align_up(larger, links ? uint64_t{1} << shape().cluster_bits : 512));
    EXPECT_EQ(part_of_disk(shape().bytes, larger - shape().bytes),
              std::vector<std::byte>(larger - shape().bytes));
    write(larger - 5000, 5000, 0x22);
    ASSERT_TRUE(loop().run(node_->resize(shape().bytes, Preallocation::off, true)));
    EXPECT_EQ(data_->bytes().size(), shape().bytes);
  }
  EXPECT_EQ(part_of_disk(shape().bytes - 512, 512), std::vector<std::byte>(512, std::byte{0x11}));
  ASSERT_TRUE(loop().run(node_->close()));
  EXPECT_EQ(check_bytes(image_->bytes()).corruptions, 0u);
}

TEST_P(DataFile, growth_that_is_taken_back_leaves_the_file_as_long_as_it_was) {
  auto& format = node_->format();
  ASSERT_TRUE(loop().run(format.resize(2 * shape().bytes, Preallocation::metadata, false)));
  EXPECT_GE(data_->bytes().size(), 2 * shape().bytes);
  ASSERT_TRUE(loop().run(format.abort_resize()));
  EXPECT_EQ(data_->bytes().size(), shape().bytes);
  EXPECT_EQ(node_->virtual_size(), shape().bytes);
  ASSERT_TRUE(loop().run(node_->close()));
  const CheckResult found = check_bytes(image_->bytes());
  EXPECT_EQ(found.corruptions + found.check_errors, 0u);
}

TEST_P(DataFile, emptied_image_gives_up_what_the_file_holds) {
  if (shape().raw) return;  // stands on nothing: there is nothing to be committed to
  write(0, shape().bytes, 0x33);
  ASSERT_TRUE(loop().run(node_->format().make_empty()));
  EXPECT_EQ(data_->bytes().allocated(), 0u);
  const auto now = read_all(*node_);
  for (uint64_t i = 0; i < now.size(); ++i) {
    const int expected = i < shape().backing_bytes ? backing_byte(i) : 0;
    ASSERT_EQ(std::to_integer<int>(now[i]), expected) << i;
  }
}

TEST_P(DataFile, takes_no_snapshots) {
  auto& image = dynamic_cast<format::qcow2::Qcow2Image&>(node_->format());
  const auto created = loop().run(image.create_snapshot({}));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().as_errno(), ENOTSUP);
  EXPECT_EQ(image.header().nb_snapshots, 0u);
}

TEST_P(DataFile, vm_state_keeps_the_disk_from_being_resized) {
  std::vector<std::byte> state(3000, std::byte{0x44});
  const iovec part{state.data(), state.size()};
  ASSERT_TRUE(loop().run(node_->write_vm_state(100, IoSpan(&part, 1))));
  EXPECT_FALSE(loop().run(node_->resize(2 * shape().bytes, Preallocation::off, false)));
  EXPECT_FALSE(loop().run(node_->resize(shape().bytes / 2, Preallocation::off, true)));
  close_and_reopen();
  std::vector<std::byte> again(3000);
  const iovec into{again.data(), again.size()};
  ASSERT_TRUE(loop().run(node_->read_vm_state(100, IoSpan(&into, 1))));
  EXPECT_EQ(again, state);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DataFile, ::testing::ValuesIn(kinds),
                         [](const auto& info) { return std::string(info.param.name); });

// Two entries for one place of the data file would write over each other.
TEST(DataFileDamage, entries_that_lead_elsewhere_are_refused_and_marked) {
  TwoFiles files = make_two_files({.raw = true});
  const uint64_t l2 = load64(files.image, load64(files.image, 40)) & 0x00fffffffffffe00;
  store64(files.image, l2 + 3 * 8, format::qcow2::copied_flag | 5 << 12);
  for (const bool writes : {false, true}) {
    const auto image = std::make_shared<MemoryStorage>(files.image);
    const auto data = std::make_shared<MemoryStorage>(files.data);
    auto node = open_two_files(image, data);
    ASSERT_TRUE(node) << node.error().message();
    std::vector<std::byte> bytes(512, std::byte{0x77});
    const iovec part{bytes.data(), bytes.size()};
    const auto done = writes ? loop().run((*node)->write(3 << 12, IoSpan(&part, 1)))
                             : loop().run((*node)->read(3 << 12, IoSpan(&part, 1)));
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("External data file host cluster offset 0x5000 does not "
                                          "match guest cluster offset: 0x3000"),
              std::string::npos)
        << done.error().message();
    (void)loop().run((*node)->close());
    EXPECT_EQ(data->bytes().allocated(), 0u);
    EXPECT_NE(load64(image->bytes(), 72) & format::qcow2::incompatible_corrupt, 0u);
  }
}

TEST(DataFileDamage, no_image_is_written_without_its_data_file) {
  const TwoFiles files = make_two_files({});
  const auto node = open_node(std::make_unique<MemoryStorage>(files.image), nullptr);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().message(), "'data-file' is required for this image");
}

// COPIED without an offset is a cluster at 0 in a data file, and means nothing elsewhere.
TEST(DataFileDamage, offset_zero_is_no_place_in_the_image_itself) {
  auto bytes = make_image({.cluster_bits = 12});
  const auto file = std::make_shared<MemoryStorage>(bytes);
  auto node = open_node(std::make_unique<storage::LentStorage>(file), nullptr);
  ASSERT_TRUE(node);
  std::vector<std::byte> data(4096, std::byte{0x12});
  const iovec part{data.data(), data.size()};
  ASSERT_TRUE(loop().run((*node)->write(0, IoSpan(&part, 1))));
  ASSERT_TRUE(loop().run((*node)->close()));
  bytes = file->bytes();
  const uint64_t l2 = load64(bytes, load64(bytes, 40)) & 0x00fffffffffffe00;
  store64(bytes, l2 + 8, format::qcow2::copied_flag);
  const auto damaged = std::make_shared<MemoryStorage>(bytes);
  node = open_node(std::make_unique<storage::LentStorage>(damaged), nullptr);
  ASSERT_TRUE(node);
  ASSERT_TRUE(loop().run((*node)->read(4096, IoSpan(&part, 1))));
  EXPECT_EQ(data, std::vector<std::byte>(4096));
  ASSERT_TRUE(loop().run((*node)->write(4096, IoSpan(&part, 1))));
  ASSERT_TRUE(loop().run((*node)->close()));
  EXPECT_EQ(check_bytes(damaged->bytes()).corruptions, 0u);
}

}  // namespace
}  // namespace oxbow::testing
