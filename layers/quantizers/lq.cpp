#include "layers/quantizers/lq.h"

#include <cmath>

#include "core/stream.h"
#include "kernels/int8_grid/int8_grid.h"
#include "kernels/level_table/level_table.h"
#include "layers/quantizers/basis_health.h"

namespace lq {

namespace {

/// 75th percentile of the standard normal distribution (spec section 1.2).
constexpr double normal_percentile_75 = 0.6745;

/// rows x bits, element j of every row being first * 2^j.
Tensor doubling_basis(std::int64_t rows, int bits, double first) {
  Tensor basis({rows, bits});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int j = 0; j < bits; ++j) {
      basis.data<float>()[r * bits + j] = static_cast<float>(std::ldexp(first, j));
    }
  }
  return basis;
}

double first_weight_element(int bits, const Shape& weights) {
  check(weights.rank() == 4 && weights.elements() > 0, "lq: weights {}, expected O H W I", weights);
  // Fan-out whatever the weights' own initializer, as the official code has it.
  const auto n = static_cast<double>(weights[1] * weights[2] * weights[0]);
  return normal_percentile_75 * std::sqrt(2.0 / n) / std::ldexp(1.0, bits - 1);
}

double first_activation_element(int bits) {
  return 2.0 * normal_percentile_75 / (std::ldexp(1.0, bits) - 1.0);
}

}  // namespace

std::string_view kind_of(BasisValues values) {
  return values == BasisValues::int8_grid ? "lq-int8" : "lq";
}

LearnedBasis::LearnedBasis(Tensor basis, Tensor biased, Tensor step,
                           const kernels::QemOptions& options, BasisValues values)
    : basis_(std::move(basis)),
      biased_(std::move(biased)),
      step_(std::move(step)),
      options_(options),
      values_(values) {
  const std::int64_t bits = basis_.shape()[1];
  check(values != BasisValues::int8_grid || bits <= kernels::max_grid_bits,
        "lq-int8: {} bits given, expected 1 to {}", bits, kernels::max_grid_bits);
}

LevelTable LearnedBasis::table() const {
  Stream& stream = current_stream(basis_.device());
  Tensor basis = basis_;
  if (values_ == BasisValues::int8_grid) {
    basis = Tensor(basis_.shape(), DType::f32, basis_.device());
    kernels::snap_rows_to_grid(stream, std::as_const(basis_).view<float>(), basis.view<float>());
  }
  LevelTable table(basis_.shape()[0], std::int64_t{1} << basis_.shape()[1], basis_.device());
  table.alphabet = options_.alphabet;
  kernels::make_level_table(stream, basis.view<float>(), options_.alphabet,
                            {table.levels.view<float>(), table.thresholds.view<float>(),
                             table.codes.view<std::uint8_t>(), table.pass_range.view<float>()});
  return table;
}

void LearnedBasis::update(const LevelTable& table, const LevelStatistics& statistics) {
  last_table_ = table;
  last_counts_ = statistics.counts;
  kernels::qem_update(current_stream(basis_.device()), statistics.counts.view<std::int64_t>(),
                      statistics.sums.view<double>(), table.codes.view<std::uint8_t>(), options_,
                      {basis_.view<float>(), biased_.view<float>(), step_.view<std::int64_t>()});
}

std::string LearnedBasis::health() const {
  return last_counts_.defined() ? basis_health(last_table_, last_counts_, options_) : std::string();
}

LqWeightQuantizer::LqWeightQuantizer(int bits, const Shape& weights,
                                     const kernels::QemOptions& options, BasisValues values)
    : WeightQuantizer(bits),
      // Braces, because only they fix the order in which the buffers are registered.
      basis_{add_buffer("basis",
                        doubling_basis(weights[0], bits, first_weight_element(bits, weights))),
             add_buffer("basis_biased", Tensor::zeros({weights[0], bits})),
             add_buffer("basis_step", Tensor::zeros({1}, DType::i64)), options, values} {
  check(options.alphabet == kernels::CodeAlphabet::minus_plus_one,
        "lq: codes {{0,1}} given for weights, expected {{-1,+1}}");
}

LqActivationQuantizer::LqActivationQuantizer(int bits, const kernels::QemOptions& options,
                                             BasisValues values)
    : ActivationQuantizer(bits),
      basis_{add_buffer("basis", doubling_basis(1, bits, first_activation_element(bits))),
             add_buffer("basis_biased", Tensor::zeros({1, bits})),
             add_buffer("basis_step", Tensor::zeros({1}, DType::i64)), options, values} {
  check(options.alphabet == kernels::CodeAlphabet::zero_one,
        "lq: codes {{-1,+1}} given for activations, expected {{0,1}}");
}

}  // namespace lq
