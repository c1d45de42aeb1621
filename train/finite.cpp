#include "train/finite.h"

#include <algorithm>
#include <cmath>

namespace lq {

namespace {

template <typename T>
std::optional<double> first_non_finite(const Tensor& tensor) {
  const std::span<const T> values = tensor.span<T>();
  const auto found = std::ranges::find_if(values, [](T value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return *found;
}

std::optional<double> first_non_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f32:
      return first_non_finite<float>(tensor);
    case DType::f64:
      return first_non_finite<double>(tensor);
    case DType::i32:
    case DType::i64:
    case DType::u8:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<NonFiniteValue> find_non_finite(const StateDict& state) {
  for (const auto& [name, tensor] : state) {
    const Tensor on_host = tensor.to(Device{});
    if (const auto value = first_non_finite(on_host)) return NonFiniteValue{name, *value};
  }
  return std::nullopt;
}

}  // namespace lq
