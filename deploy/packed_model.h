// A network that is ready for inference: what a .lqn file says, as data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernels/bitconv/bitconv.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::deploy {

enum class ValueKind : unsigned char {
  floats,  ///< f32, N H W C
  planes,  ///< codes as bit-planes: packed_layout.h
  bytes    ///< levels of an integer grid, u8, N H W C
};

/// A tensor that flows between operations; extents of one image. Fully connected layers see
/// 1 x 1 x features.
struct Value {
  ValueKind kind = ValueKind::floats;
  std::int64_t h = 1;
  std::int64_t w = 1;
  std::int64_t c = 1;
  int planes = 0;  ///< of ValueKind::planes
};

/// Quantized weights of a segment that computes with integers: a weight is the sum of its channel's
/// basis elements, each with the sign that the code's bit gives (1 is plus).
struct CodedWeights {
  int bits = 0;                     ///< 1 to 8; 0 stands for weights without codes
  std::vector<std::uint8_t> codes;  ///< O R S C
  std::vector<float> basis;         ///< O x bits: whole numbers
};

/// Thresholds of a symbol output as batch norm and quantizer give them: level t is crossed where
/// value * scale[o] + shift[o] > levels[t].
struct FoldedThresholds {
  std::vector<float> levels;  ///< count, ascending; -inf is always crossed, +inf never
  std::vector<float> scale;   ///< O
  std::vector<float> shift;   ///< O
};

/// A convolution or fully connected layer with all that follows it, fused (kernels/bitconv).
/// Without segments it is pointwise work on the residual alone: a batch norm, ReLU or quantizer
/// with no convolution before it. Its window is then a single pixel.
struct Convolution {
  std::string name;  ///< path of the layer in the model, "stage1_block0.conv1"; see layer_parts.h
  kernels::BitconvDescription description;
  std::vector<std::size_t> inputs;  ///< value of each segment
  std::optional<std::size_t> residual;
  std::vector<std::size_t> float_outputs;
  std::vector<std::size_t> symbol_outputs;

  /// Shorter forms of what the description says, for the file: one for each segment and for each
  /// symbol output, or none at all. See folding.h, which also makes the description from them. An
  /// entry without bits or without scale leaves the description to be stored as it is.
  std::vector<CodedWeights> coded_weights;
  std::vector<FoldedThresholds> folded_thresholds;
};

/// Maximum over square windows, of floats, bytes or codes. Codes are compared by the position of
/// their level: `order` lists codes from the lowest level to the highest.
struct MaxPool {
  std::string name;
  std::size_t input = 0;
  std::size_t output = 0;
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
  std::vector<std::uint8_t> order;  ///< of ValueKind::planes only
};

/// Mean over the pixels of square windows that lie in the map, of floats.
struct AveragePool {
  std::string name;
  std::size_t input = 0;
  std::size_t output = 0;
  std::int64_t kernel = 2;
  std::int64_t stride = 2;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
};

/// Mean over the whole map, of floats.
struct GlobalAveragePool {
  std::string name;
  std::size_t input = 0;
  std::size_t output = 0;
};

/// Codes or bytes as the floats that they stand for: in front of what computes on floats only.
struct Dequantize {
  std::string name;
  std::size_t input = 0;
  std::size_t output = 0;
  std::vector<float> levels;  ///< by code or byte: 2^planes, or 1 + the largest byte
};

/// Zeros before and after the channels, of floats.
struct ChannelPad {
  std::string name;
  std::size_t input = 0;
  std::size_t output = 0;
  std::int64_t before = 0;
};

/// Channels of several values side by side, of floats.
struct Concat {
  std::string name;
  std::vector<std::size_t> inputs;
  std::size_t output = 0;
};

using Operation = std::variant<Convolution, MaxPool, AveragePool, GlobalAveragePool, Dequantize,
                               ChannelPad, Concat>;

/// How images are scaled. `bicubic` averages where it shrinks (a = -0.5), `bicubic_opencv` always
/// reads 4 x 4 pixels (a = -0.75): data/resample.h has both.
enum class Resampling : unsigned char { bicubic, bicubic_opencv };

/// How pixels become the network's input.
struct Preprocessing {
  /// input = (pixel - mean) * scale, in units of pixels (0 to 255).
  std::vector<float> mean;            ///< H W C, or C: of channels; empty: no mean
  std::vector<float> scale = {1.0F};  ///< one number, or C
  /// Images that are smaller than the input get zeros around them, as in training; otherwise they
  /// are enlarged.
  bool pads_small_images = false;
  /// Unless 0, images are scaled by `resampling` until their shorter side has so many pixels, and
  /// the input is cut out of their centre; otherwise they are scaled to cover the input.
  std::int64_t shorter_side = 0;
  Resampling resampling = Resampling::bicubic;
  bool bgr = false;  ///< channels are blue, green, red, otherwise red, green, blue
};

struct PackedModel {
  std::string name;          ///< "resnet20"
  std::string variant = {};  ///< of the model, where it has some: "type-a"; empty if nobody told
  std::vector<Value> values;
  std::size_t input = 0;              ///< index of a float value
  std::size_t output = 0;             ///< the same: one score per class
  std::vector<Operation> operations;  ///< in the order in which they run
  Preprocessing preprocessing;
  std::vector<std::string> class_names;  ///< empty, or one per score
};

}  // namespace lq::deploy
