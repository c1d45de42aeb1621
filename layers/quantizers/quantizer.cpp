#include "layers/quantizers/quantizer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "autograd/quantize.h"
#include "kernels/int8_grid/int8_grid.h"
#include "layers/quantizers/dorefa.h"
#include "layers/quantizers/hwgq.h"
#include "layers/quantizers/lq.h"
#include "layers/quantizers/quantizer_attributes.h"
#include "layers/quantizers/xnor.h"

namespace lq {

namespace {

void require_finite(const LevelStatistics& statistics) {
  if (statistics.non_finite.to(Device{}).data<std::int32_t>()[0] != 0) throw non_finite_input();
}

template <typename T>
void add(Tensor& total, const Tensor& part) {
  const Tensor on_host = part.to(Device{});
  std::ranges::transform(std::as_const(total).span<T>(), on_host.span<T>(), total.span<T>().begin(),
                         std::plus<>());
}

/// What one pass over all values would have counted. There are few numbers, so the host adds them.
LevelStatistics sum(std::span<const LevelStatistics> parts) {
  LevelStatistics total = parts.front();
  if (parts.size() == 1 || !total.counts.defined()) return total;
  const Device device = total.counts.device();
  total.counts = total.counts.clone().to(Device{});
  total.sums = total.sums.clone().to(Device{});
  for (const LevelStatistics& part : parts.subspan(1)) {
    add<std::int64_t>(total.counts, part.counts);
    add<double>(total.sums, part.sums);
  }
  total.counts = total.counts.to(device);
  total.sums = total.sums.to(device);
  return total;
}

}  // namespace

Quantizer::Quantizer(int bits) : bits_(bits) {
  check(bits >= 1 && bits <= kernels::max_bits, "quantizer: {} bits given, expected 1 to {}", bits,
        kernels::max_bits);
}

Error non_finite_input() {
  return Error("quantizer input has NaN or infinite values (has training diverged?)");
}

bool Quantizer::gathers() const {
  return training() && !(step_ && repeats_within_step() && !step_->statistics.empty());
}

Variable Quantizer::quantize_with(const LevelTable& table, const Assignment& assign) {
  LevelStatistics statistics(table, /*counts_and_sums=*/gathers() && learns());
  Variable quantized = assign(table, statistics);
  if (step_ && quantized.device() != Device{}) {
    step_->unread_flags.push_back(statistics.non_finite);
  } else {
    require_finite(statistics);
  }
  if (!gathers()) return quantized;
  if (step_) {
    step_->table = table;
    step_->statistics.push_back(std::move(statistics));
  } else {
    observe(table, statistics);
  }
  return quantized;
}

void Quantizer::learn_from_step() {
  if (step_ && !step_->statistics.empty()) observe(*step_->table, sum(step_->statistics));
}

std::span<const Tensor> Quantizer::unread_flags() const {
  return step_ ? std::span<const Tensor>(step_->unread_flags) : std::span<const Tensor>();
}

LevelTable Quantizer::fixed(const LevelTable& table) {
  for (const Tensor& tensor : {table.levels, table.thresholds, table.codes, table.pass_range}) {
    add_constant(tensor);
  }
  return table;
}

autograd::Attributes Quantizer::attributes(std::string_view side) const {
  return {{quantizer_attributes::bits, std::int64_t{bits()}},
          {quantizer_attributes::kind, std::string(kind())},
          {quantizer_attributes::side, std::string(side)}};
}

Variable WeightQuantizer::forward(const Variable& weights) {
  return quantize_with(
      table(weights.value()), [&](const LevelTable& table, LevelStatistics& statistics) {
        return autograd::quantize(prepare(weights), table, &statistics, /*identity_gradient=*/true,
                                  attributes(quantizer_attributes::weights));
      });
}

Variable ActivationQuantizer::forward(const Variable& x) {
  return quantize_by([&](const LevelTable& table, LevelStatistics& statistics) {
    return autograd::quantize(x, table, &statistics, /*identity_gradient=*/false,
                              attributes(quantizer_attributes::activations), packs_codes());
  });
}

namespace {

/// One kind of quantizer: its name and its two factories. A new kind adds a row.
struct Kind {
  std::string_view name;
  int max_weight_bits;
  int max_activation_bits;
  std::function<std::unique_ptr<WeightQuantizer>(const Quantization&, const Shape& weights)>
      weights;
  std::function<std::unique_ptr<ActivationQuantizer>(const Quantization&)> activations;
};

Kind learned(BasisValues values, int max_bits) {
  return {kind_of(values), max_bits, max_bits,
          [values](const Quantization& chosen, const Shape& weights) {
            return std::make_unique<LqWeightQuantizer>(chosen.w_bits, weights, chosen.lq.weights,
                                                       values);
          },
          [values](const Quantization& chosen) {
            return std::make_unique<LqActivationQuantizer>(chosen.a_bits, chosen.lq.activations,
                                                           values);
          }};
}

const std::vector<Kind>& kinds() {
  using kernels::max_bits;
  static const std::vector<Kind> table = {
      learned(BasisValues::any, max_bits),
      learned(BasisValues::int8_grid, kernels::max_grid_bits),
      {"hwgq", 1, max_bits,
       [](const Quantization&, const Shape& weights) {
         return std::make_unique<XnorWeightQuantizer>(weights);
       },
       [](const Quantization& chosen) {
         return std::make_unique<HwgqActivationQuantizer>(chosen.a_bits);
       }},
      {"dorefa", max_bits, max_bits,
       [](const Quantization& chosen, const Shape&) {
         return std::make_unique<DorefaWeightQuantizer>(chosen.w_bits);
       },
       [](const Quantization& chosen) {
         return std::make_unique<DorefaActivationQuantizer>(chosen.a_bits);
       }},
      {"xnor", 1, 1,
       [](const Quantization&, const Shape& weights) {
         return std::make_unique<XnorWeightQuantizer>(weights);
       },
       [](const Quantization&) { return std::make_unique<SignActivationQuantizer>(); }},
  };
  return table;
}

const Kind& find_kind(std::string_view name) {
  const auto found = std::ranges::find(kinds(), name, &Kind::name);
  check(found != kinds().end(), "quantizer '{}' is not known, expected one of: {}", name,
        fmt::join(quantizer_kinds(), ", "));
  return *found;
}

void check_bits(std::string_view side, int bits, int most, std::string_view kind) {
  check((bits >= 1 && bits <= kernels::max_bits) || bits == float_bits,
        "{} bits: {} given, expected 1 to {}, or {} for floating point", side, bits,
        kernels::max_bits, float_bits);
  check(bits <= most || bits == float_bits,
        "{} bits: {} given, but quantizer '{}' has {} there (or {} for floating point)", side, bits,
        kind, most == 1 ? "1 bit" : fmt::format("1 to {}", most), float_bits);
}

}  // namespace

std::vector<std::string> quantizer_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

void validate(const Quantization& quantization) {
  const Kind& kind = find_kind(quantization.kind);
  check_bits("weight", quantization.w_bits, kind.max_weight_bits, kind.name);
  check_bits("activation", quantization.a_bits, kind.max_activation_bits, kind.name);
}

std::unique_ptr<WeightQuantizer> make_weight_quantizer(const Quantization& quantization,
                                                       const Shape& weights) {
  validate(quantization);
  if (quantization.w_bits == float_bits) return nullptr;
  return find_kind(quantization.kind).weights(quantization, weights);
}

std::unique_ptr<ActivationQuantizer> make_activation_quantizer(const Quantization& quantization) {
  validate(quantization);
  if (quantization.a_bits == float_bits) return nullptr;
  auto quantizer = find_kind(quantization.kind).activations(quantization);
  quantizer->set_packs_codes(quantization.bit_forward);
  return quantizer;
}

std::vector<std::string> quantizer_warnings(Module& module) {
  std::vector<std::string> warnings;
  module.visit([&](const std::string& path, Module& part) {
    if (const auto* quantizer = dynamic_cast<const Quantizer*>(&part)) {
      const std::string line = quantizer->health();
      if (!line.empty()) warnings.push_back(path + ": " + line);
    }
  });
  return warnings;
}

}  // namespace lq
