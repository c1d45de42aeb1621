#include "layers/quantizers/quantizer.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/add.h"
#include "kernels/common/level_basis.h"
#include "layers/quantizers/uniform_table.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/traces.h"

namespace lq::testing {
namespace {

const Shape weight_shape{4, 3, 3, 2};
constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(QuantizerTest, EveryKindMakesBothSides) {
  for (const std::string& kind : quantizer_kinds()) {
    const Quantization quantization{kind, 1, 1};
    const auto weights = make_weight_quantizer(quantization, weight_shape);
    const auto activations = make_activation_quantizer(quantization);
    ASSERT_NE(weights, nullptr);
    ASSERT_NE(activations, nullptr);
    EXPECT_EQ(weights->bits(), 1);
    EXPECT_EQ(activations->bits(), 1);
    EXPECT_EQ(activations->kind(), kind);
  }
}

TEST(QuantizerTest, KindsOfThePaper) {
  struct Expected {
    std::string kind, weights;
    bool rectified, learns;
  };
  const std::vector<std::string> known = quantizer_kinds();
  // HWGQ quantizes activations only; its weights are those of BWN.
  for (const Expected& expected : {Expected{"lq", "lq", true, true},
                                   {"lq-int8", "lq-int8", true, true},
                                   {"hwgq", "xnor", true, false},
                                   {"dorefa", "dorefa", true, false},
                                   {"xnor", "xnor", false, false}}) {
    EXPECT_TRUE(std::ranges::find(known, expected.kind) != known.end()) << expected.kind;
    const Quantization quantization{expected.kind, 1, 1};
    const auto weights = make_weight_quantizer(quantization, weight_shape);
    const auto activations = make_activation_quantizer(quantization);
    EXPECT_EQ(weights->kind(), expected.weights);
    EXPECT_EQ(weights->learns(), expected.learns) << expected.kind;
    EXPECT_EQ(activations->rectified(), expected.rectified) << expected.kind;
    EXPECT_EQ(activations->learns(), expected.learns) << expected.kind;
  }
}

TEST(QuantizerTest, BitsGiveTheNumberOfLevels) {
  for (int bits = 1; bits <= 8; ++bits) {
    for (const char* kind : {"lq", "dorefa"}) {
      const auto weights = make_weight_quantizer({kind, bits, 32}, weight_shape);
      EXPECT_EQ(weights->table(Tensor::full(weight_shape, 1.0F)).levels.shape()[1], 1 << bits);
    }
    for (const char* kind : {"lq", "hwgq", "dorefa"}) {
      const auto activations = make_activation_quantizer({kind, 32, bits});
      EXPECT_EQ(activations->table().levels.shape(), (Shape{1, 1 << bits}));
    }
  }
}

TEST(QuantizerTest, ThirtyTwoBitsAreNoQuantizer) {
  for (const std::string& kind : quantizer_kinds()) {
    EXPECT_EQ(make_weight_quantizer({kind, 32, 1}, weight_shape), nullptr);
    EXPECT_EQ(make_activation_quantizer({kind, 1, 32}), nullptr);
  }
}

TEST(QuantizerTest, UnknownKindsAndBitsAreRefusedWithWhatIsPossible) {
  const auto refused = [](const Quantization& quantization, std::string_view message) {
    const auto validated = throws_error([&] { validate(quantization); }, message);
    if (!validated) return validated;
    const auto weights =
        throws_error([&] { make_weight_quantizer(quantization, weight_shape); }, message);
    if (!weights) return weights;
    return throws_error([&] { make_activation_quantizer(quantization); }, message);
  };
  const std::string unknown = "quantizer 'no such kind' is not known, expected one of: ";
  EXPECT_TRUE(refused({"no such kind", 2, 2}, unknown + "lq, "));
  for (const std::string& kind : quantizer_kinds()) {
    EXPECT_TRUE(refused({"no such kind", 2, 2}, kind));
  }
  EXPECT_TRUE(refused({"", 2, 2}, "quantizer '' is not known"));
  for (const int bits : {0, -1, 9, 16, 31, 33}) {
    const std::string what =
        ": " + std::to_string(bits) + " given, expected 1 to 8, or 32 for floating point";
    EXPECT_TRUE(refused({"lq", bits, 2}, "weight bits" + what));
    EXPECT_TRUE(refused({"dorefa", 2, bits}, "activation bits" + what));
  }
  EXPECT_TRUE(
      refused({"hwgq", 2, 2}, "weight bits: 2 given, but quantizer 'hwgq' has 1 bit there"));
  EXPECT_TRUE(
      refused({"lq-int8", 8, 2}, "weight bits: 8 given, but quantizer 'lq-int8' has 1 to 7 there"));
  EXPECT_TRUE(refused({"xnor", 1, 2}, "activation bits: 2 given, but quantizer 'xnor' has 1 bit"));
}

/// A quantizer as a layer of a network has it: with a path.
class Layer final : public Module {
 public:
  explicit Layer(std::unique_ptr<Quantizer> quantizer)
      : quantizer_(adopt("quant", std::move(quantizer))) {}

 protected:
  Variable forward(const Variable& x) override { return quantizer_(x); }

 private:
  Module& quantizer_;
};

bool is_offered(const Quantization& quantization) {
  try {
    validate(quantization);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Every pair of a kind and a number of bits that has a quantizer of weights, and of activations.
std::vector<std::unique_ptr<Quantizer>> quantizers_of_both_sides() {
  std::vector<std::unique_ptr<Quantizer>> made;
  for (const std::string& kind : quantizer_kinds()) {
    for (const int bits : {1, 2, 8}) {
      const Quantization of_weights{kind, bits, float_bits};
      const Quantization of_activations{kind, float_bits, bits};
      if (is_offered(of_weights)) made.push_back(make_weight_quantizer(of_weights, weight_shape));
      if (is_offered(of_activations)) made.push_back(make_activation_quantizer(of_activations));
    }
  }
  return made;
}

TEST(QuantizerTest, NonFiniteInputIsRefusedByEveryKindAndNamesThePlace) {
  const std::int64_t last = weight_shape.elements() - 1;
  for (auto& quantizer : quantizers_of_both_sides()) {
    const std::string what =
        std::string(quantizer->kind()) + ", " + std::to_string(quantizer->bits()) + " bits";
    Layer layer(std::move(quantizer));
    for (const bool training : {true, false}) {
      layer.train(training);
      for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
        for (const std::int64_t at : {std::int64_t{0}, last / 2, last}) {
          Tensor x = random_normal(weight_shape, 1);
          x.data<float>()[at] = bad;
          EXPECT_TRUE(throws_error([&] { layer(Variable(x)); },
                                   "quant: quantizer input has NaN or infinite values"))
              << what << ", " << bad << " at " << at;
        }
      }
      EXPECT_NO_THROW(layer(Variable(random_normal(weight_shape, 2)))) << what;
    }
  }
}

/// Where codes can be packed: with the bits that every kind has.
TEST(QuantizerTableTest, SaysTheAlphabetThatItsLevelsAreSumsOver) {
  using kernels::CodeAlphabet;
  const auto expect_sums = [](const LevelTable& table, std::optional<CodeAlphabet> expected) {
    EXPECT_EQ(table.alphabet, expected);
    if (!table.alphabet) return;
    EXPECT_TRUE(kernels::level_basis(table.view(), *table.alphabet));
  };
  const Tensor weights = random_normal({4, 3, 3, 5}, 1);
  for (const std::string& kind : quantizer_kinds()) {
    for (int bits = 1; bits <= 4; ++bits) {
      const Quantization quantization{.kind = kind, .w_bits = bits, .a_bits = bits};
      try {
        validate(quantization);
      } catch (const Error&) {
        continue;
      }
      SCOPED_TRACE(kind + " " + std::to_string(bits));
      expect_sums(make_weight_quantizer(quantization, weights.shape())->table(weights),
                  CodeAlphabet::minus_plus_one);
      const auto activations = make_activation_quantizer(quantization);
      expect_sums(activations->table(),
                  kind == "xnor" ? CodeAlphabet::minus_plus_one : CodeAlphabet::zero_one);
    }
  }
  expect_sums(uniform_table(3, 0.0, 1.0, 0.0F, 1.0F), std::nullopt);
  expect_sums(uniform_table(4, 0.5, 1.0, 0.0F, 1.0F), std::nullopt);
  expect_sums(uniform_table(8, -0.7, 0.2, 0.0F, 1.0F), CodeAlphabet::minus_plus_one);
}

/// Notes what its hooks are called with.
class NotingWeightQuantizer final : public WeightQuantizer {
 public:
  explicit NotingWeightQuantizer(bool learns) : WeightQuantizer(1), learns_(learns) {}

  std::string_view kind() const override { return "noting"; }
  bool learns() const override { return learns_; }
  LevelTable table(const Tensor& weights) const override {
    EXPECT_EQ(weights.span<float>()[0], -1.0F) << "the table is made from unprepared weights";
    return uniform_table(2, -1.0, 2.0, -infinity, infinity);
  }

  int observed = 0;
  std::vector<std::int64_t> counts;

 protected:
  /// Shifts the weights by one.
  Variable prepare(const Variable& weights) const override {
    return autograd::add(weights, Variable(Tensor::full(weights.shape(), 1.0F)));
  }
  void observe(const LevelTable& table, const LevelStatistics& statistics) override {
    ++observed;
    EXPECT_EQ(table.levels.shape(), (Shape{1, 2}));
    ASSERT_EQ(statistics.counts.defined(), learns_);
    if (!learns_) return;
    const auto span = statistics.counts.span<std::int64_t>();
    counts.assign(span.begin(), span.end());
  }

 private:
  bool learns_;
};

TEST(WeightQuantizerTest, PreparedWeightsAreAssignedAndObservedInTraining) {
  for (const bool learns : {true, false}) {
    NotingWeightQuantizer quantizer(learns);
    Variable weights(Tensor::from(std::vector{-1.0F, -0.5F, 3.0F, -2.0F}, {4, 1, 1, 1}), true);
    Variable y = quantizer(weights);  // prepared: 0, 0.5, 4, -1
    EXPECT_TRUE(all_close(y.value().span<float>(), std::vector{-1, 1, 1, -1}, 0, 0));
    EXPECT_EQ(quantizer.observed, 1);
    EXPECT_EQ(quantizer.counts,
              learns ? (std::vector<std::int64_t>{2, 2}) : std::vector<std::int64_t>{});
    const Tensor grad_y = random_normal(weights.shape(), 1);
    y.backward(grad_y);
    EXPECT_TRUE(all_close(weights.gradient().span<float>(), grad_y.span<float>(), 0, 0));
    quantizer.eval();
    quantizer(weights);
    EXPECT_EQ(quantizer.observed, 1) << "observes in evaluation";
  }
}

TEST(WeightQuantizerTest, NonFiniteWeightsAreNotObserved) {
  NotingWeightQuantizer quantizer(/*learns=*/true);
  const Variable weights(Tensor::from(std::vector{-1.0F, infinity}, {2, 1, 1, 1}));
  EXPECT_TRUE(throws_error([&] { quantizer(weights); }, "NaN or infinite"));
  EXPECT_EQ(quantizer.observed, 0);
}

TEST(QuantizerTest, RecordsTellBitsKindAndSideOfEveryKind) {
  for (const auto& quantizer : quantizers_of_both_sides()) {
    const bool of_weights = dynamic_cast<const WeightQuantizer*>(quantizer.get()) != nullptr;
    const auto record = trace(*quantizer, weight_shape).back();
    EXPECT_EQ(attribute_of<std::int64_t>(*record, "bits"), quantizer->bits());
    EXPECT_EQ(attribute_of<std::string>(*record, "kind"), quantizer->kind());
    EXPECT_EQ(attribute_of<std::string>(*record, "side"), of_weights ? "weights" : "activations");
  }
}

/// A network of nothing but quantizers.
class Chain final : public Module {
 public:
  Chain() {
    adopt("a", make_activation_quantizer({"lq", 2, 2}));
    adopt("b", make_activation_quantizer({"hwgq", 1, 2}));
    adopt("c", make_activation_quantizer({"lq", 3, 3}));
  }

 protected:
  Variable forward(const Variable& x) override { return x; }
};

TEST(QuantizerTest, WarningsNameTheQuantizersThatCollapsed) {
  Chain chain;
  EXPECT_TRUE(quantizer_warnings(chain).empty());
  chain.visit([](const std::string& path, Module& module) {
    if (path == "a") module(Variable(random_normal({100}, 1)));
    if (path == "b" || path == "c") module(Variable(Tensor::zeros({100})));
  });
  EXPECT_EQ(quantizer_warnings(chain),
            (std::vector<std::string>{"c: only 1 of 8 levels in use; only 0 of 3 basis elements "
                                      "determined by the data"}));
}

}  // namespace
}  // namespace lq::testing
