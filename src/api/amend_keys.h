// Key slots of an open image, changed in the stock tools' words.
#pragma once

#include <oxbow/options.h>

#include <memory>

#include "async/task.h"
#include "graph/node.h"

namespace oxbow::api {

/// unsupported, in the stock tool's words, where the image has none.
Result<void> check_key_slots(graph::Node& node);

/// `words`: "state", "keyslot", "old-secret", "new-secret", "iter-time", without "encrypt.". The
/// image was opened for writing and with its key. `force`: also what makes the data unreadable for
/// ever. Errors are the stock tools' sentences: invalid_argument, or unsupported where the image
/// has no key slots.
async::Task<> amend_keys(std::shared_ptr<graph::Node> node, Options words, SecretSource secrets,
                         bool force);

}  // namespace oxbow::api
