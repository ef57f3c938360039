// The fault driver's options: dotted keys, rule files, file names.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "storage/fault.h"
#include "storage/option_values.h"

namespace oxbow::storage {
namespace {

using Section = std::map<std::string, std::string>;

std::unexpected<Error> unknown_field(const std::string& group, const std::string& key) {
  return fail(ErrorKind::invalid_argument,
              "[" + group + "] section doesn't support the option '" + key + "'");
}

std::unexpected<Error> unused_field(const std::string& group, const std::string& number,
                                    const std::string& key) {
  return fail(ErrorKind::invalid_argument,
              "Unused option '" + number + "." + key + "' for [" + group + "]");
}

Result<std::string> take_event(const Section& section) {
  const auto event = section.find("event");
  if (event == section.end()) {
    return fail(ErrorKind::invalid_argument, "Missing event name for rule");
  }
  if (is_fault_event(event->second)) return event->second;
  return fail(ErrorKind::invalid_argument, "invalid parameter value: " + event->second);
}

/// Sets a field of `rule`; false for a key that the section does not have.
Result<bool> set_field(InjectRule& rule, const std::string& key, const std::string& value) {
  if (key == "state") {
    TRY_ASSIGN(rule.state, parse_number_option(key, value));
  } else if (key == "errno") {
    TRY_ASSIGN(const uint64_t number, parse_number_option(key, value));
    rule.os_error = static_cast<int>(number);
  } else if (key == "sector") {
    TRY_ASSIGN(rule.sector, parse_number_option(key, value));
  } else if (key == "iotype") {
    TRY_ASSIGN(rule.io, parse_fault_io(value));
  } else if (key == "once") {
    TRY_ASSIGN(rule.once, parse_switch_option(key, value));
  } else if (key == "immediately") {
    TRY_ASSIGN(rule.immediately, parse_switch_option(key, value));
  } else {
    return key == "event";
  }
  return true;
}

Result<bool> set_field(StateRule& rule, const std::string& key, const std::string& value) {
  if (key == "state") {
    TRY_ASSIGN(rule.state, parse_number_option(key, value));
  } else if (key == "new_state") {
    TRY_ASSIGN(rule.new_state, parse_number_option(key, value));
  } else {
    return key == "event";
  }
  return true;
}

template <class Rule>
Result<Rule> parse_rule(const std::string& group, const Section& section) {
  Rule rule;
  for (const auto& [key, value] : section) {
    TRY_ASSIGN(const bool known, set_field(rule, key, value));
    if (!known) {
      return unknown_field(group, key);
    }
  }
  TRY_ASSIGN(rule.event, take_event(section));
  return rule;
}

Result<void> add_rule(const std::string& group, const Section& section, FaultOptions& into) {
  if (group == "inject-error") {
    TRY_ASSIGN(InjectRule rule, parse_rule<InjectRule>(group, section));
    into.inject.push_back(std::move(rule));
  } else {
    TRY_ASSIGN(StateRule rule, parse_rule<StateRule>(group, section));
    into.states.push_back(std::move(rule));
  }
  return {};
}

bool is_group(const std::string& name) { return name == "inject-error" || name == "set-state"; }

/// "[name]" or "[name "id"]".
Result<std::string> parse_heading(const std::string& line) {
  const size_t end = line.find_first_of("] ", 1);
  std::string name = line.substr(1, end == std::string::npos ? end : end - 1);
  if (end != std::string::npos && is_group(name)) return name;
  return fail(ErrorKind::invalid_argument, "There is no option group '" + name + "'");
}

/// `key = "value"`; without the quotes the value is empty, as the stock tools have it.
std::pair<std::string, std::string> parse_assignment(const std::string& line) {
  std::istringstream words(line);
  std::string key;
  std::string sign;
  words >> key >> sign;
  const size_t open = sign == "=" ? line.find('"', line.find('=')) : std::string::npos;
  if (open == std::string::npos) return {key, ""};
  return {key, line.substr(open + 1, line.find('"', open + 1) - open - 1)};
}

/// "inject-error.0.event": the rule's number and the field. Numbers count from 0.
Result<void> add_numbered_rules(const std::string& group, const Options& options,
                                FaultOptions& into) {
  const std::string prefix = group + ".";
  std::map<std::string, Section> sections;
  for (const auto& [key, value] : options) {
    if (!key.starts_with(prefix)) continue;
    const std::string rest = key.substr(prefix.size());
    const size_t dot = rest.find('.');
    if (dot == std::string::npos) {
      sections[rest][""] = value;
    } else {
      sections[rest.substr(0, dot)][rest.substr(dot + 1)] = value;
    }
  }
  for (size_t number = 0; !sections.empty(); ++number) {
    const auto section = sections.find(std::to_string(number));
    if (section == sections.end()) {
      const auto& [other, fields] = *sections.begin();
      return unused_field(group, other, fields.begin()->first);
    }
    TRY(add_rule(group, section->second, into));
    sections.erase(section);
  }
  return {};
}

Result<void> read_config(const std::string& path, FaultOptions& into) {
  if (path.empty()) return {};
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return std::unexpected(Error::from_errno(errno, "Could not read blkdebug config file"));
  }
  return parse_fault_config(text.str(), into);
}

Result<void> set_limit(const std::string& key, const std::string& value, uint32_t& limit) {
  TRY_ASSIGN(const uint64_t number, parse_size_option(key, value));
  if (number > INT32_MAX) {
    return fail(ErrorKind::invalid_argument,
                "Cannot meet constraints with " + key + " " + std::to_string(number));
  }
  limit = static_cast<uint32_t>(number);
  return {};
}

}  // namespace

Result<void> parse_fault_config(const std::string& text, FaultOptions& into) {
  std::istringstream lines(text);
  std::string group;
  Section section;
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      if (!group.empty()) TRY(add_rule(group, section, into));
      section.clear();
      TRY_ASSIGN(group, parse_heading(line));
    } else if (group.empty()) {
      return fail(ErrorKind::invalid_argument, "no group defined");
    } else {
      auto [key, value] = parse_assignment(line);
      InjectRule inject;
      StateRule state;
      TRY_ASSIGN(const bool known, group == "inject-error" ? set_field(inject, key, value)
                                                           : set_field(state, key, value));
      if (!known) {
        return fail(ErrorKind::invalid_argument, "Invalid parameter '" + key + "'");
      }
      section[key] = value;
    }
  }
  if (!group.empty()) TRY(add_rule(group, section, into));
  return {};
}

Result<FaultOptions> parse_fault_options(const Options& options) {
  FaultOptions parsed;
  const std::map<std::string, uint32_t*> limits = {
      {"align", &parsed.align},
      {"max-transfer", &parsed.max_transfer},
      {"opt-write-zero", &parsed.opt_write_zero},
      {"max-write-zero", &parsed.max_write_zero},
      {"opt-discard", &parsed.opt_discard},
      {"max-discard", &parsed.max_discard},
  };
  for (const auto& [key, value] : options) {
    if (const auto limit = limits.find(key); limit != limits.end()) {
      TRY(set_limit(key, value, *limit->second));
    } else if (key == "config") {
      TRY(read_config(value, parsed));
    } else if (key != "driver" && !key.starts_with("image") && !key.starts_with("inject-error.") &&
               !key.starts_with("set-state.")) {
      return fail(ErrorKind::invalid_argument,
                  "Block protocol 'blkdebug' doesn't support the option '" + key + "'");
    }
  }
  TRY(add_numbered_rules("inject-error", options, parsed));
  TRY(add_numbered_rules("set-state", options, parsed));
  return parsed;
}

Result<std::pair<std::string, std::string>> split_fault_filename(const std::string& filename) {
  constexpr std::string_view prefix = "blkdebug:";
  const size_t colon =
      filename.starts_with(prefix) ? filename.find(':', prefix.size()) : std::string::npos;
  if (colon == std::string::npos) {
    return fail(ErrorKind::invalid_argument, "blkdebug requires both config file and image path");
  }
  return std::pair(filename.substr(prefix.size(), colon - prefix.size()),
                   filename.substr(colon + 1));
}

}  // namespace oxbow::storage
