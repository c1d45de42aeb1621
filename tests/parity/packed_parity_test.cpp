// Packed networks against the evaluation of the models that they come from.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "convert/pack.h"
#include "deploy/packed_network.h"
#include "layers/evaluation_scope.h"
#include "models/model.h"
#include "tests/support/devices.h"
#include "tests/support/packed_interpreter.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::Int8Grid;
using deploy::Convolution;
using deploy::MaxPool;
using deploy::PackedModel;
using Numbers = PackedInterpreter::Numbers;

struct ParityCase {
  std::string model;
  int w_bits = 2;
  int a_bits = 2;
  std::string quantizer = "lq";
  /// Packed without bytes, or with bases that are on the grid from the start.
  Int8Grid int8_grid = Int8Grid::never;
  /// Batch normalization with scales of both signs.
  bool negative_scales = true;
  std::int64_t extent = 16;  ///< height and width of an image
  std::string variant = {};
  int images = 4;
  int most_ties = 1;   // images that may have one, of all but one
  int steps = 4;       // of the training that leaves statistics behind
  Device device = {};  ///< of the packed network
};

bool ends_with(const std::string& name, std::string_view end) { return name.ends_with(end); }

/// Elements of the same size in sum, but on a grid.
void snap(Tensor basis) {
  Rng rng(77, RngPurpose::test);
  const std::int64_t bits = basis.shape()[1];
  for (std::int64_t row = 0; row < basis.shape()[0]; ++row) {
    float* elements = basis.data<float>() + row * bits;
    float size = 0.0F;
    float units = 0.0F;
    std::vector<float> multiples;
    for (std::int64_t i = 0; i < bits; ++i) {
      multiples.push_back(static_cast<float>(random_integer(rng, 1, 5) << (2 * i % 5)));
      size += std::abs(elements[i]);
      units += multiples.back();
    }
    for (std::int64_t i = 0; i < bits; ++i) elements[i] = multiples[i] * size / units;
  }
}

/// Weights as large as those of Module::initialize(), but all equally likely, which takes a tenth
/// of the time: normal numbers for the largest networks would take longer than all that is tested.
void draw_weights(Module& model) {
  std::uint64_t seed = 1000;
  for (const Parameter& parameter : model.parameters()) {
    Tensor values = parameter.variable.value();
    const Initializer& initializer = parameter.initializer;
    if (initializer.kind == Initializer::Kind::ones) {
      values.copy_from(Tensor::full(values.shape(), 1.0F));
    } else if (initializer.kind != Initializer::Kind::zeros) {
      const auto largest = static_cast<float>(std::sqrt(3.0) * initializer.stddev);
      values.copy_from(random_uniform(values.shape(), ++seed, -largest, largest));
    }
  }
}

/// A model with statistics and bases that some training leaves behind, and batch normalizations
/// that are anything but the identity.
std::unique_ptr<Module> trained_model(const ParityCase& c) {
  const ModelOptions options{.variant = c.variant,
                             .w_bits = c.w_bits,
                             .a_bits = c.a_bits,
                             .quantizer = c.quantizer,
                             .input = {c.extent, c.extent, 3}};
  auto model = make_model(c.model, options);
  draw_weights(*model);
  for (int step = 0; step < c.steps; ++step) {
    const autograd::NoGradScope no_gradients;
    (*model)(Variable(random_normal({4, c.extent, c.extent, 3}, step)));
  }
  std::uint64_t seed = 100;
  for (const Parameter& parameter : model->parameters()) {
    Tensor values = parameter.variable.value();
    if (ends_with(parameter.name, "gamma")) {
      values.copy_from(random_uniform(values.shape(), ++seed, 0.5F, 1.5F));
      if (c.negative_scales) {
        for (std::int64_t i = 0; i < values.elements(); i += 3) values.data<float>()[i] *= -1;
        values.data<float>()[1] = 0.0F;
      }
    } else if (ends_with(parameter.name, "beta") || ends_with(parameter.name, "bias")) {
      values.copy_from(random_normal(values.shape(), ++seed, 0.1, 0.4));
    }
  }
  for (const Buffer& buffer : model->buffers()) {
    const bool is_snapped = c.int8_grid != Int8Grid::never && c.quantizer == "lq";
    if (is_snapped && ends_with(buffer.name, ".basis")) snap(buffer.tensor);
  }
  return model;
}

/// What the float model does with one image.
struct Evaluation {
  std::map<std::string, Numbers> layer_inputs;  // by path
  Numbers scores;
};

Evaluation evaluate(Module& model, const Tensor& image) {
  Evaluation result;
  const EvaluationScope evaluation(model);
  const autograd::RecordModeScope tracing(autograd::RecordMode::trace);
  const autograd::TraceObserverScope observer([&](const autograd::Record& record,
                                                  std::span<const Variable> inputs,
                                                  const Variable& /*output*/) {
    if (record.operation == "conv2d" || record.operation == "linear") {
      result.layer_inputs[record.scope] = to_double(inputs[0].value());
    }
  });
  result.scores = to_double(model(Variable(image)).value());
  return result;
}

double largest(const Numbers& numbers) {
  double result = 0;
  for (const double number : numbers) result = std::max(result, std::abs(number));
  return result;
}

/// Judges the values of a packed network by those of the float model.
class Judge {
 public:
  /// `exact` has run the image that is judged.
  Judge(const PackedModel& model, const PackedInterpreter& exact, const Evaluation& expected)
      : model_(model), exact_(exact), expected_(expected) {}

  /// Whether the inputs of all layers and the scores agree. Past a code that differs because its
  /// value lies within float rounding of a threshold nothing can be said: then the answer is no,
  /// without a failure.
  template <typename ValueOf>
  bool agrees(const ValueOf& value_of, const Numbers& scores) {
    channels_seen_.clear();
    for (const deploy::Operation& operation : model_.operations) {
      const auto* convolution = std::get_if<Convolution>(&operation);
      if (convolution != nullptr && !inputs_agree(*convolution, value_of)) return false;
    }
    const double tolerance = 1e-3 * largest(expected_.scores);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      EXPECT_NEAR(scores[i], expected_.scores[i], tolerance) << "score " << i;
    }
    return scores.size() == expected_.scores.size();
  }

 private:
  template <typename ValueOf>
  bool inputs_agree(const Convolution& layer, const ValueOf& value_of) {
    std::int64_t& first_channel = channels_seen_[layer_name(layer)];
    for (std::size_t s = 0; s < layer.inputs.size(); ++s) {
      const deploy::Value& input = model_.values[layer.inputs[s]];
      if (layer.inputs[s] != model_.input) {
        const Numbers numbers = PackedInterpreter::segment_numbers(layer.description.segments[s],
                                                                   value_of(layer.inputs[s]));
        const auto wrong = first_difference(layer, numbers, input.c, first_channel);
        if (wrong) {
          EXPECT_TRUE(is_tie(layer.inputs[s], *wrong)) << layer.name << ", element " << *wrong;
          return false;
        }
      }
      first_channel += input.c;
    }
    return true;
  }

  std::optional<std::size_t> first_difference(const Convolution& layer, const Numbers& numbers,
                                              std::int64_t channels, std::int64_t first_channel) {
    const Numbers& expected = expected_.layer_inputs.at(layer_name(layer));
    const kernels::Conv2dGeometry& geometry = layer.description.geometry;
    const std::int64_t pitch = std::ssize(expected) / (geometry.h * geometry.w);
    const double tolerance = 1e-4 * largest(expected);
    for (std::int64_t i = 0; i < std::ssize(numbers); ++i) {
      const double wanted = expected[i / channels * pitch + first_channel + i % channels];
      if (std::abs(numbers[i] - wanted) > tolerance) return i;
    }
    return std::nullopt;
  }

  /// Whether an element of `value` depends on a number that is next to a threshold.
  bool is_tie(std::size_t value, std::size_t element) const {
    for (std::size_t index = 0; index < model_.operations.size(); ++index) {
      const deploy::Operation& operation = model_.operations[index];
      if (const auto* pool = std::get_if<MaxPool>(&operation); pool && pool->output == value) {
        return any_tie_in_channel(pool->input, element);
      }
      if (const auto* levels = std::get_if<deploy::Dequantize>(&operation);
          levels && levels->output == value) {
        return is_tie(levels->input, element);
      }
      const auto* convolution = std::get_if<Convolution>(&operation);
      if (convolution == nullptr) continue;
      const auto& outputs = convolution->symbol_outputs;
      const auto found = std::ranges::find(outputs, value);
      if (found == outputs.end()) continue;
      return is_near_threshold(convolution->description.symbol_outputs[found - outputs.begin()],
                               exact_.raw(index), element);
    }
    return false;
  }

  bool any_tie_in_channel(std::size_t value, std::size_t element) const {
    const std::size_t channels = model_.values[value].c;
    for (std::size_t i = element % channels; i < exact_.value(value).size(); i += channels) {
      if (is_tie(value, i)) return true;
    }
    return false;
  }

  static bool is_near_threshold(const kernels::BitconvSymbolOutput& output, const Numbers& raw,
                                std::size_t element) {
    const std::size_t channels = output.signs.size();
    const std::size_t o = element % channels;
    const double rounding = 1e-5 * largest(raw);
    for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
      const double threshold = output.thresholds[t * channels + o];
      if (std::abs(output.signs[o] * raw[element] - threshold) <= rounding) return true;
    }
    return false;
  }

  /// Of the model's layer: convolutions of some of its segments have a suffix.
  static std::string layer_name(const Convolution& layer) {
    return layer.name.substr(0, layer.name.find(".first"));
  }

  const PackedModel& model_;
  const PackedInterpreter& exact_;
  const Evaluation& expected_;
  std::map<std::string, std::int64_t> channels_seen_;  // of each layer's input
};

class PackedParityTest : public ::testing::TestWithParam<ParityCase> {};

TEST_P(PackedParityTest, ValuesAndScoresAreThoseOfTheModel) {
  const ParityCase& c = GetParam();
  const auto model = trained_model(c);
  const PackedModel packed =
      convert::pack(*model, {c.extent, c.extent, 3}, {.name = c.model, .int8_grid = c.int8_grid});
  deploy::PackedNetwork network(packed, {.threads = 2, .keep_values = true, .device = c.device});
  PackedInterpreter interpreter(packed);

  int exact_agreements = 0;
  int fast_agreements = 0;
  for (int i = 0; i < c.images; ++i) {
    SCOPED_TRACE("image " + std::to_string(i));
    const Tensor image = random_normal({1, c.extent, c.extent, 3}, 1000 + i);
    const Evaluation expected = evaluate(*model, image);
    const Numbers scores = interpreter.run(image.span<float>());
    Judge judge(packed, interpreter, expected);
    exact_agreements +=
        judge.agrees([&](std::size_t index) { return interpreter.value(index); }, scores) ? 1 : 0;

    std::vector<float> fast(network.classes());
    network.run(image.span<float>(), fast);
    const auto fast_value = [&](std::size_t index) {
      const std::vector<float> value = network.value(index);
      return Numbers(value.begin(), value.end());
    };
    fast_agreements += judge.agrees(fast_value, Numbers(fast.begin(), fast.end())) ? 1 : 0;
  }
  // Ties are rare: one image in a few dozen, in networks of usual depth.
  const int wanted = std::max(1, c.images - c.most_ties);
  EXPECT_GE(exact_agreements, wanted);
  EXPECT_GE(fast_agreements, wanted);
}

std::vector<ParityCase> parity_cases() {
  std::vector<ParityCase> cases;
  const std::vector<std::pair<int, int>> bits = {{1, 1},  {1, 2},  {2, 2},  {3, 3},  {1, 32},
                                                 {2, 32}, {4, 32}, {32, 2}, {32, 32}};
  for (const auto& [w_bits, a_bits] : bits) {
    cases.push_back({.model = "small-cnn", .w_bits = w_bits, .a_bits = a_bits});
    cases.push_back({.model = "resnet20", .w_bits = w_bits, .a_bits = a_bits});
    cases.push_back({.model = "vgg-small", .w_bits = w_bits, .a_bits = a_bits, .extent = 8});
  }
  cases.push_back({.model = "vgg-small", .negative_scales = false, .extent = 8});
  for (const std::string model : {"small-cnn", "resnet20"}) {
    cases.push_back({.model = model, .w_bits = 3, .a_bits = 3, .int8_grid = Int8Grid::automatic});
    cases.push_back({.model = model, .w_bits = 1, .a_bits = 2, .int8_grid = Int8Grid::always});
    for (const auto& [w_bits, a_bits] : {std::pair(2, 2), std::pair(4, 4)}) {
      cases.push_back({.model = model,
                       .w_bits = w_bits,
                       .a_bits = a_bits,
                       .quantizer = "lq-int8",
                       .int8_grid = Int8Grid::always});
    }
    cases.push_back({.model = model, .w_bits = 1, .a_bits = 2, .quantizer = "hwgq"});
    cases.push_back({.model = model, .w_bits = 2, .a_bits = 2, .quantizer = "dorefa"});
    // Signs have no code for zero: bytes or floats.
    cases.push_back({.model = model, .w_bits = 1, .a_bits = 1, .quantizer = "xnor"});
    cases.push_back({.model = model,
                     .w_bits = 1,
                     .a_bits = 1,
                     .quantizer = "xnor",
                     .int8_grid = Int8Grid::automatic});
  }
  cases.push_back({.model = "vgg-small",
                   .w_bits = 3,
                   .a_bits = 3,
                   .int8_grid = Int8Grid::automatic,
                   .negative_scales = false,
                   .extent = 8});
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<ParityCase>& info) {
  const ParityCase& c = info.param;
  std::string name = fmt::format("{}_{}_{}_{}", c.model, c.quantizer, c.w_bits, c.a_bits);
  if (!c.variant.empty()) name += "_" + c.variant;
  if (c.int8_grid != Int8Grid::never) name += "_grid";
  if (!c.negative_scales) name += "_rising";
  if (c.device != Device{}) name += "_cuda";
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Noise in a square in the middle of zeros. Where it is small, most values in a network are of few
/// kinds, and few of them may lie on a threshold.
Tensor spot(std::int64_t extent, std::int64_t side, std::uint64_t seed) {
  Tensor image = Tensor::zeros({1, extent, extent, 3});
  const Tensor noise = random_normal({side, side, 3}, seed);
  const std::int64_t first = (extent - side) / 2;
  for (std::int64_t y = 0; y < side; ++y) {
    const auto row = noise.span<float>().subspan(y * side * 3, side * 3);
    std::ranges::copy(row, image.data<float>() + ((first + y) * extent + first) * 3);
  }
  return image;
}

/// A network on images of the size that it was made for.
struct NativeCase {
  std::string model;
  std::size_t pixels;  ///< that the first fully connected layer sees
  std::int64_t noise;  ///< side of the square in images, which reaches all of these pixels
};

class NativeSizeTest : public ::testing::TestWithParam<NativeCase> {
 protected:
  NativeSizeTest() : model_(trained_model(case_)), packed_(convert::pack(*model_, input_)) {}

  /// Whether the inputs of all layers, the codes among them, and the scores are those of the model.
  bool agrees(const Tensor& image) {
    const Evaluation expected = evaluate(*model_, image);
    std::vector<float> scores(network_.classes());
    network_.run(image.span<float>(), scores);
    for (const deploy::Operation& operation : packed_.operations) {
      const auto* layer = std::get_if<Convolution>(&operation);
      if (layer == nullptr || layer->inputs.empty() || layer->inputs[0] == packed_.input) continue;
      const std::vector<float> value = network_.value(layer->inputs[0]);
      const Numbers numbers = PackedInterpreter::segment_numbers(
          layer->description.segments[0], Numbers(value.begin(), value.end()));
      const kernels::Conv2dGeometry& g = layer->description.geometry;
      if (g.out_h == 1 && g.kernel_h > 1) windows_.push_back(distinct_pixels(numbers, g.c_in));
      if (!is_near(numbers, expected.layer_inputs.at(layer->name), 1e-4)) return false;
    }
    return is_near(Numbers(scores.begin(), scores.end()), expected.scores, 1e-3);
  }

  static bool is_near(const Numbers& numbers, const Numbers& expected, double tolerance) {
    const double most = tolerance * largest(expected);
    return std::ranges::equal(numbers, expected,
                              [most](double a, double b) { return std::abs(a - b) <= most; });
  }

  static std::size_t distinct_pixels(const Numbers& map, std::int64_t channels) {
    std::set<Numbers> pixels;
    for (auto first = map.begin(); first != map.end(); first += channels) {
      pixels.emplace(first, first + channels);
    }
    return pixels.size();
  }

  const Shape input_ = model_info(GetParam().model).input;
  const ParityCase case_ = {
      .model = GetParam().model, .w_bits = 1, .a_bits = 1, .extent = input_[0], .steps = 1};
  const std::unique_ptr<Module> model_;
  const PackedModel packed_;
  deploy::PackedNetwork network_{packed_, {.threads = 2, .keep_values = true}};
  std::vector<std::size_t> windows_;  // pixels that differ from one another, of each image
};

/// On small images the first fully connected layer sees a single pixel. Here nothing can be said of
/// an image with a value on a threshold, so one without is looked for.
TEST_P(NativeSizeTest, ValuesAndScoresAreThoseOfTheModel) {
  constexpr int most_images = 8;
  int images = 0;
  while (images < most_images && !agrees(spot(input_[0], GetParam().noise, 1000 + images)))
    ++images;
  EXPECT_LT(images, most_images) << "no image agrees";
  // The window is as large as it should be, and pixels in another order would be other numbers.
  ASSERT_FALSE(windows_.empty());
  EXPECT_EQ(windows_.back(), GetParam().pixels);
}

/// The networks for ImageNet on small images: every variant, and other bits and quantizers.
std::vector<ParityCase> imagenet_cases() {
  std::vector<ParityCase> cases;
  const auto add = [&](ParityCase c) {
    c.extent = c.model == "alexnet" ? 67 : 32;
    c.images = 2;
    // The more layers, the more values that may lie on a threshold.
    if (c.model == "resnet152") {
      c.images = 4;
      c.most_ties = 3;
    }
    cases.push_back(c);
  };
  for (const ModelInfo& info : models()) {
    if (info.classes != 1000) continue;
    for (const ModelVariant& variant : info.variants) {
      // ResNets of this form have float activations.
      const int a_bits = variant.name == "post-activation" ? 32 : 2;
      add({.model = std::string(info.name),
           .a_bits = a_bits,
           .variant = std::string(variant.name)});
    }
  }
  for (const std::string model : {"resnet18", "googlenet-variant", "densenet121"}) {
    add({.model = model, .w_bits = 1, .a_bits = 2});
    add({.model = model, .w_bits = 3, .a_bits = 3, .int8_grid = Int8Grid::automatic});
    add({.model = model, .w_bits = 2, .a_bits = 32});
    add({.model = model, .w_bits = 1, .a_bits = 1, .quantizer = "xnor"});
  }
  add({.model = "resnet50", .w_bits = 32, .a_bits = 32});
  add({.model = "alexnet", .w_bits = 1, .a_bits = 2});
  // Without negative scales pools move behind quantizers.
  add({.model = "vgg-variant", .negative_scales = false});
  add({.model = "googlenet-variant", .negative_scales = false});
  return cases;
}

/// The cases on a device; none where there is no device.
std::vector<ParityCase> on_cuda(std::vector<ParityCase> cases) {
  for (ParityCase& c : cases) c.device = {DeviceType::cuda, 0};
  if (!has_cuda_device()) cases.clear();
  return cases;
}

/// A case of every arithmetic, small enough for a device in software.
std::vector<ParityCase> cuda_cases() {
  std::vector<ParityCase> cases = {
      {.model = "small-cnn", .w_bits = 1, .a_bits = 1},
      {.model = "small-cnn", .w_bits = 1, .a_bits = 2},
      {.model = "small-cnn", .w_bits = 2, .a_bits = 2},
      {.model = "small-cnn", .w_bits = 3, .a_bits = 3, .int8_grid = Int8Grid::automatic},
      {.model = "small-cnn", .w_bits = 2, .a_bits = 32},
      {.model = "small-cnn", .w_bits = 32, .a_bits = 32},
      {.model = "resnet20", .w_bits = 2, .a_bits = 2, .extent = 8},
      {.model = "vgg-small", .w_bits = 1, .a_bits = 2, .extent = 8},
  };
  // Sums in parts, codes beside floats, three quantizers before one layer, pools of codes.
  for (const std::string model : {"densenet121", "googlenet-variant"}) {
    cases.push_back({.model = model, .negative_scales = false, .extent = 16, .images = 1});
  }
  return on_cuda(cases);
}

/// The other networks for ImageNet. Architectures take paths of their own through convolutions, and
/// each of them meets one of these networks at least: tests/CMakeLists.txt deals them out.
std::vector<ParityCase> imagenet_cuda_cases() {
  return on_cuda({
      {.model = "alexnet", .w_bits = 1, .a_bits = 2, .extent = 67, .images = 1},
      {.model = "vgg-variant", .negative_scales = false, .extent = 32, .images = 1},
      {.model = "resnet18", .extent = 16, .variant = "type-a", .images = 1},
      {.model = "resnet18", .extent = 16, .variant = "type-b", .images = 1},
      {.model = "resnet50", .extent = 16, .variant = "type-b", .images = 1},
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, PackedParityTest, ::testing::ValuesIn(cuda_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(ImageNetDevices, PackedParityTest,
                         ::testing::ValuesIn(imagenet_cuda_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(ImageNet, PackedParityTest, ::testing::ValuesIn(imagenet_cases()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(ImageNet, NativeSizeTest,
                         ::testing::Values(NativeCase{"alexnet", 6 * 6, 227},
                                           NativeCase{"vgg-variant", 7 * 7, 32}),
                         [](const auto& test) {
                           std::string name = test.param.model;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });
INSTANTIATE_TEST_SUITE_P(Models, PackedParityTest, ::testing::ValuesIn(parity_cases()), case_name);

}  // namespace
}  // namespace lq::testing
