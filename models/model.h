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
  std::string variant;  ///< one of the model's variants; empty: what the model takes by itself
  int w_bits = 2;       ///< 1 to 8, or 32
  int a_bits = 2;       ///< 1 to 8, or 32
  std::string quantizer = "lq";  ///< one of quantizer_kinds()
  std::int64_t classes = 10;
  Shape input{32, 32, 3};  ///< H W C of one image
  LqOptions lq = {};       ///< of learned bases
  /// Quantized convolutions work on codes. How a network is computed, not what it is: not in
  /// recipes and checkpoints.
  bool bit_forward = false;

  Quantization quantization() const { return {quantizer, w_bits, a_bits, lq, bit_forward}; }
};

/// A form of a model that differs in its operations.
struct ModelVariant {
  std::string_view name;
  std::string_view description;        ///< one line
  bool has_float_activations = false;  ///< always: a_bits has to be 32
};

/// A row of the registry.
struct ModelInfo {
  std::string_view name;
  std::string_view description;  ///< one line
  std::vector<ModelVariant> variants;
  /// The task that the model was made for: images and classes where nobody says others.
  Shape input{32, 32, 3};  ///< H W C
  std::int64_t classes = 10;
};

/// Builds the network `name` with zero parameters; call initialize(seed) on it. Throws Error for
/// an unknown name or variant (listing the known ones), bit width, quantizer or input shape.
std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options);

/// The models, in a stable order, and their names.
std::vector<ModelInfo> models();
std::vector<std::string> model_names();

/// Throws Error that lists the known names when there is no such model.
const ModelInfo& model_info(std::string_view name);

/// The variant that make_model() builds by the bits and `variant` of these options; empty for a
/// model without variants. Throws Error that lists the model's variants when it has no such one,
/// and for bits that the variant does not take.
std::string variant_of(std::string_view name, const ModelOptions& options);

}  // namespace lq
