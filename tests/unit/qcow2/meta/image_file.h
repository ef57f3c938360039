// Images in a temporary folder: made, patched and checked here and by the stock tools.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/bytes.h"
#include "format/qcow2/check.h"
#include "format/qcow2/create.h"
#include "storage/file.h"

namespace oxbow::testing {

namespace qcow2 = format::qcow2;

struct Output {
  int code = -1;
  std::string text;  ///< standard output and error
};

inline Output run_command(const std::string& command) {
  Output output;
  FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  char part[4096];
  while (const size_t got = std::fread(part, 1, sizeof part, pipe)) output.text.append(part, got);
  const int status = ::pclose(pipe);
  output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

inline bool have_stock_tools() {
  static const bool have = run_command("qemu-img --version && qemu-io --version").code == 0;
  return have;
}

class ImageFiles : public ::testing::Test {
 protected:
  ImageFiles() {
    char name[] = "/tmp/oxbow-meta-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ImageFiles() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

  template <class T>
  static Result<T> run(async::Task<T> task) {
    return async::Loop::current_thread().run(std::move(task));
  }

  static async::Task<std::unique_ptr<storage::Storage>> open(std::string path, bool writable) {
    storage::FileOptions options;
    options.path = std::move(path);
    options.writable = writable;
    co_return co_await storage::open_file(std::move(options));
  }

  static async::Task<> create_image(std::string path, qcow2::Qcow2CreateOptions options) {
    storage::FileCreateOptions file_options;
    file_options.path = path;
    CO_TRY(co_await storage::create_file(std::move(file_options)));
    CO_TRY_ASSIGN(auto file, co_await open(std::move(path), true));
    co_return co_await qcow2::create(std::move(file), std::move(options));
  }

  static async::Task<qcow2::Header> header_of(std::string path) {
    CO_TRY_ASSIGN(auto file, co_await open(std::move(path), false));
    co_return co_await qcow2::read_header(*file, false);
  }

  /// As `qemu-img create -o` reads them.
  Result<void> make(const std::string& name, std::map<std::string, std::string> words) {
    auto options = qcow2::parse_create_options(words);
    if (!options) return std::unexpected(options.error());
    return run(create_image(path(name), *options));
  }

  [[nodiscard]] std::string bytes_of(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void patch(const std::string& name, uint64_t offset, const std::string& bytes) const {
    std::fstream file(path(name), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  template <class T>
  static std::string be(T value) {
    std::string bytes(sizeof value, '\0');
    store_be(bytes.data(), value);
    return bytes;
  }

  Output stock(const std::string& arguments) const {
    return run_command("cd " + folder_ + " && " + arguments);
  }

 private:
  std::string folder_;
};

}  // namespace oxbow::testing
