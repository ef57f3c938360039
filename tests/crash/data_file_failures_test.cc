// Each change of an image and of its external data file fails in turn while the image is given
// another size, is amended, repaired, committed and rebased: the disk reads as it did before or as
// it was to, a check finds leaks at worst, and the error is told.
#include <gtest/gtest.h>

#include "chain_images.h"
#include "data_file_image.h"
#include "each_failure.h"
#include "jobs/commit_job.h"
#include "jobs/rebase_job.h"
#include "whole_contents.h"

namespace oxbow::testing {
namespace {

using storage::Preallocation;

struct DataFileChange {
  const char* name;
  Result<void> (*make)(graph::Node& node);
  int least_of_data;  ///< changes of the data file
};

Result<void> resize(graph::Node& node, uint64_t bytes, Preallocation preallocation) {
  return loop().run(node.resize(bytes, preallocation, bytes < node.virtual_size()));
}

const DataFileChange data_file_changes[] = {
    {"grow", [](graph::Node& node) { return resize(node, 150 << 10, Preallocation::off); }, 1},
    {"grow_with_tables",
     [](graph::Node& node) { return resize(node, 150 << 10, Preallocation::metadata); }, 1},
    {"grow_filled", [](graph::Node& node) { return resize(node, 150 << 10, Preallocation::full); },
     1},
    {"shrink", [](graph::Node& node) { return resize(node, (40 << 10) + 512, Preallocation::off); },
     1},
    {"widen_counts",
     [](graph::Node& node) { return loop().run(engine(node).change_refcount_width(6, {})); }, 0},
    {"wish_lazy_counts",
     [](graph::Node& node) { return loop().run(engine(node).wish_lazy_refcounts(true)); }, 0},
};

// Something everywhere, and zeroes of both kinds.
TwoFiles filled(const DataFileShape& shape) {
  const TwoFiles fresh = make_two_files(shape);
  const auto image = std::make_shared<storage::MemoryStorage>(fresh.image);
  const auto data = std::make_shared<storage::MemoryStorage>(fresh.data);
  auto node = open_two_files(image, data, make_backing(shape.backing_bytes));
  EXPECT_TRUE(node) << node.error().message();
  scribble(**node, 11, 20);
  EXPECT_TRUE(loop().run((*node)->close()));
  return {image->bytes(), data->bytes()};
}

std::vector<StartFile> start_files(const TwoFiles& files, int least_of_image, int least_of_data) {
  return {{files.image, least_of_image}, {files.data, least_of_data}};
}

std::shared_ptr<graph::Node> node_of(const storage::SparseBytes& image,
                                     const storage::SparseBytes& data,
                                     std::shared_ptr<graph::Node> below = nullptr) {
  auto node = open_two_files(std::make_shared<storage::MemoryStorage>(image),
                             std::make_shared<storage::MemoryStorage>(data), std::move(below));
  EXPECT_TRUE(node) << node.error().message();
  return node.value_or(nullptr);
}

Bytes disk_of(const storage::SparseBytes& image, const storage::SparseBytes& data,
              std::shared_ptr<graph::Node> below = nullptr) {
  const auto node = node_of(image, data, std::move(below));
  return node ? read_all(*node) : Bytes();
}

// The disk of an image that an operation has been at. Of a raw data file and the disk one may be
// ahead of the other.
void expect_disk(const FailingFiles& files, const DataFileShape& shape, const Bytes& before,
                 const Bytes& after) {
  expect_sound(files.bytes(0));
  const auto below = make_backing(shape.backing_bytes);
  const Bytes seen = disk_of(files.bytes(0), files.bytes(1), below);
  ASSERT_TRUE(old_or_new(seen, before, after, below ? read_all(*below) : Bytes()));
  if (shape.raw) {
    EXPECT_TRUE(old_or_new(part_of(files.bytes(1), 0, seen.size()), before, after));
  }
}

class DataFileFailures : public ::testing::TestWithParam<std::tuple<DataFileKind, DataFileChange>> {
};

TEST_P(DataFileFailures, leave_what_was_or_what_was_asked_for) {
  const DataFileShape& shape = std::get<DataFileKind>(GetParam()).shape;
  const DataFileChange& change = std::get<DataFileChange>(GetParam());
  const TwoFiles start = filled(shape);
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    auto node = open_two_files(files.shared(0), files.shared(1), make_backing(shape.backing_bytes));
    if (!node) return std::unexpected(node.error());
    const Result<void> done = change.make(**node);
    return first_of({done, loop().run((*node)->close())});
  };
  const Bytes before = disk_of(start.image, start.data, make_backing(shape.backing_bytes));
  const FailingFiles whole(start_files(start, 0, 0), 0, 1 << 30, failures[0]);
  const Result<void> unbroken = run(whole);
  ASSERT_TRUE(unbroken) << unbroken.error().message();
  const Bytes after = disk_of(whole.bytes(0), whole.bytes(1), make_backing(shape.backing_bytes));
  expect_failures_survived(start_files(start, 2, change.least_of_data), run,
                           [&](const FailingFiles& files, const Result<void>& done) {
                             expect_disk(files, shape, done ? after : before, after);
                           });
}

INSTANTIATE_TEST_SUITE_P(All, DataFileFailures,
                         ::testing::Combine(::testing::ValuesIn(small_data_files),
                                            ::testing::ValuesIn(data_file_changes)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" +
                                  std::get<1>(info.param).name;
                         });

class DataFileChains : public ::testing::TestWithParam<DataFileKind> {};

TEST_P(DataFileChains, survive_failures_while_they_are_repaired) {
  const DataFileShape& shape = GetParam().shape;
  TwoFiles start = filled(shape);
  const Bytes before = disk_of(start.image, start.data, make_backing(shape.backing_bytes));
  set_refcount(start.image, load64(start.image, 40), 0);
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    format::qcow2::Qcow2OpenOptions options;
    options.writable = true;
    options.check_only = true;
    options.open_data_file = [&](const std::optional<std::string>&) {
      return lend(files.shared(1));
    };
    auto image = loop().run(format::qcow2::open_qcow2(files.file(0), std::move(options)));
    if (!image) return std::unexpected(image.error());
    const auto done = loop().run((*image)->repair(Repair::all, {}));
    const Result<void> closed = loop().run((*image)->close());
    return done ? closed : std::unexpected(done.error());
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    if (done) expect_sound(files.bytes(0));
    EXPECT_EQ(disk_of(files.bytes(0), files.bytes(1), make_backing(shape.backing_bytes)), before);
  };
  expect_failures_survived(start_files(start, 2, 0), run, look);
}

// The image is the base of an overlay without a data file.
TEST_P(DataFileChains, survive_failures_while_they_are_committed_to) {
  const DataFileShape& shape = GetParam().shape;
  const TwoFiles base = filled(shape);
  const auto below = [&] { return make_backing(shape.backing_bytes); };
  storage::SparseBytes top;
  {
    const auto memory = std::make_shared<storage::MemoryStorage>(
        make_overlay({.cluster_bits = 12, .bytes = 120 << 10}, "base"));
    const auto node = open_over(memory, node_of(base.image, base.data, below()));
    scribble(*node, 3, 12);
    ASSERT_TRUE(loop().run(node->close()));
    top = memory->bytes();
  }
  const Bytes before = read_all(*open_over(std::make_shared<storage::MemoryStorage>(top),
                                           node_of(base.image, base.data, below())));
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    auto bottom = open_two_files(files.shared(0), files.shared(1), below());
    if (!bottom) return std::unexpected(bottom.error());
    auto upper = open_node(files.file(2), *bottom);
    if (!upper) return std::unexpected(upper.error());
    jobs::CommitJob job(*upper, 1, {});
    const Result<void> done = loop().run(job.run());
    return first_of({done, loop().run((*upper)->close()), loop().run((*bottom)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    expect_sound(files.bytes(0));
    expect_sound(files.bytes(2));
    const auto bottom = node_of(files.bytes(0), files.bytes(1), below());
    EXPECT_EQ(
        read_all(*open_over(std::make_shared<storage::MemoryStorage>(files.bytes(2)), bottom)),
        before);
    if (done) {
      EXPECT_EQ(read_all(*bottom), before);
    }
  };
  auto start = start_files(base, 5, 5);
  start.push_back({top, 3});
  expect_failures_survived(start, run, look);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DataFileChains, ::testing::ValuesIn(small_data_files),
                         [](const auto& info) { return std::string(info.param.name); });

// The image stands over another one, and is committed to that, or is to stand on nothing.
class DataFileTop : public ::testing::Test {
 protected:
  const DataFileShape shape_{.backing_bytes = 70000, .bytes = small_data_file_disk};
  const TwoFiles start_ = filled(shape_);
  const Bytes before_ = disk_of(start_.image, start_.data, make_backing(shape_.backing_bytes));
};

TEST_F(DataFileTop, survives_failures_while_it_is_committed) {
  storage::SparseBytes base;
  {
    const auto memory = std::make_shared<storage::MemoryStorage>(make_image({.bytes = 70000}));
    const auto node = open_over(memory, nullptr);
    Bytes bytes = read_all(*make_backing(70000));
    const iovec part{bytes.data(), bytes.size()};
    ASSERT_TRUE(loop().run(node->write(0, IoSpan(&part, 1))));
    ASSERT_TRUE(loop().run(node->close()));
    base = memory->bytes();
  }
  const auto run = [](const FailingFiles& files) -> Result<void> {
    auto bottom = open_node(files.file(2), nullptr);
    if (!bottom) return std::unexpected(bottom.error());
    auto top = open_two_files(files.shared(0), files.shared(1), *bottom);
    if (!top) return std::unexpected(top.error());
    jobs::CommitJob job(*top, 1, {});
    const Result<void> done = loop().run(job.run());
    return first_of({done, loop().run((*top)->close()), loop().run((*bottom)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    expect_sound(files.bytes(0));
    expect_sound(files.bytes(2));
    const auto bottom =
        open_over(std::make_shared<storage::MemoryStorage>(files.bytes(2)), nullptr);
    ASSERT_TRUE(bottom);
    EXPECT_EQ(disk_of(files.bytes(0), files.bytes(1), bottom), before_);
    if (done) {
      EXPECT_EQ(read_all(*bottom), before_);
    }
  };
  auto start = start_files(start_, 3, 1);
  start.push_back({base, 5});
  expect_failures_survived(start, run, look);
}

TEST_F(DataFileTop, survives_failures_while_it_is_rebased) {
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    auto node =
        open_two_files(files.shared(0), files.shared(1), make_backing(shape_.backing_bytes));
    if (!node) return std::unexpected(node.error());
    jobs::RebaseJob job(*node, nullptr, {});
    const Result<void> done = loop().run(job.run());
    return first_of({done, loop().run((*node)->close())});
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    expect_disk(files, shape_, before_, before_);
    if (done) {
      EXPECT_EQ(disk_of(files.bytes(0), files.bytes(1)), before_);
    }
  };
  expect_failures_survived(start_files(start_, 3, 3), run, look);
}

}  // namespace
}  // namespace oxbow::testing
