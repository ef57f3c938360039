// Percentages, or a bar.
#include "progress.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "sizes.h"

namespace oxbow::tools {
namespace {

volatile sig_atomic_t signalled = 0;

void remember_signal(int) { signalled = 1; }

std::string clock_text(double seconds) {
  auto whole = static_cast<uint64_t>(seconds);
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressPrinter::ProgressPrinter(const ToolContext& context, bool shown, bool quiet,
                                 double min_percent)
    : shown_(shown && !quiet),
      bar_(!context.stock_name && !quiet && isatty(STDERR_FILENO) != 0),
      min_percent_(min_percent),
      start_(Clock::now()),
      next_bar_(start_ + std::chrono::milliseconds(500)) {
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}

ProgressPrinter::~ProgressPrinter() {
  if (bar_drawn_) fmt::print(stderr, "\r\033[K");
  if (!bar_ && shown_) {
    fmt::print("\n");
    std::fflush(stdout);
  }
}

void ProgressPrinter::report(uint64_t done, uint64_t total) {
  double percent =
      total == 0 ? 100.0 : 100.0 * static_cast<double>(done) / static_cast<double>(total);
  if (bar_) {
    print_bar(done, total);
  } else if (shown_) {
    print_percent(percent);
  } else if (signalled) {
    signalled = 0;
    fmt::print(stderr, "    ({:.2f}/100%)\n", percent);
  }
}

void ProgressPrinter::print_percent(double percent) {
  bool end_point = percent == 0 || percent == 100;
  if (!end_point && percent - last_percent_ < min_percent_) return;
  last_percent_ = percent;
  fmt::print("    ({:.2f}/100%)\r", percent);
  std::fflush(stdout);
}

void ProgressPrinter::print_bar(uint64_t done, uint64_t total) {
  constexpr size_t width = 30;
  Clock::time_point now = Clock::now();
  if (now < next_bar_ || total == 0) return;
  next_bar_ = now + std::chrono::milliseconds(100);
  double seconds = std::chrono::duration<double>(now - start_).count();
  double fraction = static_cast<double>(done) / static_cast<double>(total);
  double rate = static_cast<double>(done) / seconds;
  std::string left = done == 0 ? "-:--" : clock_text(static_cast<double>(total - done) / rate);
  std::string filled(static_cast<size_t>(fraction * width), '#');
  fmt::print(stderr, "\r[{:<30}] {:5.1f}%  {}/s  {} left\033[K", filled, 100 * fraction,
             human_size(static_cast<uint64_t>(rate)), left);
  bar_drawn_ = true;
}

}  // namespace oxbow::tools
