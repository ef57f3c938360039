// What every format with blocks has to do: keep what is written, whatever the power or the file
// does in between.
#include "block_kinds.h"
#include "each_failure.h"
#include "guest_model.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

class BlockImages : public ::testing::TestWithParam<BlockKind> {};

TEST_P(BlockImages, KeepWhatIsWritten) {
  auto file = std::make_shared<storage::MemoryStorage>(new_image(GetParam()));
  GuestModel model(disk_size);
  OpSource source(7, disk_size, GetParam().block_size / 4);
  std::vector<std::byte> buffer(disk_size);
  for (int session = 0; session < 4; ++session) {
    auto node = open_kind(GetParam(), std::make_unique<storage::LentStorage>(file));
    ASSERT_TRUE(node) << node.error().message();
    ASSERT_EQ((*node)->virtual_size(), disk_size);
    EXPECT_EQ(model.first_lie(0, read_all(**node)), -1) << "session " << session;
    for (int i = 0; i < 60; ++i) {
      GuestOp op = source.next();
      // None of them forgets what is discarded.
      if (op.kind == GuestOp::Kind::discard) continue;
      ASSERT_TRUE(loop().run(apply_op(**node, op, buffer)));
      model.apply(op);
    }
    EXPECT_EQ(model.first_lie(0, read_all(**node)), -1) << "session " << session;
    ASSERT_TRUE(loop().run((*node)->close()));
  }
}

TEST_P(BlockImages, FindNothingWrongAfterwards) {
  auto file = std::make_shared<storage::MemoryStorage>(new_image(GetParam()));
  auto node = open_kind(GetParam(), std::make_unique<storage::LentStorage>(file));
  ASSERT_TRUE(node);
  ASSERT_TRUE(write_at(**node, 3 << 20, 5000, 1));
  ASSERT_TRUE(write_at(**node, 1000, 5000, 2));
  ASSERT_TRUE(loop().run((*node)->flush()));
  const auto result = loop().run((*node)->format().check({}, Repair::none));
  if (!result) {
    EXPECT_EQ(result.error().kind(), ErrorKind::unsupported);
  } else {
    EXPECT_EQ(result->corruptions + result->leaks + result->check_errors, 0u);
  }
  ASSERT_TRUE(loop().run((*node)->close()));
}

// What a flush promised, and how many flushes had ended then.
struct Promise {
  size_t flushes = 0;
  std::vector<uint8_t> values;  // of one byte in each block
};

class PowerCut {
 public:
  explicit PowerCut(const BlockKind& kind) : kind_(kind) {}

  static constexpr uint64_t step = 512 << 10;
  static constexpr uint8_t rounds = 6;

  void record() {
    crash_ = std::make_shared<storage::CrashStorage>(new_image(kind_));
    auto node = open_kind(kind_, std::make_unique<storage::LentStorage>(crash_));
    ASSERT_TRUE(node);
    promises_.push_back({0, std::vector<uint8_t>(disk_size / step)});
    for (uint8_t round = 1; round <= rounds; ++round) {
      Promise next = promises_.back();
      for (const size_t at : {round % next.values.size(), round * 7 % next.values.size()}) {
        ASSERT_TRUE(write_at(**node, at * step + 100, 1000, round));
        next.values[at] = round;
      }
      ASSERT_TRUE(loop().run((*node)->flush()));
      next.flushes = crash_->flush_count();
      promises_.push_back(next);
    }
    ASSERT_TRUE(loop().run((*node)->close()));
  }

  void look_at_all() {
    storage::CrashStates states(crash_->log(), {.exhaustive = 6, .samples = 16, .torn = true});
    while (const auto state = states.next()) look_at(*state);
    EXPECT_GT(states.counts().states, 20u);
  }

 private:
  // Opens what the cut left, finds what was promised, and can go on.
  void look_at(const storage::CrashState& state) {
    auto file = std::make_unique<storage::MemoryStorage>(state.contents);
    auto node = open_kind(kind_, std::move(file));
    ASSERT_TRUE(node) << state.description << ": " << node.error().message();
    size_t promised = 0;
    while (promised + 1 < promises_.size() && promises_[promised + 1].flushes <= state.flushes) {
      ++promised;
    }
    const Promise& old = promises_[promised];
    for (size_t i = 0; i < old.values.size(); ++i) {
      const uint8_t seen = byte_at(**node, i * step + 500);
      EXPECT_TRUE(seen == old.values[i] || was_under_way(promised, i, seen))
          << state.description << ": " << int{seen} << " at " << i;
    }
    EXPECT_EQ(byte_at(**node, disk_size - 1), 0) << state.description;
    for (size_t i = 0; i < old.values.size(); ++i) {
      ASSERT_TRUE(write_at(**node, i * step + 100, 1000, static_cast<uint8_t>(100 + i)));
    }
    for (size_t i = 0; i < old.values.size(); ++i) {
      ASSERT_EQ(byte_at(**node, i * step + 500), 100 + i) << state.description;
      ASSERT_EQ(byte_at(**node, i * step + 50), 0) << state.description;
    }
    ASSERT_TRUE(loop().run((*node)->close())) << state.description;
  }
  [[nodiscard]] bool was_under_way(size_t promised, size_t at, uint8_t seen) const {
    return promised + 1 < promises_.size() && promises_[promised + 1].values[at] == seen;
  }

  const BlockKind& kind_;
  std::shared_ptr<storage::CrashStorage> crash_;
  std::vector<Promise> promises_;
};

TEST_P(BlockImages, KeepWhatWasFlushedWhereverThePowerIsCut) {
  PowerCut cut(GetParam());
  cut.record();
  cut.look_at_all();
}

// One change of the file fails; the image goes on, and what was told to be written is there.
class WorkUnderFailure {
 public:
  WorkUnderFailure(const BlockKind& kind) : kind_(kind) {}

  /// Gives the first failure.
  Result<void> run(const FailingFiles& files) {
    values_.assign(5, 0);
    auto node = open_kind(kind_, files.file());
    if (!node) return std::unexpected(node.error());
    Result<void> first;
    for (const uint8_t block : {3, 0, 3, 1, 2}) {
      const auto value = static_cast<uint8_t>(values_[block] + block + 1);
      const auto written = write_at(**node, (uint64_t{block} << 20) + 7, 600, value);
      if (written) values_[block] = value;
      const auto flushed = loop().run((*node)->flush());
      if (!flushed && files.fails_once()) {
        EXPECT_TRUE(loop().run((*node)->flush()));
      }
      first = first_of({first, written, flushed});
    }
    closed_ = loop().run((*node)->close());
    return first_of({first, closed_});
  }
  void look(const FailingFiles& files) const {
    auto again = open_kind(kind_, std::make_unique<storage::MemoryStorage>(files.bytes()));
    ASSERT_TRUE(again) << again.error().message();
    for (uint64_t block = 0; files.fails_once() && closed_ && block < 4; ++block) {
      const uint8_t seen = byte_at(**again, (block << 20) + 100);
      EXPECT_TRUE(seen == values_[block] || (files.failed() && seen != 0)) << "block " << block;
    }
    for (uint64_t block = 0; block < 4; ++block) {
      EXPECT_TRUE(write_at(**again, block << 20, 10, 99));
      EXPECT_EQ(byte_at(**again, (block << 20) + 5), 99);
      EXPECT_EQ(byte_at(**again, (block << 20) + 5000), 0);
    }
    EXPECT_TRUE(loop().run((*again)->close()));
  }

 private:
  const BlockKind& kind_;
  std::vector<uint8_t> values_;
  Result<void> closed_;
};

TEST_P(BlockImages, SurviveEachFailureOfTheFile) {
  WorkUnderFailure work(GetParam());
  expect_failures_survived(
      {{new_image(GetParam()), 5}}, [&](const FailingFiles& files) { return work.run(files); },
      [&](const FailingFiles& files, const auto&) { work.look(files); });
}

// Headers and tables of random bytes: nothing but errors and other contents may come of it.
TEST_P(BlockImages, TakeAnyDamage) {
  const storage::SparseBytes start = new_image(GetParam());
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    auto file = std::make_shared<storage::MemoryStorage>(start);
    for (int spot = 0; spot < 3; ++spot) {
      uint64_t bits = random() % 4 == 0 ? UINT64_MAX : random();
      const iovec part{&bits, 1 + random() % 8};
      ASSERT_TRUE(loop().run(
          file->write(random() % std::min<uint64_t>(file->size(), 4096), IoSpan(&part, 1))));
    }
    auto node = open_kind(GetParam(), std::make_unique<storage::LentStorage>(file));
    if (!node) continue;
    const uint64_t size = (*node)->virtual_size();
    if (size > 4096) {
      std::vector<std::byte> buffer(4096);
      const iovec part{buffer.data(), buffer.size()};
      (void)loop().run((*node)->read(size / 2, IoSpan(&part, 1)));
    }
    (void)loop().run((*node)->close());
  }
}

INSTANTIATE_TEST_SUITE_P(All, BlockImages, ::testing::ValuesIn(block_kinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace oxbow::testing
