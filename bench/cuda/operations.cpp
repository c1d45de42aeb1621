// The operations of kernels/, as `lqnet bench cuda --verify` runs them. Inputs keep away from where
// rounding decides (thresholds, the border of ReLU), so that tolerances can be those of the tests.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "autograd/level_table.h"
#include "bench/cuda/packed_operations.h"
#include "bench/cuda/trial.h"
#include "kernels/add/add.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bitconv/bit_conv2d.h"
#include "kernels/channel_pad/channel_pad.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/concat/concat.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"
#include "kernels/histogram/histogram.h"
#include "kernels/int8_grid/int8_grid.h"
#include "kernels/level_table/level_table.h"
#include "kernels/linear/linear.h"
#include "kernels/pool/pool.h"
#include "kernels/qem/qem.h"
#include "kernels/quantize/quantize.h"
#include "kernels/relu/relu.h"
#include "kernels/sgd/sgd.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::bench {

namespace {

using autograd::LevelTable;
using kernels::CodeAlphabet;
using kernels::Conv2dGeometry;
using kernels::GradientMode;

constexpr double epsilon = std::numeric_limits<float>::epsilon();
constexpr GradientMode both_modes[] = {GradientMode::overwrite, GradientMode::accumulate};

/// Of float sums over `terms` products of standard normals, which may be added in any order.
Tolerance of_sums(std::int64_t terms) {
  return {4 * epsilon, 4 * epsilon * static_cast<double>(terms + 1)};
}

/// What backward(gradient, mode) makes of zeros, and adds to normals.
template <typename Backward>
void gradient_results(Trial& trial, const Shape& shape, Tolerance tolerance, Backward&& backward) {
  for (const GradientMode mode : both_modes) {
    Tensor gradient = trial.normal(shape);
    backward(gradient.view<float>(), mode);
    trial.result(gradient, tolerance);
  }
}

/// R x K elements of magnitude 0.1 to 1.
Tensor random_basis(Trial& trial, std::int64_t rows, std::int64_t bits, bool has_signs) {
  return trial.drawn({rows, bits}, [&] {
    const float size = trial.rng().uniform(0.1F, 1.0F);
    return has_signs && trial.rng().below(2) == 0 ? -size : size;
  });
}

LevelTable table_of(Trial& trial, const Tensor& basis, CodeAlphabet alphabet) {
  const std::int64_t size = std::int64_t{1} << basis.shape()[1];
  LevelTable table(basis.shape()[0], size, trial.stream().device());
  kernels::make_level_table(trial.stream(), basis.view<float>(), alphabet,
                            {table.levels.view<float>(), table.thresholds.view<float>(),
                             table.codes.view<std::uint8_t>(), table.pass_range.view<float>()});
  return table;
}

/// The same on both devices: made on the host, and moved.
LevelTable given_table(Trial& trial, std::int64_t rows, std::int64_t bits, CodeAlphabet alphabet) {
  Trial host{Device{}};
  host.rng() = trial.rng();
  LevelTable table = table_of(
      host, random_basis(host, rows, bits, alphabet == CodeAlphabet::minus_plus_one), alphabet);
  trial.rng() = host.rng();
  for (Tensor* const part : {&table.levels, &table.thresholds, &table.codes, &table.pass_range}) {
    *part = trial.on_device(*part);
  }
  return table;
}

/// Levels of the table, a row of it for each outermost extent.
Tensor random_levels(Trial& trial, const LevelTable& table, const Shape& shape) {
  const Tensor levels = table.levels.to(Device{});
  const auto size = static_cast<std::uint32_t>(levels.shape()[1]);
  const std::int64_t rows = levels.shape()[0];
  const std::int64_t values_of_row = shape.elements() / rows;
  std::int64_t at = 0;
  return trial.drawn(shape, [&] {
    const std::int64_t row = at++ / values_of_row;
    return levels.data<float>()[row * size + trial.rng().below(size)];
  });
}

void add(Trial& trial) {
  for (const Shape& shape : {Shape{4096}, Shape{3, 5, 7}}) {
    const Tensor a = trial.normal(shape);
    Tensor b = trial.normal(shape), y = trial.room(shape);
    kernels::add_forward(trial.stream(), a.view<float>(), b.view<float>(), y.view<float>());
    kernels::add_into(trial.stream(), b.view<float>(), a.view<float>());
    trial.result(y);
    trial.result(b);
  }
}

/// M values of C channels.
void batch_norm(Trial& trial, std::int64_t rows, std::int64_t channels) {
  Stream& stream = trial.stream();
  const Shape shape{rows, channels}, per_channel{channels};
  const auto positive = [&trial] { return trial.rng().uniform(0.5F, 2.0F); };
  const Tensor mean = trial.normal(per_channel), variance = trial.drawn(per_channel, positive);
  const Tensor gamma = trial.drawn(per_channel, positive), beta = trial.normal(per_channel);
  const LevelTable table = given_table(trial, 1, 2, CodeAlphabet::zero_one);

  // What comes out of the normalisation, away from zero and from thresholds.
  std::vector<float> borders{0, table.levels.to(Device{}).span<float>().back()};
  const Tensor thresholds = table.thresholds.to(Device{});
  borders.insert(borders.end(), thresholds.span<float>().begin(), thresholds.span<float>().end());
  const Tensor host_mean = mean.to(Device{}), host_variance = variance.to(Device{}),
               host_gamma = gamma.to(Device{}), host_beta = beta.to(Device{});
  constexpr double variance_floor = 1e-5;
  std::int64_t at = 0;
  const Tensor x = trial.drawn(shape, [&] {
    double z = 0;
    do {
      z = trial.rng().normal();
    } while (
        std::ranges::any_of(borders, [z](float border) { return std::abs(z - border) < 1e-3; }));
    const std::int64_t c = at++ % channels;
    return static_cast<float>((z - host_beta.data<float>()[c]) / host_gamma.data<float>()[c] *
                                  std::sqrt(host_variance.data<float>()[c] + variance_floor) +
                              host_mean.data<float>()[c]);
  });

  Tensor batch_mean = trial.room(per_channel), batch_variance = trial.room(per_channel);
  kernels::batch_norm_statistics(stream, x.view<float>(), batch_mean.view<float>(),
                                 batch_variance.view<float>());
  trial.result(batch_mean, {4 * epsilon, 4 * epsilon});
  trial.result(batch_variance, {8 * epsilon});
  Tensor running_mean = trial.normal(per_channel), running_variance = trial.normal(per_channel);
  kernels::batch_norm_update_running(stream, mean.view<float>(), variance.view<float>(),
                                     {.mean = running_mean.view<float>(),
                                      .variance = running_variance.view<float>(),
                                      .values = 64});
  trial.result(running_mean, {4 * epsilon, 4 * epsilon});
  trial.result(running_variance, {4 * epsilon, 4 * epsilon});

  const kernels::BatchNormParameters parameters{.mean = mean.view<float>(),
                                                .variance = variance.view<float>(),
                                                .gamma = gamma.view<float>(),
                                                .beta = beta.view<float>(),
                                                .epsilon = variance_floor};
  Tensor y = trial.room(shape);
  kernels::batch_norm_forward(stream, x.view<float>(), parameters, {.relu = true}, y.view<float>());
  trial.result(y, {8 * epsilon, 16 * epsilon});
  autograd::LevelStatistics statistics(table, /*counts_and_sums=*/true);
  kernels::batch_norm_forward(
      stream, x.view<float>(), parameters,
      {.relu = true, .table = table.view(), .statistics = statistics.view()}, y.view<float>());
  trial.result(y);
  trial.result(statistics.counts);
  trial.result(statistics.sums,
               {16 * epsilon, 16 * epsilon * static_cast<double>(rows * channels)});
  trial.result(statistics.non_finite);

  const Tensor grad_y = trial.normal(shape);
  for (const bool batch_statistics : {true, false}) {
    for (const GradientMode mode : both_modes) {
      Tensor grad_x = trial.normal(shape), grad_gamma = trial.normal(per_channel),
             grad_beta = trial.normal(per_channel);
      kernels::batch_norm_backward(stream, grad_y.view<float>(), x.view<float>(), parameters,
                                   {.relu = true,
                                    .pass_range = table.pass_range.view<float>(),
                                    .batch_statistics = batch_statistics},
                                   {.x = grad_x.view<float>(),
                                    .x_mode = mode,
                                    .gamma = grad_gamma.view<float>(),
                                    .gamma_mode = mode,
                                    .beta = grad_beta.view<float>(),
                                    .beta_mode = mode});
      for (const Tensor& gradient : {grad_x, grad_gamma, grad_beta}) {
        trial.result(gradient, of_sums(rows));
      }
    }
  }
}

/// Convolutions of training on codes.
void bit_conv2d(Trial& trial) {
  struct Case {
    Shape x, weight;
    int weight_bits, input_bits;
  };
  const Case cases[] = {{{2, 8, 8, 64}, {32, 3, 3, 64}, 2, 2},
                        {{1, 6, 5, 40}, {20, 3, 3, 40}, 1, 3},
                        {{4, 1, 1, 128}, {10, 1, 1, 128}, 2, 1}};
  for (const Case& c : cases) {
    const Conv2dGeometry geometry = kernels::conv2d_geometry(c.x, c.weight, {});
    const LevelTable inputs = given_table(trial, 1, c.input_bits, CodeAlphabet::zero_one);
    const LevelTable weights =
        given_table(trial, geometry.c_out, c.weight_bits, CodeAlphabet::minus_plus_one);
    const std::int64_t pixels = c.x.elements() / geometry.c_in;
    const Tensor x = random_levels(trial, inputs, {pixels, geometry.c_in});
    const Tensor weight = random_levels(trial, weights, c.weight);
    const Tensor bias = trial.normal(geometry.bias_shape());
    Tensor planes = trial.room({c.input_bits, pixels, (geometry.c_in + 31) / 32}, DType::i32);
    kernels::bitpack_forward(trial.stream(), x.view<float>(), inputs.view(),
                             planes.view<std::int32_t>());
    Tensor y = trial.room(geometry.y_shape());
    kernels::bit_conv2d_forward(
        trial.stream(), geometry, {planes.view<std::int32_t>(), inputs.view()},
        {weight.view<float>(), weights.view()}, bias.view<float>(), y.view<float>());
    // A float product for each pair of planes, of counts up to the window and elements up to 1.
    const double window = static_cast<double>(c.weight.elements() / geometry.c_out);
    trial.result(y, {8 * epsilon, 2 * epsilon * window * c.weight_bits * c.input_bits});
  }
}

void bitpack(Trial& trial) {
  for (const int bits : {1, 2, 4}) {
    const LevelTable table = given_table(trial, 1, bits, CodeAlphabet::zero_one);
    for (const Shape& shape : {Shape{65, 64}, Shape{7, 3}}) {
      const Tensor x = random_levels(trial, table, shape);
      Tensor planes = trial.room({bits, shape[0], (shape[1] + 31) / 32}, DType::i32);
      Tensor back = trial.room(shape);
      kernels::bitpack_forward(trial.stream(), x.view<float>(), table.view(),
                               planes.view<std::int32_t>());
      kernels::bitpack_inverse(trial.stream(), planes.view<std::int32_t>(), table.view(),
                               back.view<float>());
      trial.result(planes);
      trial.result(back);
    }
  }
}

void channel_pad(Trial& trial) {
  const Shape shapes[] = {{2, 3, 3, 16}, {2, 3, 3, 5}};
  const kernels::ChannelPadOptions both_options[] = {{.before = 4, .after = 12},
                                                     {.before = 1, .after = 0}};
  for (std::size_t i = 0; i < std::size(shapes); ++i) {
    const kernels::ChannelPadOptions& options = both_options[i];
    const Tensor x = trial.normal(shapes[i]);
    Tensor y = trial.room(kernels::channel_pad_output_shape(x.shape(), options));
    kernels::channel_pad_forward(trial.stream(), x.view<float>(), y.view<float>(), options);
    trial.result(y);
    const Tensor grad_y = trial.normal(y.shape());
    gradient_results(trial, x.shape(), {}, [&](View<float> grad_x, GradientMode mode) {
      kernels::channel_pad_backward(trial.stream(), grad_y.view<float>(), grad_x, options, mode);
    });
  }
}

void concat(Trial& trial) {
  const Tensor a = trial.normal({2, 5, 5, 8}), b = trial.normal({2, 5, 5, 3}),
               c = trial.normal({2, 5, 5, 16});
  const ConstView<float> inputs[] = {a.view<float>(), b.view<float>(), c.view<float>()};
  Tensor y = trial.room({2, 5, 5, 27});
  kernels::concat_forward(trial.stream(), inputs, y.view<float>());
  trial.result(y);
  gradient_results(trial, c.shape(), {}, [&](View<float> grad_c, GradientMode mode) {
    kernels::concat_backward(trial.stream(), y.view<float>(), 11, grad_c, mode);
  });
}

void conv2d(Trial& trial) {
  struct Case {
    Shape x, weight;
    kernels::Conv2dOptions options;
  };
  const Case cases[] = {{{2, 12, 12, 16}, {32, 3, 3, 16}, {}},
                        {{2, 15, 15, 3}, {16, 5, 5, 3}, {.stride_h = 2, .stride_w = 2}},
                        {{1, 6, 6, 16}, {8, 3, 3, 8}, {.groups = 2}},
                        {{4, 8, 8, 64}, {64, 1, 1, 64}, {.padding = kernels::Padding::valid()}}};
  for (const Case& c : cases) {
    Stream& stream = trial.stream();
    const Conv2dGeometry geometry = kernels::conv2d_geometry(c.x, c.weight, c.options);
    const Tensor x = trial.normal(c.x), weight = trial.normal(c.weight),
                 bias = trial.normal(geometry.bias_shape()),
                 grad_y = trial.normal(geometry.y_shape());
    const std::int64_t window = c.weight.elements() / geometry.c_out;
    const std::int64_t pixels = geometry.n * geometry.out_h * geometry.out_w;
    Tensor y = trial.room(geometry.y_shape());
    kernels::conv2d_forward(stream, geometry, x.view<float>(), weight.view<float>(),
                            bias.view<float>(), y.view<float>());
    trial.result(y, of_sums(window));
    gradient_results(trial, c.x, of_sums(geometry.c_out * geometry.kernel_h * geometry.kernel_w),
                     [&](View<float> grad_x, GradientMode mode) {
                       kernels::conv2d_backward_data(stream, geometry, grad_y.view<float>(),
                                                     weight.view<float>(), grad_x, mode);
                     });
    gradient_results(trial, c.weight, of_sums(pixels),
                     [&](View<float> grad_weight, GradientMode mode) {
                       kernels::conv2d_backward_weights(stream, geometry, grad_y.view<float>(),
                                                        x.view<float>(), grad_weight, mode);
                     });
    gradient_results(trial, geometry.bias_shape(), of_sums(pixels),
                     [&](View<float> grad_bias, GradientMode mode) {
                       kernels::conv2d_backward_bias(stream, geometry, grad_y.view<float>(),
                                                     grad_bias, mode);
                     });
  }
}

void crop_flip_normalize(Trial& trial) {
  const Tensor images = trial.drawn(
      {3, 12, 10, 3}, [&trial] { return static_cast<std::uint8_t>(trial.rng().below(256)); });
  // Within, over two borders, and mirrored.
  const Tensor windows =
      trial.on_device(Tensor::from(std::vector<std::int32_t>{1, 1, 0, -4, -2, 1, 6, 5, 1}, {3, 3}));
  const Tensor scale = trial.normal({3});
  for (const Shape& of_mean : {Shape{1, 1, 3}, Shape{8, 8, 3}}) {
    const Tensor mean = trial.normal(of_mean);
    Tensor y = trial.room({3, 8, 8, 3});
    kernels::crop_flip_normalize(trial.stream(), images.view<std::uint8_t>(),
                                 windows.view<std::int32_t>(), mean.view<float>(),
                                 scale.view<float>(), y.view<float>());
    trial.result(y);
  }
}

void histogram(Trial& trial) {
  // A bin between equal edges stays empty.
  for (const std::vector<float>& edges :
       {std::vector{-2.0F, -1.0F, 0.0F, 1.0F, 2.0F}, std::vector{-0.5F, 0.25F, 0.25F, 1.5F}}) {
    const Tensor values = trial.normal({5003});
    Tensor counts = trial.room({std::ssize(edges) + 2}, DType::i32);
    kernels::histogram(trial.stream(), values.view<float>(), edges, counts.view<std::int32_t>());
    trial.result(counts);
  }
}

void int8_grid(Trial& trial) {
  for (const std::int64_t bits : {1, 3, 7}) {
    const Tensor basis = random_basis(trial, 9, bits, /*has_signs=*/true);
    Tensor snapped = trial.room(basis.shape());
    kernels::snap_rows_to_grid(trial.stream(), basis.view<float>(), snapped.view<float>());
    trial.result(snapped, {2 * epsilon});
  }
}

void level_table(Trial& trial) {
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (const std::int64_t bits : {1, 2, 4, 8}) {
      const LevelTable table =
          table_of(trial, random_basis(trial, 5, bits, /*has_signs=*/true), alphabet);
      trial.result(table.levels, {2 * epsilon, epsilon});
      trial.result(table.thresholds, {2 * epsilon, epsilon});
      trial.result(table.codes);
      trial.result(table.pass_range, {2 * epsilon, epsilon});
    }
  }
}

void linear(Trial& trial) {
  struct Case {
    std::int64_t n, in, out;
  };
  for (const auto& [n, in, out] : {Case{16, 128, 64}, Case{5, 33, 10}}) {
    Stream& stream = trial.stream();
    const Tensor x = trial.normal({n, in}), weight = trial.normal({out, in}),
                 bias = trial.normal({out}), grad_y = trial.normal({n, out});
    Tensor y = trial.room({n, out});
    kernels::linear_forward(stream, x.view<float>(), weight.view<float>(), bias.view<float>(),
                            y.view<float>());
    trial.result(y, of_sums(in));
    gradient_results(trial, x.shape(), of_sums(out), [&](View<float> grad_x, GradientMode mode) {
      kernels::linear_backward_data(stream, grad_y.view<float>(), weight.view<float>(), grad_x,
                                    mode);
    });
    gradient_results(trial, weight.shape(), of_sums(n),
                     [&](View<float> grad_weight, GradientMode mode) {
                       kernels::linear_backward_weights(stream, grad_y.view<float>(),
                                                        x.view<float>(), grad_weight, mode);
                     });
    gradient_results(trial, bias.shape(), of_sums(n),
                     [&](View<float> grad_bias, GradientMode mode) {
                       kernels::linear_backward_bias(stream, grad_y.view<float>(), grad_bias, mode);
                     });
  }
}

void pool(Trial& trial) {
  Stream& stream = trial.stream();
  const kernels::PoolOptions options{.kernel = 3, .stride = 2, .padding = kernels::Padding::same()};
  for (const std::int64_t channels : {64, 5}) {
    const Tensor x = trial.normal({2, 9, 8, channels});
    const Shape shape = kernels::pool_output_shape("pool", x.shape(), options);
    const Tensor grad_y = trial.normal(shape);
    const Tolerance of_window = of_sums(options.kernel * options.kernel);

    Tensor y = trial.room(shape), argmax = trial.room(shape, DType::u8);
    kernels::max_pool_forward(stream, x.view<float>(), y.view<float>(), argmax.view<std::uint8_t>(),
                              options);
    trial.result(y);
    trial.result(argmax);
    gradient_results(trial, x.shape(), of_window, [&](View<float> grad_x, GradientMode mode) {
      kernels::max_pool_backward(stream, grad_y.view<float>(), argmax.view<std::uint8_t>(), grad_x,
                                 options, mode);
    });

    kernels::average_pool_forward(stream, x.view<float>(), y.view<float>(), options);
    trial.result(y, of_window);
    gradient_results(trial, x.shape(), of_window, [&](View<float> grad_x, GradientMode mode) {
      kernels::average_pool_backward(stream, grad_y.view<float>(), grad_x, options, mode);
    });

    Tensor means = trial.room({2, channels});
    kernels::global_average_pool_forward(stream, x.view<float>(), means.view<float>());
    trial.result(means, {epsilon, epsilon});
    gradient_results(
        trial, x.shape(), {2 * epsilon, epsilon}, [&](View<float> grad_x, GradientMode mode) {
          kernels::global_average_pool_backward(stream, means.view<float>(), grad_x, mode);
        });
  }
}

void qem(Trial& trial) {
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (const std::int64_t bits : {1, 2, 3}) {
      constexpr std::int64_t rows = 6;
      const LevelTable table = given_table(trial, rows, bits, alphabet);
      const Shape levels = table.levels.shape();
      // Values that lie about their levels.
      const Tensor host_levels = table.levels.to(Device{});
      std::vector<std::int64_t> counts;
      std::vector<double> sums;
      for (const float level : host_levels.span<float>()) {
        counts.push_back(50 + trial.rng().below(100));
        sums.push_back(static_cast<double>(counts.back()) *
                       (level + 0.1 * static_cast<double>(trial.rng().uniform(-1, 1))));
      }
      const Tensor given_counts = trial.on_device(Tensor::from(counts, levels));
      const Tensor given_sums = trial.on_device(Tensor::from(sums, levels));
      Tensor basis = random_basis(trial, rows, bits, false);
      Tensor biased = trial.room({rows, bits}), step = trial.room({1}, DType::i64);
      for (int update = 0; update < 2; ++update) {
        kernels::qem_update(trial.stream(), given_counts.view<std::int64_t>(),
                            given_sums.view<double>(), table.codes.view<std::uint8_t>(),
                            {.alphabet = alphabet, .ridge = 1e-4},
                            {basis.view<float>(), biased.view<float>(), step.view<std::int64_t>()});
      }
      trial.result(basis, {4 * epsilon, epsilon});
      trial.result(biased, {4 * epsilon, epsilon});
      trial.result(step);
    }
  }
}

void quantize(Trial& trial) {
  struct Case {
    std::int64_t rows, values, bits;
    CodeAlphabet alphabet;
  };
  for (const auto& [rows, values, bits, alphabet] :
       {Case{1, 20000, 2, CodeAlphabet::zero_one}, Case{16, 144, 1, CodeAlphabet::minus_plus_one},
        Case{3, 37, 4, CodeAlphabet::minus_plus_one}}) {
    const LevelTable table = given_table(trial, rows, bits, alphabet);
    const Tensor x = trial.normal({rows, values});
    Tensor y = trial.room(x.shape());
    autograd::LevelStatistics statistics(table, /*counts_and_sums=*/true);
    kernels::quantize_forward(trial.stream(), x.view<float>(), table.view(), y.view<float>(),
                              statistics.view(), {});
    if (rows == 1) {
      constexpr std::int64_t channels = 32;
      Tensor codes = trial.room({bits, values / channels, 1}, DType::i32);
      kernels::quantize_forward(trial.stream(), x.view<float>(), table.view(), y.view<float>(), {},
                                codes.view<std::int32_t>());
      trial.result(codes);
    }
    trial.result(y);
    trial.result(statistics.counts);
    trial.result(statistics.sums, of_sums(values));
    trial.result(statistics.non_finite);
    const Tensor grad_y = trial.normal(x.shape());
    gradient_results(trial, x.shape(), {}, [&](View<float> grad_x, GradientMode mode) {
      kernels::quantize_backward(trial.stream(), grad_y.view<float>(), x.view<float>(),
                                 table.pass_range.view<float>(), grad_x, mode);
    });
  }
}

void relu(Trial& trial) {
  for (const Shape& shape : {Shape{4096}, Shape{3, 5, 7}}) {
    const Tensor x = trial.normal(shape), grad_y = trial.normal(shape);
    Tensor y = trial.room(shape);
    kernels::relu_forward(trial.stream(), x.view<float>(), y.view<float>());
    trial.result(y);
    gradient_results(trial, shape, {}, [&](View<float> grad_x, GradientMode mode) {
      kernels::relu_backward(trial.stream(), grad_y.view<float>(), y.view<float>(), grad_x, mode);
    });
  }
}

void sgd(Trial& trial) {
  for (const bool nesterov : {false, true}) {
    const Shape shapes[] = {{64, 3, 3, 16}, {10}};
    std::vector<Tensor> values, gradients, velocities;
    std::vector<kernels::SgdParameter> parameters;
    for (const Shape& shape : shapes) {
      values.push_back(trial.normal(shape));
      gradients.push_back(trial.normal(shape));
      velocities.push_back(trial.normal(shape));
      parameters.push_back({.value = values.back().view<float>(),
                            .gradient = std::as_const(gradients.back()).view<float>(),
                            .velocity = velocities.back().view<float>(),
                            .decay = shape.rank() > 1});
    }
    kernels::sgd_step(trial.stream(), parameters,
                      {.learning_rate = 0.1, .weight_decay = 1e-2, .nesterov = nesterov});
    for (const std::vector<Tensor>* const results : {&values, &velocities}) {
      for (const Tensor& result : *results) trial.result(result, {4 * epsilon, 16 * epsilon});
    }
  }
}

void softmax_cross_entropy(Trial& trial) {
  for (const Shape& shape : {Shape{16, 10}, Shape{3, 1000}}) {
    Stream& stream = trial.stream();
    const Tensor logits = trial.normal(shape);
    const Tensor labels = trial.drawn({shape[0]}, [&] {
      return static_cast<std::int32_t>(trial.rng().below(static_cast<std::uint32_t>(shape[1])));
    });
    Tensor probabilities = trial.room(shape), loss = trial.room({1}),
           counts = trial.room({5}, DType::i64);
    kernels::softmax_cross_entropy_forward(stream, logits.view<float>(),
                                           labels.view<std::int32_t>(), probabilities.view<float>(),
                                           loss.view<float>());
    trial.result(probabilities, {16 * epsilon});
    trial.result(loss, {16 * epsilon, 16 * epsilon});
    const Tensor grad_loss = trial.normal({1});
    gradient_results(
        trial, shape, {32 * epsilon, 2 * epsilon}, [&](View<float> grad_logits, GradientMode mode) {
          kernels::softmax_cross_entropy_backward(stream, grad_loss.view<float>(),
                                                  probabilities.view<float>(),
                                                  labels.view<std::int32_t>(), grad_logits, mode);
        });
    kernels::count_correct(stream, logits.view<float>(), labels.view<std::int32_t>(),
                           counts.view<std::int64_t>());
    trial.result(counts);
  }
}

void tanh_normalize(Trial& trial) {
  for (const Shape& shape : {Shape{16, 3, 3, 8}, Shape{77}}) {
    const Tensor x = trial.normal(shape), grad_y = trial.normal(shape);
    Tensor squashed = trial.room(shape), y = trial.room(shape);
    kernels::tanh_normalize_forward(trial.stream(), x.view<float>(), squashed.view<float>(),
                                    y.view<float>());
    trial.result(squashed, {4 * epsilon});
    trial.result(y, {8 * epsilon});
    // The maximum collects a term from each value.
    gradient_results(trial, shape, {16 * epsilon, epsilon * static_cast<double>(shape.elements())},
                     [&](View<float> grad_x, GradientMode mode) {
                       kernels::tanh_normalize_backward(trial.stream(), grad_y.view<float>(),
                                                        squashed.view<float>(), grad_x, mode);
                     });
  }
}

}  // namespace

std::vector<Operation> all_operations(Device device) {
  std::vector<Operation> operations = packed_operations(device);
  const Operation others[] = {{"add", add},
                              {"batch_norm",
                               [](Trial& trial) {
                                 batch_norm(trial, 300, 64);
                                 batch_norm(trial, 50, 3);
                               }},
                              {"bitconv in training", bit_conv2d},
                              {"bitpack", bitpack},
                              {"channel_pad", channel_pad},
                              {"concat", concat},
                              {"conv2d", conv2d},
                              {"crop_flip_normalize", crop_flip_normalize},
                              {"histogram", histogram},
                              {"int8_grid", int8_grid},
                              {"level_table", level_table},
                              {"linear", linear},
                              {"pool", pool},
                              {"qem", qem},
                              {"quantize", quantize},
                              {"relu", relu},
                              {"sgd", sgd},
                              {"softmax_cross_entropy", softmax_cross_entropy},
                              {"tanh_normalize", tanh_normalize}};
  operations.insert(operations.end(), std::begin(others), std::end(others));
  std::ranges::sort(operations, {}, &Operation::name);
  return operations;
}

}  // namespace lq::bench
