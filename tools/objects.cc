// Parsing of --object.
#include "objects.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "codec/cipher.h"
#include "options.h"
#include "throttle_object.h"

namespace oxbow::tools {
namespace {

using Properties = std::map<std::string, std::string>;

// Types that the stock tools know and that cannot be made here so far.
constexpr std::array known_types = {"authz-list",     "authz-list-file", "authz-pam",
                                    "authz-simple",   "iothread",        "secret_keyring",
                                    "tls-creds-anon", "tls-creds-psk",   "tls-creds-x509"};

Result<Properties> from_json(std::string_view text) {
  auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) {
    return fail(ErrorKind::invalid_argument, "JSON parse error, premature EOI");
  }
  Properties properties;
  for (auto& [key, value] : parsed.items()) {
    if (value.is_object()) {
      for (auto& [inner, limit] : value.items()) {
        properties[fmt::format("{}.{}", key, inner)] =
            limit.is_string() ? limit.get<std::string>() : limit.dump();
      }
    } else if (value.is_string()) {
      properties[key] = value.get<std::string>();
    } else {
      return fail(ErrorKind::invalid_argument,
                  fmt::format("Invalid parameter type for '{}', expected: string", key));
    }
  }
  return properties;
}

Result<Properties> properties_of(std::string_view text) {
  if (text.starts_with('{')) return from_json(text);
  Properties properties;
  for (OptionItem& item : split_options(text, "qom-type")) {
    properties[item.key] = std::move(item.value);
  }
  return properties;
}

Result<std::string> take(Properties& properties, const char* key) {
  auto found = properties.find(key);
  if (found == properties.end()) {
    return fail(ErrorKind::invalid_argument, fmt::format("Parameter '{}' is missing", key));
  }
  std::string value = std::move(found->second);
  properties.erase(found);
  return value;
}

Result<void> check_id(std::string_view id) {
  auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '.' || c == '_';
  };
  if (!id.empty() && std::isalpha(static_cast<unsigned char>(id.front())) &&
      std::ranges::all_of(id, allowed)) {
    return {};
  }
  return std::unexpected(
      Error(ErrorKind::invalid_argument, "Parameter 'id' expects an identifier")
          .with_hint("Identifiers consist of letters, digits, '-', '.', '_', starting with a "
                     "letter.\n"));
}

Result<std::string> decode_base64(std::string_view text) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=' || c == '\n') continue;
    size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) {
      return fail(ErrorKind::invalid_argument, "Base64 data contains invalid characters");
    }
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

Result<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    Error cause = Error::from_errno(errno);
    return fail(ErrorKind::not_found, fmt::format("Unable to read {}: Failed to open file “{}”: {}",
                                                  path, path, cause.message()));
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<std::string> secret_bytes(Properties& properties) {
  auto data = take(properties, "data");
  auto file = take(properties, "file");
  auto format = take(properties, "format");
  if (!properties.empty()) {
    return fail(ErrorKind::invalid_argument,
                fmt::format("Parameter '{}' is unexpected", properties.begin()->first));
  }
  if (format && *format != "raw" && *format != "base64") {
    return fail(ErrorKind::invalid_argument,
                fmt::format("Parameter 'format' does not accept value '{}'", *format));
  }
  if (data && file) {
    return fail(ErrorKind::invalid_argument, "'file' and 'data' are mutually exclusive");
  }
  if (!data && !file) {
    return fail(ErrorKind::invalid_argument, "Either 'file' or 'data' must be provided");
  }
  Result<std::string> bytes = data ? std::move(data) : read_whole(*file);
  if (bytes && format && *format == "base64") return decode_base64(*bytes);
  return bytes;
}

}  // namespace

Result<void> ObjectSet::add(std::string_view text) {
  auto properties = properties_of(text);
  if (!properties) return std::unexpected(std::move(properties).error());
  auto type = take(*properties, "qom-type");
  if (!type) return std::unexpected(std::move(type).error());
  if (std::ranges::find(known_types, *type) != known_types.end()) {
    return fail(ErrorKind::unsupported,
                fmt::format("Objects of type '{}' are not supported yet", *type));
  }
  if (*type != "secret" && *type != "throttle-group") {
    return fail(ErrorKind::invalid_argument,
                fmt::format("Parameter 'qom-type' does not accept value '{}'", *type));
  }
  auto id = take(*properties, "id");
  if (!id) return std::unexpected(std::move(id).error());
  if (auto good = check_id(*id); !good) return good;
  if (secrets_.contains(*id) || throttle_groups_.contains(*id)) {
    return fail(
        ErrorKind::exists,
        fmt::format("attempt to add duplicate property '{}' to object (type 'container')", *id));
  }
  return make(*type, *id, std::move(*properties));
}

Result<void> ObjectSet::make(const std::string& type, const std::string& id,
                             Properties properties) {
  if (type == "throttle-group") {
    auto group = make_throttle_group(std::move(properties));
    if (!group) return std::unexpected(std::move(group).error());
    throttle_groups_[id] = std::move(*group);
    return {};
  }
  const auto key_id = take(properties, "keyid");
  const auto iv = take(properties, "iv");
  auto bytes = secret_bytes(properties);
  if (bytes && key_id) {
    bytes = decrypted(std::move(*bytes), *key_id, iv ? std::optional(*iv) : std::nullopt);
  }
  if (!bytes) return std::unexpected(std::move(bytes).error());
  secrets_[id] = std::move(*bytes);
  return {};
}

// AES-256 in CBC mode, filled up as PKCS#7 says.
Result<std::string> ObjectSet::decrypted(std::string bytes, const std::string& key_id,
                                         const std::optional<std::string>& iv) const {
  constexpr size_t block = 16;
  const auto refuse = [](std::string message) {
    return fail(ErrorKind::invalid_argument, std::move(message));
  };
  const std::string* key = secret(key_id);
  if (!key) return refuse(fmt::format("No secret with id '{}'", key_id));
  const auto algorithm = codec::CipherAlgorithm::aes_256;
  if (key->size() != codec::key_size(algorithm)) {
    return refuse(fmt::format("Key should be {} bytes in length", codec::key_size(algorithm)));
  }
  if (!iv) return refuse("IV is required to decrypt secret");
  auto start = decode_base64(*iv);
  if (!start) return start;
  if (start->size() != block) {
    return refuse(fmt::format("IV should be {} bytes in length not {}", block, start->size()));
  }
  if (bytes.size() % block != 0) {
    return refuse(
        fmt::format("Length {} must be a multiple of block size {}", bytes.size(), block));
  }
  auto cipher =
      codec::Cipher::create(algorithm, codec::CipherMode::cbc, std::as_bytes(std::span(*key)));
  if (!cipher) return std::unexpected(std::move(cipher).error());
  const auto in_place = std::as_writable_bytes(std::span(bytes));
  auto done = cipher->decrypt(std::as_bytes(std::span(*start)), in_place, in_place);
  if (!done) return std::unexpected(std::move(done).error());
  const size_t padding = bytes.empty() ? block + 1 : static_cast<unsigned char>(bytes.back());
  if (padding == 0 || padding > block) {
    return refuse(
        fmt::format("Incorrect number of padding bytes ({}) found on decrypted data", padding));
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

const std::string* ObjectSet::secret(const std::string& id) const {
  auto found = secrets_.find(id);
  return found == secrets_.end() ? nullptr : &found->second;
}

SecretSource secrets_of(std::shared_ptr<const ObjectSet> objects) {
  return [objects = std::move(objects)](const std::string& id) -> std::optional<std::string> {
    const std::string* found = objects->secret(id);
    if (found == nullptr) return std::nullopt;
    return *found;
  };
}

}  // namespace oxbow::tools
