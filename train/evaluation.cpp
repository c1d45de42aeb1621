#include "train/evaluation.h"

#include <algorithm>

#include "autograd/softmax_cross_entropy.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"
#include "layers/evaluation_scope.h"
#include "layers/step_scope.h"

namespace lq {

Tensor count_correct(const Tensor& logits, const Tensor& labels, std::int64_t top) {
  Tensor counts({top}, DType::i64, logits.device());
  kernels::count_correct(current_stream(logits.device()), logits.view<float>(),
                         labels.view<std::int32_t>(), counts.view<std::int64_t>());
  return counts;
}

std::vector<std::int64_t> counts_on_host(const Tensor& counts) {
  const Tensor here = counts.to(Device{});
  const auto values = here.span<std::int64_t>();
  return {values.begin(), values.end()};
}

double scalar(const Tensor& value) { return value.to(Device{}).span<float>()[0]; }

Device device_of(const Module& model) {
  const std::vector<Parameter> parameters = model.parameters();
  return parameters.empty() ? Device{} : parameters.front().variable.device();
}

ClassificationSums evaluate(Module& model, Loader& loader,
                            const std::function<void(const ClassificationSums&)>& on_batch,
                            const std::function<bool()>& stop_requested) {
  ClassificationSums sums;
  DeviceBatches batches(loader, device_of(model));
  batches.start(/*epoch=*/0);
  while (const std::optional<Batch> batch = batches.next()) {
    sums += evaluate(model, *batch, [&] { batches.prefetch(); });
    if (on_batch) on_batch(sums);
    if (stop_requested && stop_requested()) break;
  }
  return sums;
}

ClassificationSums evaluate(Module& model, const Batch& batch,
                            const std::function<void()>& meanwhile) {
  if (batch.size() == 0) return {};
  const EvaluationScope evaluation(model);
  StepScope step(model);
  const autograd::NoGradScope no_tape;
  const Variable logits = model(Variable(batch.images));
  const Variable loss = autograd::softmax_cross_entropy(logits, batch.labels);
  constexpr std::int64_t top = 5;
  const Tensor counts =
      count_correct(logits.value(), batch.labels, std::min(top, logits.shape()[1]));
  if (meanwhile) meanwhile();
  const std::vector<std::int64_t> correct = counts_on_host(counts);
  ClassificationSums sums;
  sums.add(scalar(loss.value()), correct.front(), batch.size());
  sums.correct_top5 = correct.back();
  step.finish();
  return sums;
}

}  // namespace lq
