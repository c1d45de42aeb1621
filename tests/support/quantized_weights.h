// The weights that a model computes with.
#pragma once

#include <algorithm>
#include <string>

#include "layers/module.h"
#include "layers/quantizers/quantizer.h"

namespace lq::testing {

struct QuantizedWeights {
  StateDict weights;  ///< every parameter that is called weight
  int quantized = 0;  ///< how many of them a quantizer has changed
};

/// In evaluation mode, which the model is left in: what is quantized as the quantizer gives it.
inline QuantizedWeights quantized_weights(Module& model) {
  model.eval();
  QuantizedWeights result;
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name.ends_with(".weight")) {
      result.weights.emplace_back(parameter.name, parameter.variable.value());
    }
  }
  model.visit([&](const std::string& path, Module& module) {
    auto* const quantizer = dynamic_cast<WeightQuantizer*>(&module);
    if (quantizer == nullptr) return;
    ++result.quantized;
    const std::string layer = path.substr(0, path.rfind('.'));
    auto& weight =
        std::ranges::find(result.weights, layer + ".weight", &StateDict::value_type::first)->second;
    weight = (*quantizer)(Variable(weight)).value();
  });
  return result;
}

}  // namespace lq::testing
