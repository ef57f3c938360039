// File names as an image may state them: json: objects, protocols, relative paths.
#include <string>

#include "api/filename.h"
#include "api/json_options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oxbow::api;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)parse_json_options(text);
  (void)protocol_of(text);
  (void)resolve_name("/some/folder/image", text);
  (void)resolve_name(text, "below");
  oxbow::api::OptionTree options;
  (void)apply_filename(text, options);
  (void)apply_filename(path_as_name(text), options);
  (void)json_quoted(text);
  return 0;
}
