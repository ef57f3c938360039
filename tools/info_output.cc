// Both renderings of ImageInfo. The format's own part is put into one ordered tree first, as
// the two differ only in how they write it.
#include "info_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "json_output.h"
#include "sizes.h"

namespace oxbow::tools {
namespace {

using Tree = nlohmann::ordered_json;

Tree bitmaps_tree(const std::vector<BitmapInfo>& bitmaps) {
  Tree list = Tree::array();
  for (const BitmapInfo& bitmap : bitmaps) {
    Tree entry;
    entry["flags"] = Tree(bitmap.flags);
    entry["name"] = bitmap.name;
    entry["granularity"] = bitmap.granularity;
    list.push_back(std::move(entry));
  }
  return list;
}

// `format`: that of the encryption, where it stands among others.
Tree luks_tree(const LuksInfo& luks, const char* format) {
  Tree tree;
  tree["ivgen-alg"] = luks.iv_generator;
  tree["hash-alg"] = luks.hash_algorithm;
  tree["cipher-alg"] = luks.cipher_algorithm;
  tree["uuid"] = luks.uuid;
  if (!luks.iv_generator_hash.empty()) tree["ivgen-hash-alg"] = luks.iv_generator_hash;
  if (format != nullptr) tree["format"] = format;
  tree["cipher-mode"] = luks.cipher_mode;
  tree["slots"] = Tree::array();
  for (const LuksSlotInfo& slot : luks.slots) {
    Tree entry;
    entry["active"] = slot.active;
    if (slot.active) entry["iters"] = slot.iterations;
    entry["key-offset"] = slot.key_offset;
    if (slot.active) entry["stripes"] = slot.stripes;
    tree["slots"].push_back(std::move(entry));
  }
  tree["payload-offset"] = luks.payload_offset;
  tree["master-key-iters"] = luks.master_key_iterations;
  return tree;
}

Tree qcow2_tree(const Qcow2Info& qcow2) {
  const bool version3 = qcow2.version >= 3;
  Tree tree;
  tree["compat"] = version3 ? "1.1" : "0.10";
  tree["compression-type"] = qcow2.compression_type;
  if (version3) tree["lazy-refcounts"] = qcow2.lazy_refcounts;
  if (!qcow2.bitmaps.empty()) tree["bitmaps"] = bitmaps_tree(qcow2.bitmaps);
  tree["refcount-bits"] = qcow2.refcount_bits;
  if (qcow2.data_file && !qcow2.data_file->empty()) tree["data-file"] = *qcow2.data_file;
  if (qcow2.luks) {
    tree["encrypt"] = luks_tree(*qcow2.luks, "luks");
  } else if (!qcow2.encryption_format.empty()) {
    tree["encrypt"]["format"] = qcow2.encryption_format;
  }
  if (qcow2.data_file) tree["data-file-raw"] = qcow2.data_file_raw;
  if (version3) {
    tree["corrupt"] = qcow2.corrupt;
    tree["extended-l2"] = qcow2.extended_l2;
  }
  return tree;
}

Tree vmdk_tree(const VmdkInfo& vmdk) {
  Tree tree;
  tree["cid"] = vmdk.cid;
  tree["parent-cid"] = vmdk.parent_cid;
  tree["create-type"] = vmdk.create_type;
  tree["extents"] = Tree::array();
  for (const VmdkExtentInfo& extent : vmdk.extents) {
    Tree entry;
    if (extent.compressed) entry["compressed"] = true;
    entry["virtual-size"] = extent.virtual_size;
    entry["filename"] = extent.filename;
    if (extent.cluster_size) entry["cluster-size"] = *extent.cluster_size;
    entry["format"] = extent.format;
    tree["extents"].push_back(std::move(entry));
  }
  return tree;
}

// Nothing where the format has no part of its own.
std::optional<Tree> format_tree(const ImageInfo& info) {
  if (info.qcow2) return qcow2_tree(*info.qcow2);
  if (info.luks) return luks_tree(*info.luks, nullptr);
  if (info.vmdk) return vmdk_tree(*info.vmdk);
  return std::nullopt;
}

std::string scalar_text(const Tree& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void append_human(std::string& out, const Tree& tree, size_t indent) {
  size_t index = 0;
  for (auto& [key, value] : tree.items()) {
    std::string name = tree.is_array() ? fmt::format("[{}]", index++) : key;
    std::ranges::replace(name, '-', ' ');
    out.append(indent, ' ');
    if (value.is_structured()) {
      out += name + ":\n";
      append_human(out, value, indent + 4);
    } else {
      out += fmt::format("{}: {}\n", name, scalar_text(value));
    }
  }
}

void write_tree(JsonWriter& json, const Tree& tree) {
  if (tree.is_object()) {
    json.begin_object();
    for (auto& [key, value] : tree.items()) {
      json.key(key);
      write_tree(json, value);
    }
    json.end_object();
  } else if (tree.is_array()) {
    json.begin_array();
    for (const Tree& value : tree) write_tree(json, value);
    json.end_array();
  } else if (tree.is_boolean()) {
    json.value(tree.get<bool>());
  } else if (tree.is_string()) {
    json.value(std::string_view(tree.get_ref<const std::string&>()));
  } else {
    json.value(tree.get<uint64_t>());
  }
}

void write_snapshot(JsonWriter& json, const SnapshotInfo& snapshot) {
  constexpr uint64_t second = 1'000'000'000;
  json.begin_object();
  if (snapshot.icount) json.member("icount", *snapshot.icount);
  json.member("vm-clock-nsec", snapshot.vm_clock_nsec % second);
  json.member("name", snapshot.name);
  json.member("date-sec", snapshot.date_sec);
  json.member("date-nsec", snapshot.date_nsec);
  json.member("vm-clock-sec", snapshot.vm_clock_nsec / second);
  json.member("id", snapshot.id);
  json.member("vm-state-size", snapshot.vm_state_size);
  json.end_object();
}

void write_info(JsonWriter& json, const ImageInfo& info) {
  json.begin_object();
  if (!info.backing_format.empty()) json.member("backing-filename-format", info.backing_format);
  if (!info.snapshots.empty()) {
    json.key("snapshots");
    json.begin_array();
    for (const SnapshotInfo& snapshot : info.snapshots) write_snapshot(json, snapshot);
    json.end_array();
  }
  json.member("virtual-size", info.virtual_size);
  json.member("filename", info.filename);
  if (info.cluster_size) json.member("cluster-size", *info.cluster_size);
  json.member("format", info.format);
  if (info.actual_size) json.member("actual-size", *info.actual_size);
  if (const auto tree = format_tree(info)) {
    json.key("format-specific");
    json.begin_object();
    json.member("type", info.qcow2 ? "qcow2" : info.luks ? "luks" : "vmdk");
    json.key("data");
    write_tree(json, *tree);
    json.end_object();
  }
  if (!info.full_backing_filename.empty()) {
    json.member("full-backing-filename", info.full_backing_filename);
  }
  if (info.encrypted) json.member("encrypted", true);
  if (!info.backing_filename.empty()) json.member("backing-filename", info.backing_filename);
  if (info.dirty) json.member("dirty-flag", *info.dirty);
  json.end_object();
}

std::string backing_lines(const ImageInfo& info) {
  if (info.backing_filename.empty()) return {};
  std::string lines = "backing file: " + info.backing_filename;
  if (info.full_backing_filename.empty()) {
    lines += " (cannot determine actual path)";
  } else if (info.full_backing_filename != info.backing_filename) {
    lines += fmt::format(" (actual path: {})", info.full_backing_filename);
  }
  lines += '\n';
  if (!info.backing_format.empty()) {
    lines += fmt::format("backing file format: {}\n", info.backing_format);
  }
  return lines;
}

std::string clock_text(uint64_t nanoseconds) {
  uint64_t seconds = nanoseconds / 1'000'000'000;
  return fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     nanoseconds / 1'000'000 % 1000);
}

}  // namespace

std::string snapshot_table(std::span<const SnapshotInfo> snapshots) {
  constexpr auto row = "{:<9} {:<16} {:>8}{:>20}{:>13}{:>11}\n";
  std::string table = fmt::format(row, "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
  for (const SnapshotInfo& snapshot : snapshots) {
    std::tm local = fmt::localtime(static_cast<std::time_t>(snapshot.date_sec));
    table +=
        fmt::format(row, snapshot.id, snapshot.name, human_size(snapshot.vm_state_size),
                    fmt::format("{:%Y-%m-%d %H:%M:%S}", local), clock_text(snapshot.vm_clock_nsec),
                    snapshot.icount ? std::to_string(*snapshot.icount) : "");
  }
  return table;
}

std::string format_specific_human(const ImageInfo& info) {
  const auto tree = format_tree(info);
  if (!tree) return {};
  std::string text = "Format specific information:\n";
  append_human(text, *tree, 4);
  return text;
}

std::string info_human(const ImageInfo& info) {
  std::string text =
      fmt::format("image: {}\nfile format: {}\nvirtual size: {} ({} bytes)\ndisk size: {}\n",
                  info.filename, info.format, human_size(info.virtual_size), info.virtual_size,
                  info.actual_size ? human_size(*info.actual_size) : "unavailable");
  if (info.encrypted) text += "encrypted: yes\n";
  if (info.cluster_size) text += fmt::format("cluster_size: {}\n", *info.cluster_size);
  if (info.dirty.value_or(false)) text += "cleanly shut down: no\n";
  text += backing_lines(info);
  if (!info.snapshots.empty()) text += "Snapshot list:\n" + snapshot_table(info.snapshots);
  return text + format_specific_human(info);
}

std::string info_json(std::span<const ImageInfo> chain, bool as_array) {
  JsonWriter json;
  if (as_array) json.begin_array();
  for (const ImageInfo& info : chain) write_info(json, info);
  if (as_array) json.end_array();
  return json.text();
}

void print_info_human(std::span<const ImageInfo> chain) {
  const char* separator = "";
  for (const ImageInfo& info : chain) {
    fmt::print("{}{}", separator, info_human(info));
    separator = "\n";
  }
}

void print_info_json(std::span<const ImageInfo> chain, bool as_array) {
  fmt::print("{}\n", info_json(chain, as_array));
}

}  // namespace oxbow::tools
