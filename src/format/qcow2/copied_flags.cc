#include "format/qcow2/copied_flags.h"

#include "format/qcow2/layout.h"
#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {
namespace {

class FlagSetter final : public TreeVisitor {
 public:
  FlagSetter(Gate& gate, const Header& header, Refcounts& refcounts, std::span<uint64_t> l1,
             CopiedRule rule, const std::vector<bool>& wanted)
      : gate_(gate),
        header_(header),
        refcounts_(refcounts),
        l1_(l1),
        rule_(rule),
        wanted_(wanted) {}

  Task<> visit_run(const TreeRun&) override { co_return {}; }

  Task<bool> wants_table(size_t l1_index, uint64_t offset) override {
    if (!wanted_[l1_index]) co_return false;
    CO_TRY_ASSIGN(const bool owned, co_await is_owned(offset));
    l1_[l1_index] = with_flag(l1_[l1_index], owned);
    // A table that is shared holds clusters that are shared.
    co_return owned || rule_ == CopiedRule::none;
  }

  Task<> visit_table(size_t, uint64_t offset, std::span<const std::byte> table) override {
    changed_.clear();
    for (size_t at = 0; at < table.size(); at += header_.l2_entry_size()) {
      const auto raw = load_be<uint64_t>(table.data() + at);
      const uint64_t host = host_cluster({raw, 0});
      if (host == 0) continue;
      bool owned = false;
      if (rule_ == CopiedRule::sole_owners) {
        const uint64_t cluster = host >> header_.cluster_bits;
        if (!counts_.covers(cluster)) {
          CO_TRY_ASSIGN(counts_, co_await refcounts_.counts_around(cluster));
        }
        owned = counts_.count(cluster) == 1;
      }
      const uint64_t now = with_flag(raw, owned);
      if (now == raw) continue;
      if (changed_.empty()) changed_.assign(table.begin(), table.end());
      store_be<uint64_t>(changed_.data() + at, now);
    }
    if (changed_.empty()) co_return {};
    const iovec from = io_slice(std::span<const std::byte>(changed_));
    co_return co_await gate_.write(Writes::active_l2, offset, IoSpan(&from, 1));
  }

 private:
  static uint64_t with_flag(uint64_t entry, bool set) {
    return set ? entry | copied_flag : entry & ~copied_flag;
  }

  Task<bool> is_owned(uint64_t host_offset) {
    if (rule_ == CopiedRule::none) co_return false;
    CO_TRY_ASSIGN(const uint64_t count,
                  co_await refcounts_.refcount(host_offset >> header_.cluster_bits));
    co_return count == 1;
  }

  Gate& gate_;
  const Header& header_;
  Refcounts& refcounts_;
  std::span<uint64_t> l1_;
  CopiedRule rule_;
  const std::vector<bool>& wanted_;
  CountsInSlice counts_;
  std::vector<std::byte> changed_;
};

}  // namespace

Task<> set_copied_flags(Gate& gate, const Header& header, Refcounts& refcounts,
                        std::span<uint64_t> l1, CopiedRule rule, const std::vector<bool>& wanted) {
  const std::vector<uint64_t> tables(l1.begin(), l1.end());
  FlagSetter setter(gate, header, refcounts, l1, rule, wanted);
  co_return co_await walk_tree(gate.file(), header, tables, setter);
}

}  // namespace oxbow::format::qcow2
