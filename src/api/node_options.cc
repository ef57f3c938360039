#include "api/node_options.h"

#include <algorithm>
#include <cctype>

namespace oxbow::api {
namespace {

constexpr size_t max_node_name = 31;

Result<void> take_discard(OptionTree& tree, bool& unmap) {
  const auto word = tree.take_text("discard");
  if (!word) return {};
  if (*word != "unmap" && *word != "on" && *word != "ignore" && *word != "off") {
    return fail(ErrorKind::invalid_argument, "Invalid discard option", EINVAL);
  }
  unmap = *word == "unmap" || *word == "on";
  return {};
}

Result<void> take_detect_zeroes(OptionTree& tree, DetectZeroes& how) {
  const auto word = tree.take_text("detect-zeroes");
  if (!word) return {};
  if (*word == "off") {
    how = DetectZeroes::off;
  } else if (*word == "on") {
    how = DetectZeroes::on;
  } else if (*word == "unmap") {
    how = DetectZeroes::unmap;
  } else {
    return fail(ErrorKind::invalid_argument, "invalid parameter value: " + *word, EINVAL);
  }
  return {};
}

// Nodes are not addressed by name here; a name is still either valid or refused.
Result<void> take_node_name(OptionTree& tree) {
  const auto name = tree.take_text("node-name");
  if (!name) return {};
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  };
  const bool valid = !name->empty() && name->size() <= max_node_name &&
                     std::isalpha(static_cast<unsigned char>(name->front())) != 0 &&
                     std::ranges::all_of(*name, allowed);
  if (valid) return {};
  return fail(ErrorKind::invalid_argument, "Invalid node-name: '" + *name + "'", EINVAL);
}

}  // namespace

CacheMode NodeOptions::cache() const {
  if (direct) return CacheMode::none;
  return no_flush ? CacheMode::unsafe : CacheMode::writeback;
}

NodeOptions NodeOptions::for_file() const {
  NodeOptions out = *this;
  out.unmap = true;
  out.detect_zeroes = DetectZeroes::off;
  return out;
}

NodeOptions NodeOptions::for_backing() const {
  NodeOptions out = *this;
  out.writable = false;
  out.unmap = false;
  out.detect_zeroes = DetectZeroes::off;
  return out;
}

NodeOptions node_options_from(const OpenOptions& options) {
  NodeOptions out;
  out.writable = options.writable;
  out.force_share = options.force_share;
  out.direct = options.cache == CacheMode::none || options.cache == CacheMode::directsync;
  out.no_flush = options.cache == CacheMode::unsafe;
  out.unmap = options.unmap_on_discard;
  out.detect_zeroes = options.detect_zeroes;
  return out;
}

Result<NodeOptions> take_node_options(OptionTree& tree, NodeOptions base) {
  NodeOptions out = base;
  TRY_ASSIGN(const auto read_only, tree.take_bool("read-only"));
  TRY(tree.take_bool("auto-read-only"));
  TRY_ASSIGN(const auto force_share, tree.take_bool("force-share"));
  TRY_ASSIGN(const auto direct, tree.take_bool("cache.direct"));
  TRY_ASSIGN(const auto no_flush, tree.take_bool("cache.no-flush"));
  TRY(take_discard(tree, out.unmap));
  TRY(take_detect_zeroes(tree, out.detect_zeroes));
  TRY(take_node_name(tree));
  out.force_share = force_share.value_or(base.force_share);
  out.direct = direct.value_or(base.direct);
  out.no_flush = no_flush.value_or(base.no_flush);
  if (out.writable && read_only.value_or(false)) {
    return fail(ErrorKind::read_only, "Block node is read-only", EACCES);
  }
  if (out.writable && out.force_share) {
    return fail(ErrorKind::invalid_argument,
                "force-share=on can only be used with read-only images", EINVAL);
  }
  return out;
}

}  // namespace oxbow::api
