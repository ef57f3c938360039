// The chain below an image through the public API: found, opened for writing, changed.
#include <oxbow/image.h>

#include <climits>
#include <cstdlib>

#include "api/filename.h"
#include "api/format_drivers.h"
#include "api/image_state.h"
#include "api/probe.h"
#include "base/result.h"
#include "format/qcow2/image.h"
#include "jobs/rebase_job.h"

namespace oxbow {
namespace {

using async::Task;

// Empty where there is no such file.
std::string real_path(const std::string& name) {
  char resolved[PATH_MAX];
  return ::realpath(name.c_str(), resolved) != nullptr ? resolved : "";
}

// Where the snapshot, over what lies below it now, would read differently over `below`.
Task<std::optional<uint64_t>> first_change(const api::Opened& opened, std::string id,
                                           std::shared_ptr<graph::Node> below) {
  CO_TRY_ASSIGN(const auto node, co_await api::open_to_look(opened));
  auto& image = dynamic_cast<format::qcow2::Qcow2Image&>(node->format());
  Result<std::optional<uint64_t>> found;
  const Result<void> viewed = co_await image.view_snapshot(id);
  if (viewed) {
    jobs::RebaseJob job(node, std::move(below), {});
    found = co_await job.first_difference();
  } else {
    found = std::unexpected(viewed.error());
  }
  CO_TRY(co_await node->close());
  co_return found;
}

bool names_same_file(graph::Node& above, graph::Node& layer, const std::string& name) {
  const std::string wanted = real_path(api::resolve_name(above.format().file().filename(), name));
  return !wanted.empty() && wanted == real_path(layer.format().file().filename());
}

}  // namespace

bool known_format(std::string_view name) {
  return name == "qcow2" || name == "raw" || api::is_storage_driver(name) ||
         api::is_foreign_format(name) || api::find_format_driver(name) != nullptr;
}

bool Image::has_backing() const { return state_->node().backing() != nullptr; }

Result<std::string> Image::resolve_backing(const std::string& named) const {
  const std::string& shown = filename();
  const bool relative = api::protocol_of(named).empty() && !named.starts_with('/');
  if (relative && shown.starts_with(api::json_prefix)) {
    return fail(ErrorKind::invalid_argument,
                "Cannot use relative backing file names for '" + shown + "'", EINVAL);
  }
  return api::resolve_name(shown, named);
}

std::optional<unsigned> Image::find_backing(const std::string& name) const {
  const bool is_path = api::protocol_of(name).empty();
  graph::Node* above = &state_->node();
  for (unsigned depth = 1; above->backing(); ++depth) {
    graph::Node& layer = *above->backing();
    const auto stated = above->format().backing_name();
    const bool found =
        is_path ? names_same_file(*above, layer, name)
                : (stated && stated->file == name) || state_->opened.filenames[depth] == name;
    if (found) return depth;
    above = &layer;
  }
  return std::nullopt;
}

Result<void> Image::make_backing_writable(unsigned depth) {
  graph::Node* above = &state_->node();
  for (unsigned i = 1; i < depth && above != nullptr; ++i) above = above->backing().get();
  if (above == nullptr || !above->backing()) {
    return fail(ErrorKind::not_found,
                filename() + ": no backing file at depth " + std::to_string(depth));
  }
  if (!above->backing()->format().read_only()) return {};
  return state_->loop->run(api::reopen_writable(state_->opened, depth));
}

Result<void> Image::check_snapshots_over(const std::shared_ptr<graph::Node>& below) {
  const auto* image = dynamic_cast<format::qcow2::Qcow2Image*>(&state_->node().format());
  if (image == nullptr || image->header().nb_snapshots == 0) return {};
  TRY(flush());
  TRY_ASSIGN(const ImageInfo about, info());
  for (const SnapshotInfo& snapshot : about.snapshots) {
    TRY_ASSIGN(const std::optional<uint64_t> place,
               state_->loop->run(first_change(state_->opened, snapshot.id, below)));
    if (!place) continue;
    return fail(ErrorKind::unsupported,
                "Snapshot '" + snapshot.name + "' of '" + filename() +
                    "' takes data from the backing file that would change (at offset " +
                    std::to_string(*place) + ")",
                ENOTSUP);
  }
  return {};
}

Result<void> Image::change_backing(const std::string& name, const std::string& format) {
  std::optional<format::BackingName> below;
  if (!name.empty()) {
    below = format::BackingName{name, std::nullopt};
    if (!format.empty()) below->format = format;
  }
  return state_->loop->run(state_->node().format().change_backing(std::move(below)));
}

}  // namespace oxbow
