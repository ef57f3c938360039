// Storage drivers that keep the same bytes in several places: blkverify and quorum.
#include "api/open_copies.h"

#include <algorithm>

#include "base/invalid.h"
#include "storage/quorum.h"
#include "storage/verify.h"

namespace oxbow::api {
namespace {

// Each child closed, where not all could be opened.
Task<> close_all(storage::QuorumStorage::Children children) {
  for (const auto& child : children) (void)co_await child->close();
  co_return {};
}

// The file that the copies are compared with is never probed.
Task<OpenedStorage> open_trusted(StorageRequest& request) {
  CO_TRY_ASSIGN(StorageRequest child, child_request(request, "raw"));
  co_return co_await open_storage(std::move(child));
}

Task<OpenedStorage> open_tested(StorageRequest& request) {
  CO_TRY_ASSIGN(StorageRequest child, child_request(request, "test"));
  co_return co_await request.open_node(std::move(child.name), std::move(child.options), child.node);
}

ShownName show_verify(const ShownName& trusted, const ShownName& tested) {
  JsonObject json;
  json.add("driver", {"blkverify"});
  json.add_json("test", tested.json);
  json.add_json("raw", trusted.json);
  const bool plain = !trusted.exact.empty() && !tested.exact.empty();
  return {plain ? "blkverify:" + trusted.exact + ":" + tested.exact : "", json.text()};
}

struct QuorumChildren {
  storage::QuorumStorage::Children stores;
  std::vector<std::string> shown;
};

Task<QuorumChildren> open_children(StorageRequest& request) {
  QuorumChildren out;
  OptionTree all = request.options.take_below("children");
  for (size_t index = 0; !all.empty(); ++index) {
    const std::string key = std::to_string(index);
    Result<OpenedStorage> child;
    OptionTree options = all.take_below(key);
    if (const auto reference = all.take_text(key)) {
      child = invalid("Cannot find device='" + *reference + "' nor node-name='" + *reference + "'");
    } else if (options.empty()) {
      child = invalid("Option children is not a valid array");
    } else {
      child = co_await request.open_node(std::nullopt, std::move(options), request.node);
    }
    if (!child) {
      (void)co_await close_all(std::move(out.stores));
      co_return std::unexpected(std::move(child).error());
    }
    out.shown.push_back(child->shown.json);
    out.stores.push_back(std::move(child->storage));
  }
  co_return out;
}

// How many children there will be, before any is opened.
size_t count_children(const OptionTree& options) {
  size_t count = 0;
  const auto named = [&options](const std::string& prefix) {
    return std::ranges::any_of(options.all(), [&prefix](const auto& option) {
      return option.first == prefix || option.first.starts_with(prefix + ".");
    });
  };
  while (named("children." + std::to_string(count))) ++count;
  return count;
}

Result<storage::QuorumOptions> take_quorum_options(OptionTree& options, JsonObject& shown) {
  storage::QuorumOptions out;
  for (const char* key : {"read-pattern", "rewrite-corrupted", "blkverify", "vote-threshold"}) {
    if (const OptionValue* value = options.find(key)) shown.add(key, *value);
  }
  const std::string pattern = options.take_text("read-pattern").value_or("quorum");
  if (pattern != "quorum" && pattern != "fifo") {
    return invalid("Please set read-pattern as fifo or quorum");
  }
  out.first_answers = pattern == "fifo";
  TRY_ASSIGN(const auto threshold, options.take_number("vote-threshold"));
  TRY_ASSIGN(const auto verify, options.take_bool("blkverify"));
  TRY_ASSIGN(const auto rewrite, options.take_bool("rewrite-corrupted"));
  out.threshold = threshold.value_or(0) > INT64_MAX ? 0 : threshold.value_or(0);
  out.verify = verify.value_or(false);
  out.rewrite_corrupted = rewrite.value_or(false);
  return out;
}

}  // namespace

Task<OpenedStorage> open_verify(StorageRequest request) {
  CO_TRY_ASSIGN(OpenedStorage trusted, co_await open_trusted(request));
  Result<OpenedStorage> tested = co_await open_tested(request);
  Result<void> fits;
  if (tested) fits = check_options_taken(request.options, "blkverify");
  if (!tested || !fits) {
    (void)co_await trusted.storage->close();
    if (tested) (void)co_await tested->storage->close();
    co_return std::unexpected(tested ? fits.error() : std::move(tested).error());
  }
  OpenedStorage out;
  out.shown = show_verify(trusted.shown, tested->shown);
  out.storage = std::make_unique<storage::VerifyStorage>(
      std::move(trusted.storage), std::move(tested->storage), out.shown.text(),
      std::move(request.on_mismatch));
  co_return out;
}

Task<OpenedStorage> open_quorum(StorageRequest request) {
  JsonObject shown;
  shown.add("driver", {"quorum"});
  const size_t count = count_children(request.options);
  if (count == 0) co_return invalid("Number of provided children must be 1 or more");
  CO_TRY_ASSIGN(storage::QuorumOptions options, take_quorum_options(request.options, shown));
  CO_TRY(storage::QuorumStorage::check(options, count, request.node.writable));
  options.on_mismatch = request.on_mismatch;
  CO_TRY_ASSIGN(QuorumChildren children, co_await open_children(request));
  if (const auto fits = check_options_taken(request.options, "quorum"); !fits) {
    (void)co_await close_all(std::move(children.stores));
    co_return std::unexpected(fits.error());
  }
  std::string list;
  for (const std::string& one : children.shown) list += (list.empty() ? "[" : ", ") + one;
  shown.add_json("children", list + "]");
  OpenedStorage out;
  out.shown = {"", shown.text()};
  CO_TRY_ASSIGN(out.storage, storage::QuorumStorage::create(std::move(children.stores),
                                                            std::move(options), out.shown.text()));
  co_return out;
}

}  // namespace oxbow::api
