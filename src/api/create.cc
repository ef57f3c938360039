#include "api/create.h"

#include <sys/stat.h>
#include <unistd.h>

#include "api/filename.h"
#include "api/key_secret.h"
#include "api/open.h"
#include "api/option_tree.h"
#include "api/probe.h"
#include "base/bytes.h"
#include "format/luks/luks_create.h"
#include "format/qcow2/create.h"
#include "format/raw/raw.h"
#include "storage/file.h"

namespace oxbow::api {
namespace {

namespace qcow2 = format::qcow2;
using format::qcow2::Qcow2CreateOptions;

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid_argument, std::move(message), EINVAL);
}

// The host file that `filename` creates.
Result<std::string> target_path(const std::string& filename) {
  OptionTree target;
  TRY(apply_filename(filename, target));
  const std::string driver = target.take_text("driver").value_or("");
  if (const auto path = target.take_text("filename")) return *path;
  return fail(ErrorKind::unsupported,
              "Protocol driver '" + driver + "' does not support image creation", ENOTSUP);
}

// Takes what the host file is asked for out of the -o keys.
Result<storage::FileCreateOptions> take_file_options(const std::string& filename,
                                                     OptionTree& options) {
  storage::FileCreateOptions file;
  TRY_ASSIGN(file.path, target_path(filename));
  TRY_ASSIGN(const auto nocow, options.take_bool("nocow"));
  TRY_ASSIGN(const auto hint, options.take_size("extent_size_hint"));
  file.nocow = nocow.value_or(false);
  if (hint && *hint > UINT32_MAX) return invalid("Extent size hint is too large");
  if (hint) file.extent_size_hint = static_cast<uint32_t>(*hint);
  return file;
}

Result<storage::Preallocation> take_preallocation(OptionTree& options) {
  const std::string word = options.take_text("preallocation").value_or("off");
  if (word == "off") return storage::Preallocation::off;
  if (word == "falloc") return storage::Preallocation::falloc;
  if (word == "full") return storage::Preallocation::full;
  if (word == "metadata") return storage::Preallocation::metadata;  // the file refuses it
  return invalid("invalid parameter value: " + word);
}

Task<> create_raw(CreateOptions options) {
  OptionTree keys(options.format_options);
  CO_TRY_ASSIGN(storage::FileCreateOptions file, take_file_options(options.filename, keys));
  CO_TRY_ASSIGN(file.preallocation, take_preallocation(keys));
  keys.take("size");
  if (!keys.empty()) co_return invalid("Invalid parameter '" + keys.all().begin()->first + "'");
  if (!options.backing_file.empty()) {
    co_return fail(ErrorKind::unsupported,
                   "Backing file not supported for file format '" + options.format + "'", ENOTSUP);
  }
  if (options.size > INT64_MAX - format::raw::RawImage::sector) {
    co_return invalid("The image size is too large");
  }
  file.size = align_up(options.size, format::raw::RawImage::sector);
  co_return co_await storage::create_file(std::move(file));
}

Result<void> check_backing_format(const std::string& format) {
  const bool known = format.empty() || format == "raw" || format == "qcow2" ||
                     is_storage_driver(format) || is_foreign_format(format);
  if (known) return {};
  return invalid("Parameter 'backing-fmt' does not accept value '" + format + "'");
}

Result<Qcow2CreateOptions> take_qcow2_options(const CreateOptions& options, OptionTree& keys) {
  TRY_ASSIGN(Qcow2CreateOptions image, qcow2::parse_create_options(keys.to_options()));
  image.size = options.size;
  image.backing_file = options.backing_file;
  image.backing_format = options.backing_format;
  TRY(check_backing_format(options.backing_format));
  if (image.encryption) {
    TRY_ASSIGN(codec::SecretBytes found,
               find_passphrase(options.secrets, image.encryption->key_secret));
    image.encryption->passphrase = std::make_shared<codec::SecretBytes>(std::move(found));
  }
  TRY(qcow2::check_create_options(image));
  return image;
}

// The host file that was just made.
Task<std::unique_ptr<storage::Storage>> open_made(std::string path) {
  storage::FileOptions options;
  options.path = path;
  options.driver = storage::file_driver_for(path);
  options.writable = true;
  options.sharing = storage::Sharing::read;
  options.discard_unmap = true;
  co_return co_await storage::open_file(std::move(options));
}

Task<> write_qcow2(std::string path, Qcow2CreateOptions image) {
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file, co_await open_made(std::move(path)));
  co_return co_await qcow2::create(std::move(file), std::move(image));
}

// A file that did not become an image must not be taken for one.
void remove_failed(const std::string& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) (void)::unlink(path.c_str());
}

Task<> create_qcow2(CreateOptions options) {
  OptionTree keys(options.format_options);
  CO_TRY_ASSIGN(storage::FileCreateOptions file, take_file_options(options.filename, keys));
  CO_TRY_ASSIGN(Qcow2CreateOptions image, take_qcow2_options(options, keys));
  const std::string path = file.path;
  CO_TRY(co_await storage::create_file(std::move(file)));
  const Result<void> written = co_await write_qcow2(path, std::move(image));
  if (!written) remove_failed(path);
  co_return written;
}

struct NewLuks {
  format::luks::LuksCreateOptions options;
  codec::SecretBytes passphrase;
  uint64_t size = 0;
  storage::Preallocation preallocation = storage::Preallocation::off;
};

Result<NewLuks> take_luks_options(const CreateOptions& options, OptionTree& keys) {
  NewLuks out;
  const auto id = keys.take_text("key-secret");
  TRY_ASSIGN(out.preallocation, take_preallocation(keys));
  // Taken for a word without meaning here, as the stock tools do.
  if (out.preallocation == storage::Preallocation::metadata) {
    out.preallocation = storage::Preallocation::off;
  }
  keys.take("size");
  auto words = keys.to_options();
  TRY_ASSIGN(out.options, format::luks::take_create_options(words));
  if (!words.empty()) return invalid("Invalid parameter '" + words.begin()->first + "'");
  if (!options.backing_file.empty()) {
    return fail(ErrorKind::unsupported, "Backing file not supported for file format 'luks'",
                ENOTSUP);
  }
  TRY_ASSIGN(out.passphrase, need_passphrase(options.secrets, id, "key-secret"));
  if (options.size > INT64_MAX - format::luks::new_header_size(out.options.spec)) {
    return fail(ErrorKind::invalid_argument, "The requested file size is too large", EFBIG);
  }
  out.size = options.size;
  return out;
}

Task<> write_luks(storage::Storage& file, const NewLuks& image) {
  format::luks::FileHeaderBytes bytes(file);
  CO_TRY_ASSIGN(
      const format::luks::LuksHeader header,
      co_await format::luks::create_header(bytes, image.options, image.passphrase.span()));
  co_return co_await file.truncate(header.payload_offset() + image.size, image.preallocation);
}

Task<> create_luks(CreateOptions options) {
  OptionTree keys(options.format_options);
  CO_TRY_ASSIGN(storage::FileCreateOptions file, take_file_options(options.filename, keys));
  CO_TRY_ASSIGN(const NewLuks image, take_luks_options(options, keys));
  const std::string path = file.path;
  CO_TRY(co_await storage::create_file(std::move(file)));
  Result<std::unique_ptr<storage::Storage>> made = co_await open_made(path);
  Result<void> written;
  if (made) written = co_await write_luks(**made, image);
  if (!made) written = std::unexpected(made.error());
  if (made) {
    const Result<void> closed = co_await (*made)->close();
    if (written) written = closed;
  }
  if (!written) remove_failed(path);
  co_return written;
}

// Sees that the backing file can be opened; its size is the default.
Task<uint64_t> size_of_backing(CreateOptions options) {
  OpenOptions open;
  open.format = options.backing_format;
  open.trust = options.trust;
  open.force_share = true;  // only its size is asked, whoever is writing to it
  open.warn = options.warn;
  open.metadata_only = true;
  open.secrets = options.secrets;
  CO_TRY_ASSIGN(const std::string path, target_path(options.filename));
  std::string name = resolve_name(path, options.backing_file);
  Result<Opened> backing = co_await open_name(std::move(name), std::move(open));
  if (!backing) {
    Error error = std::move(backing).error();
    std::string hint = error.hint() + "Could not open backing image.\n";
    co_return std::unexpected(std::move(error).with_hint(std::move(hint)));
  }
  const uint64_t size = backing->node->virtual_size();
  CO_TRY(co_await close_chain(std::move(backing->node)));
  co_return size;
}

}  // namespace

Task<> create_image(CreateOptions options) {
  const bool creatable = options.format == "raw" || options.format == "qcow2" ||
                         options.format == "luks" || options.format == "file";
  if (!creatable) {
    co_return fail(ErrorKind::unsupported, "Unknown file format '" + options.format + "'", EINVAL);
  }
  if (!options.backing_file.empty() && options.backing_format.empty()) {
    co_return invalid("Backing file specified without backing format");
  }
  if (!options.backing_file.empty() && options.open_backing && options.format == "qcow2") {
    CO_TRY_ASSIGN(const uint64_t size, co_await size_of_backing(options));
    if (options.size == CreateOptions::no_size) options.size = size;
  }
  if (options.size == CreateOptions::no_size) {
    co_return invalid("Image creation needs a size parameter");
  }
  if (options.format == "qcow2") co_return co_await create_qcow2(std::move(options));
  if (options.format == "luks") co_return co_await create_luks(std::move(options));
  co_return co_await create_raw(std::move(options));
}

}  // namespace oxbow::api
