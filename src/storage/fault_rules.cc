#include "storage/fault_rules.h"

#include <algorithm>
#include <array>

namespace oxbow::storage {
namespace {

constexpr std::array<std::string_view, 48> events = {"l1_update",
                                                     "l1_grow_alloc_table",
                                                     "l1_grow_write_table",
                                                     "l1_grow_activate_table",
                                                     "l2_load",
                                                     "l2_update",
                                                     "l2_update_compressed",
                                                     "l2_alloc_cow_read",
                                                     "l2_alloc_write",
                                                     "read_aio",
                                                     "read_backing_aio",
                                                     "read_compressed",
                                                     "write_aio",
                                                     "write_compressed",
                                                     "vmstate_load",
                                                     "vmstate_save",
                                                     "cow_read",
                                                     "cow_write",
                                                     "reftable_load",
                                                     "reftable_grow",
                                                     "reftable_update",
                                                     "refblock_load",
                                                     "refblock_update",
                                                     "refblock_update_part",
                                                     "refblock_alloc",
                                                     "refblock_alloc_hookup",
                                                     "refblock_alloc_write",
                                                     "refblock_alloc_write_blocks",
                                                     "refblock_alloc_write_table",
                                                     "refblock_alloc_switch_table",
                                                     "cluster_alloc",
                                                     "cluster_alloc_bytes",
                                                     "cluster_free",
                                                     "flush_to_os",
                                                     "flush_to_disk",
                                                     "pwritev_rmw_head",
                                                     "pwritev_rmw_after_head",
                                                     "pwritev_rmw_tail",
                                                     "pwritev_rmw_after_tail",
                                                     "pwritev",
                                                     "pwritev_zero",
                                                     "pwritev_done",
                                                     "empty_image_prepare",
                                                     "l1_shrink_write_table",
                                                     "l1_shrink_free_l2_clusters",
                                                     "cor_write",
                                                     "cluster_alloc_space",
                                                     "none"};

constexpr std::array<std::pair<std::string_view, FaultIo>, 6> io_words = {{
    {"read", FaultIo::read},
    {"write", FaultIo::write},
    {"write-zeroes", FaultIo::write_zeroes},
    {"discard", FaultIo::discard},
    {"flush", FaultIo::flush},
    {"block-status", FaultIo::block_status},
}};

bool counts_in(uint64_t rule_state, uint64_t state) {
  return rule_state == 0 || rule_state == state;
}

bool covers(const InjectRule& rule, FaultIo io, uint64_t offset, uint64_t length) {
  if (rule.io ? *rule.io != io : io == FaultIo::block_status) return false;
  if (rule.sector == InjectRule::any_sector) return true;
  constexpr uint64_t sector_size = 512;
  if (rule.sector > UINT64_MAX / sector_size) return false;
  const uint64_t at = rule.sector * sector_size;
  return at >= offset && at - offset < length;
}

}  // namespace

bool is_fault_event(std::string_view name) {
  return std::ranges::find(events, name) != events.end();
}

Result<FaultIo> parse_fault_io(std::string_view word) {
  for (const auto& [name, io] : io_words) {
    if (name == word) return io;
  }
  return fail(ErrorKind::invalid_argument, "invalid parameter value: " + std::string(word));
}

FaultRules::FaultRules(std::vector<InjectRule> inject, std::vector<StateRule> states)
    : inject_(inject.begin(), inject.end()), states_(std::move(states)) {
  (void)event("none");
}

std::optional<std::string> FaultRules::event(std::string_view name) {
  bool replaced = false;
  for (size_t i = 0; i < inject_.size(); ++i) {
    if (!inject_[i] || inject_[i]->event != name || !counts_in(inject_[i]->state, state_)) continue;
    if (!replaced) in_force_.clear();
    replaced = true;
    in_force_.push_back(i);
  }
  uint64_t new_state = state_;
  for (const StateRule& rule : states_) {
    if (rule.event == name && counts_in(rule.state, state_)) new_state = rule.new_state;
  }
  state_ = new_state;
  const auto met = std::ranges::find(breaks_, name, &Break::event);
  if (met == breaks_.end()) return std::nullopt;
  std::string tag = std::move(met->tag);
  breaks_.erase(met);
  return tag;
}

std::optional<FaultRules::Fault> FaultRules::check(FaultIo io, uint64_t offset, uint64_t length) {
  const auto found = std::ranges::find_if(
      in_force_, [&](size_t i) { return covers(*inject_[i], io, offset, length); });
  if (found == in_force_.end()) return std::nullopt;
  const size_t index = *found;
  const Fault fault = {inject_[index]->os_error, inject_[index]->immediately};
  if (inject_[index]->once) {
    in_force_.erase(found);
    inject_[index].reset();
  }
  if (fault.os_error <= 0) return std::nullopt;
  return fault;
}

void FaultRules::add_break(std::string event, std::string tag) {
  breaks_.push_back({std::move(event), std::move(tag)});
}

bool FaultRules::remove_breaks(std::string_view tag) {
  return std::erase_if(breaks_, [tag](const Break& b) { return b.tag == tag; }) != 0;
}

}  // namespace oxbow::storage
