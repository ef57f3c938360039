// What an open Image is made of.
#pragma once

#include <oxbow/image.h>

#include "api/open.h"
#include "async/loop.h"
#include "graph/node.h"

namespace oxbow {

struct Image::State {
  api::Opened opened;
  async::Loop* loop = nullptr;

  [[nodiscard]] graph::Node& node() const { return *opened.node; }
  [[nodiscard]] graph::ZeroFlags zero_flags(ZeroOptions options) const {
    return {options.may_unmap, options.no_fallback, options.fua || opened.writethrough};
  }
};

}  // namespace oxbow
