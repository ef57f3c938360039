#include "format/qcow/qcow.h"

#include <algorithm>
#include <array>

#include "async/loop.h"
#include "base/bytes.h"
#include "codec/deflate.h"

namespace oxbow::format::qcow {
namespace {

constexpr uint64_t sector = 512;
constexpr size_t header_size = 48;
constexpr uint32_t magic = 0x514649fb;  // "QFI\xfb"
constexpr uint32_t max_backing_name = 1023;
constexpr uint64_t compressed_bit = uint64_t{1} << 63;
constexpr uint64_t max_l1_entries = INT32_MAX / sizeof(uint64_t);
constexpr size_t max_tables = 64;  // in memory, of at most 64 KiB

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::corrupt, std::move(message), EINVAL);
}

struct Found {
  Header header;
  uint64_t backing_offset = 0;
  uint32_t backing_length = 0;
};

Result<Found> parse(const std::array<std::byte, header_size>& bytes) {
  Found out;
  Header& header = out.header;
  if (load_be<uint32_t>(bytes.data()) != magic) return invalid("Image not in qcow format");
  const auto version = load_be<uint32_t>(&bytes[4]);
  if (version != 1) {
    Error error(ErrorKind::unsupported,
                "qcow (v1) does not support qcow version " + std::to_string(version), ENOTSUP);
    if (version == 0) return std::unexpected(std::move(error));
    return std::unexpected(std::move(error).with_hint("Try the 'qcow2' driver instead.\n"));
  }
  out.backing_offset = load_be<uint64_t>(&bytes[8]);
  out.backing_length = load_be<uint32_t>(&bytes[16]);
  const auto size = load_be<uint64_t>(&bytes[24]);
  header.cluster_bits = std::to_integer<uint32_t>(bytes[32]);
  header.l2_bits = std::to_integer<uint32_t>(bytes[33]);
  const auto crypt = load_be<uint32_t>(&bytes[36]);
  header.l1_offset = load_be<uint64_t>(&bytes[40]);
  if (size <= 1) return invalid("Image size is too small (must be at least 2 bytes)");
  if (header.cluster_bits < 9 || header.cluster_bits > 16) {
    return invalid("Cluster size must be between 512 and 64k");
  }
  if (header.l2_bits < 9 - 3 || header.l2_bits > 16 - 3) {
    return invalid("L2 table size must be between 512 and 64k");
  }
  if (crypt > 1) return invalid("invalid encryption method in qcow header");
  header.encrypted = crypt == 1;
  header.disk_size = align_down(size, sector);
  const uint64_t covered = uint64_t{1} << (header.cluster_bits + header.l2_bits);
  if (size > UINT64_MAX - covered || size / covered >= max_l1_entries) {
    return invalid("Image too large");
  }
  if (header.l1_offset > INT64_MAX) return invalid("qcow: the offset of the L1 table is too large");
  if (out.backing_offset == 0) out.backing_length = 0;
  if (out.backing_length > max_backing_name) return invalid("Backing file name too long");
  if (out.backing_length != 0 && out.backing_offset > INT64_MAX - max_backing_name) {
    return invalid("qcow: the offset of the backing file's name is too large");
  }
  return out;
}

}  // namespace

Task<std::unique_ptr<Format>> QcowImage::open(std::unique_ptr<storage::Storage> file,
                                              bool data_wanted) {
  std::array<std::byte, header_size> bytes{};
  const iovec into = io_slice(std::span<std::byte>(bytes));
  CO_TRY(co_await file->read(0, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Found found, parse(bytes));
  if (found.header.encrypted && data_wanted) {
    co_return fail(ErrorKind::unsupported, "Parameter 'encrypt.key-secret' is required for cipher",
                   EINVAL);
  }
  if (found.backing_length != 0) {
    std::string name(found.backing_length, '\0');
    const iovec name_into = io_slice(name.data(), name.size());
    CO_TRY(co_await file->read(found.backing_offset, IoSpan(&name_into, 1)));
    found.header.backing_file = name.substr(0, name.find('\0'));
  }
  co_return std::unique_ptr<Format>(new QcowImage(std::move(file), std::move(found.header)));
}

std::optional<BackingName> QcowImage::backing_name() const {
  if (header_.backing_file.empty()) return std::nullopt;
  return BackingName{header_.backing_file, std::nullopt};
}

Task<QcowImage::Table> QcowImage::table(uint64_t index) {
  if (const auto found = tables_.find(index); found != tables_.end()) co_return found->second;
  std::array<std::byte, 8> place{};
  const iovec place_into = io_slice(std::span<std::byte>(place));
  CO_TRY(co_await file_->read(header_.l1_offset + index * 8, IoSpan(&place_into, 1)));
  const auto offset = load_be<uint64_t>(place.data());
  Table out;
  if (offset > INT64_MAX - (uint64_t{8} << header_.l2_bits)) {
    co_return fail(
        ErrorKind::io,
        file_->filename() + ": L1 entry " + std::to_string(index) + " points beyond any file", EIO);
  }
  if (offset != 0) {
    std::vector<uint64_t> entries(uint64_t{1} << header_.l2_bits);
    const iovec into = io_slice(entries.data(), entries.size() * 8);
    CO_TRY(co_await file_->read(offset, IoSpan(&into, 1)));
    for (uint64_t& entry : entries) entry = load_be<uint64_t>(&entry);
    out = std::make_shared<const std::vector<uint64_t>>(std::move(entries));
  }
  if (tables_.size() >= max_tables) tables_.clear();
  tables_[index] = out;
  co_return out;
}

Task<uint64_t> QcowImage::entry(uint64_t cluster) {
  CO_TRY_ASSIGN(const Table found, co_await table(cluster >> header_.l2_bits));
  if (!found) co_return 0;
  const uint64_t value = (*found)[cluster & ((uint64_t{1} << header_.l2_bits) - 1)];
  co_return value;
}

// Clusters that lie alike, as long as one answer may take.
Task<Run> QcowImage::map(uint64_t offset, uint64_t length) {
  constexpr uint64_t most_clusters = 4096;
  const uint64_t cluster_size = header_.cluster_size();
  const uint64_t first = offset >> header_.cluster_bits;
  CO_TRY_ASSIGN(const uint64_t value, co_await entry(first));
  const auto kind_of = [](uint64_t one) {
    if (one == 0) return RunKind::hole;
    return (one & compressed_bit) != 0 ? RunKind::compressed : RunKind::data;
  };
  Run run;
  run.kind = kind_of(value);
  run.length = cluster_size - offset % cluster_size;
  for (uint64_t i = 1; i < most_clusters && run.length < length; ++i) {
    CO_TRY_ASSIGN(const uint64_t next, co_await entry(first + i));
    if (kind_of(next) != run.kind) break;
    if (run.kind == RunKind::data && next != value + i * cluster_size) break;
    run.length += cluster_size;
  }
  run.length = std::min(run.length, length);
  if (run.kind != RunKind::data) co_return run;
  run.has_host_offset = true;
  run.host_offset = value + offset % cluster_size;
  co_return run;
}

Task<std::shared_ptr<Buffer>> QcowImage::unpacked(uint64_t entry) {
  if (plain_ && plain_entry_ == entry) co_return plain_;
  const uint32_t offset_bits = 63 - header_.cluster_bits;
  const uint64_t offset = entry & ((uint64_t{1} << offset_bits) - 1);
  const uint64_t length = entry >> offset_bits & (header_.cluster_size() - 1);
  CO_TRY_ASSIGN(Buffer packed, Buffer::allocate(length));
  const iovec into = io_slice(packed.span());
  if (length != 0) CO_TRY(co_await file_->read(offset, IoSpan(&into, 1)));
  CO_TRY_ASSIGN(Buffer plain, Buffer::allocate(header_.cluster_size()));
  auto work = [&] { return codec::inflate(packed.span(), plain.span()); };
  const Result<void> done = co_await async::Loop::current_thread().offload(work);
  if (!done) {
    co_return fail(ErrorKind::io,
                   file_->filename() + ": compressed cluster at host offset " +
                       std::to_string(offset) + ": " + done.error().message(),
                   EIO);
  }
  plain_ = std::make_shared<Buffer>(std::move(plain));
  plain_entry_ = entry;
  co_return plain_;
}

Task<> QcowImage::read_compressed(uint64_t offset, IoSpan into) {
  const uint64_t length = io_length(into);
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const uint64_t inside = at % header_.cluster_size();
    const uint64_t step = std::min(length - done, header_.cluster_size() - inside);
    CO_TRY_ASSIGN(const uint64_t value, co_await entry(at >> header_.cluster_bits));
    CO_TRY_ASSIGN(const std::shared_ptr<Buffer> plain, co_await unpacked(value));
    io_copy_from(io_subvector(into, done, step), plain->span().subspan(inside, step));
    done += step;
  }
  co_return {};
}

}  // namespace oxbow::format::qcow
