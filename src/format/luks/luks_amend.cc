#include "format/luks/luks_amend.h"

#include <algorithm>
#include <charconv>

#include "base/invalid.h"

namespace oxbow::format::luks {
namespace {

using codec::SecretBytes;

constexpr uint64_t usual_iter_time = 2000;

std::string number(unsigned slot) { return std::to_string(slot); }

Result<std::optional<uint64_t>> take_number(std::map<std::string, std::string>& words,
                                            const char* key) {
  const auto node = words.extract(key);
  if (node.empty()) return std::nullopt;
  const std::string& word = node.mapped();
  const char* end = word.data() + word.size();
  int64_t small = 0;
  uint64_t large = 0;
  if (!word.empty() && std::from_chars(word.data(), end, large).ptr == end) return large;
  if (!word.empty() && std::from_chars(word.data(), end, small).ptr == end) {
    return static_cast<uint64_t>(small);
  }
  return invalid("Parameter '" + std::string(key) + "' expects a number");
}

// What does not depend on the image, in the stock tool's order.
Result<void> check_shape(const SlotChange& change, bool has_old, bool has_new) {
  if (change.activate && !has_new) return invalid("'new-secret' is required to activate a keyslot");
  if (change.activate && has_old) {
    return invalid("'old-secret' must not be given when activating keyslots");
  }
  if (!change.activate && has_new) {
    return invalid("'new-secret' must not be given when erasing keyslots");
  }
  if (!change.activate && change.iter_time) {
    return invalid("'iter-time' must not be given when erasing keyslots");
  }
  return {};
}

Result<void> check_number(uint32_t slot) {
  if (slot < key_slots) return {};
  return invalid("Invalid keyslot " + number(slot) + " specified, must be between 0 and " +
                 number(key_slots - 1));
}

std::optional<unsigned> free_slot(const LuksHeader& header) {
  const auto found = std::ranges::find(header.slots, false, &KeySlot::active);
  if (found == header.slots.end()) return std::nullopt;
  return static_cast<unsigned>(found - header.slots.begin());
}

// The new passphrase has a slot of its own, where there is room, until the old slot is refilled.
Task<> replace_slot(HeaderBytes& bytes, LuksHeader& header, unsigned slot, const SecretBytes& key,
                    const SecretBytes& passphrase, uint32_t iterations) {
  const std::optional<unsigned> bridge = free_slot(header);
  if (bridge) {
    CO_TRY(co_await fill_slot(bytes, header, *bridge, key, passphrase.span(), iterations));
  }
  CO_TRY(co_await erase_slot(bytes, header, slot));
  CO_TRY(co_await fill_slot(bytes, header, slot, key, passphrase.span(), iterations));
  if (bridge) CO_TRY(co_await erase_slot(bytes, header, *bridge));
  co_return {};
}

Task<> activate(HeaderBytes& bytes, LuksHeader& header, const SecretBytes& key,
                const SlotChange& change) {
  std::optional<unsigned> slot = change.slot;
  if (slot) CO_TRY(check_number(*slot));
  if (slot && header.slots[*slot].active && !change.force) {
    co_return invalid("Refusing to overwrite active keyslot " + number(*slot) +
                      " - please erase it first");
  }
  if (!slot) slot = free_slot(header);
  if (!slot) co_return invalid("Can't add a keyslot - all keyslots are in use");
  CO_TRY_ASSIGN(const uint32_t iterations,
                co_await count_iterations(header.hash, header.key_bytes,
                                          change.iter_time.value_or(usual_iter_time)));
  if (header.slots[*slot].active) {
    co_return co_await replace_slot(bytes, header, *slot, key, *change.new_secret, iterations);
  }
  co_return co_await fill_slot(bytes, header, *slot, key, change.new_secret->span(), iterations);
}

Task<> erase_numbered(HeaderBytes& bytes, LuksHeader& header, const SlotChange& change) {
  const unsigned slot = *change.slot;
  CO_TRY(check_number(slot));
  if (change.old_secret) {
    bool opens = false;
    if (header.slots[slot].active) {
      CO_TRY_ASSIGN(const auto key,
                    co_await open_slot(bytes, header, slot, change.old_secret->span()));
      opens = key.has_value();
    }
    if (!opens) {
      co_return invalid("Given keyslot " + number(slot) +
                        " doesn't contain the given old password for erase operation");
    }
  }
  if (!change.force && !header.slots[slot].active) {
    co_return invalid("Given keyslot " + number(slot) + " is already erased (inactive) ");
  }
  if (!change.force && header.active_slots() == 1) {
    co_return invalid("Attempt to erase the only active keyslot " + number(slot) +
                      " which will erase all the data in the image irreversibly - refusing "
                      "operation");
  }
  co_return co_await erase_slot(bytes, header, slot);
}

Task<> erase_matching(HeaderBytes& bytes, LuksHeader& header, const SlotChange& change) {
  std::vector<unsigned> matching;
  for (unsigned slot = 0; slot < key_slots; ++slot) {
    if (!header.slots[slot].active) continue;
    CO_TRY_ASSIGN(const auto key,
                  co_await open_slot(bytes, header, slot, change.old_secret->span()));
    if (key) matching.push_back(slot);
  }
  if (matching.empty()) {
    co_return invalid("No keyslots match given (old) password for erase operation");
  }
  if (!change.force && matching.size() == header.active_slots()) {
    co_return invalid(
        "All the active keyslots match the (old) password that was given and erasing them will "
        "erase all the data in the image irreversibly - refusing operation");
  }
  for (const unsigned slot : matching) CO_TRY(co_await erase_slot(bytes, header, slot));
  co_return {};
}

}  // namespace

Result<SlotChange> take_slot_change(std::map<std::string, std::string>& words,
                                    const FindSecret& find) {
  SlotChange change;
  const auto state = words.extract("state");
  if (state.empty()) return invalid("Parameter 'state' is missing");
  if (state.mapped() != "active" && state.mapped() != "inactive") {
    return invalid("Parameter 'state' does not accept value '" + state.mapped() + "'");
  }
  change.activate = state.mapped() == "active";
  TRY_ASSIGN(const auto slot, take_number(words, "keyslot"));
  if (slot) change.slot = static_cast<uint32_t>(*slot);
  TRY_ASSIGN(change.iter_time, take_number(words, "iter-time"));
  const auto old_secret = words.extract("old-secret");
  const auto new_secret = words.extract("new-secret");
  TRY(check_shape(change, !old_secret.empty(), !new_secret.empty()));
  if (change.slot) TRY(check_number(*change.slot));
  if (!change.activate && !change.slot && old_secret.empty()) {
    return invalid(
        "To erase keyslot(s), either explicit keyslot index or the password currently contained "
        "in them must be given");
  }
  if (!old_secret.empty()) {
    TRY_ASSIGN(SecretBytes found, find(old_secret.mapped()));
    change.old_secret.emplace(std::move(found));
  }
  if (!new_secret.empty()) {
    TRY_ASSIGN(SecretBytes found, find(new_secret.mapped()));
    change.new_secret.emplace(std::move(found));
  }
  return change;
}

Task<> change_slots(HeaderBytes& bytes, LuksHeader& header, const SecretBytes& key,
                    SlotChange change) {
  if (change.activate) co_return co_await activate(bytes, header, key, change);
  if (change.slot) co_return co_await erase_numbered(bytes, header, change);
  co_return co_await erase_matching(bytes, header, change);
}

}  // namespace oxbow::format::luks
