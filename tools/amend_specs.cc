// The -o keys of amend.
#include <fmt/format.h>
#include <oxbow/amend.h>
#include <oxbow/image.h>

#include <array>

#include "create_specs.h"

namespace oxbow::tools {
namespace {

using Spec = CreateOptionSpec;
using enum CreateOptionSpec::Type;

constexpr std::array qcow2_specs = {
    Spec{"backing_file", string, "File name of a base image", ""},
    Spec{"backing_fmt", string, "Image format of the base image", ""},
    Spec{"compat", string, "Compatibility level (v2 [0.10] or v3 [1.1])", ""},
    Spec{"data_file", string, "File name of an external data file", ""},
    Spec{"data_file_raw", boolean, "The external data file must stay valid as a raw image", ""},
    Spec{"encrypt.iter-time", number, "Time to spend in PBKDF in milliseconds", ""},
    Spec{"encrypt.keyslot", number, "Select a single keyslot to modify explicitly", ""},
    Spec{"encrypt.new-secret", string,
         "New secret to set in the matching keyslots. Empty string to erase", ""},
    Spec{"encrypt.old-secret", string, "Select all keyslots that match this password", ""},
    Spec{"encrypt.state", string, "Select new state of affected keyslots (active/inactive)", ""},
    Spec{"lazy_refcounts", boolean, "Postpone refcount updates", ""},
    Spec{"refcount_bits", number, "Width of a reference count entry in bits", ""},
    Spec{"size", size_bytes, "Virtual disk size", ""},
};
constexpr std::array luks_specs = {
    Spec{"iter-time", number, "Time to spend in PBKDF in milliseconds", ""},
    Spec{"keyslot", number, "Select a single keyslot to modify explicitly", ""},
    Spec{"new-secret", string, "New secret to set in the matching keyslots. Empty string to erase",
         ""},
    Spec{"old-secret", string, "Select all keyslots that match this password", ""},
    Spec{"state", string, "Select new state of affected keyslots (active/inactive)", ""},
};

}  // namespace

Result<std::span<const CreateOptionSpec>> amend_specs_of(std::string_view format) {
  if (format == "qcow2") return qcow2_specs;
  if (format == "luks") return luks_specs;
  if (known_format(format)) {
    return fail(ErrorKind::unsupported,
                fmt::format("Format driver '{}' does not support option amendment", format));
  }
  return fail(ErrorKind::unsupported, fmt::format("Unknown file format '{}'", format));
}

}  // namespace oxbow::tools
