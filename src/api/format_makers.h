// The formats whose images can be made, by the stock tools' words. A new one: its
// parse_create_options() and create() under src/format/, and its line in format_makers.cc.
#pragma once

#include <oxbow/options.h>

#include <memory>
#include <string>
#include <string_view>

#include "api/option_tree.h"
#include "async/task.h"
#include "storage/file.h"

namespace oxbow::api {

using async::Task;

/// What a maker is given.
struct MakeRequest {
  std::string format;
  /// The image's file, as it is to be created; its size is the maker's choice.
  storage::FileCreateOptions file;
  uint64_t size = 0;  ///< of the disk, as asked for
  /// The -o keys of the format; the maker takes what it knows.
  OptionTree keys;
  Trust trust = Trust::same_directory;  ///< of what the backing file names
  std::string backing_file;
  std::string backing_format;
  SecretSource secrets;
};

struct FormatMaker {
  std::string_view name;
  Task<> (*make)(MakeRequest request);
  /// Its images may stand on a backing file, which gives the size where none is asked for.
  bool takes_backing = false;
  /// It knows the key `preallocation` itself; for others that is said to the file.
  bool preallocates = false;
};

/// nullptr: images of this format cannot be made.
[[nodiscard]] const FormatMaker* find_format_maker(std::string_view name);

/// "off", "metadata", "falloc", "full" under the key `preallocation`.
Result<storage::Preallocation> take_preallocation(OptionTree& options);
/// The maker of the format "luks".
Task<> make_luks(MakeRequest request);

/// The host file that a name of any kind stands for, to be created; unsupported where it is none.
Result<std::string> host_path(const std::string& filename);
/// Creates the file and opens it for writing.
Task<std::unique_ptr<storage::Storage>> make_file(storage::FileCreateOptions file);
/// A file that did not become an image must not be taken for one.
void remove_failed(const std::string& path);

}  // namespace oxbow::api
