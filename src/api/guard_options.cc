#include "api/guard_options.h"

#include <algorithm>
#include <array>

#include "base/invalid.h"

namespace oxbow::api {
namespace {

using format::qcow2::class_bit;
using format::qcow2::class_names;
using format::qcow2::ClassMask;
using format::qcow2::every_class;
using format::qcow2::Writes;

constexpr ClassMask classes(std::initializer_list<Writes> kinds) {
  ClassMask mask = 0;
  for (const Writes kind : kinds) mask |= class_bit(kind);
  return mask;
}

struct Template {
  std::string_view name;
  ClassMask checked;
};

// The stock tool's three, with the classes that it does not have: what lies still is constant,
// and all but the snapshots' L2 tables is at hand while the image is open.
constexpr std::array templates = {
    Template{"none", 0},
    Template{"constant",
             classes({Writes::main_header, Writes::active_l1, Writes::refcount_table,
                      Writes::snapshot_table, Writes::bitmap_directory, Writes::crypto_header})},
    Template{"cached", static_cast<ClassMask>(every_class & ~class_bit(Writes::inactive_l2))},
    Template{"all", every_class},
};

Result<ClassMask> take_template(OptionTree& tree) {
  const auto plain = tree.take_text("overlap-check");
  const auto dotted = tree.take_text("overlap-check.template");
  if (plain && dotted && *plain != *dotted) {
    return invalid("Conflicting values for qcow2 options 'overlap-check' ('" + *plain +
                   "') and 'overlap-check.template' ('" + *dotted + "')");
  }
  const std::string word = plain ? *plain : dotted.value_or("all");
  const auto found = std::ranges::find(templates, word, &Template::name);
  if (found != templates.end()) return found->checked;
  return invalid("Unsupported value '" + word +
                 "' for qcow2 option 'overlap-check'. Allowed are any of the following: none, "
                 "constant, cached, all");
}

Result<void> take_degrade(OptionTree& tree, bool& unprotected) {
  const auto word = tree.take_text("overlap-degrade");
  if (!word || *word == "guarded") return {};
  if (*word != "unprotected") {
    return invalid("Unsupported value '" + *word +
                   "' for qcow2 option 'overlap-degrade'. Allowed are any of the following: "
                   "guarded, unprotected");
  }
  unprotected = true;
  return {};
}

}  // namespace

Result<format::qcow2::GuardOptions> take_guard_options(OptionTree& tree) {
  format::qcow2::GuardOptions out;
  TRY_ASSIGN(out.checked, take_template(tree));
  for (const auto& kind : class_names) {
    TRY_ASSIGN(const auto wanted, tree.take_bool("overlap-check." + std::string(kind.option)));
    if (!wanted) continue;
    const ClassMask bit = class_bit(kind.kind);
    out.checked = static_cast<ClassMask>(*wanted ? out.checked | bit : out.checked & ~bit);
  }
  TRY_ASSIGN(out.memory_limit, tree.take_size("overlap-structures.total-size-limit"));
  // Understood for the sake of command lines: this guard's structure needs no cache.
  TRY(tree.take_size("overlap-structures.bitmap-size"));
  TRY(take_degrade(tree, out.unprotected_when_full));
  if (out.memory_limit == 0 && out.checked != 0) {
    return invalid(
        "overlap-structures.total-size-limit leaves no memory for the overlap checks; "
        "they can be turned off with overlap-check=none");
  }
  return out;
}

}  // namespace oxbow::api
