// An image with an external data file: power cuts over both files, and failing writes in either.
// What a flush promised is there, and every sector holds what the guest wrote there at some time
// since, never what somebody else left in the data file.
#include <gtest/gtest.h>

#include "data_file_image.h"
#include "each_failure.h"
#include "image_bytes.h"
#include "two_files.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t sector = 512;

// What each sector may hold: what it held at the last flush, or anything it was given since. Made
// of whole sectors that are filled with one byte; those of the backing file count as themselves.
class SectorTruth {
 public:
  explicit SectorTruth(const DataFileShape& shape) : allowed_(shape.bytes / sector) {
    for (size_t i = 0; i < allowed_.size(); ++i) {
      std::vector<std::byte> bytes(sector);
      for (uint64_t k = 0; k < sector && i * sector + k < shape.backing_bytes; ++k) {
        bytes[k] = std::byte{backing_byte(i * sector + k)};
      }
      allowed_[i] = {bytes};
    }
  }

  void give(uint64_t offset, uint64_t length, uint8_t pattern) {
    for (uint64_t at = offset; at < offset + length; at += sector) {
      allowed_[at / sector].push_back(std::vector<std::byte>(sector, std::byte{pattern}));
    }
  }
  /// A flush has ended: what was there when it began may not come back.
  void promise() {
    for (auto& values : allowed_) values.erase(values.begin(), values.end() - 1);
  }
  [[nodiscard]] std::optional<uint64_t> first_lie(std::span<const std::byte> seen) const {
    for (size_t i = 0; i < allowed_.size(); ++i) {
      const auto here = seen.subspan(i * sector, sector);
      const bool fine = std::ranges::any_of(
          allowed_[i], [&](const auto& value) { return std::ranges::equal(value, here); });
      if (!fine) return i * sector;
    }
    return std::nullopt;
  }

 private:
  std::vector<std::vector<std::vector<std::byte>>> allowed_;
};

// Something old in unallocated places of a plain data file; a raw one holds what the disk reads.
TwoFiles start_of(const DataFileShape& shape) {
  TwoFiles files = make_two_files(shape);
  if (shape.raw) return files;
  std::vector<std::byte> old(small_data_file_disk, std::byte{0xee});
  const iovec part{old.data(), old.size()};
  files.data.write(0, IoSpan(&part, 1));
  return files;
}

struct Step {
  GuestOp::Kind kind;
  uint64_t offset;
  uint64_t length;
  uint8_t pattern;
};

constexpr auto write = GuestOp::Kind::write;
constexpr auto zero = GuestOp::Kind::zero;
constexpr auto unmap = GuestOp::Kind::zero_unmap;
constexpr auto flush = GuestOp::Kind::flush;

// New clusters, parts of them, again in place; zeroes over data, data over zeroes.
const Step steps[] = {{write, 0, 8192, 0x01},
                      {write, 20480, 512, 0x02},
                      {flush, 0, 0, 0},
                      {write, 512, 1024, 0x03},
                      {write, 40960, 1536, 0x04},
                      {zero, 4096, 4096, 0},
                      {write, 4608, 512, 0x05},
                      {flush, 0, 0, 0},
                      {unmap, 0, 4096, 0},
                      {write, 1024, 512, 0x06},
                      {write, 65536, 16384, 0x07},
                      {unmap, 20480, 1024, 0},
                      {zero, 65536, 8192, 0},
                      {flush, 0, 0, 0},
                      {write, 65536, 2048, 0x08},
                      {write, 98304 - 512, 512, 9}};

class DataFileCrash : public ::testing::TestWithParam<DataFileKind> {
 protected:
  [[nodiscard]] const DataFileShape& shape() const { return GetParam().shape; }

  // The image has no error, and reads as `truth` allows.
  void expect_true(const storage::SparseBytes& image, const storage::SparseBytes& data,
                   const SectorTruth& truth) {
    std::string first;
    const CheckResult found = check_bytes(image, &first);
    ASSERT_EQ(found.corruptions + found.check_errors, 0u) << first;
    auto node = open_two_files(std::make_shared<storage::MemoryStorage>(image),
                               std::make_shared<storage::MemoryStorage>(data),
                               make_backing(shape().backing_bytes));
    ASSERT_TRUE(node) << node.error().message();
    const std::vector<std::byte> all = read_all(**node);
    const auto lie = truth.first_lie(all);
    ASSERT_FALSE(lie) << "at " << *lie << ": " << std::to_integer<int>(all[*lie]);
    EXPECT_TRUE(std::ranges::all_of(std::span(all).subspan(small_data_file_disk),
                                    [](std::byte byte) { return byte == std::byte{0}; }));
    if (!shape().raw) return;
    const auto by_itself = part_of(data, 0, small_data_file_disk);
    const auto raw_lie = truth.first_lie(by_itself);
    ASSERT_FALSE(raw_lie) << "the raw file at " << *raw_lie;
  }
};

Result<void> apply(graph::Node& node, const Step& step) {
  std::vector<std::byte> buffer(step.length);
  return loop().run(apply_op(node, {step.kind, step.offset, step.length, step.pattern}, buffer));
}

TEST_P(DataFileCrash, power_cuts_leave_what_the_guest_wrote) {
  const TwoFiles start = start_of(shape());
  TwoFileLog log(start.image, start.data);
  auto node = open_two_files(log.file(0), log.file(1), make_backing(shape().backing_bytes));
  ASSERT_TRUE(node) << node.error().message();
  // What the truth was while the events up to a moment happened.
  std::vector<std::pair<size_t, SectorTruth>> truths;
  SectorTruth truth(shape());
  for (const Step& step : steps) {
    if (step.kind != flush) truth.give(step.offset, step.length, step.pattern);
    const auto done = apply(**node, step);
    ASSERT_TRUE(done) << done.error().message();
    truths.emplace_back(log.events().size(), truth);
    if (step.kind == flush) truth.promise();
  }
  ASSERT_TRUE(loop().run((*node)->close()));
  truths.emplace_back(log.events().size(), truth);
  size_t states = 0;
  TwoFileCuts cuts(log, 24);
  cuts.for_each([&](const TwoFileCuts::State& state) {
    const auto then =
        std::ranges::find_if(truths, [&](const auto& one) { return state.moment <= one.first; });
    SCOPED_TRACE("moment " + std::to_string(state.moment));
    expect_true(state.files[0], state.files[1], then->second);
    ++states;
    return !HasFatalFailure();
  });
  EXPECT_GT(states, 300u);
}

TEST_P(DataFileCrash, any_write_to_either_file_may_fail) {
  const TwoFiles start = start_of(shape());
  SectorTruth truth(shape());
  const auto run = [&](const FailingFiles& files) -> Result<void> {
    truth = SectorTruth(shape());
    auto node =
        open_two_files(files.shared(0), files.shared(1), make_backing(shape().backing_bytes));
    if (!node) return std::unexpected(node.error());
    Result<void> first;
    for (const Step& step : steps) {
      if (step.kind != flush) truth.give(step.offset, step.length, step.pattern);
      const auto done = apply(**node, step);
      if (first && !done) first = done;
      if (first && step.kind == flush) truth.promise();
    }
    const auto closed = loop().run((*node)->close());
    return first ? closed : first;
  };
  const auto look = [&](const FailingFiles& files, const Result<void>& done) {
    // Only a hint may fail without a word.
    if (done) truth.promise();
    expect_true(files.bytes(0), files.bytes(1), truth);
  };
  expect_failures_survived({{start.image, 5}, {start.data, 10}}, run, look);
}

TEST_P(DataFileCrash, growth_meets_power_cuts) {
  TwoFiles start = start_of(shape());
  TwoFileLog log(start.image, start.data);
  auto node = open_two_files(log.file(0), log.file(1), make_backing(shape().backing_bytes));
  ASSERT_TRUE(node) << node.error().message();
  SectorTruth truth(shape());
  truth.give(4096, 4096, 0x21);
  ASSERT_TRUE(apply(**node, {write, 4096, 4096, 0x21}));
  ASSERT_TRUE(apply(**node, {flush, 0, 0, 0}));
  truth.promise();
  const size_t before = log.events().size();
  constexpr uint64_t larger = small_data_file_disk + (100 << 10);
  ASSERT_TRUE(loop().run((*node)->resize(larger, storage::Preallocation::metadata, false)));
  ASSERT_TRUE(loop().run((*node)->resize(small_data_file_disk, storage::Preallocation::off, true)));
  ASSERT_TRUE(loop().run((*node)->close()));
  size_t states = 0;
  TwoFileCuts cuts(log, 24);
  cuts.for_each([&](const TwoFileCuts::State& state) {
    if (state.moment <= before) return true;
    SCOPED_TRACE("moment " + std::to_string(state.moment));
    expect_true(state.files[0], state.files[1], truth);
    ++states;
    return !HasFatalFailure();
  });
  EXPECT_GT(states, 50u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, DataFileCrash, ::testing::ValuesIn(small_data_files),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
