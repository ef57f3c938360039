#include "api/format_drivers.h"

#include <algorithm>
#include <array>

#include "api/key_secret.h"
#include "format/bochs/bochs.h"
#include "format/cloop/cloop.h"
#include "format/dmg/dmg.h"
#include "format/legacy_aes.h"
#include "format/luks/luks.h"
#include "format/parallels/parallels.h"
#include "format/qcow/qcow.h"
#include "format/qed/qed.h"
#include "format/sealed.h"
#include "format/vdi/vdi.h"
#include "format/vhdx/vhdx.h"
#include "format/vmdk/vmdk.h"
#include "format/vpc/vpc.h"

namespace oxbow::api {
namespace {

using OpenedFormat = Task<std::unique_ptr<format::Format>>;

OpenedFormat open_bochs(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::bochs::BochsImage::open(std::move(request.file));
}

OpenedFormat open_cloop(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::cloop::CloopImage::open(std::move(request.file));
}

OpenedFormat open_dmg(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::dmg::DmgImage::open(std::move(request.file), std::move(request.warn));
}

// How much is put behind the file's end ahead of writes: nothing here, whatever
// the caller says.
OpenedFormat open_parallels(FormatRequest request) {
  CO_TRY(request.options->take_size("prealloc-size"));
  const auto mode = request.options->take_text("prealloc-mode");
  if (mode && *mode != "falloc" && *mode != "truncate") {
    co_return fail(ErrorKind::invalid_argument, "invalid parameter value: " + *mode, EINVAL);
  }
  co_return co_await format::parallels::open_parallels(std::move(request.file));
}

// What is said of a key of an image without one goes unheard, as in the stock
// tools.
OpenedFormat open_qcow(FormatRequest request) {
  CO_TRY_ASSIGN(format::qcow::Header header, co_await format::qcow::read_header(*request.file));
  const auto method = request.options->take_text("encrypt.format");
  const auto id = request.options->take_text("encrypt.key-secret");
  if (method && !header.encrypted) {
    co_return fail(ErrorKind::invalid_argument,
                   "No encryption in image header, but options specified format '" + *method + "'",
                   EINVAL);
  }
  if (method && *method != "aes") {
    co_return fail(ErrorKind::invalid_argument,
                   "Header reported 'aes' encryption format but options specify '" + *method + "'",
                   EINVAL);
  }
  std::unique_ptr<format::EncryptedData> encrypted;
  if (header.encrypted && !request.metadata_only) {
    CO_TRY_ASSIGN(const codec::SecretBytes passphrase,
                  need_passphrase(request.secrets, id, "encrypt.key-secret"));
    CO_TRY_ASSIGN(encrypted, format::open_legacy_aes(passphrase));
  }
  const bool sealed = header.encrypted && request.metadata_only;
  auto image = std::make_unique<format::qcow::QcowImage>(std::move(request.file), std::move(header),
                                                         std::move(encrypted));
  if (!sealed) co_return std::move(image);
  const auto none = need_passphrase({}, std::nullopt, "encrypt.key-secret");
  co_return std::make_unique<format::SealedFormat>(std::move(image), none.error());
}

OpenedFormat open_qed(FormatRequest request) {
  return format::qed::open_qed(std::move(request.file));
}

OpenedFormat open_vdi(FormatRequest request) {
  return format::vdi::open_vdi(std::move(request.file));
}

OpenedFormat open_vhdx(FormatRequest request) {
  return format::vhdx::open_vhdx(std::move(request.file), request.check_only);
}

OpenedFormat open_vmdk(FormatRequest request) {
  return format::vmdk::VmdkImage::open(std::move(request.file), request.writable,
                                       std::move(request.open_beside));
}

OpenedFormat open_vpc(FormatRequest request) {
  using format::vpc::SizeRule;
  SizeRule rule = SizeRule::automatic;
  if (const auto word = request.options->take_text("force_size_calc")) {
    if (*word == "current_size") {
      rule = SizeRule::current_size;
    } else if (*word == "chs") {
      rule = SizeRule::geometry;
    } else {
      co_return fail(ErrorKind::invalid_argument, "Invalid size calculation mode: '" + *word + "'",
                     EINVAL);
    }
  }
  co_return co_await format::vpc::open_vpc(std::move(request.file), rule);
}

OpenedFormat open_luks(FormatRequest request) {
  const auto id = request.options->take_text("key-secret");
  auto& file = request.file;
  if (request.metadata_only) {
    CO_TRY_ASSIGN(auto image, co_await format::luks::open_luks(std::move(file), nullptr));
    const auto none = need_passphrase({}, std::nullopt, "key-secret");
    co_return std::make_unique<format::SealedFormat>(std::move(image), none.error());
  }
  CO_TRY_ASSIGN(const codec::SecretBytes passphrase,
                need_passphrase(request.secrets, id, "key-secret"));
  CO_TRY_ASSIGN(auto image, co_await format::luks::open_luks(std::move(file), &passphrase));
  co_return std::unique_ptr<format::Format>(std::move(image));
}

// In the order of their names.
constexpr auto drivers = std::to_array<FormatDriver>({
    {"bochs", open_bochs},
    {"cloop", open_cloop},
    {"dmg", open_dmg},
    {"luks", open_luks},
    {"parallels", open_parallels},
    {"qcow", open_qcow, true},
    {"qed", open_qed, true},
    {"vdi", open_vdi},
    {"vhdx", open_vhdx},
    {"vmdk", open_vmdk, true},
    {"vpc", open_vpc},
});

}  // namespace

const FormatDriver* find_format_driver(std::string_view name) {
  const auto* found = std::ranges::find(drivers, name, &FormatDriver::name);
  return found == drivers.end() ? nullptr : found;
}

}  // namespace oxbow::api
