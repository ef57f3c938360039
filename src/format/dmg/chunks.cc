#include "format/dmg/chunks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/corrupt.h"
#include "format/dmg/tables.h"

namespace oxbow::format::dmg {
namespace {

constexpr uint64_t max_list = 16 << 20;          // bytes of the list or the fork
constexpr uint64_t max_chunk_length = 64 << 20;  // bytes in the file
constexpr uint64_t max_chunk_sectors = 1 << 17;  // 64 MiB of the disk
constexpr uint64_t max_disk_sectors = INT64_MAX / sector;

// The trailer; big-endian.
constexpr size_t data_offset_at = 24;
constexpr size_t fork_offset_at = 40;
constexpr size_t fork_length_at = 48;
constexpr size_t list_offset_at = 216;
constexpr size_t list_length_at = 224;
constexpr size_t sectors_at = 492;

// A table.
constexpr size_t first_sector_at = 8;
constexpr size_t table_offset_at = 24;
constexpr size_t chunks_at = 204;
constexpr size_t chunk_size = 40;

constexpr uint32_t comment = 0x7ffffffe;
constexpr uint32_t terminator = 0xffffffff;

using Trailer = std::array<std::byte, sector>;
using Warn = std::function<void(std::string_view)>;

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// The trailer ends in the file's last sector, which need not be a whole one.
Task<Trailer> read_trailer(storage::Source& file) {
  const uint64_t end = align_up(file.size(), sector);
  if (end < sector) {
    co_return fail(ErrorKind::corrupt, "dmg file must be at least 512 bytes long", EINVAL);
  }
  std::array<std::byte, 2 * sector> last{};
  const uint64_t first = end - std::min<uint64_t>(end, last.size());
  const iovec into = io_slice(std::span(last).first(end - first));
  CO_TRY(co_await file.read(first, IoSpan(&into, 1)));
  for (size_t at = end - first == sector ? 0 : 1; at <= end - first - sector; ++at) {
    if (!begins_with(std::span(last).subspan(at), "koly")) continue;
    Trailer trailer{};
    std::ranges::copy(std::span(last).subspan(at, sector), trailer.begin());
    co_return trailer;
  }
  co_return fail(ErrorKind::corrupt, "Could not locate UDIF trailer in dmg file", EINVAL);
}

// Whether the list or the fork that the trailer names can be one.
Result<void> check_place(const storage::Source& file, uint64_t offset, uint64_t length,
                         const char* what) {
  const uint64_t end = file.size();
  if (offset <= end && length <= end - offset && length <= max_list) return {};
  return corrupt(std::string("dmg: the ") + what + " at offset " + std::to_string(offset) + " of " +
                 std::to_string(length) +
                 " bytes lies beyond the end of the file, or is too large");
}

Task<std::vector<Table>> read_tables(storage::Source& file, const Trailer& trailer) {
  const auto fork_length = load_be<uint64_t>(&trailer[fork_length_at]);
  const bool fork = fork_length != 0;
  const auto offset = load_be<uint64_t>(&trailer[fork ? fork_offset_at : list_offset_at]);
  const uint64_t length = fork ? fork_length : load_be<uint64_t>(&trailer[list_length_at]);
  if (length == 0) {
    co_return fail(ErrorKind::corrupt,
                   "dmg: the trailer names neither a property list nor a resource fork", EINVAL);
  }
  CO_TRY(check_place(file, offset, length, fork ? "resource fork" : "property list"));
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(length));
  const iovec into = io_slice(bytes.span());
  CO_TRY(co_await file.read(offset, IoSpan(&into, 1)));
  if (fork) co_return tables_of_fork(bytes.span());
  co_return tables_of_list({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool is_packed(ChunkKind kind) {
  return kind == ChunkKind::zlib || kind == ChunkKind::bzip2 || kind == ChunkKind::lzfse;
}

// What cannot be read is told, once for each chunk's kind, and left out.
bool can_be_read(ChunkKind kind, const Warn& warn) {
  switch (kind) {
    case ChunkKind::zero:
    case ChunkKind::raw:
    case ChunkKind::ignored:
    case ChunkKind::zlib:
    case ChunkKind::bzip2: return true;
    case ChunkKind::lzfse:
      if (warn) {
        warn(
            "dmg-lzfse module is missing, accessing lzfse compressed blocks will result in I/O "
            "errors");
      }
      return false;
  }
  char number[16];
  std::snprintf(number, sizeof number, "%x", static_cast<unsigned>(kind));
  if (warn) {
    warn("Image contains chunks of unknown type " + std::string(number) +
         ", accessing them will result in I/O errors");
  }
  return false;
}

Result<void> check_chunk(const Chunk& chunk, size_t number) {
  const std::string where = " for chunk " + std::to_string(number) + " is larger than max (";
  if (is_packed(chunk.kind) && chunk.count > max_chunk_sectors) {
    return corrupt("sector count " + std::to_string(chunk.count) + where +
                   std::to_string(max_chunk_sectors) + ")");
  }
  if (chunk.length > max_chunk_length) {
    return corrupt("length " + std::to_string(chunk.length) + where +
                   std::to_string(max_chunk_length) + ")");
  }
  return {};
}

class ChunkReader {
 public:
  ChunkReader(uint64_t data_offset, Warn warn)
      : data_offset_(data_offset), warn_(std::move(warn)) {}

  // Other things than tables are passed over.
  Result<void> add(const Table& table) {
    if (!begins_with(table, "mish") || table.size() < chunks_at) return {};
    const auto first = load_be<uint64_t>(&table[first_sector_at]);
    const uint64_t base = data_offset_ + load_be<uint64_t>(&table[table_offset_at]);
    for (size_t at = chunks_at; table.size() - at >= chunk_size; at += chunk_size) {
      TRY(add_chunk(&table[at], first, base));
    }
    return {};
  }
  std::vector<Chunk> take() {
    std::ranges::stable_sort(chunks_, {}, &Chunk::start);
    return std::move(chunks_);
  }

 private:
  Result<void> add_chunk(const std::byte* entry, uint64_t first, uint64_t base) {
    const auto kind = load_be<uint32_t>(entry);
    if (kind == comment || kind == terminator) return {};
    Chunk chunk;
    chunk.kind = static_cast<ChunkKind>(kind);
    if (chunk.kind == last_unread_ || !can_be_read(chunk.kind, warn_)) {
      last_unread_ = chunk.kind;
      return {};
    }
    // Sums that overflow lie beyond the disk or the file, and are never found or refused there.
    chunk.start = first + load_be<uint64_t>(entry + 8);
    chunk.count = load_be<uint64_t>(entry + 16);
    chunk.offset = base + load_be<uint64_t>(entry + 24);
    chunk.length = load_be<uint64_t>(entry + 32);
    TRY(check_chunk(chunk, chunks_.size()));
    chunks_.push_back(chunk);
    return {};
  }

  uint64_t data_offset_;
  Warn warn_;
  std::vector<Chunk> chunks_;
  std::optional<ChunkKind> last_unread_;
};

}  // namespace

Task<Layout> read_layout(storage::Source& file, Warn warn) {
  CO_TRY_ASSIGN(const Trailer trailer, co_await read_trailer(file));
  const auto sectors = load_be<uint64_t>(&trailer[sectors_at]);
  const auto data_offset = load_be<uint64_t>(&trailer[data_offset_at]);
  if (sectors > max_disk_sectors) {
    co_return fail(ErrorKind::corrupt, "dmg: the number of sectors in the trailer is too large",
                   EINVAL);
  }
  if (data_offset > file.size()) {
    co_return fail(ErrorKind::corrupt, "dmg: the data fork begins beyond the end of the file",
                   EINVAL);
  }
  CO_TRY_ASSIGN(const std::vector<Table> tables, co_await read_tables(file, trailer));
  ChunkReader reader(data_offset, std::move(warn));
  for (const Table& table : tables) CO_TRY(reader.add(table));
  co_return Layout{sectors * sector, reader.take()};
}

}  // namespace oxbow::format::dmg
