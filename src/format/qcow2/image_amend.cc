// An open image's version, refcount width and wishes changed in place. What version 2 cannot say is
// taken out of the image first; the header says it last, in one sector.
#include <algorithm>

#include "format/qcow2/feature_names.h"
#include "format/qcow2/header_layout.h"
#include "format/qcow2/header_rewrite.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/metadata_reader.h"
#include "format/qcow2/units.h"
#include "format/qcow2/zero_expansion.h"

namespace oxbow::format::qcow2 {
namespace {

// Of a snapshot's optional fields; version 3 asks for them.
constexpr uint32_t snapshot_extra_in_version_3 = 16;

std::unexpected<Error> cannot_downgrade(std::string message) {
  return fail(ErrorKind::unsupported, std::move(message), ENOTSUP);
}

std::vector<std::byte> fields_of_version_3(std::span<const std::byte> version_2) {
  std::vector<std::byte> fields(version_2.begin(), version_2.end());
  fields.resize(v3_header_length);
  store_be<uint32_t>(fields.data() + header_offset_version, 3);
  store_be<uint32_t>(fields.data() + header_offset_refcount_order, v2_refcount_order);
  store_be<uint32_t>(fields.data() + header_offset_length, v3_header_length);
  return fields;
}

std::vector<std::byte> fields_of_version_2(std::span<const std::byte> version_3) {
  std::vector<std::byte> fields(version_3.begin(), version_3.begin() + v2_header_length);
  store_be<uint32_t>(fields.data() + header_offset_version, 2);
  return fields;
}

}  // namespace

Task<std::vector<L2Table>> Qcow2Image::all_l2_tables() {
  L2Tables tables;
  tables.add(map_.l1_entries(), true);
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  for (const Snapshot& snapshot : snapshots) {
    CO_TRY_ASSIGN(const std::vector<uint64_t> l1, co_await read_snapshot_l1(snapshot));
    tables.add(l1, false);
  }
  co_return tables.take();
}

Task<bool> Qcow2Image::holds_compressed(std::span<const L2Table> tables) {
  CO_TRY_ASSIGN(Buffer table, Buffer::allocate(header_.cluster_size()));
  for (const L2Table& it : tables) {
    CO_TRY(co_await read_bytes(gate_.file(), it.offset, table.span()));
    for (size_t at = 0; at < table.size(); at += header_.l2_entry_size()) {
      if (is_compressed({load_be<uint64_t>(table.data() + at), 0})) co_return true;
    }
  }
  co_return false;
}

Task<> Qcow2Image::check_amendment(const Amendment& wanted) {
  const bool other_width = wanted.refcount_order != header_.refcount_order;
  if (!other_width && wanted.version >= header_.version) co_return {};
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  if (other_width) CO_TRY(co_await refcounts_.check_width(wanted.refcount_order));
  if (wanted.version >= header_.version) co_return {};
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  const bool one_size = std::ranges::all_of(
      snapshots, [&](const Snapshot& it) { return it.disk_size == wanted.size; });
  if (!one_size) co_return cannot_downgrade("Internal snapshots prevent downgrade of image");
  constexpr uint64_t can_go = incompatible_dirty | incompatible_compression;
  if (const uint64_t stay = header_.incompatible_features & ~can_go; stay != 0) {
    co_return cannot_downgrade("Cannot downgrade an image with incompatible features " + hex(stay) +
                               " set");
  }
  if (!bitmaps_.empty()) {
    co_return cannot_downgrade(
        "Cannot downgrade an image with bitmaps: compat=0.10 has none. Remove them first "
        "(qemu-img bitmap --remove)");
  }
  if (header_.compression_type == compression_zlib) co_return {};
  CO_TRY_ASSIGN(const std::vector<L2Table> tables, co_await all_l2_tables());
  CO_TRY_ASSIGN(const bool compressed, co_await holds_compressed(tables));
  if (!compressed) co_return {};
  co_return cannot_downgrade(
      "Cannot downgrade an image with zstd compression type and existing compressed clusters");
}

// Version 3 asks for fields of snapshots that version 2 may lack.
Task<> Qcow2Image::complete_snapshot_table() {
  CO_TRY_ASSIGN(const std::vector<Snapshot> snapshots, co_await load_snapshots());
  const bool complete = std::ranges::all_of(
      snapshots, [](const Snapshot& it) { return it.extra_bytes >= snapshot_extra_in_version_3; });
  if (complete) co_return {};
  CO_TRY(co_await switch_snapshot_table(snapshots));
  co_return co_await settle();
}

Task<> Qcow2Image::upgrade() {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY(co_await complete_snapshot_table());
  CO_TRY_ASSIGN(HeaderParts parts, co_await read_header_parts(gate_.file(), header_));
  parts.fields = fields_of_version_3(parts.fields);
  HeaderParts named = parts;
  named.put(extension_feature_names, encode_feature_names(standard_feature_names()));
  Result<void> written = co_await write_header_parts(gate_, header_, std::move(named));
  // The names are for people: where the first cluster is too small, it does without them.
  const bool no_room = !written && written.error().kind() == ErrorKind::no_space;
  if (no_room) written = co_await write_header_parts(gate_, header_, std::move(parts));
  CO_TRY(written);
  header_.version = 3;
  co_return {};
}

Task<> Qcow2Image::change_refcount_width(uint32_t order, const AmendProgress& progress) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY(co_await refcounts_.change_width(order, progress));
  co_return co_await settle();
}

// The counts on disk are right from now on.
Task<> Qcow2Image::leave_lazy_refcounts() {
  CO_TRY(co_await settle());
  lazy_ = false;
  if (!dirty_marked_) co_return {};
  CO_TRY(co_await set_incompatible(incompatible_dirty, false));
  dirty_marked_ = false;
  co_return {};
}

Task<> Qcow2Image::wish_lazy_refcounts(bool lazy) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  if (!lazy) CO_TRY(co_await leave_lazy_refcounts());
  const uint64_t features = lazy ? header_.compatible_features | compatible_lazy_refcounts
                                 : header_.compatible_features & ~compatible_lazy_refcounts;
  CO_TRY(co_await gate_.write_header_field(header_offset_compatible, features));
  header_.compatible_features = features;
  co_return {};
}

Task<> Qcow2Image::change_data_file(const Amendment& wanted) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  const uint64_t features = wanted.raw_data_file
                                ? header_.autoclear_features
                                : header_.autoclear_features & ~autoclear_raw_data_file;
  if (features != header_.autoclear_features) {
    CO_TRY(co_await gate_.write_header_field(header_offset_autoclear, features));
    header_.autoclear_features = features;
  }
  if (!wanted.data_file) co_return {};
  CO_TRY_ASSIGN(HeaderParts parts, co_await read_header_parts(gate_.file(), header_));
  if (wanted.data_file->empty()) {
    parts.drop(extension_data_file);
  } else {
    parts.put(extension_data_file, std::as_bytes(std::span(*wanted.data_file)));
  }
  CO_TRY(co_await write_header_parts(gate_, header_, std::move(parts)));
  header_.data_file = wanted.data_file->empty() ? std::nullopt : wanted.data_file;
  co_return {};
}

Task<> Qcow2Image::downgrade(const AmendProgress& progress) {
  CO_TRY_ASSIGN(const auto still, co_await stand_still());
  CO_TRY(co_await leave_lazy_refcounts());
  CO_TRY_ASSIGN(const std::vector<L2Table> tables, co_await all_l2_tables());
  ZeroExpansion expansion({gate_, header_, refcounts_, encryption_.get()});
  const Result<void> expanded = co_await expansion.run(tables, progress);
  map_.forget_tables();
  CO_TRY(expanded);
  CO_TRY(co_await settle());
  CO_TRY_ASSIGN(HeaderParts parts, co_await read_header_parts(gate_.file(), header_));
  parts.fields = fields_of_version_2(parts.fields);
  parts.drop(extension_feature_names);
  CO_TRY(co_await write_header_parts(gate_, header_, std::move(parts)));
  header_.version = 2;
  header_.incompatible_features = 0;
  header_.compatible_features = 0;
  header_.autoclear_features = 0;
  header_.compression_type = compression_zlib;
  co_return {};
}

}  // namespace oxbow::format::qcow2
