// What the layers of a chain hold, through the public API.
#include "format/qcow2/usage.h"

#include <oxbow/jobs.h>

#include "async/loop.h"
#include "format/qcow2/image.h"
#include "graph/node.h"

namespace oxbow {

using format::qcow2::Qcow2Image;

namespace {

async::Task<> measure(Qcow2Image& image, LayerUsage& layer) {
  CO_TRY(co_await image.flush());
  co_return co_await format::qcow2::measure_usage(image.file(), image.header(), layer);
}

// The layer's own sizes are those of the image's file alone then.
void take_data_file_out(Qcow2Image& image, LayerUsage& layer) {
  if (!image.has_data_file()) return;
  DataFileUsage data;
  data.name = image.header().data_file.value_or("");
  const auto both = image.allocated_bytes();
  const auto own = image.file().allocated_bytes();
  if (both && own) data.actual_size = *both - *own;
  layer.actual_size = own ? std::optional(*own) : std::nullopt;
  layer.data_file = std::move(data);
}

}  // namespace

Result<std::vector<LayerUsage>> disk_usage(Image& image) {
  std::vector<LayerUsage> layers;
  unsigned depth = 0;
  for (std::shared_ptr<graph::Node> node = image.node(); node; node = node->backing(), ++depth) {
    TRY_ASSIGN(const ImageInfo info, image.backing_info(depth));
    LayerUsage layer;
    layer.filename = info.filename;
    layer.format = info.format;
    layer.virtual_size = info.virtual_size;
    layer.actual_size = info.actual_size;
    layer.file_size = node->format().file().size();
    if (auto* qcow2 = dynamic_cast<Qcow2Image*>(&node->format())) {
      TRY(async::Loop::current_thread().run(measure(*qcow2, layer)));
      take_data_file_out(*qcow2, layer);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace oxbow
