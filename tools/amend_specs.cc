// The -o keys of amend.
#include <fmt/format.h>
#include <oxbow/amend.h>
#include <oxbow/image.h>

#include <array>

#include "create_specs.h"
#include "spec_texts.h"

namespace oxbow::tools {
namespace {

using Spec = CreateOptionSpec;
using enum CreateOptionSpec::Type;

constexpr std::array qcow2_specs = {
    Spec{"backing_file", string, text::backing_file, ""},
    Spec{"backing_fmt", string, text::qcow2_backing_fmt, ""},
    Spec{"compat", string, text::compat, ""},
    Spec{"data_file", string, text::data_file, ""},
    Spec{"data_file_raw", boolean, text::data_file_raw, ""},
    Spec{"encrypt.iter-time", number, text::iter_time, ""},
    Spec{"encrypt.keyslot", number, text::keyslot, ""},
    Spec{"encrypt.new-secret", string, text::new_secret, ""},
    Spec{"encrypt.old-secret", string, text::old_secret, ""},
    Spec{"encrypt.state", string, text::state, ""},
    Spec{"lazy_refcounts", boolean, text::lazy_refcounts, ""},
    Spec{"refcount_bits", number, text::refcount_bits, ""},
    Spec{"size", size_bytes, text::size, ""},
};
constexpr std::array luks_specs = {
    Spec{"iter-time", number, text::iter_time, ""},
    Spec{"keyslot", number, text::keyslot, ""},
    Spec{"new-secret", string, text::new_secret, ""},
    Spec{"old-secret", string, text::old_secret, ""},
    Spec{"state", string, text::state, ""},
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
