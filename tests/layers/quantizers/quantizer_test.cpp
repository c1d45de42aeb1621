#include "layers/quantizers/quantizer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

const Shape weight_shape{4, 3, 3, 2};

TEST(QuantizerTest, KnownKinds) {
  EXPECT_EQ(quantizer_kinds(), (std::vector<std::string>{"lq", "hwgq", "dorefa", "xnor"}));
}

TEST(QuantizerTest, EveryKindMakesBothSides) {
  for (const std::string& kind : quantizer_kinds()) {
    const Quantization quantization{kind, 1, 1};
    const auto weights = make_weight_quantizer(quantization, weight_shape);
    const auto activations = make_activation_quantizer(quantization);
    ASSERT_NE(weights, nullptr);
    ASSERT_NE(activations, nullptr);
    EXPECT_EQ(weights->bits(), 1);
    EXPECT_EQ(activations->bits(), 1);
    // HWGQ quantizes activations only; its weights are those of BWN.
    EXPECT_EQ(weights->kind(), kind == "hwgq" ? "xnor" : kind);
    EXPECT_EQ(activations->kind(), kind);
    EXPECT_EQ(activations->rectified(), kind != "xnor");
    EXPECT_EQ(activations->learns(), kind == "lq");
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
  EXPECT_TRUE(refused({"pact", 2, 2},
                      "quantizer 'pact' is not known, expected one of: lq, hwgq, dorefa, xnor"));
  EXPECT_TRUE(refused({"", 2, 2}, "quantizer '' is not known"));
  for (const int bits : {0, -1, 9, 16, 31, 33}) {
    const std::string what =
        ": " + std::to_string(bits) + " given, expected 1 to 8, or 32 for floating point";
    EXPECT_TRUE(refused({"lq", bits, 2}, "weight bits" + what));
    EXPECT_TRUE(refused({"dorefa", 2, bits}, "activation bits" + what));
  }
  EXPECT_TRUE(
      refused({"hwgq", 2, 2}, "weight bits: 2 given, but quantizer 'hwgq' has 1 bit there"));
  EXPECT_TRUE(refused({"xnor", 1, 2}, "activation bits: 2 given, but quantizer 'xnor' has 1 bit"));
}

TEST(QuantizerTest, NonFiniteInputIsRefusedByEveryKind) {
  const float bad = std::numeric_limits<float>::infinity();
  for (const std::string& kind : quantizer_kinds()) {
    for (const bool training : {true, false}) {
      const auto weights = make_weight_quantizer({kind, 1, 1}, weight_shape);
      const auto activations = make_activation_quantizer({kind, 1, 1});
      Tensor x = random_normal(weight_shape, 1);
      x.data<float>()[7] = bad;
      for (Module* module :
           {static_cast<Module*>(weights.get()), static_cast<Module*>(activations.get())}) {
        module->train(training);
        EXPECT_TRUE(throws_error([&] { (*module)(Variable(x)); }, "NaN or infinite")) << kind;
      }
    }
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
            (std::vector<std::string>{"c: only one of 8 levels is in use"}));
}

}  // namespace
}  // namespace lq::testing
