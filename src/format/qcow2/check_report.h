// Where the parts of a check put what they find: the stock tool's sentences, counted.
#pragma once

#include <oxbow/info.h>

#include <functional>
#include <string>

#include "format/qcow2/units.h"

namespace oxbow::format::qcow2 {

using FindingSink = std::function<void(const CheckFinding&)>;

class CheckReport {
 public:
  CheckReport(CheckResult& result, const FindingSink& sink) : result_(result), sink_(sink) {}

  [[nodiscard]] CheckResult& result() { return result_; }

  void corruption(std::string text) {
    ++result_.corruptions;
    tell(CheckFinding::Severity::error, std::move(text));
  }
  void leak(std::string text) {
    ++result_.leaks;
    tell(CheckFinding::Severity::leak, std::move(text));
  }
  void corruption_fixed(std::string text, uint64_t count = 1) {
    result_.corruptions_fixed += count;
    tell(CheckFinding::Severity::error, std::move(text));
  }
  void leak_fixed(std::string text) {
    ++result_.leaks_fixed;
    tell(CheckFinding::Severity::leak, std::move(text));
  }
  /// Something that kept the check from looking.
  void check_error(std::string text) {
    ++result_.check_errors;
    tell(CheckFinding::Severity::error, std::move(text));
  }
  /// Said, not counted.
  void note(std::string text) { tell(CheckFinding::Severity::note, std::move(text)); }
  /// Why the check cannot go on.
  void note_about_check(std::string text) {
    if (sink_) sink_({CheckFinding::Severity::note, std::move(text), true});
  }

 private:
  void tell(CheckFinding::Severity severity, std::string text) {
    if (sink_) sink_({severity, std::move(text), false});
  }

  CheckResult& result_;
  const FindingSink& sink_;
};

/// As the sentences show entries and most offsets: hexadecimal without a prefix.
[[nodiscard]] inline std::string bare_hex(uint64_t value) { return hex(value).substr(2); }

}  // namespace oxbow::format::qcow2
