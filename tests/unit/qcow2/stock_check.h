// The stock tool's opinion of an image, where the tool is installed.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "storage/sparse_bytes.h"

namespace oxbow::testing {

/// The exit code of its check: 0 where nothing is found; none where there is no such tool.
inline std::optional<int> stock_check(const storage::SparseBytes& contents) {
  if (!std::filesystem::exists("/usr/bin/qemu-img")) return std::nullopt;
  const std::string path =
      ::testing::TempDir() + "stock_check." + std::to_string(::getpid()) + ".qcow2";
  std::vector<std::byte> all(contents.size());
  const iovec part{all.data(), all.size()};
  contents.read(0, IoSpan(&part, 1));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(all.data()), static_cast<std::streamsize>(all.size()));
  // Whatever backing file it names is not there.
  const std::string image =
      R"(json:{"driver":"qcow2","backing":null,"file":{"driver":"file","filename":")" + path +
      R"("}})";
  const std::string command = "/usr/bin/qemu-img check -q '" + image + "' >/dev/null 2>&1";
  const int status = std::system(command.c_str());
  std::filesystem::remove(path);
  return WEXITSTATUS(status);
}

/// Its check finds leaks at worst.
inline void expect_stock_agrees(const storage::SparseBytes& contents) {
  const int code = stock_check(contents).value_or(0);
  EXPECT_TRUE(code == 0 || code == 3) << "stock check ends with " << code;
}

}  // namespace oxbow::testing
