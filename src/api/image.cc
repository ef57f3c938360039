// The public Image over a node, on the loop of the thread that opened it.
#include <oxbow/image.h>

#include <algorithm>

#include "api/create.h"
#include "api/image_info.h"
#include "api/image_state.h"

namespace oxbow {

using async::Loop;
using async::Task;

namespace {

Result<void> check_range(uint64_t size, uint64_t offset, uint64_t length) {
  if (offset <= size && length <= size - offset) return {};
  return fail(ErrorKind::invalid_argument,
              std::to_string(length) + " bytes at offset " + std::to_string(offset) +
                  " are not inside the disk of " + std::to_string(size) + " bytes",
              EIO);
}

Result<void> check_inside(uint64_t size, uint64_t offset) {
  if (offset < size) return {};
  return fail(ErrorKind::invalid_argument,
              "offset " + std::to_string(offset) + " is not inside the disk of " +
                  std::to_string(size) + " bytes",
              EIO);
}

Task<> read_parts(graph::Node& node, uint64_t offset, std::vector<iovec> into) {
  co_return co_await node.read(offset, into);
}

Task<> write_parts(graph::Node& node, uint64_t offset, std::vector<iovec> from, bool fua) {
  graph::WriteFlags flags;
  flags.fua = fua;
  co_return co_await node.write(offset, from, flags);
}

template <class Part>
std::vector<iovec> to_vector(std::span<const Part> parts) {
  std::vector<iovec> out;
  out.reserve(parts.size());
  for (const Part& part : parts) out.push_back(io_slice(part));
  return out;
}

// The task of a request that was refused before it began: its completion is still told on a
// later turn of the loop, like any other.
Task<> refused(Result<void> why) { co_return why; }

}  // namespace

Image::Image(std::unique_ptr<State> state) : state_(std::move(state)) {}
Image::Image(Image&&) noexcept = default;
Image& Image::operator=(Image&& other) noexcept {
  if (this != &other) {
    if (state_) (void)close();
    state_ = std::move(other.state_);
  }
  return *this;
}
Image::~Image() {
  if (state_) (void)close();
}

Result<Image> Image::open(const std::string& filename, const OpenOptions& options) {
  TRY_ASSIGN(api::Opened opened, Loop::current_thread().run(api::open_name(filename, options)));
  return Image(std::make_unique<State>(std::move(opened), &Loop::current_thread()));
}

Result<Image> Image::open_tree(const Options& tree, const OpenOptions& options) {
  TRY_ASSIGN(api::Opened opened, Loop::current_thread().run(api::open_tree(tree, options)));
  return Image(std::make_unique<State>(std::move(opened), &Loop::current_thread()));
}

Result<void> Image::create(const CreateOptions& options) {
  return Loop::current_thread().run(api::create_image(options));
}

Result<void> Image::close() {
  const std::unique_ptr<State> state = std::move(state_);
  if (!state) return {};
  state->loop->drain();
  return state->loop->run(graph::close_chain(std::move(state->opened.node)));
}

uint64_t Image::size() const { return state_->node().virtual_size(); }
bool Image::writable() const { return !state_->node().format().read_only(); }
const std::string& Image::filename() const { return state_->opened.filenames.front(); }
std::string Image::format() const { return state_->node().driver(); }
const std::shared_ptr<graph::Node>& Image::node() const { return state_->opened.node; }

Result<ImageInfo> Image::info() { return backing_info(0); }

Result<ImageInfo> Image::backing_info(unsigned depth) {
  std::shared_ptr<graph::Node> node = state_->opened.node;
  for (unsigned left = depth; left != 0 && node; --left) node = node->backing();
  if (!node) {
    return fail(ErrorKind::not_found,
                "'" + filename() + "' has no backing file at depth " + std::to_string(depth));
  }
  return state_->loop->run(api::describe(std::move(node), state_->opened.filenames[depth]));
}

Result<void> Image::read(uint64_t offset, std::span<std::byte> into) {
  TRY(check_range(size(), offset, into.size()));
  const iovec part = io_slice(into);
  return state_->loop->run(state_->node().read(offset, IoSpan(&part, 1)));
}

Result<void> Image::write(uint64_t offset, std::span<const std::byte> from, WriteOptions options) {
  TRY(check_range(size(), offset, from.size()));
  const iovec part = io_slice(from);
  const bool fua = options.fua || state_->opened.writethrough;
  return state_->loop->run(state_->node().write(offset, IoSpan(&part, 1), {fua}));
}

Result<void> Image::write_compressed(uint64_t offset, std::span<const std::byte> from) {
  TRY(check_range(size(), offset, from.size()));
  const iovec part = io_slice(from);
  TRY(state_->loop->run(state_->node().write_compressed(offset, IoSpan(&part, 1))));
  return state_->opened.writethrough ? flush() : Result<void>();
}

Result<void> Image::write_zeroes(uint64_t offset, uint64_t length, ZeroOptions options) {
  TRY(check_range(size(), offset, length));
  return state_->loop->run(
      state_->node().write_zeroes(offset, length, state_->zero_flags(options)));
}

Result<void> Image::discard(uint64_t offset, uint64_t length) {
  TRY(check_range(size(), offset, length));
  if (!state_->opened.unmap) return {};
  return state_->loop->run(state_->node().discard(offset, length));
}

Result<void> Image::read_vm_state(uint64_t offset, std::span<std::byte> into) {
  const iovec part = io_slice(into);
  return state_->loop->run(state_->node().read_vm_state(offset, IoSpan(&part, 1)));
}

Result<void> Image::write_vm_state(uint64_t offset, std::span<const std::byte> from) {
  const iovec part = io_slice(from);
  return state_->loop->run(state_->node().write_vm_state(offset, IoSpan(&part, 1)));
}

Result<void> Image::flush() { return state_->loop->run(state_->node().flush()); }

Result<void> Image::resize(uint64_t size, Preallocation preallocation, bool allow_shrink) {
  return state_->loop->run(state_->node().resize(
      size, static_cast<storage::Preallocation>(preallocation), allow_shrink));
}

void Image::read_async(uint64_t offset, std::span<const std::span<std::byte>> into,
                       Completion done) {
  std::vector<iovec> parts = to_vector(into);
  const Result<void> valid = check_range(size(), offset, io_length(parts));
  Task<> task = valid ? read_parts(state_->node(), offset, std::move(parts)) : refused(valid);
  state_->loop->spawn(std::move(task), std::move(done));
}

void Image::write_async(uint64_t offset, std::span<const std::span<const std::byte>> from,
                        WriteOptions options, Completion done) {
  std::vector<iovec> parts = to_vector(from);
  const bool fua = options.fua || state_->opened.writethrough;
  const Result<void> valid = check_range(size(), offset, io_length(parts));
  Task<> task = valid ? write_parts(state_->node(), offset, std::move(parts), fua) : refused(valid);
  state_->loop->spawn(std::move(task), std::move(done));
}

void Image::write_zeroes_async(uint64_t offset, uint64_t length, ZeroOptions options,
                               Completion done) {
  const Result<void> valid = check_range(size(), offset, length);
  Task<> task = valid ? state_->node().write_zeroes(offset, length, state_->zero_flags(options))
                      : refused(valid);
  state_->loop->spawn(std::move(task), std::move(done));
}

void Image::discard_async(uint64_t offset, uint64_t length, Completion done) {
  const Result<void> valid = check_range(size(), offset, length);
  const bool wanted = valid && state_->opened.unmap;
  Task<> task = wanted ? state_->node().discard(offset, length) : refused(valid);
  state_->loop->spawn(std::move(task), std::move(done));
}

void Image::flush_async(Completion done) {
  state_->loop->spawn(state_->node().flush(), std::move(done));
}

void Image::poll() { state_->loop->poll(); }
void Image::drain() { state_->loop->drain(); }

Result<BlockStatus> Image::block_status(uint64_t offset, uint64_t length) {
  TRY(check_inside(size(), offset));
  const uint64_t asked = std::min(length, size() - offset);
  return state_->loop->run(api::block_status(state_->opened.node, offset, asked));
}

Result<bool> Image::is_allocated(uint64_t offset, uint64_t& length) {
  TRY(check_inside(size(), offset));
  const uint64_t asked = std::min(length, size() - offset);
  return state_->loop->run(api::is_allocated(state_->opened.node, offset, asked, length));
}

Result<CheckResult> Image::check(const std::function<void(const CheckFinding&)>& on_finding,
                                 Repair repair) {
  return state_->loop->run(api::check(state_->opened.node, on_finding, repair));
}

}  // namespace oxbow
