#include <algorithm>
#include <functional>

#include "models/alexnet.h"
#include "models/densenet.h"
#include "models/googlenet_variant.h"
#include "models/model.h"
#include "models/resnet.h"
#include "models/resnet_cifar.h"
#include "models/small_cnn.h"
#include "models/variants.h"
#include "models/vgg_small.h"
#include "models/vgg_variant.h"

namespace lq {

namespace {

using Make = std::function<std::unique_ptr<Module>(const ModelOptions&)>;
/// The variant of a model when nobody names one.
using DefaultVariant = std::function<std::string_view(const ModelOptions&)>;

struct Entry {
  ModelInfo info;
  Make make;
  DefaultVariant default_variant = {};  ///< without it: the first variant
};

template <typename Model>
std::unique_ptr<Module> make_by_options(const ModelOptions& options) {
  return std::make_unique<Model>(options);
}

Entry resnet_cifar(std::string_view name, int depth, std::string_view description) {
  return {.info = {.name = name, .description = description},
          .make = [depth](const ModelOptions& options) {
            return std::make_unique<ResNetCifar>(depth, options);
          }};
}

constexpr std::int64_t imagenet_classes = 1000;

Entry resnet(std::string_view name, int depth, std::string_view description) {
  return {
      .info = {.name = name,
               .description = description,
               .variants = {{variants::type_b,
                             "BN ReLU Q before convolutions, 1x1 shortcuts (with quantized "
                             "activations)"},
                            {variants::type_a,
                             "the same with shortcuts without weights: average, zero channels"},
                            {variants::post_activation,
                             "ReLU behind the addition, 1x1 shortcuts (with float activations "
                             "only)",
                             /*has_float_activations=*/true}},
               .input = {224, 224, 3},
               .classes = imagenet_classes},
      .make =
          [depth](const ModelOptions& options) { return std::make_unique<ResNet>(depth, options); },
      .default_variant =
          [](const ModelOptions& options) {
            return options.a_bits == float_bits ? variants::post_activation : variants::type_b;
          }};
}

std::vector<ModelVariant> fc_bn_variants() {
  return {{variants::fc_bn_per_feature, "BN of fully connected layers normalizes each feature"},
          {variants::fc_bn_per_layer,
           "one mean and variance for each fully connected layer, as released"}};
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> table = {
      resnet_cifar("resnet20", 20, "ResNet of 20 layers for small images"),
      resnet_cifar("resnet32", 32, "The same of 32 layers"),
      resnet_cifar("resnet44", 44, "The same of 44 layers"),
      resnet_cifar("resnet56", 56, "The same of 56 layers"),
      {.info = {.name = "vgg-small", .description = "Six convolutions for small images"},
       .make = make_by_options<VggSmall>},
      {.info = {.name = "small-cnn", .description = "Three convolutions, for first steps"},
       .make = make_by_options<SmallCnn>},
      {.info = {.name = "alexnet",
                .description = "AlexNet for ImageNet, without groups",
                .variants = fc_bn_variants(),
                .input = {227, 227, 3},
                .classes = imagenet_classes},
       .make = make_by_options<AlexNet>},
      {.info = {.name = "vgg-variant",
                .description = "VGG for ImageNet: 7x7/2, nine 3x3, two of 4096 features",
                .variants = fc_bn_variants(),
                .input = {224, 224, 3},
                .classes = imagenet_classes},
       .make = make_by_options<VggVariant>},
      resnet("resnet18", 18, "ResNet of 18 layers for ImageNet"),
      resnet("resnet34", 34, "The same of 34 layers"),
      resnet("resnet50", 50, "The same of 50 layers, with bottlenecks"),
      resnet("resnet101", 101, "The same of 101 layers, with bottlenecks"),
      resnet("resnet152", 152, "The same of 152 layers, with bottlenecks"),
      {.info = {.name = "googlenet-variant",
                .description = "GoogLeNet for ImageNet, without pooling branches and heads",
                .variants = {{variants::quantizer_per_branch,
                              "BN and quantizer of each branch, as released"},
                             {variants::quantizer_per_concat,
                              "one BN and one quantizer behind the concatenation"}},
                .input = {224, 224, 3},
                .classes = imagenet_classes},
       .make = make_by_options<GoogLeNetVariant>},
      {.info = {.name = "densenet121",
                .description = "DenseNet of 121 layers for ImageNet, growth 32",
                .variants = {{variants::as_released,
                              "BN ReLU Q behind convolutions; transitions reach others as floats"},
                             {variants::pre_activation,
                              "BN ReLU Q before every convolution: all inputs are quantized"}},
                .input = {224, 224, 3},
                .classes = imagenet_classes},
       .make = make_by_options<DenseNet121>},
  };
  return table;
}

const Entry& entry_of(std::string_view name) {
  const auto found =
      std::ranges::find(entries(), name, [](const Entry& entry) { return entry.info.name; });
  check(found != entries().end(), "model '{}' is not known, expected one of: {}", name,
        fmt::join(model_names(), ", "));
  return *found;
}

std::string variant_of(const Entry& entry, const ModelOptions& options) {
  const std::vector<ModelVariant>& variants = entry.info.variants;
  if (options.variant.empty()) {
    if (entry.default_variant) return std::string(entry.default_variant(options));
    return variants.empty() ? "" : std::string(variants.front().name);
  }
  const auto variant = std::ranges::find(variants, options.variant, &ModelVariant::name);
  std::vector<std::string_view> names;
  for (const ModelVariant& known : variants) names.push_back(known.name);
  check(variant != variants.end(), "model {}: variant '{}' is not known, expected {}",
        entry.info.name, options.variant,
        names.empty() ? "none: the model has no variants"
                      : fmt::format("one of: {}", fmt::join(names, ", ")));
  check(!variant->has_float_activations || options.a_bits == float_bits,
        "model {}: variant '{}' has float activations, {} activation bits given, expected {}",
        entry.info.name, variant->name, options.a_bits, float_bits);
  return options.variant;
}

}  // namespace

std::vector<ModelInfo> models() {
  std::vector<ModelInfo> rows;
  for (const Entry& entry : entries()) rows.push_back(entry.info);
  return rows;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) names.emplace_back(entry.info.name);
  return names;
}

const ModelInfo& model_info(std::string_view name) { return entry_of(name).info; }

std::string variant_of(std::string_view name, const ModelOptions& options) {
  return variant_of(entry_of(name), options);
}

std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options) {
  const Entry& entry = entry_of(name);
  validate(options.quantization());
  check(options.classes >= 1, "model {}: {} classes, expected 1 or more", name, options.classes);
  check(options.input.rank() == 3 && options.input.elements() > 0,
        "model {}: input {}, expected H W C", name, options.input);
  ModelOptions resolved = options;
  resolved.variant = variant_of(entry, options);
  return entry.make(resolved);
}

}  // namespace lq
