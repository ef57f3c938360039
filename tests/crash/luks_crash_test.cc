// Power cuts and failing writes while key slots change. Whatever part of the unflushed writes
// reached the disk, torn ones included: a passphrase that was to stay opens the volume, and at
// every moment one of those that were to open it before or after does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "../unit/luks/volume.h"
#include "each_failure.h"
#include "storage/crash.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using namespace format::luks;

struct SlotScenario {
  const char* name;
  std::vector<std::string> before;  ///< besides "abc" in slot 0
  std::map<std::string, std::string> options;
  std::vector<std::string> stay;  ///< open the volume at any time
  std::vector<std::string> one_of;
};

const SlotScenario slot_scenarios[] = {
    {"add", {}, {{"state", "active"}, {"new-secret", "new"}}, {"abc"}, {"abc"}},
    // Slot 6 lies in two sectors of the header.
    {"add_to_slot_6",
     {"one"},
     {{"state", "active"}, {"new-secret", "new"}, {"keyslot", "6"}},
     {"abc", "one"},
     {"abc"}},
    {"erase", {"one"}, {{"state", "inactive"}, {"keyslot", "0"}}, {"one"}, {"one"}},
    {"replace_the_only_one",
     {},
     {{"state", "active"}, {"new-secret", "new"}, {"keyslot", "0"}},
     {},
     {"abc", "new"}},
};

class SlotCrash : public ::testing::TestWithParam<SlotScenario> {};

storage::SparseBytes volume_of(const SlotScenario& scenario) {
  storage::MemoryStorage file;
  make_volume(file);
  FileHeaderBytes bytes(file);
  auto header = run(read_header(bytes));
  const auto key = run(unlock(bytes, *header, words("abc")));
  for (const std::string& passphrase : scenario.before) {
    EXPECT_TRUE(run(fill_slot(bytes, *header, header->active_slots(), *key, words(passphrase),
                              min_iterations)));
  }
  return file.bytes();
}

Result<void> change(storage::Storage& file, const SlotScenario& scenario) {
  FileHeaderBytes place(file);
  auto header = run(read_header(place));
  EXPECT_TRUE(header) << header.error().message();
  const auto key = run(unlock(place, *header, words("abc")));
  EXPECT_TRUE(key) << key.error().message();
  auto options = scenario.options;
  if (options["state"] == "active") options["iter-time"] = "0";
  auto wanted = take_slot_change(
      options, [](const std::string& id) { return Result<codec::SecretBytes>(secret(id)); });
  EXPECT_TRUE(wanted);
  wanted->force = true;
  return run(change_slots(place, *header, *key, std::move(*wanted)));
}

void expect_a_working_key(const SlotScenario& scenario, const storage::SparseBytes& bytes) {
  storage::MemoryStorage file(bytes);
  for (const std::string& passphrase : scenario.stay) {
    EXPECT_TRUE(opens(file, passphrase)) << passphrase;
  }
  EXPECT_TRUE(std::ranges::any_of(
      scenario.one_of, [&](const std::string& passphrase) { return opens(file, passphrase); }));
}

TEST_P(SlotCrash, KeepsAWorkingKey) {
  storage::CrashStorage recorded(volume_of(GetParam()));
  ASSERT_TRUE(change(recorded, GetParam()));
  storage::CrashOptions options;
  options.torn = true;
  options.samples = 8;
  storage::CrashStates states(recorded.log(), options);
  while (auto state = states.next()) {
    SCOPED_TRACE(state->description);
    expect_a_working_key(GetParam(), state->contents);
  }
  std::printf("%zu states, %zu of them torn\n", states.counts().states, states.counts().torn);
}

TEST_P(SlotCrash, KeepsAWorkingKeyWhereAWriteFails) {
  expect_failures_survived(
      {{volume_of(GetParam()), 4}},
      [](const FailingFiles& files) { return change(*files.file(), GetParam()); },
      [](const FailingFiles& files, const Result<void>& done) {
        expect_a_working_key(GetParam(), files.bytes());
        storage::MemoryStorage file(files.bytes());
        const bool adds = GetParam().options.at("state") == "active";
        EXPECT_TRUE(!done || opens(file, adds ? "new" : GetParam().one_of.front()));
      });
}

INSTANTIATE_TEST_SUITE_P(, SlotCrash, ::testing::ValuesIn(slot_scenarios),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace oxbow::testing
