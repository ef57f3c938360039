// The C interface over Image: errors become negative errno values and a message.
#include <oxbow/image.h>
#include <oxbow/oxbow.h>

#include <new>
#include <string>

struct oxbow_image {
  oxbow::Image image;
};

namespace {

thread_local std::string last_message = "no error";

int told(const oxbow::Error& error) {
  last_message = error.message();
  return -error.as_errno();
}

int told(const oxbow::Result<void>& result) { return result ? 0 : told(result.error()); }

oxbow::OpenOptions options_from(const char* format, unsigned flags) {
  oxbow::OpenOptions options;
  if (format != nullptr) options.format = format;
  options.writable = (flags & OXBOW_WRITABLE) != 0;
  options.open_backing = (flags & OXBOW_NO_BACKING) == 0;
  if ((flags & OXBOW_TRUST_ALL) != 0) options.trust = oxbow::Trust::all;
  if ((flags & OXBOW_BYPASS_CACHE) != 0) options.cache = oxbow::CacheMode::none;
  return options;
}

}  // namespace

extern "C" {

int oxbow_open(const char* filename, const char* format, unsigned flags, oxbow_image** image) {
  *image = nullptr;
  auto opened = oxbow::Image::open(filename, options_from(format, flags));
  if (!opened) return told(opened.error());
  *image = new (std::nothrow) oxbow_image{std::move(*opened)};
  if (*image != nullptr) return 0;
  return told(oxbow::Error(oxbow::ErrorKind::out_of_memory, "Could not allocate an image"));
}

int oxbow_close(oxbow_image* image) {
  if (image == nullptr) return 0;
  const auto closed = image->image.close();
  delete image;
  return told(closed);
}

uint64_t oxbow_size(const oxbow_image* image) { return image->image.size(); }

int oxbow_read(oxbow_image* image, uint64_t offset, void* into, size_t length) {
  return told(image->image.read(offset, {static_cast<std::byte*>(into), length}));
}

int oxbow_write(oxbow_image* image, uint64_t offset, const void* from, size_t length) {
  return told(image->image.write(offset, {static_cast<const std::byte*>(from), length}));
}

int oxbow_flush(oxbow_image* image) { return told(image->image.flush()); }

const char* oxbow_error_message(void) { return last_message.c_str(); }

}  // extern "C"
