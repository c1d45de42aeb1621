#include "bench/cuda/peer_problem.h"

#include <cuda_fp16.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/rng.h"
#include "kernels/conv2d/conv2d.h"

namespace lq::bench {

namespace {

constexpr std::int64_t result_bytes = 4;

std::vector<float> random_signs(Rng& rng, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(rng.below(3)) - 1);
  return values;
}

template <typename T>
Tensor on_device(const std::vector<float>& values, Device device) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return Tensor::from(bytes, {std::ssize(bytes)}, device);
}

/// The largest distance from what is expected, in excess of what is allowed.
template <typename T, typename Distance>
double largest_excess(const Tensor& y, const std::vector<float>& expected, Distance&& distance) {
  double largest = 0;
  const std::uint8_t* const bytes = y.data<std::uint8_t>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    const double excess = distance(static_cast<double>(static_cast<float>(value)), expected[i]);
    // What is no number is not right either.
    if (!(excess <= largest)) largest = std::isnan(excess) ? HUGE_VAL : excess;
  }
  return largest;
}

}  // namespace

PeerProblem::PeerProblem(const kernels::Conv2dGeometry& geometry, Stream& stream)
    : geometry_(geometry), device_(stream.device()) {
  Rng rng(1, RngPurpose::synthetic);
  x_ = random_signs(rng, geometry.x_shape().elements());
  weight_ = random_signs(rng, geometry.weight_shape().elements());
  expected_.resize(static_cast<std::size_t>(geometry.y_shape().elements()));
  Stream host;
  kernels::conv2d_forward(host, geometry, {x_.data(), geometry.x_shape(), {}},
                          {weight_.data(), geometry.weight_shape(), {}}, {},
                          {expected_.data(), geometry.y_shape(), {}});
  double squares = 0;
  for (const float value : expected_) squares += static_cast<double>(value) * value;
  root_mean_square_ = std::sqrt(squares / static_cast<double>(expected_.size()));
  y_ = Tensor::zeros({result_bytes * std::ssize(expected_)}, DType::u8, device_);
}

PeerLayer PeerProblem::layer(PeerNumbers numbers) {
  const bool is_fp16 = numbers == PeerNumbers::fp16;
  Operands& operands = is_fp16 ? halves_ : bytes_;
  if (!operands.x.defined()) {
    operands = is_fp16
                   ? Operands{on_device<__half>(x_, device_), on_device<__half>(weight_, device_)}
                   : Operands{on_device<std::int8_t>(x_, device_),
                              on_device<std::int8_t>(weight_, device_)};
  }
  return {.geometry = geometry_,
          .numbers = numbers,
          .x = operands.x.raw(),
          .weight = operands.weight.raw(),
          .y = y_.raw()};
}

std::string PeerProblem::complaint(PeerResults results) const {
  const Tensor y = y_.to(Device{});
  double excess = 0;
  switch (results) {
    case PeerResults::fp16:
      excess = largest_excess<__half>(y, expected_, [this](double actual, double expected) {
        return std::abs(actual - expected) - 0x1p-11 * std::abs(expected) - root_mean_square_ / 64;
      });
      break;
    case PeerResults::int8:
      excess = largest_excess<std::int8_t>(y, expected_, [](double actual, double expected) {
        return std::abs(actual - std::clamp(expected, -128.0, 127.0));
      });
      break;
    case PeerResults::int32:
      excess = largest_excess<std::int32_t>(
          y, expected_, [](double actual, double expected) { return std::abs(actual - expected); });
      break;
  }
  return excess <= 0 ? std::string()
                     : fmt::format(
                           "its results are off by up to {:.3g}, with a root mean square "
                           "of {:.3g}",
                           excess, root_mean_square_);
}

}  // namespace lq::bench
