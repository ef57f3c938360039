// The rules of the fault driver: which event makes which later request fail, and the
// small state machine that decides which rules count. The words and their meaning are
// those of the stock tools' blkdebug driver.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oxbow::storage {

enum class FaultIo : uint8_t { read, write, write_zeroes, discard, flush, block_status };

struct InjectRule {
  static constexpr uint64_t any_sector = UINT64_MAX;

  std::string event;             ///< "none": in force from the start
  uint64_t state = 0;            ///< in which the event counts; 0: in all
  int os_error = 5;              ///< EIO; not positive: the request succeeds after all
  uint64_t sector = any_sector;  ///< 512 bytes; only requests over its first byte fail
  std::optional<FaultIo> io;     ///< absent: all but block_status
  bool once = false;
  bool immediately = false;  ///< fail without letting other tasks run before
};

struct StateRule {
  std::string event;
  uint64_t state = 0;
  uint64_t new_state = 0;
};

/// The events that a format or the driver itself may name, as the stock tools list them.
bool is_fault_event(std::string_view name);
Result<FaultIo> parse_fault_io(std::string_view word);

class FaultRules {
 public:
  FaultRules() = default;
  FaultRules(std::vector<InjectRule> inject, std::vector<StateRule> states);

  /// The rules of this event replace those in force, if it has any now. Returns the tag
  /// of a breakpoint that it met; the breakpoint is gone then.
  std::optional<std::string> event(std::string_view name);

  struct Fault {
    int os_error = 0;
    bool immediately = false;
  };
  /// What happens to a request; one without a place (flush) has length 0.
  std::optional<Fault> check(FaultIo io, uint64_t offset, uint64_t length);

  void add_break(std::string event, std::string tag);
  /// False where there is none with this tag.
  bool remove_breaks(std::string_view tag);
  [[nodiscard]] uint64_t state() const { return state_; }

 private:
  struct Break {
    std::string event;
    std::string tag;
  };

  std::vector<std::optional<InjectRule>> inject_;  // empty: used up
  std::vector<StateRule> states_;
  std::vector<Break> breaks_;
  std::vector<size_t> in_force_;  // of inject_
  uint64_t state_ = 1;
};

}  // namespace oxbow::storage
