// Amending through the public API: what is asked for is checked as a whole, then done in the order
// in which each step finds what it needs: version 3 first, version 2 last.
#include <oxbow/amend.h>

#include "api/amend_keys.h"
#include "async/loop.h"
#include "base/result.h"
#include "format/luks/luks.h"
#include "format/qcow2/image.h"
#include "graph/node.h"

namespace oxbow {
namespace {

using async::Task;
using format::qcow2::Amendment;
using format::qcow2::Qcow2Image;

constexpr std::string_view key_prefix = "encrypt.";

// Work of several steps, each as long as the others.
class Steps {
 public:
  Steps(std::function<void(uint64_t, uint64_t)> report, unsigned count)
      : report_(std::move(report)), count_(count) {}

  /// For the next step.
  format::qcow2::AmendProgress next() {
    return [this, step = begun_++](uint64_t done, uint64_t total) {
      if (report_ && total != 0) report_(step * total + done, count_ * total);
    };
  }

 private:
  std::function<void(uint64_t, uint64_t)> report_;
  unsigned count_;
  unsigned begun_ = 0;
};

Options take_key_words(Options& words) {
  Options keys;
  for (auto it = words.begin(); it != words.end();) {
    const auto here = it++;
    if (!here->first.starts_with(key_prefix)) continue;
    keys[here->first.substr(key_prefix.size())] = here->second;
    words.erase(here);
  }
  return keys;
}

Task<> amend_qcow2(std::shared_ptr<graph::Node> node, Qcow2Image& image, AmendOptions options) {
  const Options keys = take_key_words(options.options);
  if (!keys.empty()) CO_TRY(api::check_key_slots(*node));
  CO_TRY_ASSIGN(const Amendment wanted,
                format::qcow2::read_amendment(options.options, image.header()));
  CO_TRY(co_await image.check_amendment(wanted));

  const bool other_width = wanted.refcount_order != image.header().refcount_order;
  const bool down = wanted.version < image.header().version;
  Steps steps(options.progress, (other_width ? 1 : 0) + (down ? 1 : 0));
  if (wanted.version > image.header().version) CO_TRY(co_await image.upgrade());
  if (!keys.empty()) {
    CO_TRY(co_await api::amend_keys(node, keys, options.secrets, options.force));
  }
  if (other_width) {
    CO_TRY(co_await image.change_refcount_width(wanted.refcount_order, steps.next()));
  }
  if (image.header().has_data_file()) CO_TRY(co_await image.change_data_file(wanted));
  if (wanted.lazy_refcounts != image.lazy_refcounts_wished()) {
    CO_TRY(co_await image.wish_lazy_refcounts(wanted.lazy_refcounts));
  }
  if (wanted.size != image.header().size) {
    CO_TRY(co_await node->resize(wanted.size, storage::Preallocation::off, true));
  }
  if (down) CO_TRY(co_await image.downgrade(steps.next()));
  co_return {};
}

Task<> amend_node(std::shared_ptr<graph::Node> node, AmendOptions options) {
  if (auto* image = dynamic_cast<Qcow2Image*>(&node->format())) {
    co_return co_await amend_qcow2(node, *image, std::move(options));
  }
  co_return co_await api::amend_keys(node, std::move(options.options), options.secrets,
                                     options.force);
}

}  // namespace

bool can_amend(std::string_view format) { return format == "qcow2" || format == "luks"; }

Result<void> amend(Image& image, const AmendOptions& options) {
  if (!can_amend(image.format())) {
    return fail(ErrorKind::unsupported,
                "Format driver '" + image.format() + "' does not support option amendment",
                ENOTSUP);
  }
  return async::Loop::current_thread().run(amend_node(image.node(), options));
}

}  // namespace oxbow
