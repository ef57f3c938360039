#include "api/open.h"

#include "api/filename.h"
#include "api/json_options.h"
#include "api/opener.h"
#include "api/overlay.h"
#include "api/probe.h"
#include "api/trust.h"
#include "base/buffer.h"
#include "graph/node_storage.h"

namespace oxbow::api {
namespace {

constexpr size_t max_chain = 256;

}  // namespace

ImageOpener Opener::image_opener() {
  return [this](std::optional<std::string> child, OptionTree options, NodeOptions node) {
    return open_as_storage(std::move(child), std::move(options), node);
  };
}

// Sets what the layer's tree says of its format, and gives the request for what lies below.
Result<StorageRequest> Opener::take_file(Layer& layer, std::optional<std::string> name) {
  OptionTree& tree = layer.tree;
  StorageRequest request;
  request.aio = options_.aio;
  request.debug_output = options_.debug_output;
  request.on_mismatch = options_.on_mismatch;
  request.open_node = image_opener();
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
  if (shown_.size() >= max_chain) {
    return fail(ErrorKind::unsupported,
                "The backing chain is longer than " + std::to_string(max_chain) + " images");
  }
  return {};
}

Task<> Opener::probe(Layer& layer) {
  CO_TRY_ASSIGN(Buffer head, Buffer::allocate_zeroed(probe_bytes));
  const iovec into = io_slice(head.span());
  CO_TRY(co_await layer.file.storage->read(0, IoSpan(&into, 1)));
  layer.driver = probe_format(head.span(), layer.file.file);
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
  shown_.push_back(layer.shown);
  recipes_.push_back(std::move(layer.recipe));
  if (lower_) {
    format->set_has_backing(*lower_ != nullptr);
    co_return std::make_shared<graph::Node>(std::move(format), *lower_);
  }
  Result<std::shared_ptr<graph::Node>> below = co_await open_backing(layer, format->backing_name());
  if (!below) {
    (void)co_await format->close();
    co_return std::unexpected(std::move(below).error());
  }
  format->set_has_backing(*below != nullptr);
  if (*below) format->note_backing((*below)->format());
  co_return std::make_shared<graph::Node>(std::move(format), std::move(*below));
}

Task<std::shared_ptr<graph::Node>> Opener::open_node(std::optional<std::string> name,
                                                     OptionTree tree, NodeOptions inherited) {
  if (name && name->starts_with(json_prefix)) {
    CO_TRY_ASSIGN(OptionTree named, parse_json_options(name->substr(json_prefix.size())));
    tree.add_missing(std::move(named));
    name.reset();
  }
  if (const OptionValue* driver = tree.find("driver"); driver && is_node_filter(driver->text)) {
    co_return co_await open_filter(std::move(name), std::move(tree), inherited);
  }
  Layer layer;
  layer.recipe = {name, tree, inherited};
  layer.tree = std::move(tree);
  layer.options = inherited;
  CO_TRY(take_backing(layer));
  CO_TRY_ASSIGN(StorageRequest request, take_file(layer, std::move(name)));
  const bool is_top = shown_.empty() && !lower_;
  if (is_top) top_ = layer.options;
  const bool shares_writes = is_top && !options_.deny_writers &&
                             (layer.plain || layer.driver == "raw" || layer.driver.empty());
  request.sharing = shares_writes ? storage::Sharing::write : storage::Sharing::read;
  CO_TRY_ASSIGN(layer.file, co_await open_storage(std::move(request)));
  // Its name alone would open it without what lies over it.
  if (layer.file.is_image) layer.file.shown.exact.clear();
  CO_TRY(remember(layer.file));
  if (layer.driver.empty()) CO_TRY(co_await probe(layer));
  CO_TRY_ASSIGN(std::unique_ptr<format::Format> format, co_await open_format(layer));
  co_return co_await put_on_backing(layer, std::move(format));
}

// What lies below a storage driver is an image of its own, with a chain of its own.
Task<OpenedStorage> Opener::open_as_storage(std::optional<std::string> name, OptionTree tree,
                                            NodeOptions inherited) const {
  Opener opener(options_);
  opener.options_.deny_writers = true;
  OpenedStorage out;
  CO_TRY_ASSIGN(std::shared_ptr<graph::Node> node,
                co_await opener.open_node(std::move(name), std::move(tree), inherited));
  out.shown = opener.shown_.front();
  out.is_image = true;
  out.storage = std::make_unique<graph::NodeStorage>(std::move(node), out.shown.text());
  co_return out;
}

Task<Opened> Opener::open_top(std::optional<std::string> name, OptionTree tree) {
  NodeOptions wanted = node_options_from(options_);
  if (options_.snapshot) wanted.writable = false;
  Opened out;
  CO_TRY_ASSIGN(out.node, co_await open_node(std::move(name), std::move(tree), wanted));
  for (const ShownName& layer : shown_) out.filenames.push_back(layer.text());
  out.recipes = std::move(recipes_);
  out.options = options_;
  if (options_.snapshot) {
    CO_TRY_ASSIGN(out.node, co_await open_overlay(out.node, options_.writable));
    out.filenames.insert(out.filenames.begin(), out.node->format().file().filename());
    out.recipes.insert(out.recipes.begin(), LayerRecipe());
  }
  if (options_.copy_on_read) {
    if (out.node->format().read_only()) {
      (void)co_await graph::close_chain(out.node);
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

Task<std::shared_ptr<graph::Node>> Opener::open_again(LayerRecipe recipe, bool writable,
                                                      std::shared_ptr<graph::Node> below) {
  lower_ = std::move(below);
  if (writable) {
    recipe.inherited.writable = true;
    recipe.inherited.unmap = true;
  }
  return open_node(std::move(recipe.name), std::move(recipe.tree), recipe.inherited);
}

Task<> reopen_writable(Opened& opened, unsigned depth) {
  graph::Node* above = opened.node.get();
  for (unsigned i = 1; i < depth; ++i) above = above->backing().get();
  const std::shared_ptr<graph::Node> old = above->backing();
  const LayerRecipe& recipe = opened.recipes[depth];
  CO_TRY(co_await old->close());
  Opener writer(opened.options);
  auto again = co_await writer.open_again(recipe, true, old->backing());
  if (again) {
    above->replace_backing(std::move(*again));
    co_return {};
  }
  Opener reader(opened.options);
  auto as_before = co_await reader.open_again(recipe, false, old->backing());
  if (as_before) above->replace_backing(std::move(*as_before));
  co_return std::unexpected(std::move(again).error());
}

Task<std::shared_ptr<graph::Node>> open_to_look(const Opened& opened) {
  LayerRecipe recipe = opened.recipes.front();
  recipe.inherited.writable = false;
  recipe.inherited.force_share = true;
  OpenOptions options = opened.options;
  options.writable = false;
  Opener opener(std::move(options));
  co_return co_await opener.open_again(std::move(recipe), false, opened.node->backing());
}

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

}  // namespace oxbow::api
