// Parsing -o keys.
#include "create_options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "api/filename.h"
#include "command_line.h"
#include "create_specs.h"
#include "options.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

using Spec = CreateOptionSpec;
using enum CreateOptionSpec::Type;

std::string_view type_name(Spec::Type type) {
  switch (type) {
    case string: return "str";
    case boolean: return "bool (on/off)";
    case number: return "num";
    case size_bytes: return "size";
  }
  return {};
}

Result<std::string> parse_boolean(std::string_view key, std::string value) {
  static constexpr std::array words = {"on", "off", "yes", "no", "true", "false", "y", "n"};
  if (std::ranges::find(words, value) != words.end()) return value;
  return fail(ErrorKind::invalid_argument,
              fmt::format("Parameter '{}' expects 'on' or 'off'", key));
}

// Decimal, octal or hexadecimal; printed as the signed number with the same bits.
Result<std::string> parse_number(std::string_view key, const std::string& value) {
  char* end = nullptr;
  errno = 0;
  uint64_t number = std::strtoull(value.c_str(), &end, 0);
  if (errno == ERANGE) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("Value '{}' is too large for parameter '{}'", value, key));
  }
  if (end == value.c_str() || *end != '\0') {
    return fail(ErrorKind::invalid_argument, fmt::format("Parameter '{}' expects a number", key));
  }
  return std::to_string(static_cast<int64_t>(number));
}

Result<std::string> parse_bytes(std::string_view key, const std::string& value) {
  TRY_ASSIGN(const uint64_t bytes, parse_size_option(key, value));
  return std::to_string(bytes);
}

Result<std::string> parse_value(const Spec& spec, std::string value) {
  switch (spec.type) {
    case boolean: return parse_boolean(spec.name, std::move(value));
    case number: return parse_number(spec.name, value);
    case size_bytes: return parse_bytes(spec.name, value);
    case string: break;
  }
  return value;
}

std::string double_commas(std::string_view text) {
  std::string out;
  for (char c : text) out.append(c == ',' ? 2 : 1, c);
  return out;
}

}  // namespace

Result<CreateOptionList> CreateOptionList::for_format(std::string_view format, bool format_only) {
  CreateOptionList list;
  list.title_ = format_only ? fmt::format("Supported {} options:", format) : "Supported options:";
  list.format_only_ = format_only;
  const auto add = [&list](std::span<const Spec> specs) {
    for (const Spec& spec : specs) {
      if (!list.find(spec.name)) list.specs_.push_back(spec);
    }
  };
  const auto specs = create_specs_of(format);
  if (!specs) return std::unexpected(specs.error());
  add(*specs);
  if (!format_only) add(*create_specs_of("file"));
  return list;
}

Result<CreateOptionList> CreateOptionList::for_amending(std::string_view format) {
  const auto specs = amend_specs_of(format);
  if (!specs) return std::unexpected(specs.error());
  CreateOptionList list;
  list.title_ = fmt::format("Amend options for '{}':", format);
  list.specs_.assign(specs->begin(), specs->end());
  if (const auto others = create_specs_of(format)) {
    list.only_at_creation_.assign(others->begin(), others->end());
  }
  return list;
}

const CreateOptionSpec* CreateOptionList::find(std::string_view key) const {
  auto found = std::ranges::find(specs_, key, &Spec::name);
  return found == specs_.end() ? nullptr : &*found;
}

std::unexpected<Error> CreateOptionList::unknown_key(const std::string& key) const {
  Error error(ErrorKind::invalid_argument, fmt::format("Invalid parameter '{}'", key));
  const bool known =
      std::ranges::find(only_at_creation_, key, &Spec::name) != only_at_creation_.end();
  if (!known) return std::unexpected(std::move(error));
  return std::unexpected(
      std::move(error).with_hint("This option is only supported for image creation\n"));
}

Result<void> CreateOptionList::parse(std::string_view list) {
  for (OptionItem& item : split_options(list)) {
    if (item.key == "id") continue;
    const Spec* spec = find(item.key);
    if (!spec) return unknown_key(item.key);
    auto value = parse_value(*spec, std::move(item.value));
    if (!value) return std::unexpected(std::move(value).error());
    given_[item.key] = std::move(*value);
  }
  return {};
}

bool CreateOptionList::set(std::string_view key, std::string value) {
  if (!has_key(key)) return false;
  given_[std::string(key)] = std::move(value);
  return true;
}

bool CreateOptionList::has_key(std::string_view key) const { return find(key) != nullptr; }

std::optional<std::string> CreateOptionList::get(std::string_view key) const {
  if (auto found = given_.find(key); found != given_.end()) return found->second;
  const Spec* spec = find(key);
  if (!spec || spec->default_value.empty()) return std::nullopt;
  return std::string(spec->default_value);
}

std::optional<uint64_t> CreateOptionList::size(std::string_view key) const {
  auto text = get(key);
  if (!text) return std::nullopt;
  uint64_t bytes = 0;
  std::from_chars(text->data(), text->data() + text->size(), bytes);
  return bytes;
}

Options CreateOptionList::given() const {
  Options options;
  for (const auto& [key, value] : given_) {
    options[key] = value;
    if (find(key)->type != boolean) continue;
    options[key] = value == "on" || value.starts_with('y') || value == "true" ? "on" : "off";
  }
  return options;
}

Options CreateOptionList::format_options() const {
  Options options = given();
  for (const char* key : {"size", "backing_file", "backing_fmt"}) options.erase(key);
  return options;
}

std::string CreateOptionList::summary() const {
  std::string text;
  for (const Spec& spec : specs_) {
    if (auto value = get(spec.name))
      text += fmt::format(" {}={}", spec.name, double_commas(*value));
  }
  return text;
}

std::string CreateOptionList::help() const {
  std::string text = title_ + "\n";
  auto sorted = specs_;
  std::ranges::sort(sorted, {}, &Spec::name);
  for (const Spec& spec : sorted) {
    std::string name = fmt::format("  {}=<{}>", spec.name, type_name(spec.type));
    text += fmt::format("{:<24} - {}\n", name, spec.help);
  }
  if (format_only_) {
    text +=
        "\nThe protocol level may support further options.\n"
        "Specify the target filename to include those options.\n";
  }
  return text;
}

Result<void> check_creation_protocol(const std::string& filename) {
  const std::string_view protocol = api::protocol_of(filename);
  if (protocol.empty() || protocol == "file") return {};
  if (protocol == "null-co" || protocol == "null-aio" || protocol == "blkdebug") {
    return fail(ErrorKind::unsupported,
                fmt::format("Protocol driver '{}' does not support image creation", protocol));
  }
  return fail(ErrorKind::invalid_argument, fmt::format("Unknown protocol '{}'", protocol));
}

int print_create_help(const ToolContext& context, std::string_view format, bool format_only) {
  auto list = CreateOptionList::for_format(format, format_only);
  if (!list) {
    error_report(context, list.error());
    return 1;
  }
  fmt::print("{}", list->help());
  return 0;
}

}  // namespace oxbow::tools
