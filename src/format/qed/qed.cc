#include "format/qed/qed.h"

#include <array>
#include <cstring>

#include "base/bytes.h"

namespace oxbow::format::qed {

QedImage::QedImage(std::unique_ptr<storage::Storage> file, Header header)
    : BlockImage(std::move(file), header.disk_size, header.cluster_size),
      header_(std::move(header)),
      tables_(storage(),
              {header_.l1_offset, header_.table_entries(), header_.table_entries(), false},
              [this](uint64_t offset) { return check_table_place(offset); }) {}

std::optional<BackingName> QedImage::backing_name() const {
  if (header_.backing_file.empty()) return std::nullopt;
  BackingName name{header_.backing_file, std::nullopt};
  if ((header_.features & feature_backing_raw) != 0) name.format = "raw";
  return name;
}

uint64_t QedImage::last_cluster_end() const { return align_up(file_size(), header_.cluster_size); }

std::unexpected<Error> QedImage::bad_offset(const char* what, uint64_t offset) const {
  return fail(
      ErrorKind::io,
      "'" + filename() + "': QED " + what + " at an invalid offset " + std::to_string(offset),
      EINVAL);
}

Result<void> QedImage::check_table_place(uint64_t offset) const {
  if (header_.is_table_offset(offset, last_cluster_end())) return {};
  return bad_offset("L2 table", offset);
}

Task<BlockImage::Block> QedImage::find(uint64_t block) {
  CO_TRY_ASSIGN(const uint64_t entry, co_await tables_.get(block));
  if (entry == entry_unallocated) co_return Block{};
  if (entry == entry_zero) co_return Block{RunKind::zero};
  if (!header_.is_cluster_offset(entry, last_cluster_end())) co_return bad_offset("data", entry);
  co_return Block{RunKind::data, entry};
}

Task<uint64_t> QedImage::make_room(uint64_t bytes) {
  const uint64_t room = last_cluster_end();
  CO_TRY(co_await clear_room(room, bytes));
  co_return room;
}

Task<> QedImage::make_linkable(uint64_t block) {
  co_return co_await tables_.make_table(block, [this](uint64_t bytes) { return make_room(bytes); });
}

Task<uint64_t> QedImage::allocate(uint64_t) { return make_room(header_.cluster_size); }

Task<> QedImage::link(uint64_t block, uint64_t host_offset) {
  return tables_.set(block, host_offset);
}

// The image is marked as in use before anything changes, for who trusts its
// tables less than we do; what an earlier writer left is looked at first.
Task<> QedImage::begin_writing() {
  if ((header_.features & feature_need_check) != 0) {
    CO_TRY_ASSIGN(const CheckResult found, co_await check({}, Repair::none));
    if (found.corruptions != 0) {
      co_return fail(ErrorKind::corrupt,
                     "'" + filename() + "': the QED image was not closed, and its tables are wrong",
                     EINVAL);
    }
  }
  co_return co_await write_features(header_.features | feature_need_check);
}

Task<> QedImage::end_writing() { return write_features(header_.features & ~feature_need_check); }

// And those that only hold while nobody writes who does not know them.
Task<> QedImage::write_features(uint64_t features) {
  std::array<std::byte, 8> raw{};
  const iovec from = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await storage().write(autoclear_features_offset, IoSpan(&from, 1)));
  store_le(raw.data(), features);
  CO_TRY(co_await storage().write(features_offset, IoSpan(&from, 1)));
  CO_TRY(co_await storage().flush());
  header_.features = features;
  co_return {};
}

Task<CheckResult> QedImage::check(FindingSink, Repair) {
  CO_TRY_ASSIGN(const CheckResult found,
                co_await qed::check(storage(), header_, last_cluster_end(), tables_.first()));
  co_return found;
}

Task<> QedImage::resize(uint64_t size, storage::Preallocation preallocation, bool) {
  if (preallocation != storage::Preallocation::off) {
    constexpr std::array words = {"off", "metadata", "falloc", "full"};
    co_return fail(ErrorKind::unsupported,
                   std::string("Unsupported preallocation mode '") +
                       words[static_cast<size_t>(preallocation)] + "'",
                   ENOTSUP);
  }
  Header grown = header_;
  grown.disk_size = size;
  if (!grown.is_valid_size()) {
    co_return fail(ErrorKind::invalid_argument, "Invalid image size specified", EINVAL);
  }
  if (size < header_.disk_size) {
    co_return fail(ErrorKind::unsupported, "Shrinking images is currently not supported", ENOTSUP);
  }
  size_before_ = header_.disk_size;
  header_ = std::move(grown);
  set_size(size);
  co_return {};
}

Task<> QedImage::commit_resize() {
  std::array<std::byte, 8> raw{};
  store_le(raw.data(), header_.disk_size);
  const iovec from = io_slice(std::span<std::byte>(raw));
  CO_TRY(co_await flush());
  CO_TRY(co_await storage().write(disk_size_offset, IoSpan(&from, 1)));
  co_return co_await storage().flush();
}

Task<> QedImage::abort_resize() {
  header_.disk_size = size_before_;
  set_size(size_before_);
  co_return {};
}

Task<std::unique_ptr<Format>> open_qed(std::unique_ptr<storage::Storage> file) {
  CO_TRY_ASSIGN(Header header, co_await read_header(*file));
  co_return std::make_unique<QedImage>(std::move(file), std::move(header));
}

}  // namespace oxbow::format::qed
