#include "layers/step_scope.h"

#include <algorithm>

namespace lq {

StepScope::StepScope(Module& module, std::int64_t passes) {
  check(passes >= 1, "step: {} passes given, expected at least 1", passes);
  module.visit([&](const std::string& path, Module& part) {
    if (auto* quantizer = dynamic_cast<Quantizer*>(&part)) {
      quantizers_.emplace_back(path, quantizer);
      quantizer->begin_step();
    } else if (auto* batch_norm = dynamic_cast<BatchNorm2d*>(&part)) {
      batch_norms_.push_back(batch_norm);
      batch_norm->set_passes_per_step(passes);
    }
  });
}

StepScope::~StepScope() {
  for (auto& [path, quantizer] : quantizers_) quantizer->leave_step();
  for (BatchNorm2d* batch_norm : batch_norms_) batch_norm->set_passes_per_step(1);
}

void StepScope::finish() {
  check_inputs_were_finite();
  for (auto& [path, quantizer] : quantizers_) quantizer->learn_from_step();
}

/// One copy to the host for all of them.
void StepScope::check_inputs_were_finite() const {
  std::vector<std::pair<const std::string*, Tensor>> flags;
  for (const auto& [path, quantizer] : quantizers_) {
    for (const Tensor& flag : quantizer->unread_flags()) flags.emplace_back(&path, flag);
  }
  if (flags.empty()) return;
  Tensor all({std::ssize(flags)}, DType::i32, flags.front().second.device());
  for (std::int64_t i = 0; i < std::ssize(flags); ++i) {
    all.slice(i, i + 1).copy_from(flags[i].second);
  }
  const Tensor on_host = all.to(Device{});
  const auto values = on_host.span<std::int32_t>();
  const auto found = std::ranges::find_if(values, [](std::int32_t flag) { return flag != 0; });
  if (found == values.end()) return;
  Error error = non_finite_input();
  error.within(*flags[found - values.begin()].first);
  throw error;
}

}  // namespace lq
