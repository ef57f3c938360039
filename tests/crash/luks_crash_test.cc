// Power cuts while key slots change. Whatever part of the unflushed writes reached the disk, torn
// ones included: a passphrase that was to stay opens the volume, and at every moment one of those
// that were to open it before or after does.
#include <gtest/gtest.h>

#include <cstdio>

#include "../unit/luks/volume.h"
#include "storage/crash.h"
#include "storage/crash_states.h"

namespace oxbow::testing {
namespace {

using namespace format::luks;

struct Scenario {
  const char* name;
  std::vector<std::string> before;  ///< besides "abc" in slot 0
  std::map<std::string, std::string> options;
  std::vector<std::string> stay;  ///< open the volume at any time
  std::vector<std::string> one_of;
};

const Scenario scenarios[] = {
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

class SlotCrash : public ::testing::TestWithParam<Scenario> {};

storage::CrashLog record(const Scenario& scenario) {
  storage::MemoryStorage made;
  make_volume(made);
  storage::CrashStorage file(made.bytes());
  FileHeaderBytes bytes(file);
  auto header = run(read_header(bytes));
  const auto key = run(unlock(bytes, *header, words("abc")));
  for (const std::string& passphrase : scenario.before) {
    EXPECT_TRUE(run(fill_slot(bytes, *header, header->active_slots(), *key, words(passphrase),
                              min_iterations)));
  }
  storage::CrashStorage recorded(file.bytes());
  FileHeaderBytes place(recorded);
  auto options = scenario.options;
  if (options["state"] == "active") options["iter-time"] = "0";
  auto change = take_slot_change(
      options, [](const std::string& id) { return Result<codec::SecretBytes>(secret(id)); });
  EXPECT_TRUE(change);
  change->force = true;
  EXPECT_TRUE(run(change_slots(place, *header, *key, std::move(*change))));
  return recorded.log();
}

TEST_P(SlotCrash, KeepsAWorkingKey) {
  const storage::CrashLog log = record(GetParam());
  storage::CrashOptions options;
  options.torn = true;
  options.samples = 8;
  storage::CrashStates states(log, options);
  while (auto state = states.next()) {
    storage::MemoryStorage file(state->contents);
    for (const std::string& passphrase : GetParam().stay) {
      EXPECT_TRUE(opens(file, passphrase)) << passphrase << ", " << state->description;
    }
    bool any = false;
    for (const std::string& passphrase : GetParam().one_of) any = any || opens(file, passphrase);
    EXPECT_TRUE(any) << state->description;
  }
  std::printf("%zu states, %zu of them torn\n", states.counts().states, states.counts().torn);
}

INSTANTIATE_TEST_SUITE_P(, SlotCrash, ::testing::ValuesIn(scenarios),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace oxbow::testing
