// Power cuts while dirty bitmaps are made, kept, changed, resized and dropped. Whatever part of
// the unflushed writes reached the disk: the image is sound, and a bitmap that is not IN_USE
// tells of every byte that differs from what the disk held when the bitmap was made or cleared.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "bitmap_truth.h"
#include "stock_check.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using format::qcow2::Bitmap;
using format::qcow2::BitmapDurability;
using format::qcow2::BitmapOptions;
using format::qcow2::Bitmaps;
using format::qcow2::BootId;

// The machine's run in which the workload is recorded, and the one after a power cut.
constexpr BootId before_cut{std::byte{1}};
constexpr BootId after_cut{std::byte{2}};

/// What a bitmap is held to: it covers what differs from every one of these.
using Bases = std::vector<Bytes>;

/// A moment of the recording.
struct Moment {
  size_t flushes = 0;     ///< completed
  size_t operations = 0;  ///< made
};

struct Promise {
  Bases bases;
  Moment begun;  ///< from here on it may hold instead of the one before
  Moment made;   ///< from here on it must
};

struct BitmapRecording {
  storage::CrashLog log;
  std::map<std::string, std::vector<Promise>> promises;  ///< by name, one after the other
};

class BitmapRecorder {
 public:
  BitmapRecorder(const ImageShape& shape, BitmapDurability durability)
      : crash_(std::make_shared<storage::CrashStorage>(make_image(shape))),
        durability_(durability),
        random_(5) {
    open();
  }

  void reopen() {
    close();
    open();
  }
  void close() { expect(loop().run(node_->close())); }

  void add(const std::string& name, uint8_t granularity_bits) {
    promise(name, {read_all(*node_)},
            [&] { return loop().run(bitmaps().add(name, granularity_bits, true)); });
  }
  void clear(const std::string& name) {
    promise(name, {read_all(*node_)}, [&] { return loop().run(bitmaps().clear(name)); });
  }
  void merge(const std::string& into, const std::string& from) {
    Bases both = recording_.promises[into].back().bases;
    const Bases& more = recording_.promises[from].back().bases;
    both.insert(both.end(), more.begin(), more.end());
    const auto bits = loop().run(bitmaps().bits_of(from));
    ASSERT_TRUE(bits) << bits.error().message();
    const SparseBits copy = **bits;
    const auto granularity = bitmaps().granularity_bits_of(from);
    promise(into, both, [&] { return loop().run(bitmaps().merge(into, copy, *granularity)); });
  }
  void freeze(const std::string& name) {
    expect(loop().run(bitmaps().freeze(name)));
    frozen_ = read_all(*node_);
  }
  void thaw(const std::string& name) {
    const std::vector<ByteRange> all{{0, node_->virtual_size()}};
    promise(name, {frozen_}, [&] { return loop().run(bitmaps().thaw(name, all)); });
  }
  void remove(const std::string& name) { expect(loop().run(bitmaps().remove(name))); }
  /// Off, and what the disk is then no longer counts: the promise ends.
  void disable(const std::string& name) {
    promise(name, {}, [&] { return loop().run(bitmaps().set_enabled(name, false)); });
  }
  void resize(uint64_t bytes) {
    expect(loop().run(node_->resize(bytes, storage::Preallocation::off, true)));
  }
  void flush() { expect(loop().run(node_->flush())); }
  void write(uint64_t offset, uint64_t length) {
    const Bytes data(length, std::byte(random_() % 255 + 1));
    const iovec part{const_cast<std::byte*>(data.data()), data.size()};
    expect(loop().run(node_->write(offset, IoSpan(&part, 1))));
  }
  void write_some() {
    for (int i = 0; i < 4; ++i) {
      const uint64_t offset = random_() % (96 << 10);
      write(offset, random_() % 2000 + 1);
      if (i == 1) expect(loop().run(node_->write_zeroes(random_() % (96 << 10), 3000)));
      if (i == 2) expect(loop().run(node_->discard(offset / 512 * 512, 2048)));
      if (i % 2 == 0) expect(loop().run(node_->flush()));
    }
  }

  BitmapRecording finish() {
    close();
    recording_.log = crash_->log();
    return std::move(recording_);
  }

 private:
  Bitmaps& bitmaps() {
    const auto found = loop().run(engine(*node_).change_bitmaps());
    EXPECT_TRUE(found) << found.error().message();
    return **found;
  }
  [[nodiscard]] Moment now() const {
    Moment moment{crash_->flush_count(), 0};
    for (const auto& epoch : crash_->log().epochs) moment.operations += epoch.size();
    return moment;
  }
  template <class Change>
  void promise(const std::string& name, Bases bases, Change change) {
    const Moment begun = now();
    expect(change());
    recording_.promises[name].push_back({std::move(bases), begun, now()});
  }
  void open() {
    auto node = open_node(std::make_unique<storage::LentStorage>(crash_), nullptr, true, true,
                          BitmapOptions{durability_, before_cut});
    ASSERT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
  }
  void expect(const Result<void>& done) { EXPECT_TRUE(done) << done.error().message(); }

  std::shared_ptr<storage::CrashStorage> crash_;
  BitmapDurability durability_;
  std::mt19937 random_;
  std::shared_ptr<graph::Node> node_;
  BitmapRecording recording_;
  Bytes frozen_;  ///< what the disk held then
};

BitmapRecording backed_up(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.add("a", 9);
  recorder.write_some();
  recorder.freeze("a");
  recorder.write_some();
  recorder.thaw("a");
  recorder.write_some();
  recorder.reopen();
  recorder.freeze("a");
  recorder.write_some();
  recorder.thaw("a");
  recorder.freeze("a");
  recorder.write_some();
  return recorder.finish();
}

BitmapRecording open_write_store(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.add("a", 9);
  recorder.write_some();
  recorder.reopen();
  recorder.write_some();
  recorder.reopen();
  recorder.write_some();
  return recorder.finish();
}

BitmapRecording two_bitmaps(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.write_some();
  recorder.add("a", 9);
  recorder.write_some();
  recorder.add("b", 12);
  recorder.write_some();
  recorder.reopen();
  recorder.clear("a");
  recorder.write_some();
  recorder.merge("b", "a");
  recorder.reopen();
  recorder.disable("b");
  recorder.write_some();
  recorder.remove("a");
  recorder.write_some();
  recorder.reopen();
  recorder.remove("b");
  recorder.write_some();
  return recorder.finish();
}

BitmapRecording merged(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.add("a", 9);
  recorder.add("b", 10);
  recorder.disable("b");
  recorder.write_some();
  recorder.merge("b", "a");
  recorder.flush();
  recorder.disable("a");
  recorder.flush();
  return recorder.finish();
}

BitmapRecording resized(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.add("a", 9);
  recorder.write_some();
  recorder.resize(5 << 19);
  recorder.write((5 << 19) - 700, 700);
  recorder.reopen();
  recorder.write_some();
  recorder.resize(5 << 20);
  recorder.reopen();
  recorder.resize(100 << 10);
  recorder.write_some();
  recorder.resize(200 << 10);
  recorder.write_some();
  recorder.resize(4 << 20);
  return recorder.finish();
}

// What is cut changes before the size does, under bits that say nothing of it.
BitmapRecording shrunk(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.resize(200 << 10);
  recorder.write(0, 200 << 10);
  recorder.add("a", 12);
  recorder.reopen();
  recorder.resize((100 << 10) + 512);
  recorder.write_some();
  return recorder.finish();
}

// A table entry says that all of a cluster's bits are set, and gets a cluster when they no longer
// are.
BitmapRecording filled(const ImageShape& shape, BitmapDurability durability) {
  BitmapRecorder recorder(shape, durability);
  recorder.add("a", 9);
  recorder.write(0, shape.bytes);
  recorder.reopen();
  recorder.clear("a");
  recorder.write_some();
  recorder.reopen();
  recorder.write_some();
  recorder.remove("a");
  recorder.add("a", 12);
  recorder.write(0, shape.bytes);
  recorder.clear("a");
  recorder.write_some();
  return recorder.finish();
}

std::string serious_finding(const storage::SparseBytes& bytes) {
  std::string first;
  const CheckResult result = check_bytes(bytes, &first);
  return result.corruptions == 0 && result.check_errors == 0 ? "" : "not sound: " + first;
}

using Counter = size_t Moment::*;

// The last promise that was made, or one that was about to be, covers what is on the disk.
bool keeps_word(std::span<const Promise> promises, Counter counter, size_t at, auto held) {
  size_t last = 0;
  for (size_t i = 0; i < promises.size(); ++i) {
    if (promises[i].made.*counter <= at) last = i;
  }
  for (size_t i = last; i < promises.size() && promises[i].begun.*counter <= at; ++i) {
    if (std::ranges::all_of(promises[i].bases, held)) return true;
  }
  return false;
}

/// `at`: by what the moment of the crash is counted. Gives how many bitmaps are IN_USE.
int expect_promises(const BitmapRecording& recording, const storage::SparseBytes& contents,
                    const BootId& boot, Counter counter, size_t at) {
  const auto memory = std::make_shared<storage::MemoryStorage>(contents);
  auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr, false, true,
                        BitmapOptions{std::nullopt, boot});
  EXPECT_TRUE(node) << node.error().message();
  if (!node) return 0;
  int in_use = 0;
  const Bytes now = read_all(**node);
  for (const Bitmap& bitmap : engine(**node).bitmaps().list()) {
    if (bitmap.in_use()) {
      ++in_use;
      continue;
    }
    const auto bits = loop().run(engine(**node).bitmaps().bits_of(bitmap.name));
    EXPECT_TRUE(bits) << bits.error().message();
    if (!bits) continue;
    EXPECT_TRUE(keeps_word(recording.promises.at(bitmap.name), counter, at,
                           [&](const Bytes& base) { return covers(bitmap, **bits, base, now); }))
        << "bitmap " << bitmap.name << " misses a change";
  }
  return in_use;
}

void expect_writable(const storage::SparseBytes& contents) {
  const auto memory = std::make_shared<storage::MemoryStorage>(contents);
  auto node = open_node(std::make_unique<storage::LentStorage>(memory), nullptr, true, true,
                        BitmapOptions{std::nullopt, after_cut});
  ASSERT_TRUE(node) << node.error().message();
  Bytes pattern((*node)->virtual_size(), std::byte{0xee});
  const iovec part{pattern.data(), pattern.size()};
  const auto written = loop().run((*node)->write(0, IoSpan(&part, 1)));
  ASSERT_TRUE(written) << written.error().message();
  ASSERT_TRUE(loop().run((*node)->close()));
  ASSERT_EQ(serious_finding(memory->bytes()), "");
}

struct BitmapScenario {
  const char* name;
  ImageShape shape;
  BitmapRecording (*record)(const ImageShape& shape, BitmapDurability durability);
};

const ImageShape small{.cluster_bits = 12, .bytes = 100 << 10};
const ImageShape smallest{.cluster_bits = 9, .bytes = 100 << 10};
const BitmapScenario bitmap_scenarios[] = {
    {"open_write_store", small, open_write_store},
    {"two_bitmaps", small, two_bitmaps},
    {"resized", small, resized},
    {"shrunk", small, shrunk},
    {"merged", small, merged},
    {"backed_up", small, backed_up},
    {"filled", small, filled},
    {"no_room_for_a_record", smallest, two_bitmaps},
    {"table_grows", smallest, resized},
    {"lazy", {.cluster_bits = 12, .lazy_refcounts = true, .bytes = 100 << 10}, two_bitmaps},
};

class BitmapCrash : public ::testing::TestWithParam<std::tuple<BitmapScenario, BitmapDurability>> {
 protected:
  [[nodiscard]] const BitmapScenario& scenario() const { return std::get<0>(GetParam()); }
  [[nodiscard]] BitmapDurability durability() const { return std::get<1>(GetParam()); }
  [[nodiscard]] bool lazy() const { return scenario().shape.lazy_refcounts; }
  /// Whether a crash is to leave no bitmap unusable.
  [[nodiscard]] bool keeps_all() const {
    return scenario().shape.cluster_bits > 9 && scenario().record != resized;
  }
};

TEST_P(BitmapCrash, after_a_power_cut_a_bitmap_covers_the_truth_or_is_in_use) {
  const BitmapRecording recording = scenario().record(scenario().shape, durability());
  storage::CrashOptions options;
  options.exhaustive = 5;
  options.samples = 6;
  options.torn = true;
  storage::CrashStates walk(recording.log, options);
  int lost = 0;
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description + " after " + std::to_string(state->flushes) + " flushes");
    ASSERT_EQ(lazy() ? "" : serious_finding(state->contents), "");
    lost +=
        expect_promises(recording, state->contents, after_cut, &Moment::flushes, state->flushes);
    expect_writable(state->contents);
    if (!lazy() && walk.counts().states % 50 == 0) expect_stock_agrees(state->contents);
    if (HasFailure()) return;
  }
  std::printf("%zu crash states, %d bitmaps lost\n", size_t{walk.counts().states}, lost);
  EXPECT_GT(walk.counts().states, 50u);
  if (durability() == BitmapDurability::power && keeps_all()) {
    EXPECT_EQ(lost, 0);
  }
  if (durability() == BitmapDurability::close) {
    EXPECT_GT(lost, 0);
  }
}

// A killed process leaves every write that it made.
TEST_P(BitmapCrash, after_a_kill_a_bitmap_covers_the_truth_or_is_in_use) {
  const BitmapRecording recording = scenario().record(scenario().shape, durability());
  storage::SparseBytes contents = recording.log.start;
  int lost = 0;
  int states = 0;
  for (const auto& epoch : recording.log.epochs) {
    for (const storage::CrashOperation& operation : epoch) {
      operation.apply_to(contents);
      ++states;
      SCOPED_TRACE(operation.describe());
      lost += expect_promises(recording, contents, before_cut, &Moment::operations,
                              static_cast<size_t>(states));
      if (HasFailure()) return;
    }
  }
  std::printf("%d states, %d bitmaps lost\n", states, lost);
  if (durability() != BitmapDurability::close && keeps_all()) {
    EXPECT_EQ(lost, 0);
  }
}

std::string case_name(const ::testing::TestParamInfo<BitmapCrash::ParamType>& info) {
  const char* const words[] = {"close", "process", "power"};
  return std::string(std::get<0>(info.param).name) + "_" +
         words[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(Scenarios, BitmapCrash,
                         ::testing::Combine(::testing::ValuesIn(bitmap_scenarios),
                                            ::testing::Values(BitmapDurability::close,
                                                              BitmapDurability::process,
                                                              BitmapDurability::power)),
                         case_name);

}  // namespace
}  // namespace oxbow::testing
