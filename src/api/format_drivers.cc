#include "api/format_drivers.h"

#include <algorithm>
#include <array>

#include "format/bochs/bochs.h"
#include "format/cloop/cloop.h"
#include "format/dmg/dmg.h"

namespace oxbow::api {
namespace {

using Opened = Task<std::unique_ptr<format::Format>>;

Opened open_bochs(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::bochs::BochsImage::open(std::move(request.file));
}

Opened open_cloop(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::cloop::CloopImage::open(std::move(request.file));
}

Opened open_dmg(FormatRequest request) {
  CO_TRY(format::refuse_writing(request.writable));
  co_return co_await format::dmg::DmgImage::open(std::move(request.file), std::move(request.warn));
}

// In the order of their names.
constexpr auto drivers = std::to_array<FormatDriver>({
    {"bochs", open_bochs},
    {"cloop", open_cloop},
    {"dmg", open_dmg},
});

}  // namespace

const FormatDriver* find_format_driver(std::string_view name) {
  const auto* found = std::ranges::find(drivers, name, &FormatDriver::name);
  return found == drivers.end() ? nullptr : found;
}

}  // namespace oxbow::api
