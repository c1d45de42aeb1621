#include "apps/agreement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "autograd/variable.h"
#include "layers/evaluation_scope.h"

namespace lq::apps {

namespace {

std::int64_t first_class(std::span<const float> scores) {
  return std::ranges::max_element(scores) - scores.begin();
}

/// How far the best score is above the second one.
float margin(std::span<const float> scores) {
  std::vector<float> sorted(scores.begin(), scores.end());
  std::ranges::sort(sorted, std::greater<>());
  return sorted.size() < 2 ? 0.0F : sorted[0] - sorted[1];
}

void add_image(std::span<const float> exact, std::span<const float> packed, std::int32_t label,
               Agreement& sums) {
  float difference = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference = std::max(difference, std::abs(exact[i] - packed[i]));
  }
  ++sums.images;
  sums.largest_difference = std::max(sums.largest_difference, static_cast<double>(difference));
  sums.float_correct += first_class(exact) == label ? 1 : 0;
  sums.packed_correct += first_class(packed) == label ? 1 : 0;
  if (first_class(exact) == first_class(packed)) return;
  ++sums.different;
  sums.largest_margin = std::max(sums.largest_margin, static_cast<double>(margin(exact)));
}

}  // namespace

Agreement compare(Module& model, deploy::PackedNetwork& network, Loader& loader,
                  const std::function<void(const Agreement&)>& on_batch) {
  const EvaluationScope evaluation(model);
  const autograd::NoGradScope no_grad;
  Agreement sums;
  loader.start(0);
  const std::int64_t classes = network.classes();
  while (const std::optional<Batch> batch = loader.next()) {
    const Variable logits = model(Variable(batch->images));
    std::vector<float> scores(batch->size() * classes);
    network.run(batch->images.span<float>(), scores);
    const auto exact = logits.value().span<float>();
    const auto labels = batch->labels.span<std::int32_t>();
    for (std::int64_t i = 0; i < batch->size(); ++i) {
      add_image(exact.subspan(i * classes, classes),
                std::span<const float>(scores).subspan(i * classes, classes), labels[i], sums);
    }
    if (on_batch) on_batch(sums);
  }
  return sums;
}

}  // namespace lq::apps
