// Opening one image with all the layers below it: options are taken layer by layer, names that an
// image states go through the trust gate. open.cc has the order of things, open_formats.cc what
// each format asks for.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/format_drivers.h"
#include "api/open.h"
#include "api/open_storage.h"
#include "api/shown_name.h"
#include "base/invalid.h"
#include "format/qcow2/image.h"

namespace oxbow::api {

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
  OptionTree data_file;  // options of the external data file
  ShownName shown;
  LayerRecipe recipe;
};

// One open with all the layers below it.
class Opener {
 public:
  explicit Opener(OpenOptions options) : options_(std::move(options)) {}

  Task<Opened> open_top(std::optional<std::string> name, OptionTree tree);
  /// One layer by its recipe, over what is open already.
  Task<std::shared_ptr<graph::Node>> open_again(LayerRecipe recipe, bool writable,
                                                std::shared_ptr<graph::Node> below);

 private:
  Task<std::shared_ptr<graph::Node>> open_node(std::optional<std::string> name, OptionTree tree,
                                               NodeOptions inherited);
  Task<std::shared_ptr<graph::Node>> open_filter(std::optional<std::string> name, OptionTree tree,
                                                 NodeOptions inherited);
  static Result<OptionTree> take_filtered(OptionTree& tree, std::optional<std::string> name);
  Result<void> put_throttle(OptionTree& tree, graph::Node& node, JsonObject& shown) const;
  static Result<void> put_copy_on_read(OptionTree& tree, graph::Node& node);
  static Result<void> put_compress(graph::Node& node);
  Result<void> put_filter(const std::string& driver, OptionTree& tree, graph::Node& node,
                          JsonObject& shown) const;
  Task<OpenedStorage> open_as_storage(std::optional<std::string> name, OptionTree tree,
                                      NodeOptions inherited) const;
  Result<StorageRequest> take_file(Layer& layer, std::optional<std::string> name);
  Result<void> take_backing(Layer& layer);
  Result<void> remember(const OpenedStorage& file);
  Task<> probe(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_raw(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_qcow2(Layer& layer);
  Task<std::unique_ptr<format::Format>> open_driver(Layer& layer, const FormatDriver& driver);
  Task<std::unique_ptr<format::Format>> open_format(Layer& layer);
  void show_format(Layer& layer, const OptionTree& given,
                   std::initializer_list<const char*> significant) const;
  [[nodiscard]] bool data_is_wanted() const;
  [[nodiscard]] bool data_file_is_wanted() const;
  Result<void> take_data_file(Layer& layer) const;
  Task<std::unique_ptr<storage::Storage>> open_data_file(Layer& layer,
                                                         std::optional<std::string> named);
  /// Opens what stands below a storage driver.
  [[nodiscard]] ImageOpener image_opener();
  Task<std::shared_ptr<graph::Node>> put_on_backing(Layer& layer,
                                                    std::unique_ptr<format::Format> format);
  Task<std::unique_ptr<storage::Storage>> open_beside(Layer& layer, std::string name);
  void pass_events(const Layer& layer, format::qcow2::Qcow2OpenOptions& open) const;
  Result<void> check_left(const Layer& layer) const;
  [[nodiscard]] std::optional<Error> sealed_because(format::qcow2::Qcow2Image& image) const;
  Task<std::shared_ptr<graph::Node>> open_backing(Layer& layer,
                                                  std::optional<format::BackingName> named);
  Task<std::shared_ptr<graph::Node>> open_named_backing(Layer& layer,
                                                        std::optional<format::BackingName> named);

  OpenOptions options_;
  std::set<std::string> chain_;   // identities of the files below each other
  std::vector<ShownName> shown_;  // of the layers, the top one first
  std::vector<LayerRecipe> recipes_;
  std::optional<std::shared_ptr<graph::Node>> lower_;  // open already
  NodeOptions top_;
};

/// A filter that is a quality of the node below it.
[[nodiscard]] bool is_node_filter(std::string_view driver);

inline std::unexpected<Error> no_such_node(const std::string& reference) {
  return invalid("Cannot find device='" + reference + "' nor node-name='" + reference + "'");
}

}  // namespace oxbow::api
