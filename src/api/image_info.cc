#include "api/image_info.h"

#include "api/filename.h"
#include "format/luks/luks.h"
#include "format/qcow2/check.h"
#include "format/qcow2/image.h"
#include "format/qcow2/layout.h"
#include "format/qcow2/snapshot_table.h"
#include "format/sealed.h"
#include "format/vmdk/vmdk.h"

namespace oxbow::api {
namespace {

namespace qcow2 = format::qcow2;

format::Format& format_of(graph::Node& node) {
  auto* sealed = dynamic_cast<format::SealedFormat*>(&node.format());
  return sealed != nullptr ? sealed->inner() : node.format();
}

// Null for other formats.
qcow2::Qcow2Image* qcow2_of(graph::Node& node) {
  return dynamic_cast<qcow2::Qcow2Image*>(&format_of(node));
}

LuksInfo facts_of(const format::luks::LuksHeader& header) {
  LuksInfo out;
  out.cipher_algorithm = name_of(header.spec.cipher);
  out.cipher_mode = name_of(header.spec.mode);
  out.iv_generator = name_of(header.spec.generator);
  if (header.spec.generator == codec::IvGenerator::essiv) {
    out.iv_generator_hash = name_of(*header.spec.generator_hash);
  }
  out.hash_algorithm = name_of(header.hash);
  out.uuid = header.uuid;
  out.payload_offset = header.payload_offset();
  out.master_key_iterations = header.digest_iterations;
  for (const format::luks::KeySlot& slot : header.slots) {
    out.slots.push_back({slot.active, slot.iterations, slot.offset(), format::luks::stripes});
  }
  return out;
}

Task<std::vector<SnapshotInfo>> snapshots_of(storage::Source& file, const qcow2::Header& header) {
  std::vector<SnapshotInfo> out;
  CO_TRY_ASSIGN(const auto snapshots, co_await qcow2::read_snapshots(file, header));
  for (const qcow2::Snapshot& one : snapshots) {
    SnapshotInfo info;
    info.id = one.id;
    info.name = one.name;
    info.vm_state_size = one.vm_state_size;
    info.date_sec = one.date_sec;
    info.date_nsec = one.date_nsec;
    info.vm_clock_nsec = one.vm_clock_nsec;
    info.icount = one.icount;
    info.disk_size = one.disk_size;
    out.push_back(std::move(info));
  }
  co_return out;
}

std::vector<BitmapInfo> bitmaps_of(qcow2::Qcow2Image& image) {
  std::vector<BitmapInfo> out;
  for (const qcow2::Bitmap& one : image.bitmaps().list()) {
    BitmapInfo info;
    info.name = one.name;
    info.granularity = one.granularity_bits < 64 ? uint64_t{1} << one.granularity_bits : 0;
    if (one.in_use()) info.flags.push_back("in-use");
    if (one.enabled()) info.flags.push_back("auto");
    info.usable = !one.in_use() && !one.foreign();
    info.durability = image.bitmaps().durability_of(one.name);
    out.push_back(std::move(info));
  }
  return out;
}

Qcow2Info facts_of(const qcow2::Header& header) {
  Qcow2Info out;
  out.version = header.version;
  out.compression_type = header.compression_type == qcow2::compression_zstd ? "zstd" : "zlib";
  out.lazy_refcounts = (header.compatible_features & qcow2::compatible_lazy_refcounts) != 0;
  out.refcount_bits = header.refcount_bits();
  out.corrupt = (header.incompatible_features & qcow2::incompatible_corrupt) != 0;
  out.extended_l2 = header.extended_l2();
  if (header.crypt_method != qcow2::crypt_none) {
    out.encryption_format = header.crypt_method == qcow2::crypt_aes ? "aes" : "luks";
  }
  if (header.has_data_file()) out.data_file = header.data_file.value_or("");
  out.data_file_raw = (header.autoclear_features & qcow2::autoclear_raw_data_file) != 0;
  return out;
}

Task<> add_qcow2(ImageInfo& info, qcow2::Qcow2Image& image) {
  const qcow2::Header& header = image.header();
  info.qcow2 = facts_of(header);
  info.dirty = (header.incompatible_features & qcow2::incompatible_dirty) != 0;
  info.encrypted = header.crypt_method != qcow2::crypt_none;
  if (image.encryption() != nullptr && image.encryption()->luks_header()) {
    info.qcow2->luks = facts_of(*image.encryption()->luks_header());
  }
  info.cluster_size = header.cluster_size();
  info.backing_format = header.backing_format.value_or("");
  if (header.nb_snapshots != 0) {
    CO_TRY_ASSIGN(info.snapshots, co_await snapshots_of(image.file(), header));
  }
  info.qcow2->bitmaps = bitmaps_of(image);
  co_return {};
}

VmdkInfo vmdk_facts(const format::vmdk::VmdkImage& image) {
  VmdkInfo out;
  out.cid = image.descriptor().cid;
  out.parent_cid = image.descriptor().parent_cid;
  out.create_type = image.descriptor().create_type;
  for (const format::vmdk::Extent& one : image.extents()) {
    VmdkExtentInfo extent;
    extent.virtual_size = one.end - one.start;
    extent.filename = one.file->filename();
    if (one.sparse) extent.cluster_size = one.sparse->grain_size;
    extent.format = one.type;
    extent.compressed = one.sparse && one.sparse->compressed;
    out.extents.push_back(std::move(extent));
  }
  return out;
}

BlockStatus from_node(const graph::NodeStatus& status, uint64_t offset) {
  BlockStatus out;
  out.offset = offset;
  out.length = status.length;
  out.depth = status.depth;
  out.present = status.kind != format::RunKind::hole;
  out.zero = status.zero;
  out.compressed = status.kind == format::RunKind::compressed;
  out.data = status.kind == format::RunKind::data || out.compressed;
  if (status.has_host_offset) {
    out.host_offset = status.host_offset;
    out.filename = status.file->filename();
  }
  return out;
}

bool continues(const BlockStatus& run, const graph::NodeStatus& next) {
  const BlockStatus other = from_node(next, run.offset + run.length);
  if (run.depth != other.depth || run.zero != other.zero || run.present != other.present ||
      run.data != other.data || run.compressed != other.compressed) {
    return false;
  }
  if (run.host_offset.has_value() != other.host_offset.has_value()) return false;
  if (run.filename != other.filename) return false;
  return !run.host_offset || *run.host_offset + run.length == *other.host_offset;
}

}  // namespace

Task<ImageInfo> describe(std::shared_ptr<graph::Node> node, std::string filename) {
  ImageInfo info;
  info.filename = std::move(filename);
  info.format = node->driver();
  info.virtual_size = node->virtual_size();
  if (const auto bytes = node->format().allocated_bytes()) info.actual_size = *bytes;
  info.dirty = node->format().dirty();
  info.encrypted = node->format().encrypted();
  // Formats that tell nothing of their state show no clusters either.
  const uint32_t cluster_size = node->format().geometry().cluster_size;
  if (info.dirty && cluster_size != 0) info.cluster_size = cluster_size;
  auto* image = qcow2_of(*node);
  if (node->is_filtered()) {
    // A filter says nothing of the format, but shows its snapshots.
    if (cluster_size != 0) info.cluster_size = cluster_size;
    if (image != nullptr && image->header().nb_snapshots != 0) {
      CO_TRY_ASSIGN(info.snapshots, co_await snapshots_of(image->file(), image->header()));
    }
    co_return info;
  }
  if (const auto backing = node->format().backing_name()) {
    info.backing_filename = backing->file;
    info.backing_format = backing->format.value_or("");
    info.full_backing_filename = resolve_name(node->format().file().filename(), backing->file);
  }
  if (image != nullptr) CO_TRY(co_await add_qcow2(info, *image));
  if (const auto* luks = dynamic_cast<format::luks::LuksImage*>(&format_of(*node))) {
    info.encrypted = true;
    info.luks = facts_of(luks->header());
  } else if (const auto* vmdk = dynamic_cast<format::vmdk::VmdkImage*>(&format_of(*node))) {
    info.vmdk = vmdk_facts(*vmdk);
  }
  co_return info;
}

Task<BlockStatus> block_status(std::shared_ptr<graph::Node> node, uint64_t offset,
                               uint64_t length) {
  if (!node->format().shows_places()) {
    co_return BlockStatus{.offset = offset, .length = length, .data = true};
  }
  CO_TRY_ASSIGN(const graph::NodeStatus first, co_await node->status(offset, length));
  BlockStatus out = from_node(first, offset);
  while (out.length < length) {
    const auto next = co_await node->status(offset + out.length, length - out.length);
    // What cannot be read is told when it is asked for.
    if (!next || !continues(out, *next)) break;
    out.length += next->length;
  }
  co_return out;
}

Task<bool> is_allocated(std::shared_ptr<graph::Node> node, uint64_t offset, uint64_t length,
                        uint64_t& run) {
  run = 0;
  bool answer = false;
  while (run < length) {
    CO_TRY_ASSIGN(const graph::NodeStatus next,
                  co_await node->status_here(offset + run, length - run));
    const bool here = next.kind != format::RunKind::hole;
    if (run == 0) answer = here;
    if (here != answer) break;
    run += next.length;
  }
  co_return answer;
}

Task<CheckResult> check(std::shared_ptr<graph::Node> node,
                        std::function<void(const CheckFinding&)> on_finding, Repair repair) {
  if (node->is_filtered()) {
    co_return fail(ErrorKind::unsupported, "This image format does not support checks", ENOTSUP);
  }
  auto* image = qcow2_of(*node);
  CO_TRY(co_await node->flush());
  if (image == nullptr) co_return co_await node->format().check(on_finding, repair);
  if (repair != Repair::none) co_return co_await image->repair(repair, on_finding);
  co_return co_await qcow2::check(image->file(), image->header(), on_finding);
}

}  // namespace oxbow::api
