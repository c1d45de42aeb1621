#include "models/model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/threads.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/small_input.h"

namespace lq::testing {
namespace {

using Names = std::vector<std::string>;

std::unique_ptr<Module> made(std::string_view name, const ModelOptions& options,
                             std::uint64_t seed = 1) {
  auto model = make_model(name, options);
  model->initialize(seed);
  return model;
}

/// Elements of the parameters that decay (convolution and fully connected weights) or do not.
std::int64_t elements(const Module& model, bool decay) {
  std::int64_t sum = 0;
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.decay == decay) sum += parameter.variable.value().elements();
  }
  return sum;
}

/// One thread: for batches of a few images more of them only wait for one another.
class ModelTest : public ::testing::Test {
 protected:
  ModelTest() { set_num_threads(1); }
  ~ModelTest() override { set_num_threads(threads_before_); }

 private:
  int threads_before_ = num_threads();
};

// ---- Sizes, counted again by hand

struct Sizes {
  std::int64_t weights = 0;  // convolution and fully connected
  std::int64_t others = 0;   // bias, gamma, beta

  void conv3x3(std::int64_t in, std::int64_t out) { weights += 9 * in * out; }
  void batch_norm(std::int64_t channels) { others += 2 * channels; }
  void fully_connected(std::int64_t in, std::int64_t out) {
    weights += in * out;
    others += out;
  }
};

Sizes resnet_sizes(int depth) {
  Sizes sizes;
  sizes.conv3x3(3, 16);
  sizes.batch_norm(16);
  std::int64_t in = 16;
  for (const std::int64_t out : {16, 32, 64}) {
    for (int block = 0; block < (depth - 2) / 6; ++block) {
      // The very first block's input is normalised already.
      if (out != 16 || block != 0) sizes.batch_norm(in);
      sizes.conv3x3(in, out);
      sizes.batch_norm(out);
      sizes.conv3x3(out, out);
      in = out;
    }
  }
  sizes.batch_norm(64);
  sizes.fully_connected(64, 10);
  return sizes;
}

void expect_sizes(std::string_view name, const Sizes& expected) {
  for (const int w_bits : {2, 32}) {
    for (const int a_bits : {2, 32}) {
      const auto model = make_model(name, {.w_bits = w_bits, .a_bits = a_bits});
      EXPECT_EQ(elements(*model, true), expected.weights) << name;
      EXPECT_EQ(elements(*model, false), expected.others) << name;
    }
  }
}

TEST_F(ModelTest, ParametersOfResNets) {
  for (const int depth : {20, 32, 44, 56}) {
    expect_sizes("resnet" + std::to_string(depth), resnet_sizes(depth));
  }
  // Table 3.8 of the specification: .268M; and the total that other implementations print.
  EXPECT_EQ(resnet_sizes(20).weights, 268'336);
  EXPECT_EQ(resnet_sizes(20).weights + resnet_sizes(20).others, 269'722);
}

TEST_F(ModelTest, ParametersOfVggSmall) {
  Sizes sizes;
  const std::vector<std::int64_t> channels{3, 128, 128, 256, 256, 512, 512};
  for (std::size_t i = 1; i < channels.size(); ++i) {
    sizes.conv3x3(channels[i - 1], channels[i]);
    sizes.batch_norm(channels[i]);
  }
  sizes.fully_connected(8192, 10);
  EXPECT_EQ(sizes.weights, 4'656'512);  // 4.657M
  expect_sizes("vgg-small", sizes);
}

TEST_F(ModelTest, ParametersOfSmallCnn) {
  Sizes sizes;
  sizes.conv3x3(3, 8);
  sizes.conv3x3(8, 16);
  sizes.conv3x3(16, 32);
  for (const std::int64_t channels : {8, 16, 32}) sizes.batch_norm(channels);
  sizes.fully_connected(32, 10);
  expect_sizes("small-cnn", sizes);
}

TEST_F(ModelTest, OnlyConvolutionAndLinearWeightsDecay) {
  for (const std::string& name : model_names()) {
    const auto model = make_model(name, {.input = small_input(name)});
    for (const Parameter& parameter : model->parameters()) {
      EXPECT_EQ(parameter.decay, parameter.name.ends_with("weight")) << parameter.name;
    }
  }
}

TEST_F(ModelTest, NamesAreUnique) {
  for (const std::string& model : model_names()) {
    Names names;
    const auto network = make_model(model, {.input = small_input(model)});
    for (const auto& [name, tensor] : network->state_dict()) names.push_back(name);
    std::ranges::sort(names);
    EXPECT_TRUE(std::ranges::adjacent_find(names) == names.end()) << model;
  }
}

// ---- Running

bool is_finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.span<float>(),
                             [](float value) { return std::isfinite(value); });
}

bool is_zero(const Tensor& tensor) {
  return std::ranges::all_of(tensor.span<float>(), [](float value) { return value == 0.0F; });
}

void expect_forward_and_backward(const std::string& name, const ModelOptions& options) {
  SCOPED_TRACE(fmt::format("{} {} {}/{}", name, options.variant, options.w_bits, options.a_bits));
  constexpr std::int64_t batch = 4;  // a batch normalization of less has next to no gradient
  const Shape& input = options.input;
  const Variable images(random_normal({batch, input[0], input[1], input[2]}, 1));
  const auto model = made(name, options);
  for (Parameter& parameter : model->parameters()) {
    // Where gamma starts at zero, nothing else of the branch has a gradient in the first step.
    if (parameter.name.ends_with("gamma")) {
      std::ranges::fill(parameter.variable.value().span<float>(), 1.0F);
    }
  }
  Variable y = (*model)(images);
  ASSERT_EQ(y.shape(), (Shape{batch, 10}));
  EXPECT_TRUE(is_finite(y.value()));
  y.backward(random_normal({batch, 10}, 2));
  for (const Parameter& parameter : model->parameters()) {
    ASSERT_TRUE(parameter.variable.has_gradient()) << parameter.name;
    EXPECT_TRUE(is_finite(parameter.variable.gradient())) << parameter.name;
    EXPECT_FALSE(is_zero(parameter.variable.gradient())) << parameter.name;
  }
  model->eval();
  const autograd::NoGradScope no_tape;
  EXPECT_TRUE(is_finite((*model)(images).value()));
}

TEST_F(ModelTest, ForwardAndBackwardReachEveryParameter) {
  for (const ModelInfo& info : models()) {
    const std::string name(info.name);
    const Shape input = small_input(name);
    std::vector<std::pair<int, int>> bits = {{2, 2}};
    // Models with variants are large; the largest have more blocks than resnet50, nothing else.
    if (name != "resnet101" && name != "resnet152") bits.emplace_back(32, 32);
    if (info.variants.empty()) bits.insert(bits.end(), {{2, 32}, {32, 2}});
    for (const auto& [w_bits, a_bits] : bits) {
      expect_forward_and_backward(name, {.w_bits = w_bits, .a_bits = a_bits, .input = input});
    }
  }
}

TEST_F(ModelTest, EveryVariantRuns) {
  for (const ModelInfo& info : models()) {
    const std::string name(info.name);
    for (const ModelVariant& variant : info.variants) {
      EXPECT_FALSE(variant.description.empty()) << name;
      if (variant.name == variant_of(name, {})) continue;  // see above
      // As resnet18 and resnet50, with more blocks.
      if (name == "resnet34" || name == "resnet101" || name == "resnet152") continue;
      const int a_bits = variant.name == "post-activation" ? 32 : 2;
      expect_forward_and_backward(
          name,
          {.variant = std::string(variant.name), .a_bits = a_bits, .input = small_input(name)});
    }
  }
}

TEST_F(ModelTest, EveryQuantizerRunsInTheSmallNetwork) {
  const Variable images(random_normal({4, 16, 16, 3}, 1));
  for (const std::string& kind : quantizer_kinds()) {
    const auto model = made("small-cnn", {.w_bits = 1, .a_bits = 1, .quantizer = kind});
    Variable y = (*model)(images);
    y.backward(random_normal({4, 10}, 2));
    for (const Parameter& parameter : model->parameters()) {
      EXPECT_TRUE(is_finite(parameter.variable.gradient())) << kind << ", " << parameter.name;
    }
    EXPECT_TRUE(quantizer_warnings(*model).empty()) << kind;
  }
}

TEST_F(ModelTest, OtherImagesAndClasses) {
  for (const std::string& name : model_names()) {
    if (name == "resnet32" || name == "resnet44" || name == "resnet56") continue;  // as resnet20
    if (name == "resnet101" || name == "resnet152") continue;                      // as resnet50
    const std::int64_t side = small_input(name)[0];
    const Shape input{side, side * 3 / 2, 1};
    const auto model = make_model(name, {.classes = 7, .input = input});
    EXPECT_EQ((*model)(Variable(random_normal({3, input[0], input[1], 1}, 1))).shape(),
              (Shape{3, 7}))
        << name;
  }
}

TEST_F(ModelTest, ImagesOfOddExtents) {
  for (const auto& [name, variant] :
       std::vector<std::pair<std::string, std::string>>{{"resnet18", "type-a"},
                                                        {"resnet18", "type-b"},
                                                        {"resnet50", "type-a"},
                                                        {"googlenet-variant", ""},
                                                        {"densenet121", ""},
                                                        {"alexnet", ""},
                                                        {"vgg-variant", ""}}) {
    const std::int64_t side = name == "alexnet" ? 71 : 37;
    const auto model = make_model(name, {.variant = variant, .input = {side, side + 2, 3}});
    EXPECT_EQ((*model)(Variable(random_normal({1, side, side + 2, 3}, 1))).shape(), (Shape{1, 10}))
        << name;
  }
}

TEST_F(ModelTest, TheSameSeedGivesTheSameNumbers) {
  set_num_threads(2);
  const Variable images(random_normal({4, 32, 32, 3}, 1));
  const Tensor grad_y = random_normal({4, 10}, 2);
  const auto first = made("resnet20", {}), second = made("resnet20", {});
  for (int step = 0; step < 2; ++step) {
    Variable a = (*first)(images), b = (*second)(images);
    EXPECT_TRUE(all_close(a.value().span<float>(), b.value().span<float>(), 0, 0));
    a.backward(grad_y);
    b.backward(grad_y);
  }
  const auto a = first->parameters(), b = second->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(all_close(a[i].variable.gradient().span<float>(),
                          b[i].variable.gradient().span<float>(), 0, 0))
        << a[i].name;
  }
  const StateDict x = first->state_dict(), y = second->state_dict();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i].second.dtype() != DType::f32) continue;
    EXPECT_TRUE(all_close(x[i].second.span<float>(), y[i].second.span<float>(), 0, 0))
        << x[i].first;
  }
  const auto other = made("resnet20", {}, 2);
  EXPECT_FALSE(all_close((*first)(images).value().span<float>(),
                         (*other)(images).value().span<float>(), 0, 0));
}

TEST_F(ModelTest, BitsDoNotChangeTheInitialWeights) {
  const auto quantized = made("small-cnn", {.w_bits = 2, .a_bits = 2});
  const auto plain = made("small-cnn", {.w_bits = 32, .a_bits = 32});
  const auto a = quantized->parameters(), b = plain->parameters();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_TRUE(
        all_close(a[i].variable.value().span<float>(), b[i].variable.value().span<float>(), 0, 0));
  }
}

TEST_F(ModelTest, StateContinuesInAnotherModel) {
  const Variable images(random_normal({4, 16, 16, 3}, 1));
  const ModelOptions options{.input = {16, 16, 3}};
  const auto source = made("small-cnn", options), target = made("small-cnn", options, 2);
  for (int step = 0; step < 3; ++step) (*source)(images);
  target->load_state_dict(source->state_dict());
  for (int step = 0; step < 3; ++step) {
    EXPECT_TRUE(all_close((*source)(images).value().span<float>(),
                          (*target)(images).value().span<float>(), 0, 0));
  }
  const auto other = made("small-cnn", {.w_bits = 3, .input = {16, 16, 3}});
  EXPECT_TRUE(throws_error([&] { other->load_state_dict(source->state_dict()); },
                           "state: 'conv1.quant.basis' is 16x2 f32, expected 16x3 f32"));
}

TEST_F(ModelTest, OptionsOfTheLearnedBasisReachTheQuantizers) {
  const Variable images(random_normal({2, 16, 16, 3}, 1));
  ModelOptions options{.input = {16, 16, 3}};
  options.lq.weights.debias = options.lq.activations.debias = false;
  const auto debiased = made("small-cnn", {.input = {16, 16, 3}}),
             plain = made("small-cnn", options);
  (*debiased)(images);
  (*plain)(images);
  const auto buffer_of = [](const Module& model, const std::string& name) {
    for (const Buffer& buffer : model.buffers()) {
      if (buffer.name == name) return std::as_const(buffer.tensor).span<float>();
    }
    throw Error("no buffer " + name);
  };
  // After the first step a debiased basis is the solution, a plain one nine tenths of the initial
  // basis and a tenth of the solution.
  const auto initial = made("small-cnn", options);
  for (const std::string name : {"act0.quant.basis", "conv1.quant.basis"}) {
    const auto before = buffer_of(*initial, name), solution = buffer_of(*debiased, name);
    std::vector<double> expected(before.size());
    for (std::size_t i = 0; i < before.size(); ++i)
      expected[i] = 0.9 * before[i] + 0.1 * solution[i];
    EXPECT_TRUE(all_close(buffer_of(*plain, name), expected, 1e-6, 0)) << name;
  }
}

// ---- Errors

TEST_F(ModelTest, NetworksOfThePaperAreRegistered) {
  const Names known = model_names();
  for (const char* name : {"resnet20", "resnet32", "resnet44", "resnet56", "vgg-small", "small-cnn",
                           "alexnet", "vgg-variant", "resnet18", "resnet34", "resnet50",
                           "resnet101", "resnet152", "googlenet-variant", "densenet121"}) {
    EXPECT_TRUE(std::ranges::find(known, name) != known.end()) << name;
  }
}

TEST_F(ModelTest, EveryModelTellsItsTask) {
  const auto all = models();
  ASSERT_TRUE(std::ranges::equal(all, model_names(), {}, &ModelInfo::name));
  for (const ModelInfo& info : all) {
    EXPECT_FALSE(info.description.empty()) << info.name;
    EXPECT_EQ(model_info(info.name).description, info.description);
    EXPECT_EQ(info.input.rank(), 3U) << info.name;
    EXPECT_GE(info.classes, 1) << info.name;
  }
  EXPECT_EQ(model_info("resnet20").input, (Shape{32, 32, 3}));
  EXPECT_EQ(model_info("alexnet").input, (Shape{227, 227, 3}));
  EXPECT_EQ(model_info("vgg-variant").input, (Shape{224, 224, 3}));
  EXPECT_EQ(model_info("densenet121").classes, 1000);
}

TEST_F(ModelTest, VariantsThatAModelTakesByItself) {
  EXPECT_EQ(variant_of("resnet20", {}), "");
  EXPECT_EQ(variant_of("alexnet", {}), "fc-bn-per-feature");
  EXPECT_EQ(variant_of("vgg-variant", {}), "fc-bn-per-feature");
  EXPECT_EQ(variant_of("googlenet-variant", {}), "quantizer-per-branch");
  EXPECT_EQ(variant_of("densenet121", {}), "as-released");
  for (const char* name : {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"}) {
    EXPECT_EQ(variant_of(name, {.a_bits = 2}), "type-b");
    EXPECT_EQ(variant_of(name, {.w_bits = 2, .a_bits = 32}), "post-activation");
    EXPECT_EQ(variant_of(name, {.variant = "type-a", .a_bits = 32}), "type-a");
  }
}

TEST_F(ModelTest, UnknownNamesAndOptionsAreRefusedWithWhatIsPossible) {
  const auto refused = [](std::string_view name, const ModelOptions& options,
                          std::string_view message) {
    return throws_error([&] { make_model(name, options); }, message);
  };
  EXPECT_TRUE(refused("no such model", {},
                      "model 'no such model' is not known, expected one of: resnet20, "));
  for (const std::string& name : model_names()) EXPECT_TRUE(refused("no such model", {}, name));
  EXPECT_TRUE(refused("", {}, "model '' is not known"));
  EXPECT_TRUE(refused("resnet20", {.w_bits = 9}, "weight bits: 9 given, expected 1 to 8, or 32"));
  EXPECT_TRUE(refused("resnet20", {.a_bits = 0}, "activation bits: 0 given"));
  EXPECT_TRUE(
      refused("resnet20", {.quantizer = "no such kind"}, "quantizer 'no such kind' is not known"));
  EXPECT_TRUE(refused("resnet20", {.quantizer = "xnor"}, "'xnor' has 1 bit there"));
  EXPECT_TRUE(refused("resnet20", {.variant = "type-a"},
                      "model resnet20: variant 'type-a' is not known, expected none: the model has "
                      "no variants"));
  EXPECT_TRUE(refused("densenet121", {.variant = "type-a"},
                      "model densenet121: variant 'type-a' is not known, expected one of: "
                      "as-released, pre-activation"));
  EXPECT_TRUE(
      refused("resnet50", {.variant = "post-activation", .a_bits = 2},
              "resnet50: variant 'post-activation' has float activations, 2 activation bits "
              "given, expected 32"));
  EXPECT_TRUE(refused("alexnet", {.input = {66, 227, 3}},
                      "alexnet: input 66x227x3, expected height and width of 67 or more"));
  EXPECT_TRUE(refused("vgg-variant", {.input = {224, 30, 3}},
                      "vgg-variant: input 224x30x3, expected height and width of 31 or more"));
  for (const std::string& name : model_names()) {
    EXPECT_TRUE(refused(name, {.classes = 0}, "0 classes, expected 1 or more"));
    EXPECT_TRUE(refused(name, {.input = {32, 32}}, "input 32x32, expected H W C"));
    EXPECT_TRUE(refused(name, {.input = {32, 0, 3}}, "input 32x0x3, expected H W C"));
  }
  EXPECT_TRUE(refused("resnet20", {.input = {30, 32, 3}},
                      "resnet20: input 30x32x3, expected height and width divisible by 4"));
  EXPECT_TRUE(refused("vgg-small", {.input = {32, 28, 3}},
                      "vgg-small: input 32x28x3, expected height and width divisible by 8"));
}

TEST_F(ModelTest, ImagesOfAnotherShapeAreRefusedWithTheLayersPath) {
  const auto resnet = make_model("resnet20", {}), vgg = make_model("vgg-small", {}),
             small = make_model("small-cnn", {});
  const auto refused = [](Module& model, const Shape& shape, std::string_view message) {
    return throws_error([&] { model(Variable(Tensor::zeros(shape))); }, message);
  };
  for (Module* model : {resnet.get(), vgg.get(), small.get()}) {
    EXPECT_TRUE(refused(*model, {2, 32, 32, 4}, "conv0: conv2d"));
    EXPECT_TRUE(refused(*model, {32, 32, 3}, "conv0: "));
  }
  EXPECT_TRUE(refused(*vgg, {2, 40, 32, 3}, "fc: "));
  EXPECT_TRUE(refused(*resnet, {2, 30, 30, 3}, "stage3_block0: "));
}

TEST_F(ModelTest, NonFiniteImagesAreRefusedByTheFirstQuantizer) {
  Tensor images = random_normal({2, 32, 32, 3}, 1);
  images.data<float>()[1000] = std::numeric_limits<float>::quiet_NaN();
  const auto resnet = made("resnet20", {}), small = made("small-cnn", {});
  EXPECT_TRUE(throws_error([&] { (*resnet)(Variable(images)); },
                           "stage1_block0.act1: quantizer input has NaN or infinite values"));
  EXPECT_TRUE(throws_error([&] { (*small)(Variable(images)); },
                           "act0: quantizer input has NaN or infinite values"));
}

TEST_F(ModelTest, NonFiniteValuesInTheMiddleAreRefusedWhereTheyAppear) {
  const auto model = made("resnet20", {});
  for (Parameter& parameter : model->parameters()) {
    if (parameter.name == "stage2_block1.act1.bn.gamma") {
      parameter.variable.value().data<float>()[3] = std::numeric_limits<float>::infinity();
    }
  }
  EXPECT_TRUE(throws_error(
      [&] {
        (*model)(Variable(random_normal({2, 32, 32, 3}, 1)));
      },
      "stage2_block1.act1: quantizer input has NaN or infinite values"));
}

}  // namespace
}  // namespace lq::testing
