#include "api/amend_keys.h"

#include "api/key_secret.h"
#include "format/luks/luks.h"
#include "format/luks/luks_amend.h"
#include "format/qcow2/image.h"

namespace oxbow::api {
namespace {

namespace luks = format::luks;
using async::Task;
using format::qcow2::Qcow2Image;

Task<> change_volume(luks::LuksImage& image, luks::SlotChange change) {
  if (image.read_only()) {
    co_return fail(ErrorKind::read_only, image.file().filename() + " is open for reading only");
  }
  luks::FileHeaderBytes bytes(image.storage());
  co_return co_await luks::change_slots(bytes, image.header(), image.key(), std::move(change));
}

Result<void> check_image(const Qcow2Image* image, const luks::LuksImage* volume) {
  if (volume != nullptr) return {};
  if (image == nullptr || image->encryption() == nullptr) {
    return fail(ErrorKind::unsupported, "Can't amend encryption options - encryption not present",
                ENOTSUP);
  }
  if (image->encryption()->luks_header()) return {};
  return fail(ErrorKind::unsupported, "Only LUKS encryption options can be amended", ENOTSUP);
}

}  // namespace

Result<void> check_key_slots(graph::Node& node) {
  return check_image(dynamic_cast<Qcow2Image*>(&node.format()),
                     dynamic_cast<luks::LuksImage*>(&node.format()));
}

Task<> amend_keys(std::shared_ptr<graph::Node> node, Options words, SecretSource secrets,
                  bool force) {
  auto* image = dynamic_cast<Qcow2Image*>(&node->format());
  auto* volume = dynamic_cast<luks::LuksImage*>(&node->format());
  CO_TRY(check_image(image, volume));
  CO_TRY_ASSIGN(luks::SlotChange change, luks::take_slot_change(words, [&](const std::string& id) {
                  return find_passphrase(secrets, id);
                }));
  if (!words.empty()) {
    co_return fail(ErrorKind::invalid_argument, "Invalid parameter '" + words.begin()->first + "'",
                   EINVAL);
  }
  change.force = force;
  if (volume != nullptr) co_return co_await change_volume(*volume, std::move(change));
  co_return co_await image->change_key_slots(std::move(change));
}

}  // namespace oxbow::api
