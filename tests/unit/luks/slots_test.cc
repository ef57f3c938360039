// Key slots: who opens the volume after each change, and what is refused.
#include "volume.h"

namespace oxbow::testing {
namespace {

using namespace format::luks;
using Words = std::map<std::string, std::string>;

class KeySlots : public ::testing::Test {
 protected:
  KeySlots() : header_(make_volume(file_)), bytes_(file_) {
    auto key = run(unlock(bytes_, header_, words("abc")));
    EXPECT_TRUE(key);
    key_ = std::move(*key);
  }

  // "" where it was done.
  std::string amend(Words options, bool force = false) {
    auto change = take_slot_change(
        options, [](const std::string& id) { return Result<codec::SecretBytes>(secret(id)); });
    if (!change) return change.error().message();
    change->force = force;
    const auto done = run(change_slots(bytes_, header_, key_, std::move(*change)));
    return done ? "" : done.error().message();
  }
  std::string add(const std::string& passphrase) {
    return amend({{"state", "active"}, {"new-secret", passphrase}, {"iter-time", "0"}});
  }

  storage::MemoryStorage file_;
  LuksHeader header_;
  FileHeaderBytes bytes_;
  codec::SecretBytes key_;
};

TEST_F(KeySlots, OpenWithTheirPassphraseOnly) {
  EXPECT_TRUE(opens(file_, "abc"));
  EXPECT_FALSE(opens(file_, "abd"));
  EXPECT_FALSE(opens(file_, ""));
}

TEST_F(KeySlots, AreAddedAndErased) {
  EXPECT_EQ(add("new"), "");
  EXPECT_TRUE(opens(file_, "abc"));
  EXPECT_TRUE(opens(file_, "new"));
  EXPECT_EQ(amend({{"state", "inactive"}, {"old-secret", "abc"}}), "");
  EXPECT_FALSE(opens(file_, "abc"));
  EXPECT_TRUE(opens(file_, "new"));
}

TEST_F(KeySlots, TakeEightPassphrases) {
  for (int i = 1; i < 8; ++i) EXPECT_EQ(add("p" + std::to_string(i)), "");
  EXPECT_EQ(add("one more"), "Can't add a keyslot - all keyslots are in use");
  EXPECT_TRUE(opens(file_, "p7"));
}

TEST_F(KeySlots, KeepTheLastOneUnlessForced) {
  EXPECT_EQ(amend({{"state", "inactive"}, {"keyslot", "0"}}),
            "Attempt to erase the only active keyslot 0 which will erase all the data in the image "
            "irreversibly - refusing operation");
  EXPECT_EQ(amend({{"state", "inactive"}, {"old-secret", "abc"}}),
            "All the active keyslots match the (old) password that was given and erasing them will "
            "erase all the data in the image irreversibly - refusing operation");
  EXPECT_TRUE(opens(file_, "abc"));
  EXPECT_EQ(amend({{"state", "inactive"}, {"old-secret", "abc"}}, true), "");
  EXPECT_FALSE(opens(file_, "abc"));
}

TEST_F(KeySlots, AreOverwrittenByForceOnly) {
  const Words options{
      {"state", "active"}, {"new-secret", "new"}, {"iter-time", "0"}, {"keyslot", "0"}};
  EXPECT_EQ(amend(options), "Refusing to overwrite active keyslot 0 - please erase it first");
  EXPECT_EQ(amend(options, true), "");
  EXPECT_TRUE(opens(file_, "new"));
  EXPECT_FALSE(opens(file_, "abc"));
  EXPECT_EQ(header_.active_slots(), 1u);
}

TEST_F(KeySlots, SayWhatIsWrongWithARequest) {
  EXPECT_EQ(amend({}), "Parameter 'state' is missing");
  EXPECT_EQ(amend({{"state", "foo"}}), "Parameter 'state' does not accept value 'foo'");
  EXPECT_EQ(amend({{"state", "active"}}), "'new-secret' is required to activate a keyslot");
  EXPECT_EQ(amend({{"state", "active"}, {"new-secret", "n"}, {"old-secret", "o"}}),
            "'old-secret' must not be given when activating keyslots");
  EXPECT_EQ(amend({{"state", "inactive"}, {"keyslot", "8"}}),
            "Invalid keyslot 8 specified, must be between 0 and 7");
  EXPECT_EQ(amend({{"state", "inactive"}, {"keyslot", "3"}}),
            "Given keyslot 3 is already erased (inactive) ");
  EXPECT_EQ(amend({{"state", "inactive"}, {"keyslot", "0"}, {"old-secret", "x"}}),
            "Given keyslot 0 doesn't contain the given old password for erase operation");
  EXPECT_EQ(amend({{"state", "inactive"}, {"old-secret", "x"}}),
            "No keyslots match given (old) password for erase operation");
}

TEST_F(KeySlots, LeaveNothingOfTheMaterialThatIsErased) {
  EXPECT_EQ(add("new"), "");
  std::vector<std::byte> before(header_.material_bytes());
  std::vector<std::byte> after(before.size());
  ASSERT_TRUE(run(bytes_.read(header_.slots[0].offset(), before)));
  EXPECT_EQ(amend({{"state", "inactive"}, {"keyslot", "0"}}), "");
  ASSERT_TRUE(run(bytes_.read(header_.slots[0].offset(), after)));
  size_t same = 0;
  for (size_t i = 0; i + 16 <= before.size(); i += 16) {
    same += std::equal(&before[i], &before[i] + 16, &after[i]);
  }
  EXPECT_EQ(same, 0u);
}

}  // namespace
}  // namespace oxbow::testing
