// Changing an image's options in place: its version, the width of its refcounts, its key slots.
//
//   auto image = oxbow::Image::open("disk.qcow2", {.writable = true});
//   auto done = oxbow::amend(*image, {.options = {{"compat", "0.10"}}});
#pragma once

#include <oxbow/image.h>
#include <oxbow/options.h>

#include <cstdint>
#include <functional>

namespace oxbow {

struct AmendOptions {
  /// Stock -o keys. qcow2: compat, refcount_bits, lazy_refcounts, size (bytes; smaller cuts the
  /// disk off), data_file, data_file_raw, encrypt.state, encrypt.keyslot, encrypt.new-secret,
  /// encrypt.old-secret, encrypt.iter-time. luks: the last five without "encrypt.".
  Options options;
  /// Key slots: also what makes the data unreadable for ever.
  bool force = false;
  SecretSource secrets;  ///< for new-secret, old-secret; absent: there are none
  /// Called now and then with work done and work in all. Optional.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Brings `image`, open for writing, to what the options say; what they do not name stays. All that
/// can be known beforehand is refused before anything changes. A failure or a crash in between
/// leaves the image valid, with each option as it was or as it was to be, and at worst leaked
/// clusters. Errors are the stock tools' sentences: invalid_argument; unsupported for formats
/// without options to change and for what the image's other features forbid.
Result<void> amend(Image& image, const AmendOptions& options);

/// Whether images of this format have options that amend() changes.
[[nodiscard]] bool can_amend(std::string_view format);

}  // namespace oxbow
