// Gradients that the tape delivers against central differences of what it computed.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "autograd/variable.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {

using autograd::Variable;
using TapeFunction = std::function<Variable(const std::vector<Variable>& inputs)>;

/// For functions that are linear around `inputs`: differences are then exact but for the rounding
/// of the outputs to float, about 6e-8 of their size over twice this step.
inline constexpr GradientCheckOptions linear_in_float = {.step = 1.0 / 128, .tolerance = 1e-4};

/// Whether backward() through `function` leaves the right gradient in each of its inputs, which
/// are made into leaves that require one. The loss is a random weighted sum of the output.
inline ::testing::AssertionResult tape_gradients_match(
    const TapeFunction& function, const std::vector<Tensor>& inputs,
    const GradientCheckOptions& options = linear_in_float) {
  std::vector<Variable> leaves;
  for (const Tensor& input : inputs) leaves.emplace_back(input, true);
  Variable output = function(leaves);
  const Tensor weights = random_normal(output.shape(), 1234);
  output.backward(weights);

  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto loss = [&](const std::vector<double>& values) {
      std::vector<Variable> changed = leaves;
      const std::vector<float> rounded(values.begin(), values.end());
      changed[i] = Variable(Tensor::from(rounded, inputs[i].shape()));
      return weighted_sum(to_double(weights), to_double(function(changed).value()));
    };
    const auto result =
        gradient_matches(loss, to_double(inputs[i]), to_double(leaves[i].gradient()), options);
    if (!result) return ::testing::AssertionFailure() << "input " << i << ": " << result.message();
  }
  return ::testing::AssertionSuccess();
}

/// The attribute of a record; a test that asks for one which is not there fails.
template <typename T>
T attribute(const Variable& output, std::string_view name) {
  for (const auto& [key, value] : output.slot()->creator->attributes) {
    if (key == name) return std::get<T>(value);
  }
  ADD_FAILURE() << "no attribute " << name;
  return {};
}

}  // namespace lq::testing
