#include "layers/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/relu.h"
#include "layers/quantizers/uniform_table.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::RecordMode;
using autograd::RecordModeScope;
using Names = std::vector<std::string>;

const Shape shape{4, 5, 5, 7};

Quantization bits(int a_bits, const std::string& kind = "lq") { return {kind, 32, a_bits}; }

Names operations_of(const Variable& y) {
  Names names;
  for (const auto& record : autograd::records_of(y)) names.emplace_back(record->operation);
  return names;
}

template <typename Entries>
Names names_of(const Entries& entries) {
  Names names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

/// Parameters and running statistics unlike those of a fresh module.
void scramble(Module& module) {
  std::uint64_t seed = 50;
  for (Parameter& parameter : module.parameters()) {
    parameter.variable.value().copy_from(
        random_normal(parameter.variable.shape(), seed++, 0.8, 0.3));
  }
  for (Buffer& buffer : module.buffers()) {
    if (buffer.name.ends_with("running_mean")) {
      buffer.tensor.copy_from(random_normal(buffer.tensor.shape(), seed++));
    } else if (buffer.name.ends_with("running_variance")) {
      buffer.tensor.copy_from(random_uniform(buffer.tensor.shape(), seed++, 0.5F, 2.0F));
    }
  }
}

TEST(BatchNorm2dTest, OneValuePerChannelIsNormalisedByTheRunningStatistics) {
  const Variable one(random_normal({1, 1, 1, 7}, 1)), two(random_normal({2, 7}, 2));
  BatchNorm2d layer(7);
  layer.initialize(1);
  scramble(layer);
  const auto means = [&] {
    const auto buffers = layer.buffers();
    const auto values = buffers.front().tensor.span<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> before = means();
  const Variable trained = layer(one);
  EXPECT_EQ(means(), before);
  layer.eval();
  EXPECT_TRUE(all_close(trained.value().span<float>(), layer(one).value().span<float>(), 0, 0));
  layer.train();
  layer(two);
  EXPECT_NE(means(), before);
}

TEST(BatchNorm2dTest, StateAndItsStart) {
  BatchNorm2d layer(3);
  layer.initialize(1);
  EXPECT_EQ(names_of(layer.parameters()), (Names{"gamma", "beta"}));
  EXPECT_EQ(names_of(layer.buffers()), (Names{"running_mean", "running_variance"}));
  const auto expect_constant = [](const Tensor& tensor, float value) {
    EXPECT_TRUE(all_close(tensor.span<float>(), std::vector<float>(3, value), 0, 0));
  };
  expect_constant(layer.parameters()[0].variable.value(), 1.0F);
  expect_constant(layer.parameters()[1].variable.value(), 0.0F);
  expect_constant(layer.buffers()[0].tensor, 0.0F);
  expect_constant(layer.buffers()[1].tensor, 1.0F);
  for (const Parameter& parameter : layer.parameters()) EXPECT_FALSE(parameter.decay);
}

TEST(BatchNorm2dTest, NormalisesTheBatchInTrainingAndByRunningStatisticsInEvaluation) {
  BatchNorm2d layer(7);
  layer.initialize(1);
  const Variable x(random_normal(shape, 1, 3.0, 2.0));
  const auto y = to_double(layer(x).value());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < y.size(); i += 7) {
    sum += y[i];
    squares += y[i] * y[i];
  }
  EXPECT_NEAR(sum / 100, 0.0, 1e-5);
  EXPECT_NEAR(squares / 100, 1.0, 1e-4);

  // The running statistics were moved by a tenth; their storage is that of the buffers.
  const float mean = layer.buffers()[0].tensor.span<float>()[0];
  const float variance = layer.buffers()[1].tensor.span<float>()[0];
  EXPECT_NEAR(mean, 0.3, 0.1);
  EXPECT_NEAR(variance, 0.9 + 0.4, 0.15);
  layer.eval();
  EXPECT_NEAR(layer(x).value().span<float>()[0],
              (x.value().span<float>()[0] - mean) / std::sqrt(variance + 1e-5F), 1e-5);
  EXPECT_EQ(layer.buffers()[0].tensor.span<float>()[0], mean);
}

TEST(BatchNorm2dTest, GammaMayStartAtZero) {
  BatchNorm2d layer(3, {.zero_gamma = true});
  layer.initialize(1);
  const auto parameters = layer.parameters();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].name, "gamma");
  for (const Parameter& parameter : parameters) {
    for (const float value : parameter.variable.value().span<float>()) EXPECT_EQ(value, 0.0F);
  }
}

TEST(BatchNorm2dTest, PerLayerFormHasNoParameters) {
  BatchNorm2d layer(3, {.per_layer = true});
  EXPECT_TRUE(layer.parameters().empty());
  EXPECT_EQ(layer.buffers()[0].tensor.shape(), (Shape{1}));
  const auto y = to_double(layer(Variable(random_normal({8, 1, 1, 3}, 1, 2.0, 3.0))).value());
  double sum = 0;
  for (const double value : y) sum += value;
  EXPECT_NEAR(sum / 24, 0.0, 1e-5);
  EXPECT_NE(y[0] + y[3] + y[6] + y[9] + y[12] + y[15] + y[18] + y[21], 0.0);
}

TEST(BatchNormReluTest, IsBatchNormAndReluInOneRecord) {
  BatchNormRelu unit(7);
  BatchNorm2d plain(7);
  scramble(unit);
  scramble(plain);
  for (const bool training : {true, false}) {
    unit.train(training);
    plain.train(training);
    Variable x(random_normal(shape, 1), true), other(x.value(), true);
    Variable y = unit(x), expected = autograd::relu(plain(other));
    EXPECT_EQ(operations_of(y), (Names{"batch_norm"}));
    EXPECT_TRUE(all_close(y.value().span<float>(), expected.value().span<float>(), 0, 0));
    const Tensor grad_y = random_normal(shape, 2);
    y.backward(grad_y);
    expected.backward(grad_y);
    EXPECT_TRUE(all_close(x.gradient().span<float>(), other.gradient().span<float>(), 0, 0));
  }
}

TEST(BatchNormReluTest, CanGoWithoutReluUnderTheSameNames) {
  BatchNormRelu unit(7, /*relu=*/false);
  BatchNorm2d plain(7);
  EXPECT_EQ(names_of(unit.parameters()), names_of(BatchNormRelu(7).parameters()));
  scramble(unit);
  scramble(plain);
  const Variable x(random_normal(shape, 1));
  EXPECT_TRUE(all_close(unit(x).value().span<float>(), plain(x).value().span<float>(), 0, 0));
  const RecordModeScope trace(RecordMode::trace);
  EXPECT_EQ(operations_of(unit(x)), (Names{"batch_norm"}));
}

TEST(BatchNormReluQuantTest, ChildrenAndState) {
  const BatchNormReluQuant unit(7, bits(2));
  EXPECT_EQ(names_of(unit.parameters()), (Names{"bn.gamma", "bn.beta"}));
  EXPECT_EQ(names_of(unit.buffers()),
            (Names{"bn.running_mean", "bn.running_variance", "quant.basis", "quant.basis_biased",
                   "quant.basis_step"}));
  EXPECT_EQ(BatchNormReluQuant(7, bits(32)).buffers().size(), 2U);
}

/// The unit's three parts, one after the other.
struct Parts {
  BatchNorm2d bn{7};
  std::unique_ptr<ActivationQuantizer> quantizer;

  explicit Parts(const Quantization& quantization)
      : quantizer(make_activation_quantizer(quantization)) {
    scramble(bn);
  }
  Variable operator()(const Variable& x) {
    Variable y = bn(x);
    if (quantizer == nullptr || quantizer->rectified()) y = autograd::relu(y);
    return quantizer != nullptr ? (*quantizer)(y) : y;
  }
};

TEST(BatchNormReluQuantTest, FusedEqualsItsParts) {
  for (const Quantization& quantization :
       {bits(2), bits(1), bits(32), bits(3, "hwgq"), bits(2, "dorefa"), bits(1, "xnor")}) {
    SCOPED_TRACE(quantization.kind + ", " + std::to_string(quantization.a_bits) + " bits");
    BatchNormReluQuant unit(7, quantization);
    scramble(unit);
    Parts parts(quantization);
    for (const bool training : {true, false}) {
      unit.train(training);
      parts.bn.train(training);
      if (parts.quantizer) parts.quantizer->train(training);
      Variable x(random_normal(shape, 1), true), other(x.value(), true);
      Variable y = unit(x), expected = parts(other);
      EXPECT_EQ(operations_of(y), (Names{"batch_norm"}));
      EXPECT_TRUE(all_close(y.value().span<float>(), expected.value().span<float>(), 0, 0));
      const Tensor grad_y = random_normal(shape, 2);
      y.backward(grad_y);
      expected.backward(grad_y);
      EXPECT_TRUE(all_close(x.gradient().span<float>(), other.gradient().span<float>(), 0, 0));
    }
    if (quantization.kind != "lq" || !parts.quantizer) continue;
    // The sums behind the basis are added up in another order.
    EXPECT_TRUE(all_close(unit.buffers()[2].tensor.span<float>(),
                          parts.quantizer->buffers()[0].tensor.span<float>(), 1e-5, 0));
    EXPECT_EQ(unit.buffers()[4].tensor.span<std::int64_t>()[0], 1);
  }
}

TEST(BatchNormReluQuantTest, TheTracerSeesThreeOperations) {
  const Variable x(random_normal(shape, 1));
  const auto traced = [&](const Quantization& quantization) {
    BatchNormReluQuant unit(7, quantization);
    scramble(unit);
    unit.eval();
    const Tensor fused = unit(x).value();
    const RecordModeScope trace(RecordMode::trace);
    const Variable y = unit(x);
    EXPECT_TRUE(all_close(y.value().span<float>(), fused.span<float>(), 0, 0));
    return operations_of(y);
  };
  EXPECT_EQ(traced(bits(2)), (Names{"batch_norm", "relu", "quantize"}));
  EXPECT_EQ(traced(bits(32)), (Names{"batch_norm", "relu"}));
  EXPECT_EQ(traced(bits(1, "xnor")), (Names{"batch_norm", "quantize"}));
}

/// Keeps the counts of its levels.
class CountingQuantizer final : public ActivationQuantizer {
 public:
  CountingQuantizer() : ActivationQuantizer(2) {}

  std::string_view kind() const override { return "counting"; }
  bool learns() const override { return true; }
  LevelTable table() const override { return uniform_table(4, 0.0, 0.5, 0.0F, 1.5F); }

  std::vector<std::int64_t> counts;
  int observed = 0;

 protected:
  void observe(const LevelTable& table, const LevelStatistics& statistics) override {
    EXPECT_EQ(table.levels.shape(), (Shape{1, 4}));
    const auto span = statistics.counts.span<std::int64_t>();
    counts.assign(span.begin(), span.end());
    ++observed;
  }
};

TEST(BatchNormReluQuantTest, AQuantizerOfOnesOwnLearnsAlikeFusedAndAlone) {
  auto owned = std::make_unique<CountingQuantizer>();
  CountingQuantizer& fused = *owned;
  BatchNormReluQuant unit(7, std::move(owned));
  scramble(unit);
  BatchNorm2d bn(7);
  scramble(bn);
  CountingQuantizer alone;
  const Variable x(random_normal(shape, 1));
  const Variable y = unit(x), expected = alone(autograd::relu(bn(x)));
  EXPECT_TRUE(all_close(y.value().span<float>(), expected.value().span<float>(), 0, 0));
  EXPECT_EQ(fused.observed, 1);
  EXPECT_EQ(fused.counts, alone.counts);
  unit.eval();
  unit(x);
  EXPECT_EQ(fused.observed, 1) << "observes in evaluation";
}

/// Runs a unit below a name, as a network does.
class Network final : public Module {
 public:
  explicit Network(const Quantization& quantization)
      : unit_(add<BatchNormReluQuant>("act1", 7, quantization)) {}

 protected:
  Variable forward(const Variable& x) override { return unit_(x); }

 private:
  BatchNormReluQuant& unit_;
};

TEST(BatchNormReluQuantTest, NonFiniteInputIsNamedWithItsPath) {
  for (const Quantization& quantization :
       {bits(2), bits(2, "hwgq"), bits(2, "dorefa"), bits(1, "xnor")}) {
    for (const bool training : {true, false}) {
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Network network(quantization);
        network.initialize(1);
        network.train(training);
        Tensor x = random_normal(shape, 1);
        x.data<float>()[123] = bad;
        EXPECT_TRUE(throws_error([&] { network(Variable(x)); },
                                 "act1: quantizer input has NaN or infinite values"))
            << quantization.kind << ", training " << training << ", " << bad;
      }
    }
  }
}

TEST(BatchNormReluQuantTest, EvaluationChangesNothing) {
  BatchNormReluQuant unit(7, bits(2));
  unit.initialize(1);
  unit(Variable(random_normal(shape, 1)));
  unit.eval();
  std::vector<Tensor> before;
  for (const auto& [name, tensor] : unit.state_dict()) before.push_back(tensor.clone());
  unit(Variable(random_normal(shape, 2)));
  const StateDict after = unit.state_dict();
  for (std::size_t i = 0; i + 1 < after.size(); ++i) {
    EXPECT_TRUE(all_close(after[i].second.span<float>(), before[i].span<float>(), 0, 0))
        << after[i].first;
  }
  EXPECT_EQ(after.back().second.span<std::int64_t>()[0], 1);
}

}  // namespace
}  // namespace lq::testing
