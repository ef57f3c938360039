#include "api/open.h"

#include <set>

#include "api/filename.h"
#include "api/format_drivers.h"
#include "api/json_options.h"
#include "api/open_storage.h"
#include "api/overlay.h"
#include "api/probe.h"
#include "api/qcow2_options.h"
#include "api/trust.h"
#include "base/buffer.h"
#include "format/raw/raw.h"
#include "format/sealed.h"

namespace oxbow::api {
namespace {

using format::qcow2::Header;
using format::qcow2::Qcow2Image;
using format::raw::RawImage;

constexpr size_t max_chain = 256;

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid_argument, std::move(message), EINVAL);
}

std::unexpected<Error> no_such_node(const std::string& reference) {
  return invalid("Cannot find device='" + reference + "' nor node-name='" + reference + "'");
}

// One layer on its way from options to a node.
struct Layer {
  OptionTree tree;     // what nobody has taken yet
  std::string driver;  // of the format; empty: to be probed
  bool probed = false;
  bool plain = false;  // a storage driver stands in the format's place
  NodeOptions options;
  OpenedStorage file;
  OptionTree backing;  // options of the backing node
  std::optional<std::string> backing_reference;
  bool no_backing = false;
  ShownName shown;
};

// One open with all the layers below it.
class Opener {
 public:
  explicit Opener(OpenOptions options) : options_(std::move(options)) {}

  Task<Opened> open_top(std::optional<std::string> name, OptionTree tree);

 private:
  Task<std::shared_ptr<graph::Node>> open_node(std::optional<std::string> name, OptionTree tree,
                                               NodeOptions inherited);
  Result<StorageRequest> take_file(Layer& layer, std::optional<std::string> name);
  Result<void> take_backing(Layer& layer);
  Result<void> remember(const OpenedStorage& file);
  Task<> probe(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_raw(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_qcow2(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_driver(Layer& layer, const FormatDriver& driver);
  Task<std::unique_ptr<format::Format>> open_format(Layer& layer);
  [[nodiscard]] bool data_is_wanted() const;
  Task<std::shared_ptr<graph::Node>> put_on_backing(Layer& layer,
                                                    std::unique_ptr<format::Format> format);
  Task<std::unique_ptr<storage::Storage>> open_beside(Layer& layer, std::string name);
  void pass_events(const Layer& layer, format::qcow2::Qcow2OpenOptions& open) const;
  Result<void> check_left(const Layer& layer) const;
  [[nodiscard]] std::optional<Error> sealed_because(const Header& header) const;
  Task<std::shared_ptr<graph::Node>> open_backing(Layer& layer,
                                                  std::optional<format::BackingName> named);
  Task<std::shared_ptr<graph::Node>> open_named_backing(Layer& layer,
                                                        std::optional<format::BackingName> named);

  OpenOptions options_;
  std::set<std::string> chain_;  // identities of the files below each other
  std::vector<std::string> filenames_;
  NodeOptions top_;
};

// Sets what the layer's tree says of its format, and gives the request for what lies below.
Result<StorageRequest> Opener::take_file(Layer& layer, std::optional<std::string> name) {
  OptionTree& tree = layer.tree;
  StorageRequest request;
  request.aio = options_.aio;
  request.debug_output = options_.debug_output;
  const std::optional<std::string> driver = tree.take_text("driver");
  layer.plain = driver && is_storage_driver(*driver);
  const bool known = !driver || layer.plain || *driver == "raw" || *driver == "qcow2" ||
                     is_foreign_format(*driver);
  if (!known) return fail(ErrorKind::unsupported, "Unknown driver '" + *driver + "'", EINVAL);
  TRY_ASSIGN(layer.options, take_node_options(tree, layer.options));
  layer.driver = driver.value_or("");
  request.name = std::move(name);
  if (layer.plain) {
    request.node = layer.options;
    request.options = std::exchange(tree, {});
    request.options.set("driver", layer.driver);
    return request;
  }
  request.node = layer.options.for_file();
  request.options = tree.take_below("file");
  const auto reference = tree.take_text("file");
  if (reference && (request.name || !request.options.empty())) {
    return invalid(
        "Cannot reference an existing block device with additional options or a new filename");
  }
  if (reference) return no_such_node(*reference);
  if (!request.name && request.options.empty()) {
    return invalid(driver ? "A block device must be specified for \"file\""
                          : "Must specify either driver or file");
  }
  return request;
}

Result<void> Opener::take_backing(Layer& layer) {
  const auto word = layer.tree.take("backing");
  if (!word) {
    layer.backing = layer.tree.take_below("backing");
  } else if (word->kind == OptionValue::Kind::null) {
    layer.no_backing = true;
  } else if (word->text.empty()) {
    if (options_.warn) {
      options_.warn(R"(Use of "backing": "" is deprecated; use "backing": null instead)");
    }
    layer.no_backing = true;
  } else {
    layer.backing_reference = word->text;
  }
  return {};
}

Result<void> Opener::remember(const OpenedStorage& file) {
  if (!file.identity.empty() && !chain_.insert(file.identity).second) {
    return fail(ErrorKind::corrupt, "Backing file '" + file.file + "' creates an infinite loop.",
                EINVAL);
  }
  if (filenames_.size() >= max_chain) {
    return fail(ErrorKind::unsupported,
                "The backing chain is longer than " + std::to_string(max_chain) + " images");
  }
  return {};
}

Task<> Opener::probe(Layer& layer) {
  CO_TRY_ASSIGN(Buffer head, Buffer::allocate_zeroed(probe_bytes));
  const iovec into = io_slice(head.span());
  CO_TRY(co_await layer.file.storage->read(0, IoSpan(&into, 1)));
  layer.driver = probe_format(head.span());
  layer.probed = true;
  if (layer.driver != "raw") co_return layer.file.storage->set_sharing(storage::Sharing::read);
  if (layer.options.writable && options_.warn) {
    options_.warn(
        "WARNING: Image format was not specified for '" + layer.file.shown.text() +
        "' and probing guessed raw.\n         Automatically detecting the format is dangerous for "
        "raw images, write operations on block 0 will be restricted.\n         Specify the 'raw' "
        "format explicitly to remove the restrictions.");
  }
  co_return {};
}

Task<std::unique_ptr<format::Format>> Opener::open_raw(Layer& layer) {
  format::raw::RawOptions raw;
  layer.shown = layer.file.shown;
  if (layer.plain) {
    raw.name = layer.driver;
  } else {
    JsonObject json;
    json.add("driver", {"raw"});
    for (const char* key : {"offset", "size"}) {
      const OptionValue* value = layer.tree.find(key);
      if (value == nullptr) continue;
      json.add(key, *value);
      layer.shown.exact.clear();
    }
    json.add_json("file", layer.file.shown.json);
    layer.shown.json = json.text();
    CO_TRY_ASSIGN(const auto offset, layer.tree.take_size("offset"));
    CO_TRY_ASSIGN(raw.size, layer.tree.take_size("size"));
    raw.offset = offset.value_or(0);
  }
  if (layer.probed) {
    raw.forbidden_start = [](std::span<const std::byte> head) {
      return probe_format(head) != "raw";
    };
  }
  CO_TRY_ASSIGN(std::unique_ptr<RawImage> image,
                RawImage::create(std::move(layer.file.storage), std::move(raw)));
  CO_TRY(check_left(layer));
  const bool asks_for_backing = layer.backing_reference || !layer.backing.empty();
  if (asks_for_backing) co_return invalid("Driver doesn't support backing files");
  co_return std::unique_ptr<format::Format>(std::move(image));
}

Task<std::unique_ptr<format::Format>> Opener::open_qcow2(Layer& layer) {
  CO_TRY_ASSIGN(Qcow2Wishes wishes, take_qcow2_options(layer.tree, layer.options));
  wishes.open.check_only = options_.check_only;
  wishes.open.warn = options_.warn;
  wishes.open.on_repair = options_.on_repair;
  pass_events(layer, wishes.open);
  auto wanted = wishes.open;
  CO_TRY_ASSIGN(
      std::unique_ptr<Qcow2Image> image,
      co_await format::qcow2::open_qcow2(std::move(layer.file.storage), std::move(wanted)));
  Result<void> fits = check_qcow2_options(wishes, image->header());
  if (fits) fits = check_left(layer);
  if (!fits) {
    (void)co_await image->close();
    co_return std::unexpected(fits.error());
  }
  JsonObject json;
  json.add("driver", {"qcow2"});
  json.add_json("file", layer.file.shown.json);
  layer.shown = {layer.file.shown.exact, json.text()};
  const std::optional<Error> sealed = sealed_because(image->header());
  if (!sealed) co_return std::unique_ptr<format::Format>(std::move(image));
  if (data_is_wanted()) {
    (void)co_await image->close();
    co_return std::unexpected(*sealed);
  }
  co_return std::make_unique<format::SealedFormat>(std::move(image), *sealed);
}

// Not only what the image says of itself.
bool Opener::data_is_wanted() const {
  return options_.open_backing && options_.open_data_file && !options_.check_only;
}

Task<std::unique_ptr<format::Format>> Opener::open_driver(Layer& layer,
                                                          const FormatDriver& driver) {
  JsonObject json;
  json.add("driver", {layer.driver});
  json.add_json("file", layer.file.shown.json);
  layer.shown = {layer.file.shown.exact, json.text()};
  FormatRequest request;
  request.file = std::move(layer.file.storage);
  request.writable = layer.options.writable;
  request.check_only = options_.check_only;
  request.options = &layer.tree;
  request.warn = options_.warn;
  request.open_beside = [this, &layer](std::string name) { return open_beside(layer, name); };
  CO_TRY_ASSIGN(std::unique_ptr<format::Format> image, co_await driver.open(std::move(request)));
  const Result<void> fits = check_left(layer);
  if (fits) co_return image;
  (void)co_await image->close();
  co_return std::unexpected(fits.error());
}

// A further file of an image in several: never one that the trust policy keeps from it.
Task<std::unique_ptr<storage::Storage>> Opener::open_beside(Layer& layer, std::string name) {
  StorageRequest request;
  request.name = resolve_name(layer.file.file, name);
  CO_TRY(check_trust(options_.trust, layer.file.file, *request.name));
  request.node = layer.options.for_file();
  request.sharing = storage::Sharing::read;
  request.aio = options_.aio;
  CO_TRY_ASSIGN(OpenedStorage opened, co_await open_storage(std::move(request)));
  co_return std::move(opened.storage);
}

void Opener::pass_events(const Layer& layer, format::qcow2::Qcow2OpenOptions& open) const {
  if (!options_.on_event) return;
  const std::string reference = layer.file.storage->filename();
  open.on_corrupt = [sink = options_.on_event,
                     reference](const format::qcow2::Corruption& corruption) {
    ImageCorrupted event{reference, corruption.message, {}, {}};
    if (corruption.size != 0) event.offset = corruption.offset;
    if (corruption.size != 0) event.size = corruption.size;
    event.fatal = corruption.fatal;
    sink(event);
  };
  open.on_memory_limit = [sink = options_.on_event,
                          reference](const format::qcow2::MemoryLimitReached& lost) {
    sink(OverlapCheckMemoryLimitReached{reference, lost.start, lost.length});
  };
}

Result<void> Opener::check_left(const Layer& layer) const {
  std::string key;
  if (!layer.tree.empty()) {
    key = layer.tree.all().begin()->first;
  } else if (!options_.open_backing && layer.backing_reference) {
    key = "backing";
  } else if (!options_.open_backing && !layer.backing.empty()) {
    key = "backing." + layer.backing.all().begin()->first;
  } else {
    return {};
  }
  return invalid("Block format '" + layer.driver + "' does not support the option '" + key + "'");
}

// Images whose data cannot be had open for a look at their metadata only.
std::optional<Error> Opener::sealed_because(const Header& header) const {
  if (header.crypt_method != format::qcow2::crypt_none) {
    return Error(ErrorKind::unsupported, "Encrypted images cannot be read or written yet", ENOTSUP);
  }
  if (header.has_data_file()) {
    return Error(ErrorKind::unsupported,
                 "Images with an external data file cannot be read or written yet", ENOTSUP);
  }
  return std::nullopt;
}

Task<std::shared_ptr<graph::Node>> Opener::open_named_backing(
    Layer& layer, std::optional<format::BackingName> named) {
  std::optional<std::string> name;
  if (layer.backing.find("file.filename") == nullptr && named) {
    name = resolve_name(layer.file.file, named->file);
    CO_TRY(check_trust(options_.trust, layer.file.file, *name));
  }
  if (named && named->format && layer.backing.find("driver") == nullptr) {
    layer.backing.set("driver", *named->format);
  }
  const NodeOptions inherited = layer.options.for_backing();
  co_return co_await open_node(std::move(name), std::move(layer.backing), inherited);
}

Task<std::shared_ptr<graph::Node>> Opener::open_backing(Layer& layer,
                                                        std::optional<format::BackingName> named) {
  const bool wanted = options_.open_backing && !layer.no_backing;
  Result<std::shared_ptr<graph::Node>> below;
  if (wanted && layer.backing_reference) {
    below = no_such_node(*layer.backing_reference);
  } else if (wanted && (named || !layer.backing.empty())) {
    below = co_await open_named_backing(layer, std::move(named));
  }
  if (!below)
    co_return std::unexpected(std::move(below).error().in_context("Could not open backing file"));
  co_return std::move(*below);
}

Task<std::shared_ptr<graph::Node>> Opener::put_on_backing(Layer& layer,
                                                          std::unique_ptr<format::Format> format) {
  filenames_.push_back(layer.shown.text());
  Result<std::shared_ptr<graph::Node>> below = co_await open_backing(layer, format->backing_name());
  if (!below) {
    (void)co_await format->close();
    co_return std::unexpected(std::move(below).error());
  }
  format->set_has_backing(*below != nullptr);
  co_return std::make_shared<graph::Node>(std::move(format), std::move(*below));
}

Task<std::unique_ptr<format::Format>> Opener::open_format(Layer& layer) {
  if (layer.driver == "qcow2") co_return co_await open_qcow2(layer);
  if (layer.driver == "raw" || layer.plain) co_return co_await open_raw(layer);
  if (const FormatDriver* driver = find_format_driver(layer.driver)) {
    co_return co_await open_driver(layer, *driver);
  }
  co_return fail(ErrorKind::unsupported,
                 "Images in the format '" + layer.driver + "' are not supported", ENOTSUP);
}

Task<std::shared_ptr<graph::Node>> Opener::open_node(std::optional<std::string> name,
                                                     OptionTree tree, NodeOptions inherited) {
  if (name && name->starts_with(json_prefix)) {
    CO_TRY_ASSIGN(OptionTree named, parse_json_options(name->substr(json_prefix.size())));
    tree.add_missing(std::move(named));
    name.reset();
  }
  Layer layer;
  layer.tree = std::move(tree);
  layer.options = inherited;
  CO_TRY(take_backing(layer));
  CO_TRY_ASSIGN(StorageRequest request, take_file(layer, std::move(name)));
  const bool is_top = filenames_.empty();
  if (is_top) top_ = layer.options;
  const bool shares_writes = is_top && !options_.deny_writers &&
                             (layer.plain || layer.driver == "raw" || layer.driver.empty());
  request.sharing = shares_writes ? storage::Sharing::write : storage::Sharing::read;
  CO_TRY_ASSIGN(layer.file, co_await open_storage(std::move(request)));
  CO_TRY(remember(layer.file));
  if (layer.driver.empty()) CO_TRY(co_await probe(layer));
  CO_TRY_ASSIGN(std::unique_ptr<format::Format> format, co_await open_format(layer));
  co_return co_await put_on_backing(layer, std::move(format));
}

Task<Opened> Opener::open_top(std::optional<std::string> name, OptionTree tree) {
  NodeOptions wanted = node_options_from(options_);
  if (options_.snapshot) wanted.writable = false;
  Opened out;
  CO_TRY_ASSIGN(out.node, co_await open_node(std::move(name), std::move(tree), wanted));
  out.filenames = std::move(filenames_);
  if (options_.snapshot) {
    CO_TRY_ASSIGN(out.node, co_await open_overlay(out.node, options_.writable));
    out.filenames.insert(out.filenames.begin(), out.node->format().file().filename());
  }
  if (options_.copy_on_read) {
    if (out.node->format().read_only()) {
      (void)co_await close_chain(out.node);
      co_return invalid("Can't use copy-on-read on read-only device");
    }
    out.node->set_copy_on_read(true);
  }
  out.unmap = top_.unmap;
  out.writethrough =
      options_.cache == CacheMode::writethrough || options_.cache == CacheMode::directsync;
  const bool unmaps = top_.detect_zeroes == DetectZeroes::unmap && top_.unmap;
  out.node->set_detect_zeroes(
      top_.detect_zeroes == DetectZeroes::unmap && !unmaps ? DetectZeroes::on : top_.detect_zeroes);
  co_return out;
}

}  // namespace

Task<Opened> open_name(std::string name, OpenOptions options) {
  OptionTree tree(options.driver);
  if (!options.format.empty()) tree.set("driver", options.format);
  Opener opener(std::move(options));
  co_return co_await opener.open_top(std::move(name), std::move(tree));
}

Task<Opened> open_tree(Options tree, OpenOptions options) {
  OptionTree all(tree);
  all.add_missing(OptionTree(options.driver));
  if (!options.format.empty()) all.set("driver", options.format);
  Opener opener(std::move(options));
  co_return co_await opener.open_top(std::nullopt, std::move(all));
}

Task<> close_chain(std::shared_ptr<graph::Node> node) {
  Result<void> first;
  for (; node; node = node->backing()) {
    const Result<void> closed = co_await node->close();
    if (first && !closed) first = closed;
  }
  co_return first;
}

}  // namespace oxbow::api
