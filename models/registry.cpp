#include <algorithm>
#include <functional>

#include "models/model.h"
#include "models/resnet_cifar.h"
#include "models/small_cnn.h"
#include "models/vgg_small.h"

namespace lq {

namespace {

struct Entry {
  std::string_view name;
  std::function<std::unique_ptr<Module>(const ModelOptions&)> make;
};

template <int depth>
std::unique_ptr<Module> make_resnet_cifar(const ModelOptions& options) {
  return std::make_unique<ResNetCifar>(depth, options);
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> table = {
      {"resnet20", make_resnet_cifar<20>},
      {"resnet32", make_resnet_cifar<32>},
      {"resnet44", make_resnet_cifar<44>},
      {"resnet56", make_resnet_cifar<56>},
      {"vgg-small",
       [](const ModelOptions& options) { return std::make_unique<VggSmall>(options); }},
      {"small-cnn",
       [](const ModelOptions& options) { return std::make_unique<SmallCnn>(options); }},
  };
  return table;
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Entry& entry : entries()) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Module> make_model(std::string_view name, const ModelOptions& options) {
  const auto found = std::ranges::find(entries(), name, &Entry::name);
  check(found != entries().end(), "model '{}' is not known, expected one of: {}", name,
        fmt::join(model_names(), ", "));
  validate(options.quantization());
  check(options.classes >= 1, "model {}: {} classes, expected 1 or more", name, options.classes);
  check(options.input.rank() == 3 && options.input.elements() > 0,
        "model {}: input {}, expected H W C", name, options.input);
  return found->make(options);
}

}  // namespace lq
