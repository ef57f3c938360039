#include "create_specs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "spec_texts.h"

namespace oxbow::tools {
namespace {

using Spec = CreateOptionSpec;
using enum CreateOptionSpec::Type;

// Each in the order of "Formatting ..."; the help is sorted by name.
constexpr std::array qcow2_specs = {
    Spec{"encryption", boolean,
         "Encrypt the image with format 'aes'. (Deprecated in favor of "
         "encrypt.format=aes)",
         ""},
    Spec{"encrypt.format", string, "Encrypt the image, format choices: 'aes', 'luks'", ""},
    Spec{"encrypt.key-secret", string, "ID of secret providing qcow AES key or LUKS passphrase",
         ""},
    Spec{"encrypt.cipher-alg", string, text::cipher_alg, ""},
    Spec{"encrypt.cipher-mode", string, text::cipher_mode, ""},
    Spec{"encrypt.ivgen-alg", string, text::ivgen_alg, ""},
    Spec{"encrypt.ivgen-hash-alg", string, text::ivgen_hash_alg, ""},
    Spec{"encrypt.hash-alg", string, text::hash_alg, ""},
    Spec{"encrypt.iter-time", number, text::iter_time, ""},
    Spec{"cluster_size", size_bytes, "qcow2 cluster size", "65536"},
    Spec{"extended_l2", boolean, "Extended L2 tables", "off"},
    Spec{"preallocation", string,
         "Preallocation mode (allowed values: off, metadata, falloc, full)", ""},
    Spec{"compression_type", string, "Compression method used for image cluster compression",
         "zlib"},
    Spec{"size", size_bytes, text::size, ""},
    Spec{"compat", string, text::compat, ""},
    Spec{"backing_file", string, text::backing_file, ""},
    Spec{"backing_fmt", string, text::qcow2_backing_fmt, ""},
    Spec{"data_file", string, text::data_file, ""},
    Spec{"data_file_raw", boolean, text::data_file_raw, ""},
    Spec{"lazy_refcounts", boolean, text::lazy_refcounts, "off"},
    Spec{"refcount_bits", number, text::refcount_bits, "16"},
};
constexpr std::array qcow_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"backing_file", string, text::backing_file, ""},
    Spec{"backing_fmt", string, "Format of the backing image", ""},
    Spec{"encryption", boolean,
         "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)", ""},
    Spec{"encrypt.format", string, "Encrypt the image, format choices: 'aes'", ""},
    Spec{"encrypt.key-secret", string, "ID of the secret that provides the AES encryption key", ""},
};
constexpr std::array qed_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"backing_file", string, text::backing_file, ""},
    Spec{"backing_fmt", string, text::qcow2_backing_fmt, ""},
    Spec{"cluster_size", size_bytes, "Cluster size (in bytes)", "65536"},
    Spec{"table_size", size_bytes, "L1/L2 table size (in clusters)", ""},
};
constexpr std::array luks_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"key-secret", string, "ID of the secret that provides the keyslot passphrase", ""},
    Spec{"cipher-alg", string, text::cipher_alg, ""},
    Spec{"cipher-mode", string, text::cipher_mode, ""},
    Spec{"ivgen-alg", string, text::ivgen_alg, ""},
    Spec{"ivgen-hash-alg", string, text::ivgen_hash_alg, ""},
    Spec{"hash-alg", string, text::hash_alg, ""},
    Spec{"iter-time", number, text::iter_time, ""},
};
constexpr std::array raw_specs = {Spec{"size", size_bytes, text::size, ""}};
constexpr std::array file_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"nocow", boolean, "Turn off copy-on-write (valid only on btrfs)", ""},
    Spec{"preallocation", string, "Preallocation mode (allowed values: off, falloc, full)", ""},
    Spec{"extent_size_hint", size_bytes, "Extent size hint for the image file, 0 to disable", ""},
};
constexpr std::array parallels_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"cluster_size", size_bytes, "Parallels image cluster size", "1048576"},
};
constexpr std::array vdi_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"static", boolean, "VDI static (pre-allocated) image", "off"},
};
constexpr std::array vhdx_specs = {
    Spec{"size", size_bytes, "Virtual disk size; max of 64TB.", ""},
    Spec{"log_size", size_bytes, "Log size; min 1MB.", "1048576"},
    Spec{"block_size", size_bytes,
         "Block Size; min 1MB, max 256MB. 0 means auto-calculate based on "
         "image size.",
         "0"},
    Spec{"subformat", string,
         "VHDX format type, can be either 'dynamic' or 'fixed'. Default is "
         "'dynamic'.",
         ""},
    Spec{"block_state_zero", boolean,
         "Force use of payload blocks of type 'ZERO'. Non-standard, but "
         "default.  Do not set to "
         "'off' when using 'qemu-img convert' with subformat=dynamic.",
         ""},
};
constexpr std::array vpc_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"subformat", string,
         "Type of virtual hard disk format. Supported formats are {dynamic "
         "(default) | fixed} ",
         ""},
    Spec{"force_size", boolean,
         "Force disk size calculation to use the actual size specified, rather "
         "than using the "
         "nearest CHS-based calculation",
         ""},
};
constexpr std::array vmdk_specs = {
    Spec{"size", size_bytes, text::size, ""},
    Spec{"adapter_type", string,
         "Virtual adapter type, can be one of ide (default), lsilogic, "
         "buslogic or legacyESX",
         ""},
    Spec{"backing_file", string, text::backing_file, ""},
    Spec{"backing_fmt", string, "Must be 'vmdk' if present", ""},
    Spec{"compat6", boolean, "VMDK version 6 image", "off"},
    Spec{"hwversion", string, "VMDK hardware version", "undefined"},
    Spec{"toolsversion", string, "VMware guest tools version", ""},
    Spec{"subformat", string,
         "VMDK flat extent format, can be one of {monolithicSparse (default) | "
         "monolithicFlat | "
         "twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized} ",
         ""},
    Spec{"zeroed_grain", boolean, "Enable efficient zero writes using the zeroed-grain GTE feature",
         ""},
};
// Drivers that exist and make no images.
constexpr std::array not_creatable = {"null-co", "null-aio", "blkdebug", "bochs", "cloop", "dmg"};

struct FormatSpecs {
  std::string_view format;
  std::span<const Spec> specs;
};
constexpr std::array formats = {
    FormatSpecs{"luks", luks_specs},
    FormatSpecs{"file", file_specs},
    FormatSpecs{"parallels", parallels_specs},
    FormatSpecs{"qcow", qcow_specs},
    FormatSpecs{"qcow2", qcow2_specs},
    FormatSpecs{"qed", qed_specs},
    FormatSpecs{"raw", raw_specs},
    FormatSpecs{"vdi", vdi_specs},
    FormatSpecs{"vhdx", vhdx_specs},
    FormatSpecs{"vmdk", vmdk_specs},
    FormatSpecs{"vpc", vpc_specs},
};

}  // namespace

Result<std::span<const CreateOptionSpec>> create_specs_of(std::string_view format) {
  const auto* found = std::ranges::find(formats, format, &FormatSpecs::format);
  if (found != formats.end()) return found->specs;
  if (std::ranges::find(not_creatable, format) != not_creatable.end()) {
    return fail(ErrorKind::unsupported,
                fmt::format("Format driver '{}' does not support image creation", format));
  }
  return fail(ErrorKind::unsupported, fmt::format("Unknown file format '{}'", format));
}

}  // namespace oxbow::tools
