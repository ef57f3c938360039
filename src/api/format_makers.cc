#include "api/format_makers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "api/filename.h"
#include "api/key_secret.h"
#include "api/open.h"
#include "api/probe.h"
#include "base/bytes.h"
#include "base/invalid.h"
#include "format/parallels/create.h"
#include "format/qcow/create.h"
#include "format/qcow2/create.h"
#include "format/qed/create.h"
#include "format/raw/raw.h"
#include "format/vdi/create.h"
#include "format/vhdx/create.h"
#include "format/vmdk/create.h"
#include "format/vmdk/vmdk.h"
#include "format/vpc/create.h"

namespace oxbow::api {
namespace {

namespace parallels = format::parallels;
namespace qcow = format::qcow;
namespace qcow2 = format::qcow2;
namespace qed = format::qed;
namespace vdi = format::vdi;
namespace vhdx = format::vhdx;
namespace vmdk = format::vmdk;
namespace vpc = format::vpc;

Result<void> check_left(const OptionTree& keys) {
  if (keys.empty()) return {};
  return invalid("Invalid parameter '" + keys.all().begin()->first + "'");
}

Result<void> refuse_backing(const MakeRequest& request) {
  if (request.backing_file.empty()) return {};
  return fail(ErrorKind::unsupported,
              "Backing file not supported for file format '" + request.format + "'", ENOTSUP);
}

Result<void> check_backing_format(const std::string& format) {
  const bool known = format.empty() || format == "raw" || format == "qcow2" ||
                     is_storage_driver(format) || is_foreign_format(format);
  if (known) return {};
  return invalid("Parameter 'backing-fmt' does not accept value '" + format + "'");
}

Task<> make_raw(MakeRequest request) {
  request.keys.take("size");
  CO_TRY(check_left(request.keys));
  CO_TRY(refuse_backing(request));
  if (request.size > INT64_MAX - format::raw::RawImage::sector) {
    co_return invalid("The image size is too large");
  }
  request.file.size = align_up(request.size, format::raw::RawImage::sector);
  co_return co_await storage::create_file(std::move(request.file));
}

// `wishes` were found to be sound; `create` writes them into a new file.
template <class Wishes>
Task<> make_with(storage::FileCreateOptions file, Wishes wishes,
                 Task<> (*create)(std::unique_ptr<storage::Storage>, Wishes)) {
  const std::string path = file.path;
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> opened, co_await make_file(std::move(file)));
  const Result<void> written = co_await create(std::move(opened), std::move(wishes));
  if (!written) remove_failed(path);
  co_return written;
}

Result<qcow2::Qcow2CreateOptions> take_qcow2_options(const MakeRequest& request) {
  TRY_ASSIGN(qcow2::Qcow2CreateOptions image,
             qcow2::parse_create_options(request.keys.to_options()));
  image.size = request.size;
  image.backing_file = request.backing_file;
  image.backing_format = request.backing_format;
  TRY(check_backing_format(request.backing_format));
  if (image.encryption) {
    TRY_ASSIGN(codec::SecretBytes found,
               find_passphrase(request.secrets, image.encryption->key_secret));
    image.encryption->passphrase = std::make_shared<codec::SecretBytes>(std::move(found));
  }
  TRY(qcow2::check_create_options(image));
  return image;
}

// The data file must be none of the image's other files: it is emptied.
Result<void> check_data_file(const MakeRequest& request, const std::string& path) {
  std::vector<std::string> others = {request.file.path};
  if (!request.backing_file.empty()) {
    others.push_back(resolve_name(request.file.path, request.backing_file));
  }
  const auto same = std::ranges::find_if(others, [&](const std::string& other) {
    std::error_code error;
    return path == other || std::filesystem::equivalent(path, other, error);
  });
  if (same == others.end()) return {};
  return invalid("The data file '" + path + "' cannot be '" + *same + "' itself");
}

Task<std::unique_ptr<storage::Storage>> make_data_file(storage::FileCreateOptions file,
                                                       std::string path,
                                                       const qcow2::Qcow2CreateOptions& image) {
  file.path = std::move(path);
  file.size = align_up(image.size, 512);
  const bool space = image.preallocation != storage::Preallocation::metadata;
  file.preallocation = space ? image.preallocation : storage::Preallocation::off;
  co_return co_await make_file(std::move(file));
}

Task<> make_qcow2(MakeRequest request) {
  CO_TRY_ASSIGN(qcow2::Qcow2CreateOptions image, take_qcow2_options(request));
  if (!image.data_file) {
    co_return co_await make_with(std::move(request.file), std::move(image), qcow2::create);
  }
  CO_TRY_ASSIGN(const std::string data_path, host_path(*image.data_file));
  CO_TRY(check_data_file(request, data_path));
  image.data_file = path_as_name(data_path);
  const std::string path = request.file.path;
  CO_TRY_ASSIGN(auto file, co_await make_file(request.file));
  Result<std::unique_ptr<storage::Storage>> data =
      co_await make_data_file(request.file, data_path, image);
  if (!data) {
    (void)co_await file->close();
    remove_failed(path);
    co_return std::unexpected(std::move(data).error());
  }
  const Result<void> written =
      co_await qcow2::create_with_data_file(std::move(file), std::move(*data), std::move(image));
  if (!written) remove_failed(path);
  if (!written) remove_failed(data_path);
  co_return written;
}

// Whether it is to be encrypted, by the one method there is.
Result<bool> take_qcow_encryption(MakeRequest& request) {
  OptionTree& keys = request.keys;
  TRY_ASSIGN(const auto old_way, keys.take_bool("encryption"));
  const auto method = keys.take_text("encrypt.format");
  const auto id = keys.take_text("encrypt.key-secret");
  if (old_way && method) {
    return invalid("'encrypt.format' and its alias 'encryption' can't be used at the same time");
  }
  const bool wanted = method || old_way.value_or(false);
  if (!wanted && !old_way && id) return invalid("Parameter 'encrypt.format' is missing");
  if (method && *method == "luks") return invalid("Unsupported encryption format");
  if (method && *method != "aes") {
    return invalid("Parameter 'format' does not accept value '" + *method + "'");
  }
  if (wanted) TRY(need_passphrase(request.secrets, id, "encrypt.key-secret"));
  return wanted;
}

Task<> make_qcow(MakeRequest request) {
  qcow::CreateOptions image;
  image.size = request.size;
  image.backing_file = request.backing_file;
  CO_TRY_ASSIGN(image.encrypted, take_qcow_encryption(request));
  CO_TRY(check_left(request.keys));
  CO_TRY(check_backing_format(request.backing_format));
  CO_TRY(qcow::check_create_options(image));
  co_return co_await make_with(std::move(request.file), std::move(image), qcow::create);
}

Task<> make_qed(MakeRequest request) {
  qed::CreateOptions image;
  image.size = request.size;
  image.backing_file = request.backing_file;
  image.backing_is_raw = request.backing_format == "raw";
  CO_TRY_ASSIGN(const auto cluster_size, request.keys.take_size("cluster_size"));
  CO_TRY_ASSIGN(const auto table_size, request.keys.take_size("table_size"));
  image.cluster_size = cluster_size.value_or(image.cluster_size);
  image.table_clusters = table_size.value_or(image.table_clusters);
  CO_TRY(check_left(request.keys));
  CO_TRY(check_backing_format(request.backing_format));
  CO_TRY(qed::check_create_options(image));
  co_return co_await make_with(std::move(request.file), std::move(image), qed::create);
}

// Takes the keys that one format knows.
template <class Wishes>
using TakeKeys = Result<void> (*)(OptionTree&, Wishes&);

// A format that has no backing file. `settle` says what is wrong, or what is made of the wishes.
template <class Wishes, class Settle>
Task<> make_alone(MakeRequest request, TakeKeys<Wishes> take, Settle settle,
                  Task<> (*create)(std::unique_ptr<storage::Storage>, Wishes)) {
  CO_TRY(refuse_backing(request));
  Wishes wishes;
  wishes.size = request.size;
  CO_TRY(take(request.keys, wishes));
  CO_TRY(check_left(request.keys));
  if constexpr (std::is_same_v<decltype(settle(wishes)), Result<Wishes>>) {
    CO_TRY_ASSIGN(wishes, settle(wishes));
  } else {
    CO_TRY(settle(wishes));
  }
  co_return co_await make_with(std::move(request.file), std::move(wishes), create);
}

// Takes the key `subformat`: the first word is the default.
Result<bool> take_fixed(OptionTree& keys) {
  const auto word = keys.take_text("subformat");
  if (!word || *word == "dynamic") return false;
  if (*word == "fixed") return true;
  return invalid("Parameter 'subformat' does not accept value '" + *word + "'");
}

Result<void> take_parallels(OptionTree& keys, parallels::CreateOptions& wishes) {
  TRY_ASSIGN(const auto cluster_size, keys.take_size("cluster_size"));
  wishes.cluster_size = cluster_size.value_or(wishes.cluster_size);
  return {};
}

Result<void> take_vdi(OptionTree& keys, vdi::CreateOptions& wishes) {
  TRY_ASSIGN(const auto fixed, keys.take_bool("static"));
  wishes.fixed = fixed.value_or(false);
  return {};
}

Result<void> take_vpc(OptionTree& keys, vpc::CreateOptions& wishes) {
  TRY_ASSIGN(wishes.fixed, take_fixed(keys));
  TRY_ASSIGN(const auto exact, keys.take_bool("force_size"));
  wishes.exact_size = exact.value_or(false);
  return {};
}

Result<void> take_vhdx(OptionTree& keys, vhdx::CreateOptions& wishes) {
  TRY_ASSIGN(wishes.fixed, take_fixed(keys));
  TRY_ASSIGN(const auto log_size, keys.take_size("log_size"));
  TRY_ASSIGN(const auto block_size, keys.take_size("block_size"));
  TRY_ASSIGN(const auto zero_blocks, keys.take_bool("block_state_zero"));
  wishes.log_size = log_size.value_or(wishes.log_size);
  wishes.block_size = block_size.value_or(0);
  wishes.zero_blocks = zero_blocks.value_or(true);
  return {};
}

Task<> make_parallels(MakeRequest request) {
  return make_alone(std::move(request), take_parallels, parallels::check_create_options,
                    parallels::create);
}
Task<> make_vdi(MakeRequest request) {
  return make_alone(std::move(request), take_vdi, vdi::check_create_options, vdi::create);
}
Task<> make_vpc(MakeRequest request) {
  return make_alone(std::move(request), take_vpc, vpc::check_create_options, vpc::create);
}
Task<> make_vhdx(MakeRequest request) {
  return make_alone(std::move(request), take_vhdx, vhdx::settle_create_options, vhdx::create);
}

// The backing file's CID; what is not vmdk is refused.
Task<uint32_t> cid_of_backing(const MakeRequest& request) {
  if (request.backing_file.empty()) co_return format::vmdk::no_parent;
  OpenOptions open;
  open.format = "vmdk";
  open.trust = request.trust;
  open.force_share = true;
  open.open_backing = false;
  CO_TRY_ASSIGN(
      Opened backing,
      co_await open_name(resolve_name(request.file.path, request.backing_file), std::move(open)));
  const auto* image = dynamic_cast<const format::vmdk::VmdkImage*>(&backing.node->format());
  const uint32_t cid = image != nullptr ? image->descriptor().cid : format::vmdk::no_parent;
  CO_TRY(co_await close_chain(std::move(backing.node)));
  co_return cid;
}

Result<vmdk::CreateOptions> take_vmdk_options(MakeRequest& request) {
  vmdk::CreateOptions image;
  image.size = request.size;
  image.backing_file = request.backing_file;
  image.subformat = request.keys.take_text("subformat").value_or(image.subformat);
  image.adapter_type = request.keys.take_text("adapter_type").value_or(image.adapter_type);
  image.tools_version = request.keys.take_text("toolsversion").value_or(image.tools_version);
  const auto hardware = request.keys.take_text("hwversion");
  TRY_ASSIGN(const auto compat6, request.keys.take_bool("compat6"));
  TRY_ASSIGN(const auto zero_grains, request.keys.take_bool("zeroed_grain"));
  image.zero_grains = zero_grains.value_or(false);
  const bool has_hardware = hardware && *hardware != "undefined";
  if (compat6.value_or(false) && has_hardware) {
    return invalid("compat6 cannot be enabled with hwversion set");
  }
  if (compat6.value_or(false)) image.hardware_version = "6";
  if (has_hardware) image.hardware_version = *hardware;
  TRY(check_left(request.keys));
  TRY(vmdk::check_create_options(image));
  if (!request.backing_file.empty() && request.backing_format != "vmdk") {
    return invalid("backing_file must be a vmdk image");
  }
  return image;
}

Task<> make_vmdk(MakeRequest request) {
  CO_TRY_ASSIGN(vmdk::CreateOptions image, take_vmdk_options(request));
  CO_TRY_ASSIGN(image.parent_cid, co_await cid_of_backing(request));
  const storage::FileCreateOptions model = request.file;
  vmdk::MakeFile make = [&model](std::string path, uint64_t size) {
    storage::FileCreateOptions file = model;
    file.path = std::move(path);
    file.size = size;
    return make_file(std::move(file));
  };
  co_return co_await vmdk::create(std::move(request.file.path), std::move(image), std::move(make));
}

// In the order of their names.
constexpr std::array makers = {
    FormatMaker{"file", make_raw},
    FormatMaker{"luks", make_luks, false, true},
    FormatMaker{"parallels", make_parallels},
    FormatMaker{"qcow", make_qcow, true},
    FormatMaker{"qcow2", make_qcow2, true, true},
    FormatMaker{"qed", make_qed, true},
    FormatMaker{"raw", make_raw},
    FormatMaker{"vdi", make_vdi},
    FormatMaker{"vhdx", make_vhdx},
    FormatMaker{"vmdk", make_vmdk, true},
    FormatMaker{"vpc", make_vpc},
};

}  // namespace

const FormatMaker* find_format_maker(std::string_view name) {
  const auto* found = std::ranges::find(makers, name, &FormatMaker::name);
  return found == makers.end() ? nullptr : found;
}

Result<storage::Preallocation> take_preallocation(OptionTree& options) {
  const std::string word = options.take_text("preallocation").value_or("off");
  if (word == "off") return storage::Preallocation::off;
  if (word == "falloc") return storage::Preallocation::falloc;
  if (word == "full") return storage::Preallocation::full;
  if (word == "metadata") return storage::Preallocation::metadata;  // the file refuses it
  return invalid("invalid parameter value: " + word);
}

Result<std::string> host_path(const std::string& filename) {
  OptionTree target;
  TRY(apply_filename(filename, target));
  const std::string driver = target.take_text("driver").value_or("");
  if (const auto path = target.take_text("filename")) return *path;
  return fail(ErrorKind::unsupported,
              "Protocol driver '" + driver + "' does not support image creation", ENOTSUP);
}

Task<std::unique_ptr<storage::Storage>> make_file(storage::FileCreateOptions file) {
  storage::FileOptions options;
  options.path = file.path;
  CO_TRY(co_await storage::create_file(std::move(file)));
  options.driver = storage::file_driver_for(options.path);
  options.writable = true;
  options.sharing = storage::Sharing::read;
  options.discard_unmap = true;
  co_return co_await storage::open_file(std::move(options));
}

void remove_failed(const std::string& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) (void)::unlink(path.c_str());
}

}  // namespace oxbow::api
