// The public jobs: each is its task, run to the end on this thread's loop.
#include <oxbow/jobs.h>

#include <algorithm>

#include "async/loop.h"
#include "base/bytes.h"
#include "format/luks/luks_create.h"
#include "format/qcow2/measure.h"
#include "jobs/commit_job.h"
#include "jobs/compare_job.h"
#include "jobs/copy_job.h"
#include "jobs/measure_job.h"
#include "jobs/rebase_job.h"

namespace oxbow {

Result<void> copy(std::span<Image* const> sources, Image& target, const CopyOptions& options) {
  std::vector<std::shared_ptr<graph::Node>> nodes;
  nodes.reserve(sources.size());
  for (const Image* source : sources) nodes.push_back(source->node());
  CopyOptions wanted = options;
  wanted.compress |= target.node()->compresses();
  jobs::CopyJob job(std::move(nodes), target.node(), std::move(wanted));
  return async::Loop::current_thread().run(job.run());
}

Result<CompareResult> compare(Image& left, Image& right, const CompareOptions& options) {
  jobs::CompareJob job({left.node(), left.filename()}, {right.node(), right.filename()}, options);
  return async::Loop::current_thread().run(job.run());
}

Result<void> commit(Image& image, const CommitOptions& options) {
  if (options.failed_step != nullptr) *options.failed_step = CommitStep::open_base;
  if (options.depth == 0 || (options.depth > 1 && !options.keep_top)) {
    return fail(ErrorKind::invalid_argument, "an image cannot be committed like this", EINVAL);
  }
  TRY(image.make_backing_writable(options.depth));
  TRY(image.check_snapshots_over(image.node()));
  jobs::CommitJob job(image.node(), options.depth, options);
  return async::Loop::current_thread().run(job.run());
}

Result<void> rebase(Image& image, Image* below, const RebaseOptions& options) {
  const std::shared_ptr<graph::Node> node = below != nullptr ? below->node() : nullptr;
  TRY(image.check_snapshots_over(node));
  if (options.compress && image.node()->format().compressed_unit() == 0) {
    return fail(ErrorKind::unsupported, "Compression not supported for this file format", ENOTSUP);
  }
  jobs::RebaseJob job(image.node(), node, options);
  return async::Loop::current_thread().run(job.run());
}

namespace {

namespace qcow2 = format::qcow2;

constexpr uint64_t sector = 512;

Result<void> check_measured_format(const std::string& format) {
  if (format == "qcow2" || format == "raw" || format == "luks") return {};
  return fail(ErrorKind::unsupported,
              "Block driver '" + format + "' does not support size measurement", ENOTSUP);
}

// Of an image whose data takes `data` bytes.
Result<MeasureResult> add_metadata(const qcow2::MeasureShape& shape, uint64_t size, uint64_t data) {
  TRY_ASSIGN(const uint64_t metadata, qcow2::measure_metadata(shape, size));
  const uint64_t all = align_up(size, uint64_t{1} << shape.cluster_bits);
  const bool filled = shape.preallocation == storage::Preallocation::falloc ||
                      shape.preallocation == storage::Preallocation::full;
  MeasureResult result;
  result.required = metadata + (filled ? all : data);
  result.fully_allocated = metadata + all;
  return result;
}

uint64_t bitmaps_size(const ImageInfo& source, uint64_t cluster_size) {
  uint64_t bytes = 0;
  uint64_t directory = 0;
  for (const BitmapInfo& bitmap : source.qcow2->bitmaps) {
    bytes += qcow2::measure_bitmap(cluster_size, source.virtual_size, bitmap.granularity);
    directory += qcow2::measure_bitmap_entry(bitmap.name.size());
  }
  return bytes + align_up(directory, cluster_size);
}

Result<MeasureResult> measure_luks(uint64_t size, Options words) {
  for (const char* other : {"key-secret", "preallocation"}) words.erase(other);
  TRY_ASSIGN(const auto options, format::luks::take_create_options(words));
  if (!words.empty()) {
    return fail(ErrorKind::invalid_argument, "Invalid parameter '" + words.begin()->first + "'",
                EINVAL);
  }
  const uint64_t header = format::luks::new_header_size(options.spec);
  if (size > INT64_MAX - header) {
    return fail(ErrorKind::invalid_argument, "The image size is too large", EFBIG);
  }
  return MeasureResult{header + size, header + size, std::nullopt};
}

}  // namespace

Result<MeasureResult> measure(uint64_t size, const MeasureOptions& options) {
  TRY(check_measured_format(options.format));
  if (options.format == "luks") return measure_luks(size, options.format_options);
  size = align_up(size, sector);
  if (options.format == "raw") return MeasureResult{size, size, std::nullopt};
  TRY_ASSIGN(const qcow2::MeasureShape shape, qcow2::parse_measure_options(options.format_options));
  return add_metadata(shape, size, 0);
}

Result<MeasureResult> measure(Image& source, const MeasureOptions& options) {
  TRY(check_measured_format(options.format));
  const uint64_t size = align_up(source.size(), sector);
  if (options.format == "luks") return measure_luks(size, options.format_options);
  if (options.format == "raw") return MeasureResult{size, size, std::nullopt};
  TRY_ASSIGN(const qcow2::MeasureShape shape, qcow2::parse_measure_options(options.format_options));
  const uint64_t cluster_size = uint64_t{1} << shape.cluster_bits;
  TRY(qcow2::measure_metadata(shape, size));
  uint64_t data = align_up(size, cluster_size);
  if (!shape.has_backing) {
    TRY_ASSIGN(data,
               async::Loop::current_thread().run(jobs::measure_data(source.node(), cluster_size)));
  }
  TRY_ASSIGN(MeasureResult result, add_metadata(shape, size, data));
  TRY_ASSIGN(const ImageInfo info, source.info());
  if (info.qcow2 && info.qcow2->version >= 3 && shape.version >= 3) {
    result.bitmaps = bitmaps_size(info, cluster_size);
  }
  return result;
}

}  // namespace oxbow
