// An image with an external data file, both in memory.
#pragma once

#include "image_fixture.h"

namespace oxbow::testing {

struct DataFileShape {
  uint32_t cluster_bits = 12;
  bool raw = false;
  bool extended_l2 = false;
  uint64_t backing_bytes = 0;
  uint64_t bytes = 1 << 20;
};

/// Small ones of every kind, for tests that try much.
inline constexpr uint64_t small_data_file_disk = 96 << 10;
struct DataFileKind {
  const char* name;
  DataFileShape shape;
};

inline const DataFileKind small_data_files[] = {
    {"plain_4k", {.bytes = small_data_file_disk}},
    {"plain_512", {.cluster_bits = 9, .bytes = small_data_file_disk}},
    {"raw_4k", {.raw = true, .bytes = small_data_file_disk}},
    {"backed_4k", {.backing_bytes = 70000, .bytes = small_data_file_disk}},
    {"ext_16k", {.cluster_bits = 14, .extended_l2 = true, .bytes = small_data_file_disk}},
    {"raw_ext_16k",
     {.cluster_bits = 14, .raw = true, .extended_l2 = true, .bytes = small_data_file_disk}},
};

struct TwoFiles {
  storage::SparseBytes image;
  storage::SparseBytes data;
};

/// An empty image's bytes.
inline TwoFiles make_two_files(const DataFileShape& shape) {
  format::qcow2::Qcow2CreateOptions options;
  options.size = shape.bytes;
  options.cluster_bits = shape.cluster_bits;
  options.extended_l2 = shape.extended_l2;
  options.data_file = "data";
  options.data_file_raw = shape.raw;
  const auto image = std::make_shared<storage::MemoryStorage>();
  const auto data = std::make_shared<storage::MemoryStorage>(shape.bytes);
  const auto made = async::Loop::current_thread().run(
      format::qcow2::create_with_data_file(std::make_unique<storage::LentStorage>(image),
                                           std::make_unique<storage::LentStorage>(data), options));
  EXPECT_TRUE(made) << made.error().message();
  return {image->bytes(), data->bytes()};
}

inline async::Task<std::unique_ptr<storage::Storage>> lend(std::shared_ptr<storage::Storage> file) {
  co_return std::make_unique<storage::LentStorage>(std::move(file));
}

/// Opens the two for writing, over `backing`.
inline Result<std::shared_ptr<graph::Node>> open_two_files(
    std::shared_ptr<storage::Storage> image, std::shared_ptr<storage::Storage> data,
    std::shared_ptr<graph::Node> backing = nullptr) {
  format::qcow2::Qcow2OpenOptions options;
  options.writable = true;
  options.has_backing = backing != nullptr;
  options.pass_discard = true;
  options.open_data_file = [data = std::move(data)](const std::optional<std::string>&) {
    return lend(data);
  };
  auto opened = async::Loop::current_thread().run(format::qcow2::open_qcow2(
      std::make_unique<storage::LentStorage>(std::move(image)), std::move(options)));
  if (!opened) return std::unexpected(opened.error());
  return std::make_shared<graph::Node>(std::move(*opened), std::move(backing));
}

/// `length` bytes of a file from `offset` on; zeroes past its end.
inline std::vector<std::byte> part_of(const storage::SparseBytes& bytes, uint64_t offset,
                                      uint64_t length) {
  std::vector<std::byte> out(length);
  const iovec part{out.data(), out.size()};
  bytes.read(offset, IoSpan(&part, 1));
  return out;
}

}  // namespace oxbow::testing
