#include "format/qcow2/image.h"

#include <algorithm>

#include "format/qcow2/layout.h"

namespace oxbow::format::qcow2 {
namespace {

constexpr uint64_t max_l2_cache = 32 << 20;
constexpr uint64_t default_refcount_cache = 256 << 10;

uint32_t slice_bytes(const Header& header, const Qcow2OpenOptions& options) {
  const uint32_t wanted = options.l2_slice_bytes != 0 ? options.l2_slice_bytes : usual_slice;
  return std::min(wanted, header.cluster_size());
}

// What the whole disk's L2 tables take, but no more than 32 MiB.
uint64_t l2_cache_bytes(const Header& header, const Qcow2OpenOptions& options) {
  if (options.l2_cache_bytes != 0) return options.l2_cache_bytes;
  const uint64_t clusters = div_round_up(header.size, header.cluster_size());
  return std::clamp<uint64_t>(clusters * header.l2_entry_size(), 16 * usual_slice, max_l2_cache);
}

uint64_t refcount_cache_bytes(const Qcow2OpenOptions& options) {
  return options.refcount_cache_bytes != 0 ? options.refcount_cache_bytes : default_refcount_cache;
}

BitmapOptions bitmap_options(const Qcow2OpenOptions& options) {
  BitmapOptions out = options.bitmaps;
  out.warn = options.warn;
  return out;
}

}  // namespace

Qcow2Image::Qcow2Image(std::unique_ptr<storage::Storage> file,
                       std::unique_ptr<storage::Storage> data_file, Header header,
                       Qcow2OpenOptions options)
    : gate_(std::move(file)),
      header_(std::move(header)),
      options_(std::move(options)),
      unit_size_(header_.extended_l2() ? header_.cluster_size() / subclusters_per_cluster
                                       : header_.cluster_size()),
      refcounts_(gate_, header_, refcount_cache_bytes(options_), options_.pass_discard),
      data_(gate_, refcounts_, header_, std::move(data_file), options_.pass_discard),
      map_(gate_, header_, refcounts_, slice_bytes(header_, options_),
           l2_cache_bytes(header_, options_), *this),
      guard_(gate_.file(), header_, *this, options_.guard, options_.on_memory_limit),
      bitmaps_(gate_, header_, refcounts_, *this, bitmap_options(options_)),
      unpacked_(options_.unpacked_cache_bytes, header_.cluster_size()) {}

Geometry Qcow2Image::geometry() const { return {header_.size, header_.cluster_size(), unit_size_}; }

namespace {

Task<std::unique_ptr<storage::Storage>> open_data_file(const Header& header,
                                                       const Qcow2OpenOptions& options) {
  const bool raw = (header.autoclear_features & autoclear_raw_data_file) != 0;
  if (raw && !header.has_data_file() && options.open_data_file) {
    co_return fail(ErrorKind::invalid_argument, "data-file-raw requires a data file", EINVAL);
  }
  std::unique_ptr<storage::Storage> file;
  if (header.has_data_file() && options.open_data_file) {
    CO_TRY_ASSIGN(file, co_await options.open_data_file(header.data_file));
  }
  const bool in_use = options.writable && !options.check_only;
  if (in_use && header.has_data_file() && !file) {
    co_return fail(ErrorKind::invalid_argument, "'data-file' is required for this image", EINVAL);
  }
  co_return file;
}

}  // namespace

Task<std::unique_ptr<Qcow2Image>> open_qcow2(std::unique_ptr<storage::Storage> file,
                                             Qcow2OpenOptions options) {
  CO_TRY_ASSIGN(Header header, co_await read_header(*file, options.check_only,
                                                    options.check_only && options.writable));
  CO_TRY_ASSIGN(auto data_file, co_await open_data_file(header, options));
  auto image = std::make_unique<Qcow2Image>(std::move(file), std::move(data_file),
                                            std::move(header), std::move(options));
  const Result<void> started = co_await image->start();
  if (!started) co_return std::unexpected(started.error());
  co_return image;
}

Task<> Qcow2Image::start() {
  const bool in_use = options_.writable && !options_.check_only;
  if (in_use && (header_.incompatible_features & incompatible_corrupt) != 0) {
    co_return fail(ErrorKind::corrupt, "qcow2: Image is corrupt; cannot be opened read/write",
                   EACCES);
  }
  if (in_use && (header_.incompatible_features & incompatible_dirty) != 0) {
    CO_TRY(co_await repair_dirty());
  }
  if (header_.crypt_method != crypt_none && !options_.encryption.as_stored) {
    CO_TRY_ASSIGN(encryption_,
                  co_await Encryption::open(gate_, data_, header_, options_.encryption));
  }
  CO_TRY(co_await map_.load());
  if (!options_.check_only) CO_TRY(co_await bitmaps_.start());
  // Repair trusts no refcount and no list of metadata that this image's tables could give.
  if (!in_use) co_return {};
  CO_TRY(co_await refcounts_.load());
  gate_.arm(header_, guard_, refcounts_,
            [this](const Corruption& corruption) { tell_corruption(corruption); });
  const bool wished = (header_.compatible_features & compatible_lazy_refcounts) != 0;
  lazy_ = header_.version >= 3 && options_.lazy_refcounts.value_or(wished);
  CO_TRY(co_await clear_autoclear());
  co_return co_await tell_recovered();
}

Task<> Qcow2Image::tell_recovered() {
  CO_TRY_ASSIGN(const std::vector<std::string> names, co_await bitmaps_.start_writing());
  if (names.empty() || !options_.warn) co_return {};
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "'" : ", '") + name + "'";
  options_.warn(gate_.file().filename() + ": was not closed; kept dirty bitmaps " + all +
                ", which may name more than what changed");
  co_return {};
}

Task<CheckResult> Qcow2Image::repair(Repair what, const FindingSink& sink) {
  if (!options_.writable || !options_.check_only) {
    co_return fail(ErrorKind::invalid_argument,
                   gate_.file().filename() + " is not open to be repaired");
  }
  co_return co_await check_and_repair(gate_, header_, what, sink);
}

// Another writer, or a crash with lazy refcounts, left the counts behind the tables.
Task<> Qcow2Image::repair_dirty() {
  const Result<CheckResult> repaired =
      co_await check_and_repair(gate_, header_, Repair::all, options_.on_repair);
  if (repaired && (header_.incompatible_features & incompatible_dirty) == 0) co_return {};
  const int os_error = repaired ? EIO : repaired.error().as_errno();
  co_return fail(ErrorKind::corrupt, "Could not repair dirty image", os_error);
}

// Features that this version does not keep up to date must not be trusted after it wrote.
Task<> Qcow2Image::clear_autoclear() {
  const uint64_t known = (header_.bitmaps ? autoclear_bitmaps | autoclear_bitmap_record : 0) |
                         (header_.has_data_file() ? autoclear_raw_data_file : 0);
  const uint64_t kept = header_.autoclear_features & known;
  if (header_.version < 3 || header_.autoclear_features == kept) co_return {};
  CO_TRY(co_await gate_.write_header_field(header_offset_autoclear, kept));
  header_.autoclear_features = kept;
  co_return {};
}

Task<> Qcow2Image::set_incompatible(uint64_t bits, bool on) {
  const uint64_t features =
      on ? header_.incompatible_features | bits : header_.incompatible_features & ~bits;
  CO_TRY(co_await gate_.write_header_field(header_offset_incompatible, features));
  header_.incompatible_features = features;
  co_return {};
}

void Qcow2Image::tell_corruption(const Corruption& corruption) const {
  if (options_.warn) {
    options_.warn(
        (corruption.fatal ? "qcow2: Marking image as corrupt: " : "qcow2: Image is corrupt: ") +
        corruption.message + "; further " + (corruption.fatal ? "" : "non-fatal ") +
        "corruption events will be suppressed");
  }
  if (options_.on_corrupt) options_.on_corrupt(corruption);
}

Result<uint64_t> Qcow2Image::allocated_bytes() {
  TRY_ASSIGN(const uint64_t metadata, gate_.file().allocated_bytes());
  TRY_ASSIGN(const uint64_t data, data_.allocated_bytes());
  return metadata + data;
}

Result<void> Qcow2Image::writable() const {
  if (!options_.writable) {
    return fail(ErrorKind::read_only, gate_.file().filename() + " is open for reading only");
  }
  if (options_.check_only) {
    return fail(ErrorKind::read_only, gate_.file().filename() + " is open for a check only");
  }
  if (gate_.corrupt()) {
    return fail(ErrorKind::corrupt, gate_.file().filename() + " is marked corrupt", EIO);
  }
  return {};
}

Task<> Qcow2Image::read_host(Place at, IoSpan into) {
  gate_.file().event("read_aio");
  if (encryption_) return encryption_->read(at, into);
  return data_.read(at.host, into);
}

Task<> Qcow2Image::write_host(Place at, IoSpan from) {
  gate_.file().event("write_aio");
  if (encryption_) return encryption_->write(at, from);
  return data_.write(at.host, from);
}

Task<> Qcow2Image::change_key_slots(luks::SlotChange change) {
  CO_TRY(writable());
  if (!encryption_) {
    co_return fail(ErrorKind::unsupported,
                   "Can't amend encryption options - encryption not present", ENOTSUP);
  }
  co_return co_await encryption_->change_slots(std::move(change));
}

Task<> Qcow2Image::begin_lazy_refcounts() {
  if (dirty_marked_) co_return {};
  CO_TRY(co_await set_incompatible(incompatible_dirty, true));
  dirty_marked_ = true;
  co_return {};
}

// The file may end inside its last cluster: what was not written there reads as zeroes. A
// device ends where it does; what was allocated beyond could not be written, and is given back.
Task<> Qcow2Image::cover_last_cluster() {
  const uint64_t end = refcounts_.end_of_allocations() << header_.cluster_bits;
  if (gate_.file().size() >= end) co_return {};
  const Result<void> grown = co_await gate_.truncate(end, storage::Preallocation::off);
  if (!grown && grown.error().kind() == ErrorKind::unsupported) co_return {};
  co_return grown;
}

// What L2 and L1 entries rely on: the data they point at, and its refcounts.
Task<> Qcow2Image::before_write_back() {
  if (lazy_) {
    CO_TRY(co_await begin_lazy_refcounts());
  } else {
    CO_TRY(co_await refcounts_.write_back());
  }
  CO_TRY(co_await cover_last_cluster());
  CO_TRY(co_await data_.barrier());
  co_return co_await gate_.barrier();
}

Task<> Qcow2Image::write_metadata() {
  CO_TRY_ASSIGN(auto guard, co_await flushing_.lock());
  // Taken first: whatever is in the queue now has been unlinked in memory, so the
  // write-back below takes the link off the disk.
  std::vector<Release> releases = refcounts_.take_releases();
  Result<void> done = co_await map_.write_back();
  if (done && !releases.empty()) done = co_await gate_.barrier();
  if (!done) {
    refcounts_.put_back(std::move(releases));
    co_return done;
  }
  co_return co_await refcounts_.apply(releases);
}

Task<> Qcow2Image::flush() {
  if (!options_.writable) co_return {};
  if (map_.dirty() || refcounts_.has_releases()) CO_TRY(co_await write_metadata());
  CO_TRY(co_await data_.barrier());
  co_return co_await gate_.barrier();
}

Task<> Qcow2Image::store_tables() {
  CO_TRY(co_await write_metadata());
  CO_TRY(co_await refcounts_.write_back());
  CO_TRY(co_await cover_last_cluster());
  CO_TRY(co_await data_.barrier());
  if (dirty_marked_) CO_TRY(co_await set_incompatible(incompatible_dirty, false));
  co_return co_await gate_.barrier();
}

// Bitmaps that could not be stored say so themselves; the disk is stored all the same.
Task<> Qcow2Image::close() {
  Result<void> bitmaps;
  Result<void> tables;
  if (options_.writable && !gate_.corrupt()) {
    bitmaps = co_await bitmaps_.store();
    tables = co_await store_tables();
  }
  const Result<void> data_closed = co_await data_.close();
  Result<void> closed = co_await gate_.close();
  if (closed) closed = data_closed;
  if (!tables) co_return tables;
  co_return bitmaps ? closed : bitmaps;
}

Task<BitmapsAtRest> Qcow2Image::change_bitmaps() {
  CO_TRY(writable());
  CO_TRY_ASSIGN(auto quiet, co_await bitmaps_.quiesce());
  CO_TRY(co_await flush());
  co_return BitmapsAtRest(bitmaps_, std::move(quiet));
}

}  // namespace oxbow::format::qcow2
