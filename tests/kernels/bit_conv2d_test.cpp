#include "kernels/bitconv/bit_conv2d.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/packed_layout.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/bit_conv2d_case.h"
#include "tests/support/compare.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::CodeAlphabet;
using kernels::Conv2dGeometry;
using kernels::Padding;

/// Elements that are multiples of 1/8 and no larger than 2: all sums of their products are exact in
/// float, so that results must be equal bit by bit. Of any sign and order, and also zero.
Tensor exact_basis(std::int64_t rows, int bits, Rng& rng) {
  Tensor basis({rows, bits});
  for (float& element : basis.span<float>()) {
    element = static_cast<float>(random_integer(rng, -16, 16)) / 8;
  }
  return basis;
}

/// Levels by chance and what they were drawn from: no code of the project says what they mean.
struct Problem {
  Conv2dGeometry geometry;
  TableTensors x_table, weight_table;
  Tensor planes, weight, bias, y;
  std::vector<double> x_values;

  Problem(const BitConv2dCase& c, std::uint64_t seed, bool exact = true)
      : Problem(c, Rng(seed, RngPurpose::synthetic), exact) {}

  std::vector<double> expected() const {
    const Conv2dGeometry& g = geometry;
    const auto w = to_double(weight);
    std::vector<double> sums;
    for (std::int64_t n = 0; n < g.n; ++n) {
      for (std::int64_t p = 0; p < g.out_h; ++p) {
        for (std::int64_t q = 0; q < g.out_w; ++q) {
          for (std::int64_t o = 0; o < g.c_out; ++o) {
            double sum = bias.defined() ? static_cast<double>(bias.span<float>()[o]) : 0.0;
            for (std::int64_t r = 0; r < g.kernel_h; ++r) {
              for (std::int64_t s = 0; s < g.kernel_w; ++s) {
                const std::int64_t row = p * g.stride_h + r - g.pad_top;
                const std::int64_t column = q * g.stride_w + s - g.pad_left;
                if (row < 0 || row >= g.h || column < 0 || column >= g.w) continue;
                const std::int64_t from = ((n * g.h + row) * g.w + column) * g.c_in;
                const std::int64_t by = ((o * g.kernel_h + r) * g.kernel_w + s) * g.c_in;
                for (std::int64_t i = 0; i < g.c_in; ++i) sum += x_values[from + i] * w[by + i];
              }
            }
            sums.push_back(sum);
          }
        }
      }
    }
    return sums;
  }

  void run(Stream& stream) {
    // The copies of a device live until the end of the statement.
    const auto call = [&](View<std::int32_t> codes, kernels::LevelTableView of_x,
                          ConstView<float> weights, kernels::LevelTableView of_weights,
                          ConstView<float> shift, View<float> to) {
      kernels::bit_conv2d_forward(stream, geometry, {codes, of_x}, {weights, of_weights}, shift,
                                  to);
    };
    const TableTensors of_x = x_table, of_weights = weight_table;
    if (bias.defined()) {
      call(on<std::int32_t>(stream, planes), on(stream, of_x), on(stream, std::as_const(weight)),
           on(stream, of_weights), on(stream, std::as_const(bias)), on(stream, y));
    } else {
      call(on<std::int32_t>(stream, planes), on(stream, of_x), on(stream, std::as_const(weight)),
           on(stream, of_weights), {}, on(stream, y));
    }
  }

 private:
  Problem(const BitConv2dCase& c, Rng rng, bool exact)
      : geometry(kernels::conv2d_geometry(c.x, c.weight, c.options)),
        x_table(
            table_of(exact ? exact_basis(1, c.input_bits, rng) : random_basis(1, c.input_bits, rng),
                     CodeAlphabet::zero_one)),
        weight_table(c.weight_rows(), std::int64_t{1} << c.weight_bits),
        planes(Tensor::zeros(
            {c.input_bits, geometry.n * geometry.h * geometry.w, packed::words(geometry.c_in)},
            DType::i32)),
        weight(c.weight),
        y(Tensor::full(geometry.y_shape(), std::numeric_limits<float>::quiet_NaN())) {
    weight_table = table_of(exact ? exact_basis(c.weight_rows(), c.weight_bits, rng)
                                  : random_basis(c.weight_rows(), c.weight_bits, rng),
                            CodeAlphabet::minus_plus_one);
    if (c.bias)
      bias = exact ? exact_basis(1, static_cast<int>(c.weight[0]), rng).reshape({c.weight[0]})
                   : random_normal({c.weight[0]}, 3);
    draw_input(c, rng);
    const std::int64_t size = std::int64_t{1} << c.weight_bits;
    const std::int64_t of_row = weight.elements() / c.weight_rows();
    for (std::int64_t i = 0; i < weight.elements(); ++i) {
      weight.span<float>()[i] =
          weight_table.levels.span<float>()[i / of_row * size + random_integer(rng, 0, size - 1)];
    }
  }

  void draw_input(const BitConv2dCase& c, Rng& rng) {
    const std::int64_t pixels = planes.shape()[1];
    const std::int64_t words = planes.shape()[2];
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (std::int64_t channel = 0; channel < geometry.c_in; ++channel) {
        const auto position = random_integer(rng, 0, (1 << c.input_bits) - 1);
        x_values.push_back(static_cast<double>(x_table.levels.span<float>()[position]));
        const auto code = static_cast<unsigned>(x_table.codes.span<std::uint8_t>()[position]);
        for (int j = 0; j < c.input_bits; ++j) {
          planes.span<std::int32_t>()[(j * pixels + pixel) * words + channel / 32] |=
              static_cast<std::int32_t>((code >> j & 1U) << (channel % 32));
        }
      }
    }
  }
};

/// The cases of every backend, and on a device each way by name.
struct Way {
  BackendCase backend;
  const char* path = nullptr;  ///< LQNET_CUDA_BITCONV
};

std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (const BackendCase& backend : all_backends()) {
    ways.push_back({backend});
    if (backend.backend != Backend::cuda) continue;
    for (const char* path : {"direct", "tensor", "warpgroup"}) ways.push_back({backend, path});
  }
  return ways;
}

class BitConv2dKernelTest : public ::testing::TestWithParam<Way> {
 protected:
  void expect_exact(const BitConv2dCase& c, std::uint64_t seed = 1) {
    SCOPED_TRACE(c.to_string());
    Problem problem(c, seed);
    problem.run(stream);
    EXPECT_TRUE(all_close(problem.y.span<float>(), problem.expected(), 0, 0));
  }

  Stream& stream = stream_of(GetParam().backend);
  IsaCap cap{GetParam().backend.isa};
  EnvironmentScope path{"LQNET_CUDA_BITCONV", GetParam().path};
};

TEST_P(BitConv2dKernelTest, IsExactForAllBits) {
  for (int weight_bits = 1; weight_bits <= 4; ++weight_bits) {
    for (int input_bits = 1; input_bits <= 4; ++input_bits) {
      expect_exact({.x = {1, 4, 5, 19},
                    .weight = {18, 3, 3, 19},
                    .weight_bits = weight_bits,
                    .input_bits = input_bits},
                   10 * weight_bits + input_bits);
    }
  }
  expect_exact({.x = {1, 3, 3, 8}, .weight = {5, 3, 3, 8}, .weight_bits = 8, .input_bits = 5});
}

TEST_P(BitConv2dKernelTest, IsExactForAnyShape) {
  expect_exact({.x = {3, 7, 5, 35}, .weight = {7, 3, 3, 35}, .bias = true});
  expect_exact({.x = {2, 6, 7, 64},
                .weight = {70, 3, 3, 64},
                .options = {.stride_h = 2, .stride_w = 2},
                .weight_bits = 1,
                .bias = true});
  expect_exact({.x = {5, 4, 4, 32}, .weight = {16, 1, 1, 32}, .one_table = true});
  expect_exact({.x = {1, 9, 9, 8},
                .weight = {5, 5, 5, 8},
                .options = {.padding = Padding::valid()},
                .weight_bits = 1,
                .input_bits = 3});
  // More than one tile of pixels and of channels, and windows that blocks share.
  expect_exact({.x = {2, 12, 13, 96}, .weight = {130, 3, 3, 96}, .input_bits = 1});
}

TEST_P(BitConv2dKernelTest, AnyBasisIsExactButForRounding) {
  const BitConv2dCase c{
      .x = {2, 5, 6, 40}, .weight = {20, 3, 3, 40}, .input_bits = 3, .bias = true};
  Problem problem(c, 2, /*exact=*/false);
  problem.run(stream);
  // One float product for each of 6 pairs of planes, of counts up to 360 and elements up to 1.
  EXPECT_TRUE(all_close(problem.y.span<float>(), problem.expected(), 1e-6, 2e-7 * 360 * 6));
}

TEST_P(BitConv2dKernelTest, WeightsBetweenLevelsCountAsTheLowerOne) {
  const BitConv2dCase c{.x = {1, 3, 3, 4}, .weight = {3, 1, 1, 4}, .weight_bits = 1};
  Problem problem(c, 3);
  const float infinity = std::numeric_limits<float>::infinity();
  Problem moved = problem;
  moved.weight = problem.weight.clone();
  for (std::int64_t i = 0; i < problem.weight.elements(); ++i) {
    float& value = moved.weight.span<float>()[i];
    const auto levels = problem.weight_table.levels.span<float>().subspan(i / 4 * 2, 2);
    value = value == levels[1] ? infinity : std::nextafter(levels[1], -infinity);
    if (levels[0] == levels[1]) value = -infinity;
  }
  moved.run(stream);
  EXPECT_TRUE(all_close(moved.y.span<float>(), problem.expected(), 0, 0));
}

TEST_P(BitConv2dKernelTest, RefusesWhatDoesNotFit) {
  const BitConv2dCase c{.x = {1, 3, 3, 4}, .weight = {3, 3, 3, 4}};
  Problem problem(c, 4);
  for (Tensor* tensor : {&problem.planes, &problem.weight, &problem.y}) {
    tensor->move_to(stream.device());
  }
  const TableTensors x_table = problem.x_table.to(stream.device());
  const TableTensors weight_table = problem.weight_table.to(stream.device());
  const TableTensors one_bit =
      table_of(Tensor::full({2, 1}, 1.0F), CodeAlphabet::minus_plus_one).to(stream.device());
  const ConstView<std::int32_t> planes = problem.planes.view<std::int32_t>();
  const ConstView<float> weight = problem.weight.view<float>();
  const View<float> y = problem.y.view<float>();
  const auto refused = [&](const kernels::CodedInput& x, const kernels::LeveledWeights& weights,
                           ConstView<float> bias, View<float> to, std::string_view message) {
    return throws_error(
        [&] { kernels::bit_conv2d_forward(stream, problem.geometry, x, weights, bias, to); },
        message);
  };
  EXPECT_TRUE(refused({{}, x_table.view()}, {weight, weight_table.view()}, {}, y,
                      "bit_conv2d_forward: x is absent, expected 2x9x1"));
  EXPECT_TRUE(
      refused({planes, {}}, {weight, weight_table.view()}, {}, y, "a table of levels is absent"));
  EXPECT_TRUE(refused({planes, x_table.view()}, {weight, one_bit.view()}, {}, y, "2x2"));
  EXPECT_TRUE(refused({planes, x_table.view()}, {elsewhere(weight), weight_table.view()}, {}, y,
                      "bit_conv2d_forward: weight is on cuda:7"));
  EXPECT_TRUE(refused({planes, x_table.view()}, {weight, weight_table.view()}, weight, y,
                      "bit_conv2d_forward: bias is 3x3x3x4, expected 3"));
  EXPECT_TRUE(refused({planes, x_table.view()}, {weight, weight_table.view()}, {}, {},
                      "bit_conv2d_forward: y is absent, expected 1x3x3x3"));
  problem.geometry.groups = 2;
  EXPECT_TRUE(refused({planes, x_table.view()}, {weight, weight_table.view()}, {}, y,
                      "bit_conv2d_forward: 2 groups, expected one"));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, BitConv2dKernelTest, ::testing::ValuesIn(all_ways()),
    [](const ::testing::TestParamInfo<Way>& way) {
      const std::string backend = backend_case_name({way.param.backend, way.index});
      return way.param.path == nullptr ? backend : backend + "_" + way.param.path;
    });

TEST(BitConv2dLevelsTest, TheCpuRefusesLevelsThatAreNoSums) {
  Problem problem({.x = {1, 3, 3, 4}, .weight = {3, 3, 3, 4}}, 5);
  Stream cpu(Backend::cpu);
  problem.x_table.levels.span<float>()[3] += 1;
  EXPECT_TRUE(throws_error([&] { problem.run(cpu); },
                           "bit_conv2d_forward: levels of x are no sums of a basis"));
}

}  // namespace
}  // namespace lq::testing
