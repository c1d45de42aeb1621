#include "emulator/libraries/cudnn_convolution.h"

#include <vector>

namespace lq::emulator::cudnn {
namespace {

std::vector<double> rounded(const Numbers& values, std::int64_t count, FactorType type) {
  std::vector<double> result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    result[static_cast<std::size_t>(i)] = factor(static_cast<float>(values[i]), type);
  }
  return result;
}

void deliver(const Convolution& conv, const std::vector<double>& sums, const Numbers& results) {
  for (std::size_t at = 0; at < sums.size(); ++at) {
    const auto i = static_cast<std::int64_t>(at);
    // What is multiplied by a beta of zero is not read.
    const double before = conv.beta == 0 ? 0 : static_cast<double>(conv.beta) * results[i];
    results.set(i, static_cast<double>(conv.alpha) * sums[at] + before);
  }
}

/// Calls visit(x offset, filter offset, y offset) for each pair of an output channel and a value of
/// its window that lies within the map; the offsets are those of the first channel of the group in
/// x and in the filter.
template <typename Visit>
void for_each_meeting(const Convolution& g, Visit&& visit) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  for (std::int64_t pixel = 0; pixel < g.n * g.p * g.q; ++pixel) {
    const std::int64_t column = pixel % g.q, row = pixel / g.q % g.p, image = pixel / g.q / g.p;
    for (std::int64_t i = 0; i < g.r; ++i) {
      const std::int64_t at_h = row * g.stride_h + i - g.pad_top;
      if (at_h < 0 || at_h >= g.h) continue;
      for (std::int64_t j = 0; j < g.s; ++j) {
        const std::int64_t at_w = column * g.stride_w + j - g.pad_left;
        if (at_w < 0 || at_w >= g.w) continue;
        const std::int64_t x = ((image * g.h + at_h) * g.w + at_w) * g.c;
        for (std::int64_t o = 0; o < g.k; ++o) {
          visit(x + o / group_k * group_c, ((o * g.r + i) * g.s + j) * group_c, pixel * g.k + o);
        }
      }
    }
  }
}

}  // namespace

void compute(const Convolution& conv, std::byte* x, std::byte* w, std::byte* y) {
  const std::int64_t channels = conv.c / conv.groups;
  const auto factors_of = [&](Pass pass, std::byte* values, std::int64_t count) {
    // The tensor that the pass gives is none.
    return pass == conv.pass ? std::vector<double>(static_cast<std::size_t>(count))
                             : rounded({values, conv.type}, count, conv.factors);
  };
  std::vector<double> xs = factors_of(Pass::backward_data, x, conv.x_size());
  std::vector<double> ws = factors_of(Pass::backward_filter, w, conv.filter_size());
  std::vector<double> ys = factors_of(Pass::forward, y, conv.y_size());
  for_each_meeting(conv, [&](std::int64_t x_at, std::int64_t w_at, std::int64_t y_at) {
    double* const x_values = xs.data() + x_at;
    double* const w_values = ws.data() + w_at;
    double& y_value = ys[static_cast<std::size_t>(y_at)];
    switch (conv.pass) {
      case Pass::forward:
        for (std::int64_t i = 0; i < channels; ++i) y_value += x_values[i] * w_values[i];
        break;
      case Pass::backward_data:
        for (std::int64_t i = 0; i < channels; ++i) x_values[i] += y_value * w_values[i];
        break;
      case Pass::backward_filter:
        for (std::int64_t i = 0; i < channels; ++i) w_values[i] += y_value * x_values[i];
        break;
    }
  });
  switch (conv.pass) {
    case Pass::forward:
      deliver(conv, ys, {y, conv.type});
      break;
    case Pass::backward_data:
      deliver(conv, xs, {x, conv.type});
      break;
    case Pass::backward_filter:
      deliver(conv, ws, {w, conv.type});
      break;
  }
}

}  // namespace lq::emulator::cudnn
