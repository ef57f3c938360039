// -p: how far long work has come. Under a stock name the stock tool's percentages, and its
// single line on SIGUSR1; under `oxbow` on a terminal a bar with rate and time left.
#pragma once

#include <chrono>
#include <cstdint>

#include "command_line.h"

namespace oxbow::tools {

class ProgressPrinter {
 public:
  /// `shown`: -p was given; `quiet`: -q, which also keeps `oxbow` from drawing its bar.
  /// Without -p SIGUSR1 makes report() print one line to stderr, which is why this installs
  /// a signal handler. Steps below `min_percent` are not shown.
  ProgressPrinter(const ToolContext& context, bool shown, bool quiet, double min_percent = 1.0);
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;
  /// Ends the line that -p left open.
  ~ProgressPrinter();

  /// `done` of `total` bytes; a total of 0 counts as complete.
  void report(uint64_t done, uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  void print_percent(double percent);
  void print_bar(uint64_t done, uint64_t total);

  bool shown_;
  bool bar_;
  double min_percent_;
  double last_percent_ = -1;
  Clock::time_point start_;
  Clock::time_point next_bar_;
  bool bar_drawn_ = false;
};

}  // namespace oxbow::tools
