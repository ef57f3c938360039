#include "format/vhdx/log.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/corrupt.h"
#include "base/crc32c.h"

namespace oxbow::format::vhdx {
namespace {

/// Logs are read whole; others write 1 MiB.
constexpr uint32_t most_log_bytes = 64 << 20;
constexpr size_t entry_header_bytes = 64;
constexpr size_t descriptor_bytes = 32;
constexpr uint64_t largest_file = uint64_t{1} << 47;

// An entry that is whole: copied out of the log, which is a ring.
struct Entry {
  Buffer bytes;
  uint32_t offset = 0;  // in the log
  uint32_t tail = 0;    // where the oldest entry that is still needed begins
  uint64_t sequence = 0;
  uint32_t descriptors = 0;
  uint64_t flushed_file_end = 0;
  uint64_t last_file_end = 0;

  [[nodiscard]] size_t header_sectors() const {
    return div_round_up(entry_header_bytes + uint64_t{descriptors} * descriptor_bytes, log_sector);
  }
  [[nodiscard]] const std::byte* descriptor(uint32_t index) const {
    return bytes.data() + entry_header_bytes + index * descriptor_bytes;
  }
};

class Log {
 public:
  Log(Buffer bytes, const Uuid& guid) : bytes_(std::move(bytes)), guid_(guid) {}

  /// The entries to be done, oldest first: the whole sequence with the highest numbers.
  [[nodiscard]] Result<std::vector<Entry>> active() const;

 private:
  [[nodiscard]] uint32_t length() const { return static_cast<uint32_t>(bytes_.size()); }
  [[nodiscard]] Result<std::optional<Entry>> entry_at(uint32_t offset) const;
  [[nodiscard]] Result<std::vector<Entry>> chain_at(uint32_t offset) const;
  void copy_out(uint32_t offset, std::span<std::byte> into) const;

  Buffer bytes_;
  Uuid guid_;
};

void Log::copy_out(uint32_t offset, std::span<std::byte> into) const {
  const size_t first = std::min<size_t>(into.size(), length() - offset);
  std::memcpy(into.data(), bytes_.data() + offset, first);
  std::memcpy(into.data() + first, bytes_.data(), into.size() - first);
}

// Whether the descriptors and the data sectors that they count fit, and belong to the entry.
bool is_whole(const Entry& entry) {
  size_t sectors = entry.header_sectors();
  for (uint32_t i = 0; i < entry.descriptors; ++i) {
    const std::byte* raw = entry.descriptor(i);
    const bool data = std::memcmp(raw, "desc", 4) == 0;
    if (!data && std::memcmp(raw, "zero", 4) != 0) return false;
    if (load_le<uint64_t>(raw + 24) != entry.sequence) return false;
    if (load_le<uint64_t>(raw + 16) % log_sector != 0) return false;
    if (!data) continue;
    if ((sectors + 1) * log_sector > entry.bytes.size()) return false;
    const std::byte* sector_bytes = entry.bytes.data() + sectors * log_sector;
    const uint64_t sequence = uint64_t{load_le<uint32_t>(sector_bytes + 4)} << 32 |
                              load_le<uint32_t>(sector_bytes + log_sector - 4);
    if (std::memcmp(sector_bytes, "data", 4) != 0 || sequence != entry.sequence) return false;
    ++sectors;
  }
  return true;
}

Result<std::optional<Entry>> Log::entry_at(uint32_t offset) const {
  const std::byte* raw = bytes_.data() + offset;
  const auto bytes = load_le<uint32_t>(raw + 8);
  if (std::memcmp(raw, "loge", 4) != 0 || bytes == 0 || bytes % log_sector != 0 ||
      bytes > length() || std::memcmp(raw + 32, guid_.data(), guid_.size()) != 0) {
    return std::nullopt;
  }
  Entry entry;
  entry.offset = offset;
  entry.tail = load_le<uint32_t>(raw + 12);
  entry.sequence = load_le<uint64_t>(raw + 16);
  entry.descriptors = load_le<uint32_t>(raw + 24);
  entry.flushed_file_end = load_le<uint64_t>(raw + 48);
  entry.last_file_end = load_le<uint64_t>(raw + 56);
  if (entry.sequence == 0 || entry.header_sectors() * log_sector > bytes) return std::nullopt;
  TRY_ASSIGN(entry.bytes, Buffer::allocate(bytes));
  copy_out(offset, entry.bytes.span());
  const auto told = load_le<uint32_t>(raw + 4);
  store_le<uint32_t>(entry.bytes.data() + 4, 0);
  if (crc32c(entry.bytes.span()) != told || !is_whole(entry)) return std::nullopt;
  return entry;
}

// Entries that follow one another from `offset` on.
Result<std::vector<Entry>> Log::chain_at(uint32_t offset) const {
  std::vector<Entry> entries;
  uint64_t used = 0;
  while (used < length()) {
    TRY_ASSIGN(std::optional<Entry> entry, entry_at(offset));
    if (!entry) break;
    if (!entries.empty() && entry->sequence != entries.back().sequence + 1) break;
    used += entry->bytes.size();
    if (used > length()) break;
    offset = static_cast<uint32_t>((offset + entry->bytes.size()) % length());
    entries.push_back(std::move(*entry));
  }
  return entries;
}

// From the entry that the last one names as its tail on; nothing where that is not among them.
void keep_from_tail(std::vector<Entry>& entries) {
  const auto first = std::ranges::find(entries, entries.back().tail, &Entry::offset);
  entries.erase(entries.begin(), first);
}

// Each chain is looked at once: a part of it has the same last entry, and so no other tail.
Result<std::vector<Entry>> Log::active() const {
  std::vector<Entry> best;
  for (uint64_t offset = 0; offset < length();) {
    const auto start = static_cast<uint32_t>(offset);
    TRY_ASSIGN(std::vector<Entry> entries, chain_at(start));
    offset += log_sector;
    if (entries.empty()) continue;
    const Entry& last = entries.back();
    offset = last.offset < start ? length() : last.offset + last.bytes.size();
    keep_from_tail(entries);
    if (entries.empty()) continue;
    if (best.empty() || entries.back().sequence > best.back().sequence) best = std::move(entries);
  }
  return best;
}

Task<std::vector<Entry>> read_log(storage::Source& file, const Header& header) {
  if (header.log_length == 0 || header.log_length % log_sector != 0) {
    co_return corrupt("VHDX log of " + std::to_string(header.log_length) + " bytes");
  }
  if (header.log_length > most_log_bytes) {
    co_return fail(ErrorKind::unsupported,
                   "VHDX log of " + std::to_string(header.log_length) +
                       " bytes is larger than what can be replayed",
                   ENOTSUP);
  }
  CO_TRY_ASSIGN(Buffer bytes, Buffer::allocate(header.log_length));
  const iovec into = io_slice(bytes.span());
  CO_TRY(co_await file.read(header.log_offset, IoSpan(&into, 1)));
  co_return Log(std::move(bytes), header.log_guid).active();
}

Task<> do_entry(storage::Storage& file, const Entry& entry) {
  size_t sectors = entry.header_sectors();
  for (uint32_t i = 0; i < entry.descriptors; ++i) {
    const std::byte* raw = entry.descriptor(i);
    const auto offset = load_le<uint64_t>(raw + 16);
    const bool data = std::memcmp(raw, "desc", 4) == 0;
    const uint64_t length = data ? log_sector : load_le<uint64_t>(raw + 8);
    if (length > entry.last_file_end || offset > entry.last_file_end - length) {
      co_return corrupt("VHDX log writes behind the end of the file");
    }
    if (!data) {
      CO_TRY(co_await file.write_zeroes(offset, length));
      continue;
    }
    // The first eight and last four bytes lie in the descriptor: the sector's own mark it.
    std::array<std::byte, log_sector> out;
    std::memcpy(out.data(), entry.bytes.data() + sectors * log_sector, log_sector);
    std::memcpy(out.data(), raw + 8, 8);
    std::memcpy(out.data() + log_sector - 4, raw + 4, 4);
    const iovec from = io_slice(std::span<std::byte>(out));
    CO_TRY(co_await file.write(offset, IoSpan(&from, 1)));
    ++sectors;
  }
  co_return {};
}

}  // namespace

Task<bool> log_needs_replay(storage::Source& file, const Header& header) {
  if (!header.has_log()) co_return false;
  CO_TRY_ASSIGN(const std::vector<Entry> entries, co_await read_log(file, header));
  co_return !entries.empty();
}

Task<> replay_log(storage::Storage& file, Header& header) {
  CO_TRY_ASSIGN(const std::vector<Entry> entries, co_await read_log(file, header));
  for (const Entry& entry : entries) {
    if (file.size() < entry.flushed_file_end) {
      co_return corrupt("VHDX log belongs to a file of " + std::to_string(entry.flushed_file_end) +
                        " bytes: the image has been truncated");
    }
    if (entry.last_file_end > largest_file) {
      co_return corrupt("VHDX log speaks of a file of " + std::to_string(entry.last_file_end) +
                        " bytes");
    }
    CO_TRY(co_await do_entry(file, entry));
  }
  if (!entries.empty() && file.size() < entries.back().last_file_end) {
    CO_TRY(co_await file.truncate(entries.back().last_file_end));
  }
  CO_TRY(co_await file.flush());
  header.log_guid = {};
  co_return co_await write_headers(file, header);
}

}  // namespace oxbow::format::vhdx
