#include "data/dataset.h"

namespace lq {

void Image::resize(int new_height, int new_width, int new_channels) {
  height = new_height;
  width = new_width;
  channels = new_channels;
  pixels.resize(static_cast<std::size_t>(shape().elements()));
}

}  // namespace lq
