// New volumes of the format "luks".
#include "api/format_makers.h"
#include "api/key_secret.h"
#include "base/invalid.h"
#include "format/luks/luks_create.h"

namespace oxbow::api {
namespace {

struct NewLuks {
  format::luks::LuksCreateOptions options;
  codec::SecretBytes passphrase;
  uint64_t size = 0;
  storage::Preallocation preallocation = storage::Preallocation::off;
};

Result<NewLuks> take_luks_options(const MakeRequest& request, OptionTree& keys) {
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
  if (!request.backing_file.empty()) {
    return fail(ErrorKind::unsupported, "Backing file not supported for file format 'luks'",
                ENOTSUP);
  }
  TRY_ASSIGN(out.passphrase, need_passphrase(request.secrets, id, "key-secret"));
  if (request.size > INT64_MAX - format::luks::new_header_size(out.options.spec)) {
    return fail(ErrorKind::invalid_argument, "The requested file size is too large", EFBIG);
  }
  out.size = request.size;
  return out;
}

Task<> write_luks(storage::Storage& file, const NewLuks& image) {
  format::luks::FileHeaderBytes bytes(file);
  CO_TRY_ASSIGN(
      const format::luks::LuksHeader header,
      co_await format::luks::create_header(bytes, image.options, image.passphrase.span()));
  co_return co_await file.truncate(header.payload_offset() + image.size, image.preallocation);
}

}  // namespace

Task<> make_luks(MakeRequest request) {
  CO_TRY_ASSIGN(const NewLuks image, take_luks_options(request, request.keys));
  const std::string path = request.file.path;
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file,
                co_await make_file(std::move(request.file)));
  Result<void> written = co_await write_luks(*file, image);
  const Result<void> closed = co_await file->close();
  if (written) written = closed;
  if (!written) remove_failed(path);
  co_return written;
}

}  // namespace oxbow::api
