// What each format takes to be opened: its options, and how it is shown.
#include "api/filename.h"
#include "api/key_secret.h"
#include "api/opener.h"
#include "api/probe.h"
#include "api/qcow2_options.h"
#include "api/trust.h"
#include "format/raw/raw.h"
#include "format/sealed.h"

namespace oxbow::api {

using format::qcow2::Header;
using format::qcow2::Qcow2Image;
using format::raw::RawImage;

Task<std::unique_ptr<format::Format>> Opener::open_raw(Layer& layer) {
  format::raw::RawOptions raw;
  layer.shown = layer.file.shown;
  if (layer.plain) {
    raw.name = layer.driver;
  } else {
    JsonObject json;
    json.add("driver", {"raw"});
    for (const char* key : {"offset", "size"}) {
      const OptionValue* value = layer.tree.find(key);
      if (value == nullptr) continue;
      json.add(key, *value);
      layer.shown.exact.clear();
    }
    json.add_json("file", layer.file.shown.json);
    layer.shown.json = json.text();
    CO_TRY_ASSIGN(const auto offset, layer.tree.take_size("offset"));
    CO_TRY_ASSIGN(raw.size, layer.tree.take_size("size"));
    raw.offset = offset.value_or(0);
  }
  if (layer.probed) {
    raw.forbidden_start = [](std::span<const std::byte> head) {
      return probe_format(head) != "raw";
    };
  }
  CO_TRY_ASSIGN(std::unique_ptr<RawImage> image,
                RawImage::create(std::move(layer.file.storage), std::move(raw)));
  CO_TRY(check_left(layer));
  const bool asks_for_backing = layer.backing_reference || !layer.backing.empty();
  if (asks_for_backing) co_return invalid("Driver doesn't support backing files");
  co_return std::unique_ptr<format::Format>(std::move(image));
}

Task<std::unique_ptr<format::Format>> Opener::open_qcow2(Layer& layer) {
  const OptionTree given = layer.tree;
  CO_TRY(take_data_file(layer));
  CO_TRY_ASSIGN(Qcow2Wishes wishes, take_qcow2_options(layer.tree, layer.options));
  wishes.open.check_only = options_.check_only;
  wishes.open.warn = options_.warn;
  wishes.open.on_repair = options_.on_repair;
  pass_events(layer, wishes.open);
  if (!options_.metadata_only) {
    wishes.open.encryption.passphrase = [secrets = options_.secrets, id = wishes.key_secret] {
      return need_passphrase(secrets, id, "encrypt.key-secret");
    };
  }
  if (data_file_is_wanted()) {
    wishes.open.open_data_file = [this, &layer](std::optional<std::string> named) {
      return open_data_file(layer, std::move(named));
    };
  }
  auto wanted = wishes.open;
  CO_TRY_ASSIGN(
      std::unique_ptr<Qcow2Image> image,
      co_await format::qcow2::open_qcow2(std::move(layer.file.storage), std::move(wanted)));
  Result<void> fits = check_qcow2_options(wishes, image->header());
  if (fits && data_file_is_wanted() && !layer.data_file.empty()) {
    fits = invalid("'data-file' can only be set for images with an external data file");
  }
  if (fits) fits = check_left(layer);
  if (!fits) {
    (void)co_await image->close();
    co_return std::unexpected(fits.error());
  }
  show_format(layer, given, {"encrypt.key-secret"});
  const std::optional<Error> sealed = sealed_because(*image);
  if (!sealed) co_return std::unique_ptr<format::Format>(std::move(image));
  if (data_is_wanted()) {
    (void)co_await image->close();
    co_return std::unexpected(*sealed);
  }
  co_return std::make_unique<format::SealedFormat>(std::move(image), *sealed);
}

// By its driver and file, and those of the options given that make another image of it.
void Opener::show_format(Layer& layer, const OptionTree& given,
                         std::initializer_list<const char*> significant) const {
  JsonObject json;
  json.add("driver", {layer.driver});
  bool plain = true;
  for (const char* key : significant) {
    const OptionValue* value = given.find(key);
    if (value == nullptr) continue;
    json.add(key, *value);
    plain = false;
  }
  json.add_json("file", layer.file.shown.json);
  layer.shown = {plain ? layer.file.shown.exact : "", json.text()};
}

// Not only what the image says of itself.
bool Opener::data_is_wanted() const {
  return options_.open_backing && options_.open_data_file && !options_.check_only &&
         !options_.metadata_only;
}

Task<std::unique_ptr<format::Format>> Opener::open_driver(Layer& layer,
                                                          const FormatDriver& driver) {
  show_format(layer, layer.tree, {"encrypt.key-secret", "key-secret"});
  FormatRequest request;
  request.file = std::move(layer.file.storage);
  request.writable = layer.options.writable;
  request.check_only = options_.check_only;
  request.options = &layer.tree;
  request.metadata_only = options_.metadata_only;
  request.secrets = options_.secrets;
  request.warn = options_.warn;
  request.open_beside = [this, &layer](std::string name) { return open_beside(layer, name); };
  CO_TRY_ASSIGN(std::unique_ptr<format::Format> image, co_await driver.open(std::move(request)));
  Result<void> fits = check_left(layer);
  const bool asks_for_backing = layer.backing_reference || !layer.backing.empty();
  if (fits && asks_for_backing && !driver.takes_backing) {
    fits = invalid("Driver doesn't support backing files");
  }
  if (fits) co_return image;
  (void)co_await image->close();
  co_return std::unexpected(fits.error());
}

// A further file of an image in several: never one that the trust policy keeps from it.
Task<std::unique_ptr<storage::Storage>> Opener::open_beside(Layer& layer, std::string name) {
  StorageRequest request;
  request.name = resolve_name(layer.file.file, name);
  CO_TRY(check_trust(options_.trust, layer.file.file, *request.name));
  request.node = layer.options.for_file();
  request.sharing = storage::Sharing::read;
  request.aio = options_.aio;
  CO_TRY_ASSIGN(OpenedStorage opened, co_await open_storage(std::move(request)));
  co_return std::move(opened.storage);
}

void Opener::pass_events(const Layer& layer, format::qcow2::Qcow2OpenOptions& open) const {
  if (!options_.on_event) return;
  const std::string reference = layer.file.storage->filename();
  open.on_corrupt = [sink = options_.on_event,
                     reference](const format::qcow2::Corruption& corruption) {
    ImageCorrupted event{reference, corruption.message, {}, {}};
    if (corruption.size != 0) event.offset = corruption.offset;
    if (corruption.size != 0) event.size = corruption.size;
    event.fatal = corruption.fatal;
    sink(event);
  };
  open.on_memory_limit = [sink = options_.on_event,
                          reference](const format::qcow2::MemoryLimitReached& lost) {
    sink(OverlapCheckMemoryLimitReached{reference, lost.start, lost.length});
  };
}

Result<void> Opener::check_left(const Layer& layer) const {
  std::string key;
  if (!layer.tree.empty()) {
    key = layer.tree.all().begin()->first;
  } else if (!options_.open_backing && layer.backing_reference) {
    key = "backing";
  } else if (!options_.open_backing && !layer.backing.empty()) {
    key = "backing." + layer.backing.all().begin()->first;
  } else {
    return {};
  }
  return invalid("Block format '" + layer.driver + "' does not support the option '" + key + "'");
}

// Images whose data cannot be had open for a look at their metadata only.
std::optional<Error> Opener::sealed_because(Qcow2Image& image) const {
  const Header& header = image.header();
  if (header.crypt_method != format::qcow2::crypt_none && options_.metadata_only) {
    return need_passphrase({}, std::nullopt, "encrypt.key-secret").error();
  }
  if (header.has_data_file() && !image.has_data_file()) {
    return Error(ErrorKind::unsupported, image.file().filename() + ": its data file is not open",
                 ENOTSUP);
  }
  return std::nullopt;
}

Task<std::unique_ptr<format::Format>> Opener::open_format(Layer& layer) {
  if (layer.driver == "qcow2") co_return co_await open_qcow2(layer);
  if (layer.driver == "raw" || layer.plain) co_return co_await open_raw(layer);
  if (const FormatDriver* driver = find_format_driver(layer.driver)) {
    co_return co_await open_driver(layer, *driver);
  }
  co_return fail(ErrorKind::unsupported,
                 "Images in the format '" + layer.driver + "' are not supported", ENOTSUP);
}

}  // namespace oxbow::api
