// The qcow2 driver's own open options, in the stock tools' words.
#pragma once

#include "api/node_options.h"
#include "api/option_tree.h"
#include "format/qcow2/image.h"

namespace oxbow::api {

/// What the tree asks of the driver.
struct Qcow2Wishes {
  format::qcow2::Qcow2OpenOptions open;
  std::optional<uint64_t> l2_entry_size;  ///< as given, valid or not
  std::optional<std::string> key_secret;  ///< encrypt.key-secret
};

/// "close", "process", "power".
std::optional<format::qcow2::BitmapDurability> parse_durability(std::string_view word);

/// Takes the driver's keys out of `tree`.
Result<Qcow2Wishes> take_qcow2_options(OptionTree& tree, const NodeOptions& node);

/// Wishes that only the open image can refuse.
Result<void> check_qcow2_options(const Qcow2Wishes& wishes, const format::qcow2::Header& header);

}  // namespace oxbow::api
