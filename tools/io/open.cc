// open and close.
#include "open.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "../options.h"
#include "arguments.h"

namespace oxbow::tools::io {
namespace {

constexpr std::array<std::string_view, 3> aio_modes = {"threads", "native", "io_uring"};

FlagUse set_cache(const ToolContext& context, const char* word, OpenOptions& options) {
  const auto mode = parse_cache_mode(word);
  if (!mode) {
    error_report(context, "Invalid cache option: {}", word);
    return FlagUse::wrong;
  }
  options.cache = *mode;
  return FlagUse::taken;
}

FlagUse set_discard(const ToolContext& context, std::string_view word, OpenOptions& options) {
  options.unmap_on_discard = word == "unmap" || word == "on";
  if (options.unmap_on_discard || word == "ignore" || word == "off") return FlagUse::taken;
  error_report(context, "Invalid discard option: {}", word);
  return FlagUse::wrong;
}

FlagUse set_aio(const ToolContext& context, std::string_view word, OpenOptions& options) {
  if (std::ranges::find(aio_modes, word) == aio_modes.end()) {
    error_report(context, "Invalid aio option: {}", word);
    return FlagUse::wrong;
  }
  options.aio = word;
  return FlagUse::taken;
}

void tell_event(Shell& shell, const ImageEvent& event) {
  if (std::holds_alternative<ImageCorrupted>(event)) {
    shell.told_corruption = true;  // by a warning
    return;
  }
  if (shell.context.stock_name) return;
  const auto& limit = std::get<OverlapCheckMemoryLimitReached>(event);
  const auto number = [](std::optional<uint64_t> value) {
    return value ? fmt::format("{:#x}", *value) : std::string("-");
  };
  fmt::print(stderr, "qcow2: Overlap check memory limit reached: {} start {} length {}\n",
             limit.reference, number(limit.start), number(limit.length));
}

}  // namespace

OpenOptions default_open_options(Shell& shell) {
  OpenOptions options;
  options.writable = true;
  options.cache = CacheMode::writethrough;
  options.unmap_on_discard = true;
  options.trust = shell.trust;
  options.secrets = shell.context.secrets();
  options.warn = [&shell](std::string_view message) { warning_line(shell.context, message); };
  options.on_repair = [&shell](const CheckFinding& finding) {
    finding_line(shell.context, finding);
  };
  options.on_event = [&shell](const ImageEvent& event) { tell_event(shell, event); };
  options.on_mismatch = end_at_mismatch;
  options.debug_output = [](const std::string& message) { fmt::print("{}\n", message); };
  return options;
}

FlagUse take_open_flag(const ToolContext& context, int letter, const char* argument,
                       OpenOptions& options) {
  switch (letter) {
    case 'r': options.writable = false; break;
    case 's': options.snapshot = true; break;
    case 'n': options.cache = CacheMode::none; break;
    case 'C': options.copy_on_read = true; break;
    case 'k': options.aio = "native"; break;
    case 'U': options.force_share = true; break;
    case 'i': return set_aio(context, argument, options);
    case 't': return set_cache(context, argument, options);
    case 'd': return set_discard(context, argument, options);
    default: return FlagUse::unknown;
  }
  return FlagUse::taken;
}

Result<Image> open_recipe(const OpenRecipe& recipe) {
  if (!recipe.name) return Image::open_tree(recipe.tree, recipe.options);
  OpenOptions options = recipe.options;
  options.driver = recipe.tree;
  return Image::open(*recipe.name, options);
}

bool open_into(Shell& shell, OpenRecipe recipe) {
  if (shell.image) {
    error_report(shell.context, "file open already, try 'help close'");
    return false;
  }
  shell.context.objects->give_to(recipe.options);
  auto image = open_recipe(recipe);
  if (!image) {
    const std::string device = recipe.name ? " device " + *recipe.name : "";
    error_report(shell.context, image.error(), "can't open" + device);
    return false;
  }
  shell.image = std::move(*image);
  shell.recipe = std::move(recipe);
  shell.told_corruption = false;
  return true;
}

bool close_image(Shell& shell) {
  Image image = std::move(*shell.image);
  shell.image.reset();
  const bool tables = image.format() == "qcow2";
  const Result<void> closed = image.close();
  if (closed) return true;
  if (shell.context.stock_name && tables) {
    const char* why = std::strerror(closed.error().as_errno());
    error_report(shell.context, "Failed to flush the L2 table cache: {}", why);
    error_report(shell.context, "Failed to flush the refcount block cache: {}", why);
  } else {
    error_report(shell.context, closed.error());
  }
  return false;
}

Outcome run_open(Shell& shell, const Call& call) {
  OpenRecipe recipe;
  recipe.options = default_open_options(shell);
  Flags flags(call, "snCro:ki:t:d:U");
  for (int letter; (letter = flags.next()) != Flags::end;) {
    if (letter == 'o') {
      if (shell.image_opts) {
        fmt::print("--image-opts and 'open -o' are mutually exclusive\n");
        return Outcome::failed;
      }
      recipe.tree.merge(parse_image_options(shell.context, flags.argument(), ""));
      continue;
    }
    switch (take_open_flag(shell.context, letter, flags.argument(), recipe.options)) {
      case FlagUse::taken: break;
      case FlagUse::unknown: return refuse_usage(call);
      case FlagUse::wrong: return Outcome::failed;
    }
  }
  const bool named = flags.operands() == 1;
  if (!named && (flags.operands() != 0 || recipe.tree.empty())) return refuse_usage(call);
  if (named && shell.image_opts) {
    recipe.tree = parse_image_options(shell.context, flags.operand(0));
  } else if (named) {
    recipe.name = flags.operand(0);
  }
  return open_into(shell, std::move(recipe)) ? Outcome::done : Outcome::failed;
}

Outcome run_close(Shell& shell, const Call&) {
  return close_image(shell) ? Outcome::done : Outcome::failed;
}

}  // namespace oxbow::tools::io
