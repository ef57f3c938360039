// Changes of key slots as `amend` asks for them, with the stock tool's checks and sentences.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "format/luks/key_slots.h"

namespace oxbow::format::luks {

struct SlotChange {
  bool activate = false;
  std::optional<uint32_t> slot;
  std::optional<codec::SecretBytes> old_secret;
  std::optional<codec::SecretBytes> new_secret;
  std::optional<uint64_t> iter_time;  ///< milliseconds
  bool force = false;                 ///< also what leaves no slot, or overwrites one in use
};

/// Gives the passphrase that an id stands for.
using FindSecret = std::function<Result<codec::SecretBytes>(const std::string& id)>;

/// Takes "state", "keyslot", "old-secret", "new-secret" and "iter-time" out of `words`.
Result<SlotChange> take_slot_change(std::map<std::string, std::string>& words,
                                    const FindSecret& find);

/// `key`: the volume's. A crash at any time leaves every slot that is not being replaced or erased
/// as it was; a slot in use is replaced (`force`) by way of a free one, so that the new passphrase
/// opens the volume before the old one is gone.
Task<> change_slots(HeaderBytes& bytes, LuksHeader& header, const codec::SecretBytes& key,
                    SlotChange change);

}  // namespace oxbow::format::luks
