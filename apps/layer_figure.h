// Figure I of the supplement: the statistics of one layer as a picture.
#pragma once

#include <string>

#include "apps/layer_statistics.h"

namespace lq::apps {

/// An SVG of two by two panels: weights above, activations below; on the left the values before
/// quantization in bins of equal width, on the right the quantized ones with one bar per level, at
/// the level's position. Orange diamonds on the axes mark the learned levels; where channels with
/// levels of their own are shown together, the means of their positions. A bin that is far higher
/// than all others (the zeros behind a ReLU) is cut, and its height written beside it. `subtitle`
/// says where the numbers come from. The same statistics give the same bytes.
std::string draw_layer_figure(const LayerStatistics& statistics, const std::string& subtitle);

}  // namespace lq::apps
