// What the weights and the inputs of one layer look like before and after quantization.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/histogram.h"
#include "data/loader.h"
#include "layers/module.h"

namespace lq::apps {

/// One quantization level of one side of a layer. Where channels have levels of their own, numbers
/// are means over the channels.
struct LevelSummary {
  double initial = 0;  ///< before training
  double learned = 0;  ///< now
  /// Where the level lies among the values of the histogram (see SideStatistics::normalized), with
  /// the 10th and 90th percentiles over the channels.
  double position = 0;
  double position_p10 = 0;
  double position_p90 = 0;
  std::int64_t count = 0;  ///< values that are quantized to it
};

/// The weights of a layer, or its inputs.
struct SideStatistics {
  int bits = 32;
  std::string quantizer;  ///< path of the module that quantizes; empty for floating point
  std::int64_t values = 0;
  /// Channels with bases of their own that are shown together. Their scales differ, so each value
  /// is divided by the top level of its channel: positions and histogram are in that unit.
  /// 0: one set of levels, and values as they are.
  std::int64_t normalized_channels = 0;
  Histogram floating;                ///< of the values before quantization
  std::vector<LevelSummary> levels;  ///< ascending; none for floating point
};

struct LayerStatistics {
  std::string layer;                    ///< path
  std::string operation;                ///< "conv2d" or "linear"
  std::optional<std::int64_t> channel;  ///< whose weights these are; all of them when absent
  std::int64_t images = 0;
  SideStatistics weights;
  SideStatistics activations;
};

struct LayerStatisticsOptions {
  std::string layer;                    ///< path; empty: see layer_statistics()
  std::optional<std::int64_t> channel;  ///< weights of this output channel only
  std::int64_t images = 256;            ///< whose activations are counted, in whole batches
  int bins = 60;                        ///< of the histograms
  Device device;                        ///< that computes
};

/// Paths of the layers of a network that layer_statistics() can look at; `input` is H W C.
std::vector<std::string> layer_paths(Module& model, const Shape& input);

/// Runs images through `model` in evaluation mode and looks at one layer. Both networks are on the
/// host; `model` is moved to the device, where its values are counted, too. `initial` is the same
/// network as it was before training; `input` is H W C. What is quantized is taken from the
/// quantizer itself: a quantizer that squashes weights first is shown with the squashed ones.
/// Without a path, the layer is the middle one of those whose weights and inputs are quantized, or
/// of all layers when there is no such layer.
/// Throws Error for an unknown layer (listing all), a channel out of range, and a layer whose
/// input comes from several quantizers.
LayerStatistics layer_statistics(Module& model, Module& initial, const Shape& input, Loader& loader,
                                 const LayerStatisticsOptions& options);

}  // namespace lq::apps
