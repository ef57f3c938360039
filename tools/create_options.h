// The -o keys of each format that can be created or amended: their types, help, defaults and the
// order in which the stock tools list them.
#pragma once

#include <oxbow/error.h>
#include <oxbow/options.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::tools {

struct ToolContext;

struct CreateOptionSpec {
  enum class Type { string, boolean, number, size_bytes };
  std::string_view name;
  Type type;
  std::string_view help;
  std::string_view default_value;  ///< empty: none
};

/// What -o of one format accepts, and what was given.
class CreateOptionList {
 public:
  /// The keys of `format` and, unless `format_only`, those of the file it is put into. Errors
  /// are the stock words for unknown formats and formats that cannot be created.
  static Result<CreateOptionList> for_format(std::string_view format, bool format_only = false);
  /// The keys of `format` that change an image there is.
  static Result<CreateOptionList> for_amending(std::string_view format);

  /// Takes "key=value,key=value"; checks names and types of values.
  Result<void> parse(std::string_view list);
  /// Sets one key. False where the format has no such key.
  bool set(std::string_view key, std::string value);
  [[nodiscard]] bool has_key(std::string_view key) const;
  /// The value given, or the default, or nothing.
  [[nodiscard]] std::optional<std::string> get(std::string_view key) const;
  [[nodiscard]] std::optional<uint64_t> size(std::string_view key) const;

  /// What was given (no defaults), normalised.
  [[nodiscard]] Options given() const;
  /// The same without `size` and the backing keys, for CreateOptions::format_options.
  [[nodiscard]] Options format_options() const;
  /// " key=value" for everything given or defaulted, in the order of "Formatting ...".
  [[nodiscard]] std::string summary() const;
  /// The lines of -o help.
  [[nodiscard]] std::string help() const;

 private:
  [[nodiscard]] const CreateOptionSpec* find(std::string_view key) const;
  [[nodiscard]] std::unexpected<Error> unknown_key(const std::string& key) const;
  std::string format_;
  std::string title_;  ///< of the help
  bool format_only_ = false;
  std::vector<CreateOptionSpec> specs_;
  std::vector<CreateOptionSpec> only_at_creation_;
  std::map<std::string, std::string, std::less<>> given_;
};

/// Whether an image file can be made at `filename`: files can, other protocols cannot hold
/// new ones.
Result<void> check_creation_protocol(const std::string& filename);

/// "-o help": prints the list for `format`; `format_only` as no file name was given.
int print_create_help(const ToolContext& context, std::string_view format, bool format_only);

}  // namespace oxbow::tools
