#include "api/open_storage.h"

#include <sys/stat.h>

#include "api/filename.h"
#include "api/open_copies.h"
#include "base/invalid.h"
#include "storage/fault.h"
#include "storage/file.h"
#include "storage/null.h"
#include "storage/preallocate.h"
#include "storage/window.h"

namespace oxbow::api {
namespace {

// Device and inode: whatever path led to it, a file is itself.
std::string identity_of(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return {};
  return std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
}

Result<storage::Locking> take_locking(OptionTree& options) {
  const std::string word = options.take_text("locking").value_or("auto");
  if (word == "auto") return storage::Locking::automatic;
  if (word == "on") return storage::Locking::on;
  if (word == "off") return storage::Locking::off;
  return invalid("invalid parameter value: " + word);
}

Result<storage::FileOptions> take_file_options(StorageRequest& request, std::string driver) {
  OptionTree& options = request.options;
  storage::FileOptions out;
  out.driver = std::move(driver);
  out.path = options.take_text("filename").value_or("");
  out.writable = request.node.writable;
  out.cache = request.node.cache();
  out.force_share = request.node.force_share;
  out.sharing = request.sharing;
  out.resized_here_only = request.resized_here_only;
  out.discard_unmap = request.node.unmap;
  out.aio = options.take_text("aio").value_or(request.aio);
  TRY_ASSIGN(out.locking, take_locking(options));
  TRY(options.take_bool("drop-cache"));
  TRY(options.take_bool("x-check-cache-dropped"));
  TRY(options.take_number("aio-max-batch"));
  if (const auto manager = options.take_text("pr-manager")) {
    return invalid("No persistent reservation manager with id '" + *manager + "'");
  }
  return out;
}

Task<OpenedStorage> open_file(StorageRequest request, std::string driver) {
  CO_TRY_ASSIGN(storage::FileOptions options, take_file_options(request, driver));
  // Before the leftovers, since a file that is not there is told first.
  OpenedStorage out;
  out.file = options.path;
  JsonObject json;
  json.add("driver", {driver});
  json.add("filename", {options.path});
  out.shown = {path_as_name(options.path), json.text()};
  CO_TRY_ASSIGN(out.storage, co_await storage::open_file(std::move(options)));
  CO_TRY(check_options_taken(request.options, driver));
  out.identity = identity_of(out.file);
  co_return out;
}

Result<OpenedStorage> open_null(OptionTree options, const std::string& driver) {
  JsonObject json;
  json.add("driver", {driver});
  bool plain = true;
  for (const char* key : {"size", "read-zeroes"}) {
    const OptionValue* value = options.find(key);
    if (value == nullptr) continue;
    json.add(key, *value);
    plain = false;
  }
  storage::NullOptions null;
  null.driver = driver;
  TRY_ASSIGN(const auto size, options.take_size("size"));
  TRY_ASSIGN(const auto latency, options.take_number("latency-ns"));
  TRY_ASSIGN(const auto zeroes, options.take_bool("read-zeroes"));
  if (latency && *latency > INT64_MAX) return invalid("latency-ns is invalid");
  TRY(check_options_taken(options, driver));
  null.size = size.value_or(null.size);
  null.latency = std::chrono::nanoseconds(latency.value_or(0));
  null.read_zeroes = zeroes.value_or(false);
  OpenedStorage out;
  out.shown = {plain ? driver + "://" : "", json.text()};
  null.filename = out.shown.text();
  out.storage = std::make_unique<storage::NullStorage>(std::move(null));
  return out;
}

ShownName show_fault(const OptionTree& options, const ShownName& image) {
  JsonObject json;
  json.add("driver", {"blkdebug"});
  json.add_json("image", image.json);
  bool plain = !image.exact.empty();
  for (const auto& [key, value] : options.all()) {
    json.add(key, value);
    plain = plain && key == "config";
  }
  const OptionValue* config = options.find("config");
  const std::string file = config != nullptr ? config->text : "";
  return {plain ? "blkdebug:" + file + ":" + image.exact : "", json.text()};
}

Task<OpenedStorage> open_fault(StorageRequest request) {
  CO_TRY_ASSIGN(StorageRequest child, child_request(request, "image"));
  const Options options = request.options.to_options();
  CO_TRY_ASSIGN(storage::FaultOptions fault, storage::parse_fault_options(options));
  CO_TRY_ASSIGN(OpenedStorage out, co_await open_storage(std::move(child)));
  out.shown = show_fault(request.options, out.shown);
  fault.filename = out.shown.text();
  fault.say = request.debug_output;
  CO_TRY_ASSIGN(out.storage,
                storage::FaultStorage::create(std::move(out.storage), std::move(fault)));
  co_return out;
}

// "raw" below another format: the same bytes, or a part of them.
Task<OpenedStorage> open_window(StorageRequest request) {
  CO_TRY_ASSIGN(StorageRequest child, child_request(request, "file"));
  JsonObject json;
  json.add("driver", {"raw"});
  for (const char* key : {"offset", "size"}) {
    const OptionValue* value = request.options.find(key);
    if (value != nullptr) json.add(key, *value);
  }
  CO_TRY_ASSIGN(const auto offset, request.options.take_size("offset"));
  CO_TRY_ASSIGN(const auto size, request.options.take_size("size"));
  CO_TRY_ASSIGN(OpenedStorage out, co_await open_storage(std::move(child)));
  CO_TRY(check_options_taken(request.options, "raw"));
  json.add_json("file", out.shown.json);
  out.shown = {"", json.text()};
  if (offset.value_or(0) != 0 && !out.identity.empty()) {
    out.identity += "+" + std::to_string(*offset);
  }
  CO_TRY_ASSIGN(out.storage,
                storage::WindowStorage::create(std::move(out.storage), offset.value_or(0), size));
  co_return out;
}

Task<OpenedStorage> open_preallocate(StorageRequest request) {
  CO_TRY_ASSIGN(StorageRequest child, child_request(request, "file"));
  CO_TRY_ASSIGN(const auto align, request.options.take_size("prealloc-align"));
  CO_TRY_ASSIGN(const auto ahead, request.options.take_size("prealloc-size"));
  storage::PreallocateOptions options;
  options.align = align.value_or(options.align);
  options.ahead = ahead.value_or(options.ahead);
  if (options.align % 512 != 0) {
    co_return invalid("prealloc-align parameter of preallocate filter is not aligned to 512");
  }
  CO_TRY_ASSIGN(OpenedStorage out, co_await open_storage(std::move(child)));
  if (const auto fits = check_options_taken(request.options, "preallocate"); !fits) {
    (void)co_await out.storage->close();
    co_return std::unexpected(fits.error());
  }
  JsonObject json;
  json.add("driver", {"preallocate"});
  json.add_json("file", out.shown.json);
  out.shown = {"", json.text()};
  out.storage = std::make_unique<storage::PreallocateStorage>(std::move(out.storage), options);
  co_return out;
}

}  // namespace

Result<void> check_options_taken(const OptionTree& options, const std::string& driver) {
  if (options.empty()) return {};
  const std::string& key = options.all().begin()->first;
  const bool protocol = is_storage_driver(driver) && driver != "quorum" && driver != "preallocate";
  return invalid(protocol
                     ? "Block protocol '" + driver + "' doesn't support the option '" + key + "'"
                     : "Block format '" + driver + "' does not support the option '" + key + "'");
}

Result<StorageRequest> child_request(StorageRequest& request, const std::string& key) {
  StorageRequest child;
  child.options = request.options.take_below(key);
  child.name = request.options.take_text("x-" + key);
  child.node = request.node;
  child.sharing = request.sharing;
  child.resized_here_only = request.resized_here_only;
  child.aio = request.aio;
  child.debug_output = request.debug_output;
  child.on_mismatch = request.on_mismatch;
  child.open_node = request.open_node;
  if (const auto reference = request.options.take_text(key)) {
    return invalid("Cannot find device='" + *reference + "' nor node-name='" + *reference + "'");
  }
  if (!child.name && child.options.empty()) {
    return invalid("A block device must be specified for \"" + key + "\"");
  }
  return child;
}

Task<OpenedStorage> open_storage(StorageRequest request) {
  if (request.name) CO_TRY(apply_filename(*request.name, request.options));
  std::optional<std::string> driver = request.options.take_text("driver");
  if (!driver) {
    if (!request.options.has_text("filename")) {
      co_return invalid("Must specify either driver or file");
    }
    driver = storage::file_driver_for(request.options.find("filename")->text);
  }
  if (!is_storage_driver(*driver) && *driver != "raw") {
    request.options.set("driver", *driver);
    co_return co_await request.open_node(std::nullopt, std::move(request.options), request.node);
  }
  CO_TRY_ASSIGN(request.node, take_node_options(request.options, request.node));
  if (*driver == "null-co" || *driver == "null-aio") {
    co_return open_null(std::move(request.options), *driver);
  }
  if (*driver == "blkdebug") co_return co_await open_fault(std::move(request));
  if (*driver == "raw") co_return co_await open_window(std::move(request));
  if (*driver == "blkverify") co_return co_await open_verify(std::move(request));
  if (*driver == "quorum") co_return co_await open_quorum(std::move(request));
  if (*driver == "preallocate") co_return co_await open_preallocate(std::move(request));
  co_return co_await open_file(std::move(request), *driver);
}

}  // namespace oxbow::api
