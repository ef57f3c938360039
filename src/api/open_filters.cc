// Filters that act on requests and leave the bytes where they are: throttle, copy-on-read,
// compress. Each is a quality of the node that it stands on, and gives that node its name.
#include <array>

#include "api/opener.h"
#include "graph/node.h"
#include "storage/file.h"

namespace oxbow::api {
namespace {

constexpr std::array filters = {"compress", "copy-on-read", "throttle"};

}  // namespace

bool is_node_filter(std::string_view driver) {
  return std::ranges::find(filters, driver) != filters.end();
}

// The child's options. One that names a file and no driver is that file, never probed.
Result<OptionTree> Opener::take_filtered(OptionTree& tree, std::optional<std::string> name) {
  OptionTree child = tree.take_below("file");
  if (const auto reference = tree.take_text("file")) return no_such_node(*reference);
  if (name) child.set("filename", std::move(*name));
  if (child.empty()) return invalid("A block device must be specified for \"file\"");
  if (child.find("driver") == nullptr && child.has_text("filename")) {
    child.set("driver", std::string(storage::file_driver_for(child.find("filename")->text)));
  }
  return child;
}

Result<void> Opener::put_throttle(OptionTree& tree, graph::Node& node, JsonObject& shown) const {
  const std::optional<std::string> group = tree.take_text("throttle-group");
  if (!group) return invalid("Please specify a throttle group");
  const auto found = options_.throttle_groups.find(*group);
  if (found == options_.throttle_groups.end()) {
    return invalid("Throttle group '" + *group + "' does not exist");
  }
  shown.add("throttle-group", {*group});
  node.add_throttle(found->second);
  return {};
}

Result<void> Opener::put_copy_on_read(OptionTree& tree, graph::Node& node) {
  if (node.format().read_only()) {
    return fail(ErrorKind::read_only, "Block node is read-only", EACCES);
  }
  if (const auto bottom = tree.take_text("bottom")) {
    return invalid("Bottom node '" + *bottom + "' not found");
  }
  node.set_copy_on_read(true);
  return {};
}

// Where it is encrypted data stays plain: compressed, it would lie there for all to read.
Result<void> Opener::put_compress(graph::Node& node) {
  const format::Format& below = node.format();
  if (below.compressed_unit() == 0 && !below.encrypted()) {
    return fail(ErrorKind::unsupported,
                "Compression is not supported for underlying format: " + below.name(), ENOTSUP);
  }
  node.set_compress(true);
  return {};
}

Result<void> Opener::put_filter(const std::string& driver, OptionTree& tree, graph::Node& node,
                                JsonObject& shown) const {
  if (driver == "throttle") return put_throttle(tree, node, shown);
  return driver == "compress" ? put_compress(node) : put_copy_on_read(tree, node);
}

Task<std::shared_ptr<graph::Node>> Opener::open_filter(std::optional<std::string> name,
                                                       OptionTree tree, NodeOptions inherited) {
  LayerRecipe recipe = {name, tree, inherited};
  const std::string driver = *tree.take_text("driver");
  CO_TRY_ASSIGN(const NodeOptions options, take_node_options(tree, std::move(inherited)));
  CO_TRY_ASSIGN(OptionTree child, take_filtered(tree, std::move(name)));
  const size_t depth = shown_.size();
  CO_TRY_ASSIGN(std::shared_ptr<graph::Node> node,
                co_await open_node(std::nullopt, std::move(child), options));
  JsonObject shown;
  Result<void> put = put_filter(driver, tree, *node, shown);
  if (put) put = check_options_taken(tree, driver);
  if (!put) {
    (void)co_await graph::close_chain(std::move(node));
    co_return std::unexpected(put.error());
  }
  shown.add("driver", {driver});
  shown.add_json("file", shown_[depth].json);
  shown_[depth] = {"", shown.text()};
  node->put_filter(driver);
  recipes_[depth] = std::move(recipe);
  co_return node;
}

}  // namespace oxbow::api
