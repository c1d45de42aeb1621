// What a network does, as its tape tells.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "layers/module.h"

namespace lq::testing {

using Records = std::vector<std::shared_ptr<autograd::Record>>;

/// The operations of one evaluation of `model`, in order.
inline Records trace(Module& model, const Shape& input) {
  model.eval();
  const autograd::RecordModeScope scope(autograd::RecordMode::trace);
  return autograd::records_of(model(Variable(Tensor::zeros(input))));
}

inline bool is(const autograd::Record* record, std::string_view operation) {
  return record != nullptr && record->operation == operation;
}

/// What made input number `index` of the operation; null for parameters and images.
inline const autograd::Record* source(const autograd::Record& record, std::size_t index) {
  return record.inputs.at(index)->creator.get();
}

/// Shape of what the operation made; something must still depend on it.
inline Shape output_shape(const autograd::Record& record) { return record.output.lock()->shape; }

/// The attribute of that name; without one of that type, the test fails.
template <typename Value>
Value attribute_of(const autograd::Record& record, std::string_view key) {
  for (const auto& [name, attribute] : record.attributes) {
    const auto* value = std::get_if<Value>(&attribute);
    if (name == key && value != nullptr) return *value;
  }
  ADD_FAILURE() << record.operation << " does not tell its " << key;
  return {};
}

inline std::string side_of(const autograd::Record& record) {
  for (const auto& [key, value] : record.attributes) {
    if (key == "side") return std::get<std::string>(value);
  }
  return {};
}

inline std::ptrdiff_t quantizers(const Records& records, std::string_view side) {
  return std::ranges::count_if(records, [&](const auto& record) {
    return is(record.get(), "quantize") && side_of(*record) == side;
  });
}

/// "scope: operation" of every record.
inline std::vector<std::string> lines_of(const Records& records) {
  std::vector<std::string> lines;
  for (const auto& record : records) {
    lines.push_back(record->scope + ": " + std::string(record->operation));
  }
  return lines;
}

/// First and last layer take float weights and inputs; every other convolution takes quantized
/// weights and inputs as far as the bits say (spec section 3).
inline void expect_quantizers_in_front_of_every_inner_convolution(const Records& records,
                                                                  bool weights, bool activations) {
  for (const auto& record : records) {
    const bool float_layer = record->scope == "conv0" || record->scope == "fc";
    if (!is(record.get(), "conv2d") && !is(record.get(), "linear")) continue;
    const autograd::Record *input = source(*record, 0), *weight = source(*record, 1);
    EXPECT_EQ(is(input, "quantize"), activations && !float_layer) << record->scope;
    EXPECT_EQ(is(weight, "quantize"), weights && !float_layer) << record->scope;
    if (is(input, "quantize")) {
      EXPECT_EQ(side_of(*input), "activations") << record->scope;
    }
    if (is(weight, "quantize")) {
      EXPECT_EQ(side_of(*weight), "weights") << record->scope;
    }
  }
}

}  // namespace lq::testing
