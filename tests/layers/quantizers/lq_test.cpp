#include "layers/quantizers/lq.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/quantizer_oracle.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

constexpr double float_epsilon = std::numeric_limits<float>::epsilon();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// Values of one output channel.
Variable weights_of(const std::vector<float>& values) {
  return Variable(Tensor::from(values, {1, 1, 1, std::ssize(values)}), true);
}

Tensor buffer_of(const Module& module, std::string_view name) {
  for (const Buffer& buffer : module.buffers()) {
    if (buffer.name == name) return buffer.tensor;
  }
  ADD_FAILURE() << "no buffer " << name;
  return {};
}
Tensor basis_of(const Module& module) { return buffer_of(module, "basis"); }

void set_basis(Module& module, const std::vector<float>& basis) {
  Tensor tensor = basis_of(module);
  tensor.copy_from(Tensor::from(basis, tensor.shape()));
}

bool is_finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.span<float>(),
                             [](float value) { return std::isfinite(value); });
}

double mean_squared_error(const Tensor& x, const Tensor& y) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    sum += std::pow(static_cast<double>(x.data<float>()[i]) - y.data<float>()[i], 2);
  }
  return sum / static_cast<double>(x.elements());
}

// ---- Start

TEST(LqWeightQuantizerTest, InitialBasis) {
  // n = 3 * 3 * 64 = 576 counts output channels, not input channels.
  const LqWeightQuantizer quantizer(2, {64, 3, 3, 17});
  const Tensor basis = basis_of(quantizer);
  ASSERT_EQ(basis.shape(), (Shape{64, 2}));
  for (std::int64_t r = 0; r < 64; ++r) {
    EXPECT_TRUE(
        all_close(basis.slice(r, r + 1).span<float>(), std::vector{0.0198726, 0.0397453}, 0, 1e-7));
  }
  const LqWeightQuantizer three(3, {2, 1, 1, 5});  // n = 2: 0.6745 / 4, doubling
  EXPECT_TRUE(all_close(basis_of(three).slice(1, 2).span<float>(),
                        std::vector{0.168625, 0.33725, 0.6745}, 1e-7, 0));
}

TEST(LqActivationQuantizerTest, InitialBasis) {
  const std::vector<std::vector<double>> expected = {
      {1.349}, {0.4496667, 0.8993333}, {0.1927143, 0.3854286, 0.7708571}};
  for (int bits = 1; bits <= 8; ++bits) {
    const LqActivationQuantizer quantizer(bits);
    const Tensor basis = basis_of(quantizer);
    ASSERT_EQ(basis.shape(), (Shape{1, bits}));
    if (bits <= 3) {
      EXPECT_TRUE(all_close(basis.span<float>(), expected[bits - 1], 0, 1e-7));
    }
    EXPECT_NEAR(quantizer.table().levels.span<float>().back(), 1.349, 2e-7);
  }
}

TEST(LqQuantizerTest, BuffersHoldTheWholeState) {
  const LqWeightQuantizer weights(2, {4, 1, 1, 8});
  const LqActivationQuantizer activations(3);
  for (const Module* module :
       {static_cast<const Module*>(&weights), static_cast<const Module*>(&activations)}) {
    EXPECT_TRUE(module->parameters().empty());
    std::vector<std::string> names;
    for (const Buffer& buffer : module->buffers()) names.push_back(buffer.name);
    EXPECT_EQ(names, (std::vector<std::string>{"basis", "basis_biased", "basis_step"}));
    EXPECT_EQ(buffer_of(*module, "basis_step").dtype(), DType::i64);
    EXPECT_EQ(buffer_of(*module, "basis_step").span<std::int64_t>()[0], 0);
    for (const float value : buffer_of(*module, "basis_biased").span<float>()) EXPECT_EQ(value, 0);
  }
}

TEST(LqQuantizerTest, DefaultsAreTheOfficialOnes) {
  const kernels::QemOptions weights = LqOptions().weights;
  EXPECT_EQ(weights.alphabet, CodeAlphabet::minus_plus_one);
  EXPECT_EQ(weights.momentum, 0.9);
  EXPECT_TRUE(weights.debias);
  EXPECT_EQ(weights.ridge, 1e-4);
  EXPECT_EQ(weights.ridge_per_value, 0.0);
  const kernels::QemOptions activations = LqOptions().activations;
  EXPECT_EQ(activations.alphabet, CodeAlphabet::zero_one);
  EXPECT_EQ(activations.momentum, 0.9);
  EXPECT_TRUE(activations.debias);
  EXPECT_EQ(activations.ridge, 0.0);
  EXPECT_EQ(activations.ridge_per_value, 1e-7);
}

// ---- Steps

const std::vector<float> golden_weights{-0.9F, -0.35F, -0.1F, 0.05F, 0.2F, 0.4F, 0.75F, 1.2F};

TEST(LqWeightQuantizerTest, GoldenStep) {
  LqWeightQuantizer quantizer(2, {1, 1, 1, 8});
  set_basis(quantizer, {0.2F, 0.5F});
  const Variable y = quantizer(weights_of(golden_weights));
  // The stored basis quantizes, the new one acts from the next step on.
  EXPECT_TRUE(all_close(y.value().span<float>(),
                        std::vector{-0.7, -0.3, -0.3, 0.3, 0.3, 0.3, 0.7, 0.7}, 1e-7, 0));
  EXPECT_TRUE(
      all_close(basis_of(quantizer).span<float>(), std::vector{0.364997517, 0.584998317}, 1e-7, 0));
}

TEST(LqWeightQuantizerTest, GoldenStepOfANegativeBasis) {
  LqWeightQuantizer quantizer(2, {1, 1, 1, 8});
  set_basis(quantizer, {-0.2F, 0.5F});
  quantizer(weights_of(golden_weights));
  // The ridge of 1e-4 to eight values moves the solution by some 1e-5 of the difference.
  EXPECT_TRUE(all_close(basis_of(quantizer).span<float>(), std::vector{-0.365, 0.585}, 0, 1e-5));
}

TEST(LqActivationQuantizerTest, GoldenStep) {
  LqActivationQuantizer quantizer(2);
  quantizer(Variable(Tensor::from(
      std::vector{0.0F, 0.0F, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F, 1.1F, 1.3F, 2.0F}, {1, 10})));
  EXPECT_TRUE(all_close(basis_of(quantizer).span<float>(), std::vector{0.53125, 0.9875}, 1e-6, 0));
}

TEST(LqActivationQuantizerTest, GoldenDebiasedAverage) {
  // One bit and one value: the solution is that value.
  LqActivationQuantizer quantizer(1);
  std::vector<float> bases;
  for (const float value : {2.0F, 3.0F, 4.0F}) {
    quantizer(Variable(Tensor::full({1, 1, 1, 3}, value)));
    bases.push_back(basis_of(quantizer).span<float>()[0]);
  }
  EXPECT_TRUE(all_close(bases, std::vector{2.0, 2.526316, 3.070111}, 0, 2e-6));
  EXPECT_EQ(buffer_of(quantizer, "basis_step").span<std::int64_t>()[0], 3);
}

TEST(LqActivationQuantizerTest, PlainAverageKeepsAShareOfTheFirstBasis) {
  // One bit, no ridge and one value: the solution is that value. 1.349 is the first basis.
  LqActivationQuantizer quantizer(1, {.momentum = 0.75, .debias = false});
  std::vector<float> bases;
  for (const float value : {2.0F, 3.0F}) {
    quantizer(Variable(Tensor::full({1, 1, 1, 3}, value)));
    bases.push_back(basis_of(quantizer).span<float>()[0]);
  }
  const double first = 0.75 * 1.349 + 0.25 * 2.0;
  EXPECT_TRUE(all_close(bases, std::vector{first, 0.75 * first + 0.25 * 3.0}, 1e-6, 0));
}

TEST(LqWeightQuantizerTest, ALargeRidgeHoldsTheBasis) {
  // Ridge and number of values are equal, so the solution lies halfway between old and new.
  LqWeightQuantizer quantizer(
      1, {1, 1, 1, 4}, {.alphabet = CodeAlphabet::minus_plus_one, .momentum = 0.0, .ridge = 4.0});
  set_basis(quantizer, {1.0F});
  quantizer(weights_of({-3.0F, 3.0F, 3.0F, -3.0F}));
  EXPECT_TRUE(all_close(basis_of(quantizer).span<float>(), std::vector{2.0}, 1e-6, 0));
}

TEST(LqQuantizerTest, QuantizationCarriesTheOptions) {
  Quantization quantization{.kind = "lq", .w_bits = 1, .a_bits = 1};
  for (kernels::QemOptions* side : {&quantization.lq.weights, &quantization.lq.activations}) {
    side->momentum = 0.5;
    side->debias = false;
  }
  quantization.lq.weights.ridge = 0.0;
  const auto weights = make_weight_quantizer(quantization, {1, 1, 1, 3});
  const auto activations = make_activation_quantizer(quantization);
  const Variable x(Tensor::full({1, 1, 1, 3}, 2.0F));
  for (Module* module :
       {static_cast<Module*>(weights.get()), static_cast<Module*>(activations.get())}) {
    const float before = basis_of(*module).span<float>()[0];
    (*module)(x);
    EXPECT_NEAR(basis_of(*module).span<float>()[0], before / 2 + 1.0F, 1e-6);
  }
}

TEST(LqQuantizerTest, RefusesTheAlphabetOfTheOtherSide) {
  EXPECT_TRUE(throws_error(
      [] {
        LqWeightQuantizer(2, {1, 1, 1, 4}, LqOptions().activations);
      },
      "lq: codes {0,1} given for weights, expected {-1,+1}"));
  EXPECT_TRUE(throws_error([] { LqActivationQuantizer(2, LqOptions().weights); },
                           "lq: codes {-1,+1} given for activations, expected {0,1}"));
}

TEST(LqWeightQuantizerTest, EveryChannelHasItsOwnBasis) {
  const Tensor weights = random_normal({5, 3, 3, 7}, 1);
  LqWeightQuantizer together(2, weights.shape());
  for (int repeat = 0; repeat < 3; ++repeat) together(Variable(weights));
  for (std::int64_t o = 0; o < 5; ++o) {
    LqWeightQuantizer alone(2, {1, 3, 3, 7});
    set_basis(alone, {0.6745F * std::sqrt(2.0F / 45) / 2, 0.6745F * std::sqrt(2.0F / 45)});
    for (int repeat = 0; repeat < 3; ++repeat) alone(Variable(weights.slice(o, o + 1)));
    EXPECT_TRUE(all_close(basis_of(together).slice(o, o + 1).span<float>(),
                          basis_of(alone).span<float>(), 4 * float_epsilon, 0));
  }
}

TEST(LqQuantizerTest, StatisticsDoNotDependOnTheNumberOfThreads) {
  const Variable x(random_normal({2, 40, 40, 64}, 1));
  const int before = num_threads();
  std::vector<std::vector<float>> bases;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    LqActivationQuantizer quantizer(3);
    for (int repeat = 0; repeat < 3; ++repeat) quantizer(x);
    const auto basis = basis_of(quantizer).span<float>();
    bases.emplace_back(basis.begin(), basis.end());
  }
  set_num_threads(before);
  EXPECT_EQ(bases[0], bases[1]);
  EXPECT_EQ(bases[0], bases[2]);
}

TEST(LqWeightQuantizerTest, GradientIsTheIdentity) {
  LqWeightQuantizer quantizer(2, {2, 1, 1, 3});
  Variable weights(random_normal({2, 1, 1, 3}, 1, 0.0, 10.0), true);
  const Tensor grad_y = random_normal(weights.shape(), 2);
  quantizer(weights).backward(grad_y);
  EXPECT_TRUE(all_close(weights.gradient().span<float>(), grad_y.span<float>(), 0, 0));
}

TEST(LqActivationQuantizerTest, GradientStopsAboveTheTopLevel) {
  LqActivationQuantizer quantizer(2);
  const float top = quantizer.table().levels.span<float>().back();
  Variable x(Tensor::from(std::vector{-1.0F, 0.0F, top, std::nextafter(top, 9.0F)}, {4}), true);
  quantizer(x).backward(Tensor::full({4}, 1.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{1, 1, 1, 0}, 0, 0));
}

TEST(LqQuantizerTest, EvaluationChangesNothing) {
  LqWeightQuantizer weights(2, {4, 3, 3, 2});
  LqActivationQuantizer activations(2);
  const Variable w(random_normal({4, 3, 3, 2}, 1)), x(random_normal({2, 4, 4, 3}, 2));
  weights(w);
  activations(x);
  for (const auto& [module, input] :
       {std::pair<Module*, Variable>{&weights, w}, {&activations, x}}) {
    module->eval();
    std::vector<Tensor> before;
    for (const Buffer& buffer : module->buffers()) before.push_back(buffer.tensor.clone());
    const Variable first = (*module)(input), second = (*module)(input);
    EXPECT_TRUE(all_close(first.value().span<float>(), second.value().span<float>(), 0, 0));
    EXPECT_TRUE(
        all_close(module->buffers()[0].tensor.span<float>(), before[0].span<float>(), 0, 0));
    EXPECT_TRUE(
        all_close(module->buffers()[1].tensor.span<float>(), before[1].span<float>(), 0, 0));
    EXPECT_EQ(module->buffers()[2].tensor.span<std::int64_t>()[0], 1);
  }
}

TEST(LqQuantizerTest, StateContinuesBitForBitInAnotherModule) {
  LqWeightQuantizer weights(3, {4, 3, 3, 2}), other_weights(3, {4, 3, 3, 2});
  LqActivationQuantizer activations(2), other_activations(2);
  const auto weights_at = [](std::uint64_t step) {
    return Variable(random_normal({4, 3, 3, 2}, step));
  };
  const auto x_at = [](std::uint64_t step) {
    return Variable(random_normal({2, 5, 5, 3}, 100 + step));
  };
  for (std::uint64_t step = 0; step < 5; ++step) {
    weights(weights_at(step));
    activations(x_at(step));
  }
  other_weights.load_state_dict(weights.state_dict());
  other_activations.load_state_dict(activations.state_dict());
  for (std::uint64_t step = 5; step < 10; ++step) {
    EXPECT_TRUE(all_close(weights(weights_at(step)).value().span<float>(),
                          other_weights(weights_at(step)).value().span<float>(), 0, 0));
    EXPECT_TRUE(all_close(activations(x_at(step)).value().span<float>(),
                          other_activations(x_at(step)).value().span<float>(), 0, 0));
    EXPECT_TRUE(
        all_close(basis_of(weights).span<float>(), basis_of(other_weights).span<float>(), 0, 0));
    EXPECT_TRUE(all_close(basis_of(activations).span<float>(),
                          basis_of(other_activations).span<float>(), 0, 0));
  }
}

// ---- Convergence

TEST(LqWeightQuantizerTest, RepeatedStepsApproachTheOptimalQuantizer) {
  const Tensor x = random_normal({1, 1, 1, 40'000}, 1);
  // Lloyd-Max quantizers of a standard normal variable with 2 and 4 levels, which one and two
  // elements can represent (Max 1960). Eight levels need four free numbers: three come close.
  struct Case {
    int bits;
    double optimum, slack;
  };
  for (const Case& c : {Case{1, 0.3634, 0.0}, Case{2, 0.1175, 0.0}, Case{3, 0.03454, 0.0055}}) {
    LqWeightQuantizer quantizer(c.bits, x.shape());
    double previous = std::numeric_limits<double>::infinity();
    for (int step = 0; step < 150; ++step) {
      const double error = mean_squared_error(x, quantizer(Variable(x)).value());
      // The average moves part of the way to the minimum of a convex error, and new codes can
      // only improve on the old ones; what remains is the rounding of the basis.
      ASSERT_LE(error, previous * (1 + 1e-6)) << c.bits << " bits, step " << step;
      previous = error;
    }
    // Five standard errors of a mean of 40000 squares, whose deviation is about their mean.
    const double sampling = 5 * 1.5 * c.optimum / std::sqrt(40'000.0);
    EXPECT_NEAR(previous, c.optimum + c.slack / 2, c.slack / 2 + sampling) << c.bits << " bits";
    EXPECT_EQ(quantizer.health(), "");
  }
}

TEST(LqActivationQuantizerTest, RepeatedStepsReduceTheError) {
  Tensor x = random_normal({4, 20, 20, 10}, 1);
  for (float& value : x.span<float>()) value = std::max(value, 0.0F);
  double last_bit = std::numeric_limits<double>::infinity();
  for (int bits = 1; bits <= 4; ++bits) {
    LqActivationQuantizer quantizer(bits);
    double previous = std::numeric_limits<double>::infinity();
    for (int step = 0; step < 100; ++step) {
      const double error = mean_squared_error(x, quantizer(Variable(x)).value());
      ASSERT_LE(error, previous * (1 + 1e-6)) << bits << " bits, step " << step;
      previous = error;
    }
    // A bit more halves the spacing of the levels: at least a factor of two in the square.
    EXPECT_LT(previous, last_bit / 2) << bits << " bits";
    last_bit = previous;
  }
}

// ---- Degenerate input

/// What a network may throw at a quantizer in a bad moment, one channel of n values.
std::vector<Tensor> degenerate_inputs(std::int64_t n) {
  using Limits = std::numeric_limits<float>;
  Tensor one_hot = Tensor::zeros({1, 1, 1, n});
  one_hot.data<float>()[0] = 5.0F;
  return {Tensor::zeros({1, 1, 1, n}),
          Tensor::full({1, 1, 1, n}, 0.3F),
          Tensor::full({1, 1, 1, n}, -2.0F),
          Tensor::full({1, 1, 1, n}, 1e30F),
          Tensor::full({1, 1, 1, n}, Limits::denorm_min()),
          Tensor::full({1, 1, 1, 1}, 0.7F),
          Tensor::full({1, 1, 1, 1}, Limits::max()),
          one_hot};
}

TEST(LqQuantizerTest, DegenerateInputNeverYieldsNonFiniteBases) {
  for (int bits = 1; bits <= 4; ++bits) {
    for (const Tensor& x : degenerate_inputs(50)) {
      LqWeightQuantizer weights(bits, x.shape());
      LqActivationQuantizer activations(bits);
      for (int step = 0; step < 100; ++step) {
        EXPECT_TRUE(is_finite(weights(Variable(x)).value()));
        EXPECT_TRUE(is_finite(activations(Variable(x)).value()));
        ASSERT_TRUE(is_finite(basis_of(weights)) && is_finite(basis_of(activations)))
            << bits << " bits, first value " << x.span<float>()[0] << ", step " << step;
      }
    }
  }
}

TEST(LqQuantizerTest, CollapseToOneLevelIsReported) {
  for (int bits = 1; bits <= 4; ++bits) {
    std::vector<Tensor> inputs = degenerate_inputs(50);
    inputs.pop_back();  // two different values
    for (const Tensor& x : inputs) {
      LqWeightQuantizer weights(bits, x.shape());
      LqActivationQuantizer activations(bits);
      EXPECT_EQ(weights.health(), "") << "before any step";
      const std::string line = "only 1 of " + std::to_string(1 << bits) + " levels in use";
      for (int step = 0; step < 10; ++step) {
        weights(Variable(x));
        activations(Variable(x));
        EXPECT_TRUE(weights.health().starts_with(line)) << weights.health();
        EXPECT_TRUE(activations.health().starts_with(line)) << activations.health();
      }
    }
  }
}

TEST(LqQuantizerTest, HealthCountsCollapsedChannelsAndRecovers) {
  Tensor weights = random_normal({3, 1, 1, 40}, 1);
  const Tensor healthy = weights.clone();
  weights.slice(1, 2).fill_zero();
  LqWeightQuantizer quantizer(2, weights.shape());
  quantizer(Variable(weights));
  EXPECT_EQ(quantizer.health(),
            "down to 1 of 4 levels in use in 1 of 3 channels; "
            "down to 1 of 2 basis elements determined by the data in 1 of 3 channels");
  for (int step = 0; step < 50; ++step) quantizer(Variable(healthy));
  EXPECT_EQ(quantizer.health(), "");
}

TEST(LqQuantizerTest, BasisElementsThatKeepTheirValueAreReported) {
  // Only 0 and the top level: both bits are always equal, so that just their sum is known.
  LqActivationQuantizer quantizer(2);
  const Tensor before = basis_of(quantizer).clone();
  Tensor x = Tensor::zeros({100});
  for (std::int64_t i = 50; i < 100; ++i) x.data<float>()[i] = 1.349F;
  quantizer(Variable(x));
  EXPECT_TRUE(all_close(basis_of(quantizer).span<float>(), before.span<float>(), 1e-6, 0));
  EXPECT_EQ(quantizer.health(),
            "only 2 of 4 levels in use; only 1 of 2 basis elements determined by the data");
}

TEST(LqQuantizerTest, LevelsThatCoincideAreReportedAsTheStepSawThem) {
  LqActivationQuantizer quantizer(2);
  set_basis(quantizer, {1.0F, 1.0F});  // 0, 1, 1, 2: a value at the second 1 needs x > 1
  const Variable x(Tensor::from(std::vector{0.0F, 0.9F, 1.2F, 2.0F}, {4}));
  quantizer(x);
  EXPECT_EQ(quantizer.health(), "only 3 of 4 levels distinct");
  quantizer.eval();
  quantizer(Variable(Tensor::zeros({4})));
  EXPECT_EQ(quantizer.health(), "only 3 of 4 levels distinct") << "evaluation is no step";
}

TEST(LqQuantizerTest, NonFiniteInputIsRefusedAndChangesNothing) {
  for (const float bad : {not_a_number, infinity, -infinity}) {
    for (const bool training : {true, false}) {
      LqWeightQuantizer weights(2, {2, 1, 1, 37});
      LqActivationQuantizer activations(2);
      Tensor x = random_normal({2, 1, 1, 37}, 1);
      x.data<float>()[73] = bad;
      for (Module* module : {static_cast<Module*>(&weights), static_cast<Module*>(&activations)}) {
        module->train(training);
        const Tensor before = basis_of(*module).clone();
        EXPECT_TRUE(throws_error([&] { (*module)(Variable(x)); },
                                 "quantizer input has NaN or infinite values"));
        EXPECT_TRUE(all_close(basis_of(*module).span<float>(), before.span<float>(), 0, 0));
        EXPECT_EQ(buffer_of(*module, "basis_step").span<std::int64_t>()[0], 0);
      }
    }
  }
}

TEST(LqQuantizerTest, ABasisThatIsNotFiniteIsRefused) {
  LqActivationQuantizer quantizer(2);
  set_basis(quantizer, {1.0F, not_a_number});
  EXPECT_TRUE(throws_error([&] { quantizer(Variable(Tensor::zeros({4}))); }, "basis element 1"));
}

TEST(LqWeightQuantizerTest, RefusesOtherThanConvolutionWeights) {
  EXPECT_TRUE(throws_error(
      [] {
        LqWeightQuantizer(2, {10, 64});
      },
      "lq: weights 10x64, expected O H W I"));
  EXPECT_TRUE(throws_error([] { LqWeightQuantizer(2, {0, 3, 3, 8}); }, "lq: weights 0x3x3x8"));
  LqWeightQuantizer quantizer(2, {3, 1, 1, 5});
  EXPECT_TRUE(throws_error(
      [&] {
        quantizer(Variable(Tensor::zeros({2, 1, 1, 5})));
      },
      "quantize: 3 tables for a tensor of 2x1x1x5"));
}

// ---- Bases on the int8 grid

/// Whether all levels of each row are whole multiples, up to 127 in magnitude, of one step.
bool is_on_grid(const LevelTable& table, double most_units) {
  const std::int64_t size = table.levels.shape()[1];
  for (std::int64_t row = 0; row < table.levels.shape()[0]; ++row) {
    const auto levels = table.levels.slice(row, row + 1).span<float>();
    double largest = 0;
    for (const float level : levels) largest = std::max(largest, std::abs(double{level}));
    bool found = false;
    for (int units = 1; units <= most_units && !found; ++units) {
      found = std::ranges::all_of(levels, [&](double level) {
        const double multiple = level / largest * units;
        return std::abs(multiple - std::round(multiple)) < 1e-5 * units;
      });
    }
    if (!found || std::ssize(levels) != size) return false;
  }
  return true;
}

TEST(Int8GridTest, LevelsAreWholeMultiplesWhileTheBasisLearnsFreely) {
  LqWeightQuantizer weights(3, {6, 3, 3, 20}, LqOptions().weights, BasisValues::int8_grid);
  LqWeightQuantizer free_weights(3, {6, 3, 3, 20});
  LqActivationQuantizer activations(4, LqOptions().activations, BasisValues::int8_grid);
  const Variable w(random_normal({6, 3, 3, 20}, 21), true);
  for (std::uint64_t step = 0; step < 5; ++step) {
    weights(w);
    free_weights(w);
    activations(Variable(random_normal({64, 4}, 30 + step)));
    EXPECT_TRUE(is_on_grid(weights.table(w.value()), 127)) << step;
    EXPECT_TRUE(is_on_grid(activations.table(), 127)) << step;
  }
  EXPECT_FALSE(is_on_grid(free_weights.table(w.value()), 127));
  const Tensor basis = basis_of(weights);
  const LevelTable of_basis = weights.table(w.value());
  double moved = 0;
  for (std::int64_t row = 0; row < 6; ++row) {
    double top = 0;
    for (std::int64_t i = 0; i < 3; ++i) top += std::abs(basis.span<float>()[row * 3 + i]);
    const double snapped_top = of_basis.levels.span<float>()[row * 8 + 7];
    moved = std::max(moved, std::abs(top - snapped_top) / top);
  }
  EXPECT_GT(moved, 1e-6);
  EXPECT_LT(moved, 3.0 / 240);
}

TEST(Int8GridTest, RefusesMoreBitsThanBytesHave) {
  EXPECT_TRUE(throws_error(
      [] { LqActivationQuantizer(8, LqOptions().activations, BasisValues::int8_grid); },
      "lq-int8: 8 bits given, expected 1 to 7"));
}

}  // namespace
}  // namespace lq::testing
