#include "api/key_secret.h"

namespace oxbow::api {
namespace {

// Bytes of the character that begins with `first`; 0: none begins so.
size_t length_of_character(unsigned char first) {
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    const size_t length = length_of_character(first);
    if (length == 0 || length > bytes.size()) return false;
    uint32_t code = length == 1 ? first : first & (0x7fU >> length);
    for (size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(bytes[i]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    if (too_long || surrogate || code > 0x10ffff) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace

Result<codec::SecretBytes> find_passphrase(const SecretSource& secrets, const std::string& id) {
  std::optional<std::string> found;
  if (secrets) found = secrets(id);
  if (!found) return fail(ErrorKind::not_found, "No secret with id '" + id + "'", EINVAL);
  if (!is_text(*found)) {
    return fail(ErrorKind::invalid_argument, "Data from secret " + id + " is not valid UTF-8",
                EINVAL);
  }
  return codec::SecretBytes(std::as_bytes(std::span(*found)));
}

Result<codec::SecretBytes> need_passphrase(const SecretSource& secrets,
                                           const std::optional<std::string>& id,
                                           std::string_view parameter) {
  if (id) return find_passphrase(secrets, *id);
  return fail(ErrorKind::invalid_argument,
              "Parameter '" + std::string(parameter) + "' is required for cipher", EINVAL);
}

}  // namespace oxbow::api
