#include "api/filename.h"

#include <algorithm>
#include <array>

#include "storage/fault.h"
#include "storage/file.h"

namespace oxbow::api {
namespace {

constexpr std::array file_drivers = {"file", "host_device", "host_cdrom"};
constexpr std::array named_drivers = {"null-co", "null-aio", "blkdebug", "blkverify"};
constexpr std::array other_drivers = {"preallocate", "quorum"};

bool is_file_driver(std::string_view driver) {
  return std::ranges::find(file_drivers, driver) != file_drivers.end();
}

// A driver that file names may begin with.
bool is_protocol(std::string_view driver) {
  return is_file_driver(driver) || std::ranges::find(named_drivers, driver) != named_drivers.end();
}

Result<void> apply_verify_name(const std::string& name, OptionTree& options) {
  constexpr std::string_view prefix = "blkverify:";
  if (!name.starts_with(prefix)) {
    options.set("x-test", name);
    return {};
  }
  const size_t colon = name.find(':', prefix.size());
  if (colon == std::string::npos) {
    return fail(ErrorKind::invalid_argument, "blkverify requires raw copy and original image path",
                EINVAL);
  }
  options.set("x-raw", name.substr(prefix.size(), colon - prefix.size()));
  options.set("x-test", name.substr(colon + 1));
  return {};
}

Result<void> apply_fault_name(const std::string& name, OptionTree& options) {
  if (!name.starts_with("blkdebug:")) {
    options.set("x-image", name);
    return {};
  }
  TRY_ASSIGN(const auto parts, storage::split_fault_filename(name));
  if (!parts.first.empty()) options.set("config", parts.first);
  options.set("x-image", parts.second);
  return {};
}

}  // namespace

std::string_view protocol_of(std::string_view name) {
  const size_t end = name.find_first_of(":/");
  if (end == std::string_view::npos || name[end] != ':') return {};
  return name.substr(0, end);
}

std::string path_as_name(const std::string& path) {
  return protocol_of(path).empty() ? path : "./" + path;
}

std::string resolve_name(std::string_view base, std::string_view named) {
  if (named.empty() || named.front() == '/' || !protocol_of(named).empty()) {
    return std::string(named);
  }
  const size_t slash = base.rfind('/');
  if (slash == std::string_view::npos) return std::string(named);
  return std::string(base.substr(0, slash + 1)) + std::string(named);
}

bool is_storage_driver(std::string_view driver) {
  return is_protocol(driver) || std::ranges::find(other_drivers, driver) != other_drivers.end();
}

Result<void> apply_filename(const std::string& name, OptionTree& options) {
  if (options.find("filename") != nullptr) {
    return fail(ErrorKind::invalid_argument,
                "Can't specify 'file' and 'filename' options at the same time", EINVAL);
  }
  std::string protocol(protocol_of(name));
  if (options.has_text("driver")) {
    protocol = options.find("driver")->text;
  } else if (protocol.empty()) {
    protocol = storage::file_driver_for(name);
  } else if (!is_protocol(protocol)) {
    return fail(ErrorKind::unsupported, "Unknown protocol '" + protocol + "'", EINVAL);
  }
  options.set("driver", protocol);
  if (protocol == "blkdebug") return apply_fault_name(name, options);
  if (protocol == "blkverify") return apply_verify_name(name, options);
  if (protocol == "null-co" || protocol == "null-aio") {
    if (name == protocol + "://") return {};
    return fail(ErrorKind::invalid_argument,
                "The only allowed filename for this driver is '" + protocol + "://'", EINVAL);
  }
  if (!is_file_driver(protocol)) {
    options.set("file.filename", name);
    return {};
  }
  const bool prefixed = name.starts_with(protocol + ":");
  options.set("filename", prefixed ? name.substr(protocol.size() + 1) : name);
  return {};
}

}  // namespace oxbow::api
