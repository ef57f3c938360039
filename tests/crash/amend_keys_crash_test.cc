// Power cuts and failing writes while key slots of an encrypted qcow2 image change: at every moment
// a passphrase that was to open it before or after does, and what it opens is whole.
#include <gtest/gtest.h>

#include <cstdio>

#include "../unit/luks/volume.h"
#include "each_failure.h"
#include "storage/crash_states.h"
#include "whole_contents.h"

namespace oxbow::testing {
namespace {

constexpr uint64_t disk_bytes = 64 << 10;

struct KeyChange {
  const char* name;
  std::map<std::string, std::string> words;
  std::vector<std::string> one_of;  ///< passphrases, of which one opens it at each moment
  std::string then;                 ///< the passphrase that opens it when all is done
};

const KeyChange key_changes[] = {
    {"add", {{"state", "active"}, {"new-secret", "new"}, {"iter-time", "0"}}, {"abc"}, "new"},
    {"replace",
     {{"state", "active"}, {"new-secret", "new"}, {"keyslot", "0"}, {"iter-time", "0"}},
     {"abc", "new"},
     "new"},
    {"erase", {{"state", "inactive"}, {"keyslot", "1"}}, {"abc"}, "abc"},
    {"erase_by_secret", {{"state", "inactive"}, {"old-secret", "more"}}, {"abc"}, "abc"},
};

class AmendKeysCrash : public ::testing::TestWithParam<KeyChange> {};

Result<std::shared_ptr<graph::Node>> open_encrypted(std::unique_ptr<storage::Storage> file,
                                                    const std::string& passphrase, bool writable) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = writable;
  options.encryption.passphrase = [passphrase] {
    return Result<codec::SecretBytes>(secret(passphrase));
  };
  auto image = run(format::qcow2::open_qcow2(std::move(file), std::move(options)));
  if (!image) return std::unexpected(image.error());
  return std::make_shared<graph::Node>(std::move(*image), nullptr);
}

Result<void> change_slots(graph::Node& node, std::map<std::string, std::string> words) {
  auto slots = format::luks::take_slot_change(
      words, [](const std::string& id) { return Result<codec::SecretBytes>(secret(id)); });
  EXPECT_TRUE(slots);
  slots->force = true;
  return run(engine(node).change_key_slots(std::move(*slots)));
}

// Opened by "abc" and "more".
storage::SparseBytes make_encrypted() {
  format::qcow2::Qcow2CreateOptions options;
  options.size = disk_bytes;
  options.cluster_bits = 12;
  options.encryption.emplace();
  options.encryption->luks.spec.cipher = codec::CipherAlgorithm::aes_128;
  options.encryption->luks.spec.mode = codec::CipherMode::cbc;
  options.encryption->luks.iter_time = 0;
  options.encryption->passphrase = std::make_shared<const codec::SecretBytes>(secret("abc"));
  const auto memory = std::make_shared<storage::MemoryStorage>();
  EXPECT_TRUE(run(format::qcow2::create(std::make_unique<storage::LentStorage>(memory), options)));
  auto node = open_encrypted(std::make_unique<storage::LentStorage>(memory), "abc", true);
  EXPECT_TRUE(node) << node.error().message();
  write(**node, 0, disk_bytes / 2, 7);
  take(**node, "one");
  EXPECT_TRUE(
      change_slots(**node, {{"state", "active"}, {"new-secret", "more"}, {"iter-time", "0"}}));
  EXPECT_TRUE(run((*node)->close()));
  return memory->bytes();
}

Result<void> change(std::unique_ptr<storage::Storage> file, const KeyChange& wanted) {
  auto node = open_encrypted(std::move(file), "abc", true);
  if (!node) return std::unexpected(node.error());
  const Result<void> changed = change_slots(**node, wanted.words);
  const Result<void> closed = run((*node)->close());
  return changed ? closed : changed;
}

void expect_opens(const storage::SparseBytes& bytes, const std::vector<std::string>& one_of) {
  ASSERT_EQ(corruption_in(bytes), "");
  bool opened = false;
  for (const std::string& passphrase : one_of) {
    auto node = open_encrypted(std::make_unique<storage::MemoryStorage>(bytes), passphrase, false);
    if (!node) continue;
    opened = true;
    const Bytes disk = read_all(**node);
    for (uint64_t i = 0; i < disk_bytes; ++i) {
      ASSERT_EQ(disk[i], std::byte(i < disk_bytes / 2 ? 7 : 0)) << "at " << i;
    }
  }
  ASSERT_TRUE(opened);
}

TEST_P(AmendKeysCrash, keeps_a_working_key_at_every_point) {
  const auto crash = std::make_shared<storage::CrashStorage>(make_encrypted());
  ASSERT_TRUE(change(std::make_unique<storage::LentStorage>(crash), GetParam()));
  storage::CrashOptions options;
  options.samples = 8;
  options.torn = true;
  storage::CrashStates walk(crash->log(), options);
  while (auto state = walk.next()) {
    SCOPED_TRACE(state->description);
    expect_opens(state->contents, GetParam().one_of);
    if (HasFatalFailure()) return;
  }
  std::printf("%zu crash states\n", size_t{walk.counts().states});
  EXPECT_GT(walk.counts().states, 4u);
}

TEST_P(AmendKeysCrash, keeps_a_working_key_where_a_write_fails) {
  expect_failures_survived(
      {{make_encrypted(), 4}},
      [](const FailingFiles& files) { return change(files.file(), GetParam()); },
      [](const FailingFiles& files, const Result<void>& done) {
        expect_opens(files.bytes(), GetParam().one_of);
        if (done) expect_opens(files.bytes(), {GetParam().then});
      });
}

INSTANTIATE_TEST_SUITE_P(KeyChanges, AmendKeysCrash, ::testing::ValuesIn(key_changes),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace oxbow::testing
