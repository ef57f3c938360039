#include "format/parallels/create.h"

#include <array>
#include <cstring>

#include "base/bytes.h"
#include "format/parallels/header.h"

namespace oxbow::format::parallels {
namespace {

constexpr uint64_t most_clusters = uint64_t{1} << 32;
constexpr uint32_t heads = 16;
constexpr uint32_t sectors_a_track = 32;

// An empty table is zeroes, as the file is.
Task<> write_all(storage::Storage& file, CreateOptions options) {
  const uint64_t cluster = align_up(options.cluster_size, sector);
  const uint64_t sectors = div_round_up(options.size, sector);
  const uint64_t entries = div_round_up(sectors * sector, cluster);
  const uint64_t data_offset = align_up(table_offset + entries * 4, cluster);
  std::array<std::byte, table_offset> raw{};
  const auto put = [&raw](size_t offset, uint64_t value) {
    store_le(raw.data() + offset, static_cast<uint32_t>(value));
  };
  std::memcpy(raw.data(), "WithouFreSpacExt", 16);
  put(16, 2);
  put(20, heads);
  put(24, sectors / heads / sectors_a_track);
  put(28, cluster / sector);
  put(32, entries);
  store_le(raw.data() + 36, sectors);
  put(48, data_offset / sector);
  CO_TRY(co_await file.truncate(data_offset));
  CO_TRY(co_await file.flush());
  const iovec from = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await file.write(0, IoSpan(&from, 1)));
  co_return co_await file.flush();
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  if (options.cluster_size > INT32_MAX - sector + 1) {
    return fail(ErrorKind::invalid_argument, "Cluster size is too large", EINVAL);
  }
  const uint64_t cluster = align_up(options.cluster_size, sector);
  if (options.size / most_clusters >= cluster) {
    return fail(ErrorKind::unsupported, "Image size is too large for this cluster size", E2BIG);
  }
  return {};
}

Task<> create(std::unique_ptr<storage::Storage> file, CreateOptions options) {
  const Result<void> written = co_await write_all(*file, options);
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::parallels
