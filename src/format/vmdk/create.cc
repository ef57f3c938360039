#include "format/vmdk/create.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <vector>

#include "base/bytes.h"
#include "base/invalid.h"
#include "format/vmdk/header.h"

namespace oxbow::format::vmdk {
namespace {

constexpr uint64_t grain = 128;  // sectors
constexpr uint32_t table_entries = 512;
constexpr uint64_t table_sectors = table_entries * sizeof(uint32_t) / sector;
constexpr uint64_t text_sectors = 20;
constexpr uint64_t split_at = uint64_t{1} << 31;  // bytes of each file of those in several

bool is_one_of(const std::string& word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_flat(const CreateOptions& options) { return options.subformat.ends_with("Flat"); }
bool is_split(const CreateOptions& options) { return options.subformat.starts_with("twoGb"); }
bool is_compressed(const CreateOptions& options) { return options.subformat == "streamOptimized"; }

// Where everything of a sparse file lies, in sectors.
struct SparseLayout {
  uint64_t tables = 0;
  uint64_t directory_sectors = 0;
  uint64_t backup_directory = 1 + text_sectors;
  uint64_t directory = 0;
  uint64_t first_grain = 0;

  explicit SparseLayout(uint64_t capacity) {
    tables = div_round_up(div_round_up(capacity, grain), table_entries);
    directory_sectors = div_round_up(tables * sizeof(uint32_t), sector);
    const uint64_t both = directory_sectors + tables * table_sectors;
    directory = backup_directory + both;
    first_grain = align_up(directory + both, grain);
  }
};

std::array<std::byte, sector> header_bytes(const CreateOptions& options, uint64_t capacity,
                                           const SparseLayout& layout) {
  std::array<std::byte, sector> out{};
  const bool packed = is_compressed(options);
  const uint32_t version = packed ? 3 : options.zero_grains ? 2 : 1;
  const uint32_t flags = 3 | (options.zero_grains ? 4U : 0) | (packed ? 0x30000U : 0);
  std::memcpy(out.data(), "KDMV", 4);
  store_le<uint32_t>(&out[4], version);
  store_le<uint32_t>(&out[8], flags);
  store_le<uint64_t>(&out[12], capacity);
  store_le<uint64_t>(&out[20], grain);
  store_le<uint64_t>(&out[28], 1);
  store_le<uint64_t>(&out[36], text_sectors);
  store_le<uint32_t>(&out[44], table_entries);
  store_le<uint64_t>(&out[48], layout.backup_directory);
  store_le<uint64_t>(&out[56], layout.directory);
  store_le<uint64_t>(&out[64], layout.first_grain);
  std::memcpy(&out[73], "\n \r\n", 4);
  store_le<uint16_t>(&out[77], packed ? 1 : 0);
  return out;
}

Task<> write_directory(storage::Storage& file, uint64_t at, const SparseLayout& layout) {
  std::vector<std::byte> bytes(layout.directory_sectors * sector);
  for (uint64_t i = 0; i < layout.tables; ++i) {
    const uint64_t table = at + layout.directory_sectors + i * table_sectors;
    store_le<uint32_t>(&bytes[i * sizeof(uint32_t)], static_cast<uint32_t>(table));
  }
  const iovec from = io_slice(std::span<const std::byte>(bytes));
  co_return co_await file.write(at * sector, IoSpan(&from, 1));
}

// The header last: what is not whole yet is no image.
Task<> write_sparse(storage::Storage& file, const CreateOptions& options, uint64_t capacity) {
  const SparseLayout layout(capacity);
  CO_TRY(co_await file.truncate(layout.first_grain * sector));
  CO_TRY(co_await write_directory(file, layout.backup_directory, layout));
  CO_TRY(co_await write_directory(file, layout.directory, layout));
  const auto header = header_bytes(options, capacity, layout);
  const iovec from = io_slice(std::span<const std::byte>(header));
  co_return co_await file.write(0, IoSpan(&from, 1));
}

std::string geometry_text(const CreateOptions& options, uint64_t sectors) {
  const uint64_t heads = options.adapter_type == "ide" ? 16 : 255;
  const uint64_t per_track = 63;
  const uint64_t cylinders = sectors / heads / per_track;
  return "ddb.geometry.cylinders = \"" + std::to_string(cylinders) + "\"\nddb.geometry.heads = \"" +
         std::to_string(heads) + "\"\nddb.geometry.sectors = \"" + std::to_string(per_track) +
         "\"\n";
}

std::string hex(uint32_t number) {
  char text[9];
  std::snprintf(text, sizeof text, "%x", number);
  return text;
}

std::string text_of(const CreateOptions& options, const std::string& extents) {
  std::random_device random;
  std::string out =
      "# Disk DescriptorFile\nversion=1\nCID=" + hex((random() & 0x7fffffff) | 0x10000000) +
      "\nparentCID=" + hex(options.parent_cid) + "\ncreateType=\"" + options.subformat + "\"\n";
  if (!options.backing_file.empty()) {
    out += "parentFileNameHint=\"" + options.backing_file + "\"\n";
  }
  return out + "\n# Extent description\n" + extents +
         "\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"" + options.hardware_version +
         "\"\n" + geometry_text(options, div_round_up(options.size, sector)) +
         "ddb.adapterType = \"" + options.adapter_type + "\"\nddb.toolsVersion = \"" +
         options.tools_version + "\"\n";
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "disk.vmdk" and its part 2 give "disk-f002.vmdk".
std::string part_name(const std::string& path, const CreateOptions& options, unsigned number) {
  const size_t slash = path.rfind('/');
  const size_t dot = path.rfind('.');
  const bool has_dot = dot != path.npos && (slash == path.npos || dot > slash);
  const std::string stem = has_dot ? path.substr(0, dot) : path;
  char tag[16] = "-flat";
  if (is_split(options)) {
    std::snprintf(tag, sizeof tag, "-%c%03u", is_flat(options) ? 'f' : 's', number);
  }
  return stem + tag + (has_dot ? path.substr(dot) : "");
}

// Makes one part; gives its line in the text.
Task<std::string> make_part(std::string path, const CreateOptions& options, uint64_t length,
                            const MakeFile& make_file) {
  const std::string sectors = std::to_string(div_round_up(length, sector));
  const bool flat = is_flat(options);
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file,
                co_await make_file(path, flat ? length : 0));
  Result<void> done;
  if (!flat) done = co_await write_sparse(*file, options, div_round_up(length, sector));
  const Result<void> closed = co_await file->close();
  CO_TRY(done);
  CO_TRY(closed);
  co_return "RW " + sectors + (flat ? " FLAT \"" : " SPARSE \"") + base_name(path) +
      (flat ? "\" 0\n" : "\"\n");
}

Task<> write_text(storage::Storage& file, uint64_t offset, const std::string& text) {
  const iovec from = io_slice(std::as_bytes(std::span(text)));
  co_return co_await file.write(offset, IoSpan(&from, 1));
}

Task<> create_monolith(std::string path, const CreateOptions& options, const MakeFile& make_file) {
  const uint64_t capacity = div_round_up(options.size, sector);
  const std::string text =
      text_of(options, "RW " + std::to_string(capacity) + " SPARSE \"" + base_name(path) + "\"\n");
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file, co_await make_file(path, 0));
  Result<void> done = co_await write_text(*file, sector, text);
  if (done) done = co_await write_sparse(*file, options, capacity);
  const Result<void> closed = co_await file->close();
  co_return done ? closed : done;
}

}  // namespace

Result<void> check_create_options(const CreateOptions& options) {
  constexpr std::array<std::string_view, 5> subformats = {"monolithicFlat", "monolithicSparse",
                                                          "twoGbMaxExtentSparse",
                                                          "twoGbMaxExtentFlat", "streamOptimized"};
  constexpr std::array<std::string_view, 4> adapters = {"ide", "buslogic", "lsilogic", "legacyESX"};
  if (!is_one_of(options.adapter_type, adapters)) {
    return invalid("invalid parameter value: " + options.adapter_type);
  }
  if (!is_one_of(options.subformat, subformats)) {
    return invalid("invalid parameter value: " + options.subformat);
  }
  if (is_flat(options) && !options.backing_file.empty()) {
    return fail(ErrorKind::unsupported, "Flat image can't have backing file", ENOTSUP);
  }
  if (is_flat(options) && options.zero_grains) {
    return fail(ErrorKind::unsupported, "Flat image can't enable zeroed grain", ENOTSUP);
  }
  constexpr std::array texts = {&CreateOptions::hardware_version, &CreateOptions::tools_version,
                                &CreateOptions::backing_file};
  for (const auto text : texts) {
    if ((options.*text).find_first_of("\"\n") != std::string::npos) {
      return invalid("invalid parameter value: " + options.*text);
    }
  }
  if (text_of(options, std::string(512, ' ')).size() > text_sectors * sector) {
    return invalid("The VMDK descriptor would be too long");
  }
  return {};
}

Task<> create(std::string path, CreateOptions options, MakeFile make_file) {
  if (!is_flat(options) && !is_split(options)) {
    co_return co_await create_monolith(std::move(path), options, make_file);
  }
  std::string lines;
  unsigned number = 0;
  for (uint64_t done = 0; done < options.size;) {
    const uint64_t rest = options.size - done;
    const uint64_t length = is_split(options) ? std::min(rest, split_at) : rest;
    CO_TRY_ASSIGN(const std::string line, co_await make_part(part_name(path, options, ++number),
                                                             options, length, make_file));
    lines += line;
    done += length;
  }
  // The text last: it makes the parts an image.
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file, co_await make_file(path, 0));
  const Result<void> written = co_await write_text(*file, 0, text_of(options, lines));
  const Result<void> closed = co_await file->close();
  co_return written ? closed : written;
}

}  // namespace oxbow::format::vmdk
