#include "api/overlay.h"

#include <unistd.h>

#include <cstdlib>

#include "base/result.h"
#include "format/qcow2/create.h"
#include "format/qcow2/image.h"
#include "storage/file.h"

namespace oxbow::api {
namespace {

using async::Task;

// An empty file of its own, made by mkstemp(3).
Result<std::string> make_temporary() {
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder != nullptr ? folder : "/var/tmp") + "/oxbow-XXXXXX";
  const int file = ::mkstemp(path.data());
  if (file < 0) {
    return std::unexpected(
        Error::from_errno(errno, "Could not open temporary file '" + path + "'"));
  }
  ::close(file);
  return path;
}

Task<std::unique_ptr<storage::Storage>> open_temporary(std::string path, bool writable) {
  storage::FileOptions options;
  options.path = std::move(path);
  options.driver = "file";
  options.writable = writable;
  options.cache = CacheMode::unsafe;  // nobody will read it after a crash
  options.discard_unmap = true;
  co_return co_await storage::open_file(std::move(options));
}

Task<std::unique_ptr<format::Format>> make_image(std::string path, uint64_t size, bool writable) {
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> fresh, co_await open_temporary(path, true));
  format::qcow2::Qcow2CreateOptions create;
  create.size = size;
  CO_TRY(co_await format::qcow2::create(std::move(fresh), std::move(create)));
  CO_TRY_ASSIGN(std::unique_ptr<storage::Storage> file, co_await open_temporary(path, writable));
  format::qcow2::Qcow2OpenOptions open;
  open.writable = writable;
  open.has_backing = true;
  CO_TRY_ASSIGN(std::unique_ptr<format::qcow2::Qcow2Image> image,
                co_await format::qcow2::open_qcow2(std::move(file), std::move(open)));
  co_return std::unique_ptr<format::Format>(std::move(image));
}

}  // namespace

Task<std::shared_ptr<graph::Node>> open_overlay(std::shared_ptr<graph::Node> base, bool writable) {
  CO_TRY_ASSIGN(const std::string path, make_temporary());
  Result<std::unique_ptr<format::Format>> image =
      co_await make_image(path, base->virtual_size(), writable);
  ::unlink(path.c_str());
  if (!image) {
    (void)co_await base->close();
    co_return std::unexpected(std::move(image).error());
  }
  co_return std::make_shared<graph::Node>(std::move(*image), std::move(base));
}

}  // namespace oxbow::api
