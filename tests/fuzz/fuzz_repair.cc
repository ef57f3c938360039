// Repairs whatever the fuzzer made as a qcow2 image. What a repair calls right is right: a check
// finds no error in it, and no second repair has anything to do. Then it is made compact.
#include <cstdio>
#include <cstdlib>

#include "format/qcow2/check.h"
#include "fuzz_common.h"

namespace {

using namespace oxbow;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

Result<CheckResult> repair(async::Loop& loop, storage::SparseBytes& bytes, Repair what) {
  storage::MemoryStorage* file = nullptr;
  auto owned = std::make_unique<storage::MemoryStorage>(bytes);
  file = owned.get();
  format::qcow2::Qcow2OpenOptions options;
  options.writable = true;
  options.check_only = true;
  auto image = loop.run(format::qcow2::open_qcow2(std::move(owned), std::move(options)));
  if (!image) return std::unexpected(image.error());
  auto result = loop.run((*image)->repair(what, {}));
  bytes = file->bytes();
  (void)loop.run((*image)->close());
  return result;
}

bool is_right(const CheckResult& result) {
  return result.corruptions == 0 && result.check_errors == 0 && result.leaks == 0;
}

void compact(async::Loop& loop, const storage::SparseBytes& bytes) {
  auto node = fuzz::open(loop, std::make_unique<storage::MemoryStorage>(bytes), true);
  if (!node) return;
  auto& image = dynamic_cast<format::qcow2::Qcow2Image&>(node->format());
  (void)loop.run(image.compact({}));
  (void)loop.run(node->close());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  async::Loop& loop = async::Loop::current_thread();
  storage::SparseBytes bytes = fuzz::bytes_of(data, size);
  const Repair what = size % 2 == 0 ? Repair::all : Repair::unreadable;
  const auto first = repair(loop, bytes, what);
  if (!first || !is_right(*first)) return 0;
  storage::MemoryStorage file(bytes);
  const auto header = loop.run(format::qcow2::read_header(file, true));
  require(header.has_value(), "a repaired image has no header");
  const auto found = loop.run(format::qcow2::check(file, *header, {}));
  require(found && is_right(*found), "what was called repaired is not");
  compact(loop, bytes);
  return 0;
}
