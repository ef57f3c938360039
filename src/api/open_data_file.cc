// The external data file of a qcow2 image: by the caller's options, or by the name that the image
// states, which goes through the trust gate.
#include <unistd.h>

#include <filesystem>

#include "api/filename.h"
#include "api/opener.h"
#include "api/trust.h"

namespace oxbow::api {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// The stock tools take the name as seen from the working folder, whatever the image's own place.
// Where that is nothing, it is seen from the image; where both are there, nobody can tell which one
// belongs to it.
Result<std::string> resolve_data_file(const std::string& image, const std::string& named) {
  std::string beside = resolve_name(image, named);
  std::error_code error;
  if (beside == named || !exists(beside)) return named;
  if (!exists(named)) return beside;
  if (std::filesystem::equivalent(beside, named, error)) return named;
  return fail(ErrorKind::invalid_argument,
              "Data file '" + named + "' may be '" + beside + "' or '" + named +
                  "' in the working folder: say which with data-file.filename",
              EINVAL);
}

}  // namespace

bool Opener::data_file_is_wanted() const {
  return options_.open_data_file && !options_.metadata_only;
}

Result<void> Opener::take_data_file(Layer& layer) const {
  if (const auto reference = layer.tree.take_text("data-file")) {
    if (data_file_is_wanted()) return no_such_node(*reference);
  }
  layer.data_file = layer.tree.take_below("data-file");
  return {};
}

// What the caller says of it wins over the name that the image states.
Task<std::unique_ptr<storage::Storage>> Opener::open_data_file(Layer& layer,
                                                               std::optional<std::string> named) {
  StorageRequest request;
  request.options = std::exchange(layer.data_file, {});
  if (request.options.empty()) {
    if (!named) co_return invalid("'data-file' is required for this image");
    CO_TRY_ASSIGN(request.name, resolve_data_file(layer.file.file, *named));
    CO_TRY(check_trust(options_.trust, layer.file.file, *request.name));
  }
  request.node = layer.options.for_file();
  request.resized_here_only = true;
  request.aio = options_.aio;
  request.debug_output = options_.debug_output;
  request.on_mismatch = options_.on_mismatch;
  request.open_node = image_opener();
  CO_TRY_ASSIGN(OpenedStorage opened, co_await open_storage(std::move(request)));
  // Data goes there past the guard.
  if (!opened.identity.empty() && opened.identity == layer.file.identity) {
    (void)co_await opened.storage->close();
    co_return invalid("Data file '" + opened.file + "' is the image itself");
  }
  co_return std::move(opened.storage);
}

}  // namespace oxbow::api
