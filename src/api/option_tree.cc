#include "api/option_tree.h"

#include "storage/option_values.h"

namespace oxbow::api {

OptionTree::OptionTree(const Options& options) {
  for (const auto& [key, value] : options) values_[key] = {value};
}

const OptionValue* OptionTree::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

bool OptionTree::has_text(const std::string& key) const {
  const OptionValue* value = find(key);
  return value != nullptr && value->kind == OptionValue::Kind::text;
}

void OptionTree::add_missing(OptionTree other) { values_.merge(other.values_); }

std::optional<OptionValue> OptionTree::take(const std::string& key) {
  auto node = values_.extract(key);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

std::optional<std::string> OptionTree::take_text(const std::string& key) {
  auto value = take(key);
  if (!value || value->kind != OptionValue::Kind::text) return std::nullopt;
  return std::move(value->text);
}

Result<std::optional<bool>> OptionTree::take_bool(const std::string& key) {
  const auto value = take(key);
  if (!value) return std::nullopt;
  TRY_ASSIGN(const bool parsed, storage::parse_switch_option(key, value->text));
  return parsed;
}

Result<std::optional<uint64_t>> OptionTree::take_size(const std::string& key) {
  const auto value = take(key);
  if (!value) return std::nullopt;
  TRY_ASSIGN(const uint64_t parsed, storage::parse_size_option(key, value->text));
  return parsed;
}

Result<std::optional<uint64_t>> OptionTree::take_number(const std::string& key) {
  const auto value = take(key);
  if (!value) return std::nullopt;
  TRY_ASSIGN(const uint64_t parsed, storage::parse_number_option(key, value->text));
  return parsed;
}

OptionTree OptionTree::take_below(const std::string& prefix) {
  OptionTree out;
  const std::string stem = prefix + ".";
  for (auto it = values_.lower_bound(stem); it != values_.end() && it->first.starts_with(stem);) {
    out.values_[it->first.substr(stem.size())] = std::move(it->second);
    it = values_.erase(it);
  }
  return out;
}

Options OptionTree::to_options() const {
  Options out;
  for (const auto& [key, value] : values_) out[key] = value.text;
  return out;
}

}  // namespace oxbow::api
