// reopen: the same image with other options. It is closed and opened again; where the new
// options do not do, with those it had.
#include <algorithm>
#include <array>

#include "../options.h"
#include "arguments.h"
#include "open.h"

namespace oxbow::tools::io {
namespace {

struct Changes {
  std::optional<bool> writable;    // -r, -w
  std::optional<CacheMode> cache;  // -c
  Options options;                 // -o
};

// What an open image may be given anew; all other options stay what they are.
constexpr auto of_all =
    std::to_array<std::string_view>({"auto-read-only", "cache.direct", "cache.no-flush",
                                     "detect-zeroes", "discard", "force-share", "read-only"});
constexpr auto of_raw = std::to_array<std::string_view>({"offset", "size"});
constexpr auto of_qcow2 = std::to_array<std::string_view>({
    "cache-clean-interval",
    "cache-size",
    "l2-cache-entry-size",
    "l2-cache-size",
    "lazy-refcounts",
    "overlap-check",
    "overlap-check.active-l1",
    "overlap-check.active-l2",
    "overlap-check.bitmap-data",
    "overlap-check.bitmap-directory",
    "overlap-check.bitmap-table",
    "overlap-check.crypto-header",
    "overlap-check.inactive-l1",
    "overlap-check.inactive-l2",
    "overlap-check.main-header",
    "overlap-check.refcount-block",
    "overlap-check.refcount-table",
    "overlap-check.snapshot-table",
    "overlap-check.template",
    "overlap-degrade",
    "overlap-structures.bitmap-size",
    "overlap-structures.total-size-limit",
    "pass-discard-other",
    "pass-discard-request",
    "pass-discard-snapshot",
    "refcount-cache-size",
});

bool may_change(const std::string& format, std::string_view key) {
  const auto has = [key](std::span<const std::string_view> keys) {
    return std::ranges::find(keys, key) != keys.end();
  };
  return has(of_all) || (format == "raw" && has(of_raw)) || (format == "qcow2" && has(of_qcow2));
}

// Options of nodes below begin with the way to them.
std::string_view name_in_its_node(std::string_view key) {
  for (const std::string_view below : {"file.", "backing."}) {
    if (key.starts_with(below)) return name_in_its_node(key.substr(below.size()));
  }
  return key;
}

std::optional<Changes> parse_reopen(Shell& shell, const Call& call) {
  Changes changes;
  Flags flags(call, "c:o:rw");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    switch (letter) {
      case 'c':
        changes.cache = parse_cache_mode(flags.argument());
        if (changes.cache) break;
        error_report(shell.context, "Invalid cache option: {}", flags.argument());
        return std::nullopt;
      case 'o':
        changes.options.merge(parse_image_options(shell.context, flags.argument(), ""));
        break;
      case 'r':
      case 'w':
        if (changes.writable) {
          error_report(shell.context, "Only one -r/-w option may be given");
          return std::nullopt;
        }
        changes.writable = letter == 'w';
        break;
      default: refuse_usage(call); return std::nullopt;
    }
  }
  if (flags.operands() == 0) return changes;
  refuse_usage(call);
  return std::nullopt;
}

// Words for changes that contradict each other or come too late; empty where there are none.
std::string refusal(const Shell& shell, const Changes& changes) {
  const Options& options = changes.options;
  if (changes.writable && options.contains("read-only")) {
    return "Cannot set both -r/-w and 'read-only'";
  }
  if (changes.cache && (options.contains("cache.direct") || options.contains("cache.no-flush"))) {
    return "Cannot set both -c and the cache options";
  }
  if (shell.recipe.options.snapshot) return "Cannot reopen an image that is opened as a snapshot";
  for (const auto& [key, value] : options) {
    const auto before = shell.recipe.tree.find(key);
    const bool same = before != shell.recipe.tree.end() && before->second == value;
    if (same || may_change(shell.image->format(), key)) continue;
    return fmt::format("Cannot change the option '{}'", name_in_its_node(key));
  }
  return {};
}

// Two names of one option: what is said now holds, by whichever name the other was said.
constexpr std::array<std::string_view, 2> template_names = {"overlap-check",
                                                            "overlap-check.template"};

void forget_template(Options& tree, const Options& changes) {
  const auto said = [&](std::string_view name) { return changes.contains(std::string(name)); };
  if (std::ranges::none_of(template_names, said)) return;
  for (const std::string_view name : template_names) tree.erase(std::string(name));
}

OpenRecipe changed(OpenRecipe recipe, Changes changes) {
  forget_template(recipe.tree, changes.options);
  for (auto& [key, value] : changes.options) recipe.tree[key] = value;
  if (changes.cache) {
    recipe.options.cache = *changes.cache;
    recipe.tree.erase("cache.direct");
    recipe.tree.erase("cache.no-flush");
  }
  if (const auto read_only = changes.options.find("read-only");
      read_only != changes.options.end()) {
    changes.writable = read_only->second == "off";
  }
  if (changes.writable) {
    recipe.options.writable = *changes.writable;
    recipe.tree.erase("read-only");
  }
  return recipe;
}

}  // namespace

Outcome run_reopen(Shell& shell, const Call& call) {
  auto changes = parse_reopen(shell, call);
  if (!changes) return Outcome::failed;
  if (const std::string words = refusal(shell, *changes); !words.empty()) {
    error_line(shell.context, words);
    return Outcome::failed;
  }
  OpenRecipe recipe = changed(shell.recipe, std::move(*changes));
  if (!close_image(shell)) return Outcome::failed;
  auto image = open_recipe(recipe);
  if (image) {
    shell.recipe = std::move(recipe);
    shell.image = std::move(*image);
    return Outcome::done;
  }
  error_report(shell.context, image.error());
  OpenRecipe before = std::move(shell.recipe);
  (void)open_into(shell, std::move(before));
  return Outcome::failed;
}

}  // namespace oxbow::tools::io
