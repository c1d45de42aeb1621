// What the registry of networks makes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layers/quantizers/quantizer.h"

namespace lq {

/// A network is chosen by name and two integers: 32 means floating point on that side.
struct ModelOptions {
  int w_bits = 2;                ///< 1 to 8, or 32
  int a_bits = 2;                ///< 1 to 8, or 32
  std::string quantizer = "lq";  ///< one of quantizer_kinds()
  std::int64_t classes = 10;
  Shape input{32, 32, 3};  ///< H W C of one image
  LqOptions lq = {};       ///< of learned bases; recipes and checkpoints mean the defaults
  /// Quantized convolutions work on codes. How a network is computed, not what it is: not in
  /// recipes and checkpoints.
  bool bit_forward = false;

  Quantization quantization() const { return {quantizer, w_bits, a_bits, lq, bit_forward}; }
};

/// Builds the network `name` with zero parameters; call initialize(seed) on it. Throws Error for
/// an unknown name (listing the known ones), bit width, quantizer or input shape.
std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options);

/// Known names, in a stable order.
std::vector<std::string> model_names();

}  // namespace lq
