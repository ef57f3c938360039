// What the API tests share: a folder to make images in, and short ways to make and open them.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <oxbow/oxbow.hpp>
#include <random>
#include <string>
#include <vector>

namespace oxbow::api {

using Bytes = std::vector<std::byte>;

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "oxbow-api-XXXXXX";
    path_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }
  void make_folder(const std::string& name) const {
    std::filesystem::create_directory(path_ / name);
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

inline Bytes noise(size_t length, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() | 1);
  return bytes;
}

/// Passphrases of all ids but "none".
inline SecretSource secrets() {
  return [](const std::string& id) -> std::optional<std::string> {
    if (id == "none") return std::nullopt;
    return "passphrase of " + id;
  };
}

inline std::string message_of(const Result<void>& result) {
  return result ? "no error" : result.error().message();
}
inline std::string message_of(const Result<Image>& result) {
  return result ? "no error" : result.error().message();
}

/// Creates an image and fails the test where that fails.
inline void create(const std::string& filename, const std::string& format, uint64_t size,
                   const std::string& backing = {}, const std::string& backing_format = {}) {
  CreateOptions options;
  options.filename = filename;
  options.format = format;
  options.size = size;
  options.backing_file = backing;
  options.backing_format = backing_format;
  options.open_backing = false;
  const auto created = Image::create(options);
  ASSERT_TRUE(created) << created.error().message();
}

inline OpenOptions trusting(bool writable = false) {
  OpenOptions options;
  options.trust = Trust::all;
  options.writable = writable;
  return options;
}

}  // namespace oxbow::api
