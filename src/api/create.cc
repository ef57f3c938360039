#include "api/create.h"

#include "api/filename.h"
#include "api/format_makers.h"
#include "api/open.h"
#include "api/option_tree.h"
#include "base/invalid.h"
#include "storage/file.h"

namespace oxbow::api {
namespace {

// Takes what the host file is asked for out of the -o keys.
Result<storage::FileCreateOptions> take_file_options(const std::string& filename,
                                                     const FormatMaker& maker,
                                                     OptionTree& options) {
  storage::FileCreateOptions file;
  TRY_ASSIGN(file.path, host_path(filename));
  TRY_ASSIGN(const auto nocow, options.take_bool("nocow"));
  TRY_ASSIGN(const auto hint, options.take_size("extent_size_hint"));
  file.nocow = nocow.value_or(false);
  if (hint && *hint > UINT32_MAX) return invalid("Extent size hint is too large");
  if (hint) file.extent_size_hint = static_cast<uint32_t>(*hint);
  if (maker.preallocates) return file;
  TRY_ASSIGN(file.preallocation, take_preallocation(options));
  return file;
}

// Sees that the backing file can be opened; its size is the default.
Task<uint64_t> size_of_backing(CreateOptions options) {
  OpenOptions open;
  open.format = options.backing_format;
  open.trust = options.trust;
  open.force_share = true;  // only its size is asked, whoever is writing to it
  open.warn = options.warn;
  open.metadata_only = true;
  open.secrets = options.secrets;
  CO_TRY_ASSIGN(const std::string path, host_path(options.filename));
  std::string name = resolve_name(path, options.backing_file);
  Result<Opened> backing = co_await open_name(std::move(name), std::move(open));
  if (!backing) {
    Error error = std::move(backing).error();
    std::string hint = error.hint() + "Could not open backing image.\n";
    co_return std::unexpected(std::move(error).with_hint(std::move(hint)));
  }
  const uint64_t size = backing->node->virtual_size();
  CO_TRY(co_await graph::close_chain(std::move(backing->node)));
  co_return size;
}

}  // namespace

Task<> create_image(CreateOptions options) {
  const FormatMaker* maker = find_format_maker(options.format);
  if (maker == nullptr) {
    co_return fail(ErrorKind::unsupported, "Unknown file format '" + options.format + "'", EINVAL);
  }
  if (!options.backing_file.empty() && options.backing_format.empty()) {
    co_return invalid("Backing file specified without backing format");
  }
  if (!options.backing_file.empty() && options.open_backing && maker->takes_backing) {
    CO_TRY_ASSIGN(const uint64_t size, co_await size_of_backing(options));
    if (options.size == CreateOptions::no_size) options.size = size;
  }
  if (options.size == CreateOptions::no_size) {
    co_return invalid("Image creation needs a size parameter");
  }
  MakeRequest request;
  request.format = options.format;
  request.keys = OptionTree(options.format_options);
  CO_TRY_ASSIGN(request.file, take_file_options(options.filename, *maker, request.keys));
  request.size = options.size;
  request.secrets = options.secrets;
  request.trust = options.trust;
  request.backing_file = std::move(options.backing_file);
  request.backing_format = std::move(options.backing_format);
  co_return co_await maker->make(std::move(request));
}

}  // namespace oxbow::api
