#include <vector>

#include "core/packed_layout.h"
#include "kernels/bitconv/bit_conv2d.h"

namespace lq::kernels::reference {

namespace {

/// The level that a value is or lies above; of row `row`.
float level_of(const LevelTableView& table, std::int64_t row, float value) {
  const float* const levels = table.levels.data + row * table.size();
  float level = levels[0];
  for (std::int64_t l = 1; l < table.size(); ++l) {
    if (value >= levels[l]) level = levels[l];
  }
  return level;
}

/// Inputs as levels, N H W C.
std::vector<float> decoded(const Conv2dGeometry& geometry, const CodedInput& x) {
  const std::int64_t pixels = geometry.n * geometry.h * geometry.w;
  const std::int64_t words = packed::words(geometry.c_in);
  std::vector<float> values;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::int64_t c = 0; c < geometry.c_in; ++c) {
      unsigned code = 0;
      for (std::int64_t plane = 0; plane < x.planes.shape[0]; ++plane) {
        const auto word = static_cast<std::uint32_t>(
            x.planes.data[(plane * pixels + pixel) * words + packed::word_of(c)]);
        code |= (word >> packed::bit_of(c) & 1U) << plane;
      }
      std::int64_t position = 0;
      while (x.table.codes.data[position] != code) ++position;
      values.push_back(x.table.levels.data[position]);
    }
  }
  return values;
}

struct OutputPlace {
  std::int64_t n, p, q, o;
};

double window_sum(const Conv2dGeometry& g, const std::vector<float>& x,
                  const std::vector<float>& weight, const OutputPlace& at) {
  double sum = 0;
  for (std::int64_t r = 0; r < g.kernel_h; ++r) {
    for (std::int64_t s = 0; s < g.kernel_w; ++s) {
      const std::int64_t row = at.p * g.stride_h + r - g.pad_top;
      const std::int64_t column = at.q * g.stride_w + s - g.pad_left;
      if (row < 0 || row >= g.h || column < 0 || column >= g.w) continue;
      for (std::int64_t c = 0; c < g.c_in; ++c) {
        sum += static_cast<double>(x[((at.n * g.h + row) * g.w + column) * g.c_in + c]) *
               static_cast<double>(weight[((at.o * g.kernel_h + r) * g.kernel_w + s) * g.c_in + c]);
      }
    }
  }
  return sum;
}

}  // namespace

void bit_conv2d_forward(Stream&, const Conv2dGeometry& g, const CodedInput& x,
                        const LeveledWeights& weight, ConstView<float> bias, View<float> y) {
  const std::vector<float> inputs = decoded(g, x);
  std::vector<float> weights;
  const std::int64_t of_channel = weight.values.elements() / g.c_out;
  for (std::int64_t i = 0; i < weight.values.elements(); ++i) {
    const std::int64_t row = weight.table.rows() == 1 ? 0 : i / of_channel;
    weights.push_back(level_of(weight.table, row, weight.values.data[i]));
  }
  float* to = y.data;
  for (std::int64_t n = 0; n < g.n; ++n) {
    for (std::int64_t p = 0; p < g.out_h; ++p) {
      for (std::int64_t q = 0; q < g.out_w; ++q) {
        for (std::int64_t o = 0; o < g.c_out; ++o) {
          const double shift = bias ? static_cast<double>(bias.data[o]) : 0.0;
          *to++ = static_cast<float>(window_sum(g, inputs, weights, {n, p, q, o}) + shift);
        }
      }
    }
  }
}

}  // namespace lq::kernels::reference
