// A storage over another that fails when a test wants it to: the stock tools' "blkdebug"
// driver, with its words for events, rules and limits.
#pragma once

#include <oxbow/options.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/sync.h"
#include "storage/fault_rules.h"
#include "storage/storage.h"

namespace oxbow::storage {

struct FaultOptions {
  std::vector<InjectRule> inject;
  std::vector<StateRule> states;
  // Bytes; 0: no wish. Powers of two are not asked for, but multiples of `align` are.
  uint32_t align = 0;           ///< requests reach the storage below aligned to this
  uint32_t max_transfer = 0;    ///< and not longer than this
  uint32_t opt_write_zero = 0;  ///< zeroes that do not fit this are written as bytes
  uint32_t max_write_zero = 0;
  uint32_t opt_discard = 0;  ///< what does not fit this is not discarded
  uint32_t max_discard = 0;
  std::string filename;  ///< as messages show it; empty: that of the storage below
  /// Told what the stock driver prints: "blkdebug: Suspended request 'A'".
  std::function<void(const std::string&)> say;
};

/// From dotted keys: "config" (a rules file), "inject-error.0.event", "set-state.0.state",
/// "align", ... "driver" and "image*" are the caller's. Errors have the stock words.
Result<FaultOptions> parse_fault_options(const Options& options);
/// Adds the rules of a file's text: [inject-error] and [set-state] sections.
Result<void> parse_fault_config(const std::string& text, FaultOptions& into);
/// "blkdebug:CONFIG:IMAGE" in CONFIG, which may be empty, and IMAGE.
Result<std::pair<std::string, std::string>> split_fault_filename(const std::string& filename);

class FaultStorage final : public Storage, public FaultControl {
 public:
  /// Refuses limits that contradict each other ("Cannot meet constraints with align 3").
  static Result<std::unique_ptr<FaultStorage>> create(std::unique_ptr<Storage> inner,
                                                      FaultOptions options);

  const std::string& filename() const override { return filename_; }
  std::string driver() const override { return "blkdebug"; }
  bool read_only() const override { return inner_->read_only(); }
  uint64_t size() const override { return inner_->size(); }
  Limits limits() const override;

  Task<> read(uint64_t offset, IoSpan into) override;
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags = {}) override;
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags = {}) override;
  Task<> discard(uint64_t offset, uint64_t length) override;
  Task<> flush() override;
  Task<> truncate(uint64_t size, Preallocation preallocation = Preallocation::off) override;
  Task<Status> status(uint64_t offset, uint64_t length) override;
  Task<> close() override;
  Result<void> set_sharing(Sharing sharing) override { return inner_->set_sharing(sharing); }
  /// A breakpoint on the event stops the next request after it: formats name an event
  /// directly before the request that it is about.
  void event(std::string_view name) override;

  Result<void> add_break(const std::string& event, const std::string& tag) override;
  Result<void> resume(const std::string& tag) override;
  Result<void> remove_break(const std::string& tag) override;
  [[nodiscard]] bool is_suspended(const std::string& tag) const override;
  FaultControl* fault_control() override { return this; }

 private:
  struct Suspended {
    std::string tag;
    async::Event resumed;
  };

  FaultStorage(std::unique_ptr<Storage> inner, FaultOptions options);

  /// Stops at a breakpoint, then fails as the rules say.
  Task<> pass(FaultIo io, const char* verb, uint64_t offset, uint64_t length);
  Task<> stop(std::string tag);
  void say(const std::string& what, const std::string& tag) const;

  [[nodiscard]] uint64_t alignment() const { return std::max<uint32_t>(options_.align, 1); }
  Task<> read_aligned(uint64_t offset, IoSpan into);
  Task<> write_aligned(uint64_t offset, IoSpan from, WriteFlags flags);
  Task<> write_padded(uint64_t offset, IoSpan from, WriteFlags flags);
  Task<> load_edge(const char* before, const char* after, uint64_t at, std::span<std::byte> block);
  Task<> write_zero_bytes(uint64_t offset, uint64_t length, ZeroFlags flags);
  Task<> zero_aligned(uint64_t offset, uint64_t length, ZeroFlags flags);

  std::unique_ptr<Storage> inner_;
  FaultOptions options_;
  std::string filename_;
  FaultRules rules_;
  std::vector<std::string> stops_;     // tags of breakpoints met, for the requests to come
  std::vector<Suspended*> suspended_;  // each in the frame of the request that waits
  async::RangeLock blocks_;
  bool written_ = false;  // since the last flush
};

}  // namespace oxbow::storage
