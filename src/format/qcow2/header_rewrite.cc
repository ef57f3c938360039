#include "format/qcow2/header_rewrite.h"

#include <algorithm>
#include <optional>

#include "format/qcow2/header_layout.h"

namespace oxbow::format::qcow2 {
namespace {

using Bytes = std::vector<std::byte>;

void append(Bytes& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

uint64_t encoded_size(const UnknownExtension& extension) {
  return extension_prefix + align_up(extension.data.size(), 8);
}

Bytes encoded(std::span<const UnknownExtension> extensions) {
  Bytes bytes;
  for (const UnknownExtension& extension : extensions) {
    append(bytes, extension_prefix_bytes(extension.type, extension.data.size()));
    append(bytes, extension.data);
    bytes.resize(align_up(bytes.size(), 8));
  }
  return bytes;
}

// Where everything of the new header goes. `head` begins at 0 and is written last, as far as it
// differs; all else goes where the old header says nothing.
struct Plan {
  Bytes head;
  uint64_t tail_at = 0;  // further extensions and the end marker; 0: there are none, or they lie
  Bytes tail;            // where they are
  uint64_t end = 0;      // of the extensions
  uint64_t name_at = 0;
  bool name_stays = false;  // where it is on disk
};

class Planner {
 public:
  Planner(const HeaderLayout& old, const HeaderParts& parts)
      : old_(old), parts_(parts), cluster_(old.bytes.size()) {}

  /// Nothing: there is no room beside the old header.
  std::optional<Plan> beside_old() {
    if (parts_.fields.size() + extension_prefix > header_sector) return std::nullopt;
    Plan plan;
    if (!all_in_head(plan) && !on_old_tail(plan) && !on_new_tail(plan)) return std::nullopt;
    if (!place_name(plan)) return std::nullopt;
    return plan;
  }

  /// One piece, over the old header. Nothing: the cluster is too small.
  std::optional<Plan> over_old() const {
    Plan plan;
    plan.head = parts_.fields;
    append(plan.head, encoded(parts_.extensions));
    append(plan.head, extension_prefix_bytes(extension_end, 0));
    plan.end = plan.head.size();
    plan.name_at = parts_.backing_name.empty() ? 0 : plan.end;
    if (plan.end + parts_.backing_name.size() > cluster_) return std::nullopt;
    append(plan.head, std::as_bytes(std::span(parts_.backing_name)));
    return plan;
  }

 private:
  [[nodiscard]] uint64_t name_end() const { return old_.name_offset + old_.name_length; }
  [[nodiscard]] bool meets_old_name(uint64_t begin, uint64_t end) const {
    return old_.name_offset != 0 && begin < name_end() && old_.name_offset < end;
  }

  bool all_in_head(Plan& plan) const {
    const Bytes extensions = encoded(parts_.extensions);
    if (parts_.fields.size() + extensions.size() + extension_prefix > header_sector) return false;
    plan.head = parts_.fields;
    append(plan.head, extensions);
    append(plan.head, extension_prefix_bytes(extension_end, 0));
    plan.end = plan.head.size();
    return true;
  }

  // The first extensions; what is between them and the next one, at `next`, is unused.
  [[nodiscard]] std::optional<Bytes> head_up_to(size_t count, uint64_t next) const {
    Bytes head = parts_.fields;
    append(head, encoded(std::span(parts_.extensions).first(count)));
    if (head.size() == next) return head;
    const uint64_t at = head.size() + extension_prefix;
    if (at > next || at > header_sector) return std::nullopt;
    append(head, extension_prefix_bytes(extension_unused, next - at));
    return head;
  }

  // Whether the last `count` extensions are the last on disk, too.
  [[nodiscard]] bool ends_alike(size_t count) const {
    if (count > old_.places.size()) return false;
    const auto wanted = std::span(parts_.extensions).last(count);
    const auto places = std::span(old_.places).last(count);
    return std::ranges::equal(wanted, places, [&](const auto& extension, const auto& place) {
      const auto data = old_.bytes.span().subspan(place.data(), place.length);
      return extension.type == place.type && std::ranges::equal(extension.data, data);
    });
  }

  bool on_old_tail(Plan& plan) const {
    const size_t all = parts_.extensions.size();
    for (size_t count = 0; count <= all; ++count) {
      if (!ends_alike(all - count)) continue;
      const uint64_t next =
          count == all ? old_.end_marker : (old_.places.end() - (all - count))->offset;
      const std::optional<Bytes> head = head_up_to(count, next);
      if (!head || head->size() > header_sector) continue;
      plan.head = *head;
      plan.end = old_.end_marker + extension_prefix;
      return true;
    }
    return false;
  }

  // As many as the sector takes stay there. The others keep their place in a sector, for those
  // that rely on lying inside one.
  bool on_new_tail(Plan& plan) const {
    size_t count = 0;
    uint64_t size = parts_.fields.size() + extension_prefix;
    for (; count < parts_.extensions.size(); ++count) {
      size += encoded_size(parts_.extensions[count]);
      if (size > header_sector) break;
    }
    plan.tail = encoded(std::span(parts_.extensions).subspan(count));
    append(plan.tail, extension_prefix_bytes(extension_end, 0));
    const uint64_t phase = old_phase(count);
    const auto fit = [&](uint64_t at) {
      const uint64_t begin = std::max(align_up(at, 8), header_sector);
      return begin + (phase - begin % header_sector + header_sector) % header_sector;
    };
    plan.tail_at = fit(old_.end_marker + extension_prefix);
    if (meets_old_name(plan.tail_at, plan.tail_at + plan.tail.size())) {
      plan.tail_at = fit(name_end());
    }
    plan.end = plan.tail_at + plan.tail.size();
    if (plan.end > cluster_) return false;
    const std::optional<Bytes> head = head_up_to(count, plan.tail_at);
    if (head) plan.head = *head;
    return head.has_value();
  }

  [[nodiscard]] uint64_t old_phase(size_t index) const {
    if (index >= parts_.extensions.size()) return 0;
    const uint32_t type = parts_.extensions[index].type;
    const auto place = std::ranges::find(old_.places, type, &ExtensionPlace::type);
    return place == old_.places.end() ? 0 : place->offset % header_sector;
  }

  bool place_name(Plan& plan) const {
    const uint64_t length = parts_.backing_name.size();
    if (length == 0) return true;
    plan.name_at = plan.end;
    const bool in_head = plan.head.size() == plan.end && plan.end + length <= header_sector;
    if (in_head) {
      append(plan.head, std::as_bytes(std::span(parts_.backing_name)));
      return true;
    }
    plan.name_stays = old_.name_offset >= plan.end && is_old_name();
    if (plan.name_stays) {
      plan.name_at = old_.name_offset;
      return true;
    }
    plan.name_at = std::max(plan.end, old_.end_marker + extension_prefix);
    if (meets_old_name(plan.name_at, plan.name_at + length)) {
      plan.name_at = align_up(name_end(), 8);
    }
    return plan.name_at + length <= cluster_;
  }

  [[nodiscard]] bool is_old_name() const {
    const auto name = std::as_bytes(std::span(parts_.backing_name));
    return name.size() == old_.name_length &&
           std::ranges::equal(name, old_.bytes.span().subspan(old_.name_offset, name.size()));
  }

  const HeaderLayout& old_;
  const HeaderParts& parts_;
  uint64_t cluster_;
};

Task<> write_bytes(Gate& gate, uint64_t offset, std::span<const std::byte> bytes) {
  const iovec from{const_cast<std::byte*>(bytes.data()), bytes.size()};
  co_return co_await gate.write(Writes::main_header, offset, IoSpan(&from, 1));
}

Task<> write_beside(Gate& gate, const Plan& plan, std::string_view name) {
  if (plan.tail_at != 0) CO_TRY(co_await write_bytes(gate, plan.tail_at, plan.tail));
  const bool in_head = plan.name_at + name.size() <= plan.head.size();
  if (!in_head && !plan.name_stays) {
    CO_TRY(co_await write_bytes(gate, plan.name_at, std::as_bytes(std::span(name))));
  }
  co_return co_await gate.barrier();
}

// Only what differs: other fields keep their way to the disk.
Task<> switch_head(Gate& gate, std::span<const std::byte> old, std::span<const std::byte> head) {
  const auto [was, now] = std::ranges::mismatch(old, head);
  if (now == head.end()) co_return {};
  const auto begin = static_cast<size_t>(now - head.begin());
  size_t end = head.size();
  while (old[end - 1] == head[end - 1]) --end;
  co_return co_await gate.switch_header(begin, head.subspan(begin, end - begin));
}

}  // namespace

void HeaderParts::put(uint32_t type, std::span<const std::byte> data) {
  const auto old = std::ranges::find(extensions, type, &UnknownExtension::type);
  if (old != extensions.end()) {
    old->data.assign(data.begin(), data.end());
  } else {
    extensions.insert(extensions.begin(), {type, {data.begin(), data.end()}});
  }
}

void HeaderParts::drop(uint32_t type) {
  std::erase_if(extensions, [&](const UnknownExtension& it) { return it.type == type; });
}

Task<HeaderParts> read_header_parts(storage::Source& file, const Header& header) {
  CO_TRY_ASSIGN(const HeaderLayout layout, co_await read_header_layout(file, header));
  HeaderParts parts;
  const auto all = layout.bytes.span();
  const auto fields = all.first(layout.fields);
  parts.fields.assign(fields.begin(), fields.end());
  for (const ExtensionPlace& place : layout.places) {
    // What was left unused before all others is room for them.
    if (place.type == extension_unused && parts.extensions.empty()) continue;
    const auto data = all.subspan(place.data(), place.length);
    parts.extensions.push_back({place.type, {data.begin(), data.end()}});
  }
  if (layout.name_offset != 0) {
    const auto* name = reinterpret_cast<const char*>(all.data() + layout.name_offset);
    parts.backing_name.assign(name, layout.name_length);
  }
  co_return parts;
}

Task<> write_header_parts(Gate& gate, const Header& header, HeaderParts parts) {
  CO_TRY(co_await gate.settle_header());
  CO_TRY_ASSIGN(const HeaderLayout old, co_await read_header_layout(gate.file(), header));
  Planner planner(old, parts);
  std::optional<Plan> plan = planner.beside_old();
  const bool beside = plan.has_value();
  if (!beside) plan = planner.over_old();
  if (!plan) {
    co_return fail(ErrorKind::no_space,
                   gate.file().filename() + ": the header has no room for this", ENOSPC);
  }
  store_be<uint64_t>(plan->head.data() + header_offset_backing_name, plan->name_at);
  store_be<uint32_t>(plan->head.data() + header_offset_backing_name + 8,
                     static_cast<uint32_t>(parts.backing_name.size()));
  if (beside) CO_TRY(co_await write_beside(gate, *plan, parts.backing_name));
  CO_TRY(co_await gate.barrier());
  co_return co_await switch_head(gate, old.bytes.span(), plan->head);
}

}  // namespace oxbow::format::qcow2
