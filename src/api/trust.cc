#include "api/trust.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "api/filename.h"
#include "api/json_options.h"

namespace oxbow::api {
namespace {

namespace fs = std::filesystem;

bool ends_key(const std::string& key, std::string_view name) {
  return key == name || key.ends_with("." + std::string(name));
}

// Drivers that open nothing but the "filename" below them.
bool is_plain_driver(const std::string& driver) {
  constexpr std::array plain = {"file",      "raw",   "qcow2", "null-co", "null-aio",
                                "parallels", "qed",   "vdi",   "vhdx",    "vpc",
                                "bochs",     "cloop", "dmg",   "qcow"};
  return std::ranges::find(plain, driver) != plain.end();
}

std::optional<std::vector<std::string>> files_of_object(std::string_view json) {
  const auto tree = parse_json_options(json);
  if (!tree) return std::nullopt;
  std::vector<std::string> files;
  for (const auto& [key, value] : tree->all()) {
    if (ends_key(key, "driver") && !is_plain_driver(value.text)) return std::nullopt;
    if (ends_key(key, "filename")) files.push_back(value.text);
  }
  return files;
}

// The local files that opening `name` opens; nothing where that cannot be told.
std::optional<std::vector<std::string>> files_of(const std::string& name) {
  const std::string_view protocol = protocol_of(name);
  if (protocol.empty()) return std::vector{name};
  const std::string rest = name.substr(protocol.size() + 1);
  if (protocol == "file") return std::vector{rest};
  if (protocol == "null-co" || protocol == "null-aio") return std::vector<std::string>{};
  if (protocol == "json") return files_of_object(rest);
  return std::nullopt;
}

std::optional<fs::path> directory_of(const std::string& image) {
  const auto files = files_of(image);
  if (!files || files->size() != 1 || files->front().empty()) return std::nullopt;
  std::error_code error;
  fs::path directory = fs::canonical(fs::absolute(files->front(), error).parent_path(), error);
  if (error) return std::nullopt;
  return directory;
}

bool in_directory_of(const std::string& image, const std::string& named) {
  const auto directory = directory_of(image);
  const auto files = files_of(named);
  if (!directory || !files) return false;
  return std::ranges::all_of(*files, [&](const std::string& file) {
    std::error_code error;
    const fs::path target = fs::weakly_canonical(fs::absolute(file, error), error);
    return !error && target.parent_path() == *directory;
  });
}

}  // namespace

Result<void> check_trust(Trust trust, const std::string& image, const std::string& named) {
  if (trust == Trust::all) return {};
  if (trust == Trust::same_directory && in_directory_of(image, named)) return {};
  const char* rule = trust == Trust::none
                         ? "no file but the image itself may be opened (trust: none)"
                         : "only files in the image's own directory may be opened (trust: "
                           "same-directory)";
  return std::unexpected(Error(ErrorKind::permission,
                               "Image '" + image + "' names the file '" + named + "', but " + rule,
                               EACCES)
                             .with_hint("If the image may be trusted, allow it with --trust=all "
                                        "(OpenOptions::trust = Trust::all).\n"));
}

}  // namespace oxbow::api
