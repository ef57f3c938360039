// Making vmdk images: the files, and in them the headers, empty tables and the text.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "storage/storage.h"

namespace oxbow::format::vmdk {

using async::Task;

struct CreateOptions {
  uint64_t size = 0;  ///< bytes; whole sectors are made
  std::string subformat = "monolithicSparse";
  std::string adapter_type = "ide";
  std::string hardware_version = "4";
  std::string tools_version = "2147483647";
  bool zero_grains = false;
  std::string backing_file;          ///< empty: none
  uint32_t parent_cid = 0xffffffff;  ///< the backing file's
};

/// invalid_argument, unsupported: in the stock tools' words.
Result<void> check_create_options(const CreateOptions& options);

/// Creates `path` of `size` bytes, open for writing.
using MakeFile =
    std::function<Task<std::unique_ptr<storage::Storage>>(std::string path, uint64_t size)>;

/// Creates the image `path` and the files beside it that it consists of.
Task<> create(std::string path, CreateOptions options, MakeFile make_file);

}  // namespace oxbow::format::vmdk
