#include "format/qcow2/create.h"

#include <algorithm>
#include <vector>

#include "format/qcow2/create_layout.h"
#include "format/qcow2/encryption.h"
#include "format/qcow2/gate.h"

namespace oxbow::format::qcow2 {
namespace {

using storage::Preallocation;

constexpr uint64_t piece_bytes = 1 << 20;
constexpr uint64_t min_cluster_with_feature_names = 8192;

Header make_header(const Qcow2CreateOptions& options, const CreateLayout& layout) {
  Header header;
  header.version = options.version;
  header.cluster_bits = options.cluster_bits;
  header.size = align_up(options.size, 512);
  header.l1_size = static_cast<uint32_t>(layout.l1_entries);
  header.l1_table_offset = layout.l1 << options.cluster_bits;
  header.refcount_table_offset = layout.refcount_table << options.cluster_bits;
  header.refcount_table_clusters = static_cast<uint32_t>(layout.refcount_table_clusters);
  header.refcount_order = options.refcount_order;
  header.compression_type = options.compression_type;
  if (options.extended_l2) header.incompatible_features |= incompatible_extended_l2;
  if (options.compression_type != compression_zlib) {
    header.incompatible_features |= incompatible_compression;
  }
  if (options.encryption) header.crypt_method = options.encryption->method;
  if (layout.crypto != 0) {
    header.crypto = {layout.crypto << options.cluster_bits, options.crypto_header_bytes()};
  }
  if (options.data_file) header.incompatible_features |= incompatible_data_file;
  header.data_file = options.data_file;
  if (options.data_file_raw) header.autoclear_features |= autoclear_raw_data_file;
  if (options.lazy_refcounts) header.compatible_features |= compatible_lazy_refcounts;
  header.backing_file = options.backing_file;
  if (!options.backing_format.empty()) header.backing_format = options.backing_format;
  if (options.version >= 3 && header.cluster_size() >= min_cluster_with_feature_names) {
    header.feature_names = standard_feature_names();
  }
  return header;
}

// Collects writes that follow one another in the file into large ones.
class Appender {
 public:
  Appender(Gate& gate, Writes kind) : gate_(gate), kind_(kind) {}

  /// Zeroed room for `length` bytes at `offset`, to be filled before the next call.
  Task<std::byte*> room(uint64_t offset, uint64_t length) {
    const bool follows = offset == begin_ + used_ && used_ + length <= buffer_.size();
    if (!follows) CO_TRY(co_await start(offset, length));
    std::byte* at = buffer_.data() + used_;
    std::memset(at, 0, length);
    used_ += length;
    co_return at;
  }

  Task<> finish() {
    if (used_ == 0) co_return {};
    const iovec from = io_slice(std::span<const std::byte>(buffer_.data(), used_));
    used_ = 0;
    co_return co_await gate_.write(kind_, begin_, IoSpan(&from, 1));
  }

 private:
  Task<> start(uint64_t offset, uint64_t length) {
    CO_TRY(co_await finish());
    if (buffer_.size() < length) {
      CO_TRY_ASSIGN(buffer_, Buffer::allocate(std::max(length, piece_bytes)));
    }
    begin_ = offset;
    co_return {};
  }

  Gate& gate_;
  Writes kind_;
  Buffer buffer_;
  uint64_t begin_ = 0;
  uint64_t used_ = 0;
};

// An image that is being made.
class Creation {
 public:
  Creation(std::unique_ptr<storage::Storage> file, std::unique_ptr<storage::Storage> data_file,
           const Qcow2CreateOptions& options, CreateLayout layout)
      : gate_(std::move(file)),
        data_file_(std::move(data_file)),
        preallocation_(options.preallocation),
        encryption_(options.encryption),
        layout_(std::move(layout)),
        header_(make_header(options, layout_)),
        bits_(options.cluster_bits) {}

  /// `header`: its encoded cluster.
  Task<> write(const Buffer& header) {
    CO_TRY(co_await write_refcount_blocks());
    CO_TRY(co_await write_table(Writes::active_l1, layout_.l1, layout_.l1_entries, layout_.tables,
                                copied_flag, layout_.l1_entries * 8));
    CO_TRY(co_await write_table(Writes::refcount_table, layout_.refcount_table,
                                layout_.refcount_blocks.size(), layout_.refcount_blocks, 0,
                                layout_.refcount_table_clusters << bits_));
    CO_TRY(co_await write_crypto_header());
    CO_TRY(co_await provide_data());
    CO_TRY(co_await write_l2_tables());
    // Whoever finds the header may rely on all the rest.
    if (data_file_) CO_TRY(co_await data_file_->flush());
    CO_TRY(co_await gate_.barrier());
    const iovec from = io_slice(header.span());
    co_return co_await gate_.write(Writes::main_header, 0, IoSpan(&from, 1));
  }

  Task<> close() {
    const Result<void> data = data_file_ ? co_await data_file_->close() : Result<void>();
    CO_TRY(co_await gate_.close());
    co_return data;
  }
  [[nodiscard]] const Header& header() const { return header_; }

 private:
  Task<> write_refcount_blocks();
  Task<> write_table(Writes kind, uint64_t place, uint64_t entries,
                     const std::vector<uint64_t>& targets, uint64_t flags, uint64_t bytes);
  Task<> write_crypto_header();
  Task<> provide_data();
  Task<> write_l2_tables();
  void fill_block(std::byte* block, uint64_t first_cluster) const;
  void fill_l2(std::byte* table, uint64_t guest, size_t& run) const;

  Gate gate_;
  std::unique_ptr<storage::Storage> data_file_;
  Preallocation preallocation_;
  std::optional<Qcow2Encryption> encryption_;
  CreateLayout layout_;
  Header header_;
  uint32_t bits_;
};

void Creation::fill_block(std::byte* block, uint64_t first_cluster) const {
  const uint64_t entries = header_.refcount_block_entries();
  const uint64_t used =
      layout_.end > first_cluster ? std::min(layout_.end - first_cluster, entries) : 0;
  for (uint64_t i = 0; i < used; ++i) store_refcount(block, i, header_.refcount_order, 1);
  if (layout_.cluster_1_free && first_cluster == 0) {
    store_refcount(block, 1, header_.refcount_order, 0);
  }
}

Task<> Creation::write_refcount_blocks() {
  Appender out(gate_, Writes::refcount_block);
  const uint64_t entries = header_.refcount_block_entries();
  CO_TRY_ASSIGN(Buffer full, Buffer::allocate_zeroed(header_.cluster_size()));
  for (uint64_t i = 0; i < entries; ++i) store_refcount(full.data(), i, header_.refcount_order, 1);
  for (uint64_t region = 0; region < layout_.refcount_blocks.size(); ++region) {
    const uint64_t place = layout_.refcount_blocks[region];
    if (place == 0) continue;
    CO_TRY_ASSIGN(std::byte * block, co_await out.room(place << bits_, header_.cluster_size()));
    if (region != 0 && (region + 1) * entries <= layout_.end) {
      std::memcpy(block, full.data(), full.size());
    } else {
      fill_block(block, region * entries);
    }
  }
  co_return co_await out.finish();
}

// `entries` big-endian offsets of clusters, `targets` from the first on, in `bytes` bytes.
Task<> Creation::write_table(Writes kind, uint64_t place, uint64_t entries,
                             const std::vector<uint64_t>& targets, uint64_t flags, uint64_t bytes) {
  Appender out(gate_, kind);
  for (uint64_t at = 0; at < bytes; at += piece_bytes) {
    const uint64_t length = std::min(piece_bytes, bytes - at);
    CO_TRY_ASSIGN(std::byte * raw, co_await out.room((place << bits_) + at, length));
    const uint64_t first = at / 8;
    const uint64_t last = std::min({entries, targets.size(), (at + length) / 8});
    for (uint64_t i = first; i < last; ++i) {
      if (targets[i] != 0) store_be(raw + (i - first) * 8, (targets[i] << bits_) | flags);
    }
  }
  co_return co_await out.finish();
}

Task<> Creation::write_crypto_header() {
  if (!header_.crypto) co_return {};
  co_return co_await create_crypto_header(gate_, *header_.crypto, encryption_->luks,
                                          encryption_->passphrase->span());
}

Task<> Creation::provide_data() {
  if (data_file_ || preallocation_ == Preallocation::off || layout_.data.empty()) co_return {};
  if (preallocation_ == Preallocation::metadata) {
    co_return co_await gate_.truncate(layout_.end << bits_, Preallocation::off);
  }
  const DataRun& data = layout_.data.front();
  co_return co_await gate_.truncate((data.host + data.count) << bits_, preallocation_);
}

// `run`: index of the run that holds `guest`, moved on.
void Creation::fill_l2(std::byte* table, uint64_t guest, size_t& run) const {
  const uint64_t step = header_.l2_entry_size();
  // Where it is decrypted, what the file holds is not zeroes: the entries say that it is.
  const bool marked = encryption_ && header_.version >= 3;
  const uint64_t flags = copied_flag | (marked && !header_.extended_l2() ? l2_zero_flag : 0);
  const uint64_t table_end = std::min(guest + header_.l2_entries(), header_.guest_clusters());
  while (guest < table_end) {
    const DataRun& data = layout_.data[run];
    const uint64_t stop = std::min(table_end, data.guest + data.count);
    uint64_t entry = ((data.host + guest - data.guest) << bits_) | flags;
    for (; guest < stop; ++guest, table += step, entry += header_.cluster_size()) {
      store_be(table, entry);
      if (marked && header_.extended_l2()) store_be(table + 8, uint64_t{0xffffffff} << 32);
    }
    if (guest == data.guest + data.count) ++run;
  }
}

Task<> Creation::write_l2_tables() {
  Appender out(gate_, Writes::active_l2);
  size_t run = 0;
  for (uint64_t i = 0; i < layout_.tables.size(); ++i) {
    CO_TRY_ASSIGN(std::byte * table,
                  co_await out.room(layout_.tables[i] << bits_, header_.cluster_size()));
    fill_l2(table, i * header_.l2_entries(), run);
  }
  co_return co_await out.finish();
}

Result<Buffer> encode_new_header(const Header& header) {
  Result<Buffer> encoded = encode_header(header);
  if (encoded || header.backing_file.empty()) return encoded;
  const bool too_long = encoded.error().kind() == ErrorKind::invalid_argument;
  return fail(encoded.error().kind(),
              "Could not assign backing file '" + header.backing_file + "' with format '" +
                  header.backing_format.value_or("") +
                  "': " + (too_long ? "Invalid argument" : "No space left on device"),
              encoded.error().os_error());
}

}  // namespace

Task<> create(std::unique_ptr<storage::Storage> file, Qcow2CreateOptions options) {
  return create_with_data_file(std::move(file), nullptr, std::move(options));
}

Task<> create_with_data_file(std::unique_ptr<storage::Storage> file,
                             std::unique_ptr<storage::Storage> data_file,
                             Qcow2CreateOptions options) {
  CO_TRY(check_create_options(options));
  CO_TRY_ASSIGN(CreateLayout layout, plan_create(options));
  Creation creation(std::move(file), std::move(data_file), options, std::move(layout));
  CO_TRY_ASSIGN(const Buffer header, encode_new_header(creation.header()));
  const Result<void> written = co_await creation.write(header);
  const Result<void> closed = co_await creation.close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::qcow2
