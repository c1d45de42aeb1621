#include "layers/quantizers/quantizer.h"

#include <algorithm>
#include <functional>

#include "autograd/quantize.h"
#include "layers/quantizers/dorefa.h"
#include "layers/quantizers/hwgq.h"
#include "layers/quantizers/lq.h"
#include "layers/quantizers/xnor.h"

namespace lq {

Quantizer::Quantizer(int bits) : bits_(bits) {
  check(bits >= 1 && bits <= 8, "quantizer: {} bits given, expected 1 to 8", bits);
}

void ActivationQuantizer::observe(const LevelTable&, LevelStatistics& statistics) {
  require_finite(statistics);
}

Variable ActivationQuantizer::forward(const Variable& x) {
  const LevelTable current = table();
  LevelStatistics statistics(current, training() && learns());
  Variable y = autograd::quantize(
      x, current, &statistics, /*identity_gradient=*/false,
      {{"bits", std::int64_t{bits()}}, {"kind", std::string(kind())}, {"side", "activations"}});
  if (training()) {
    observe(current, statistics);
  } else {
    require_finite(statistics);
  }
  return y;
}

void require_finite(const LevelStatistics& statistics) {
  check(statistics.non_finite.to(Device{}).data<std::int32_t>()[0] == 0,
        "quantizer input has NaN or infinite values (has training diverged?)");
}

namespace {

/// One kind of quantizer: its name and its two factories. A new kind adds a row.
struct Kind {
  std::string_view name;
  bool one_bit_only_weights;
  bool one_bit_only_activations;
  std::function<std::unique_ptr<WeightQuantizer>(int bits, const Shape& weights)> weights;
  std::function<std::unique_ptr<ActivationQuantizer>(int bits)> activations;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {"lq", false, false,
       [](int bits, const Shape& weights) {
         return std::make_unique<LqWeightQuantizer>(bits, weights);
       },
       [](int bits) { return std::make_unique<LqActivationQuantizer>(bits); }},
      {"hwgq", true, false,
       [](int, const Shape& weights) { return std::make_unique<XnorWeightQuantizer>(weights); },
       [](int bits) { return std::make_unique<HwgqActivationQuantizer>(bits); }},
      {"dorefa", false, false,
       [](int bits, const Shape&) { return std::make_unique<DorefaWeightQuantizer>(bits); },
       [](int bits) { return std::make_unique<DorefaActivationQuantizer>(bits); }},
      {"xnor", true, true,
       [](int, const Shape& weights) { return std::make_unique<XnorWeightQuantizer>(weights); },
       [](int) { return std::make_unique<SignActivationQuantizer>(); }},
  };
  return table;
}

const Kind& find_kind(std::string_view name) {
  const auto found = std::ranges::find(kinds(), name, &Kind::name);
  check(found != kinds().end(), "quantizer '{}' is not known, expected one of: {}", name,
        fmt::join(quantizer_kinds(), ", "));
  return *found;
}

void check_bits(std::string_view side, int bits, bool one_bit_only, std::string_view kind) {
  check((bits >= 1 && bits <= 8) || bits == float_bits,
        "{} bits: {} given, expected 1 to 8, or 32 for floating point", side, bits);
  check(!one_bit_only || bits == 1 || bits == float_bits,
        "{} bits: {} given, but quantizer '{}' has 1 bit there (or 32 for floating point)", side,
        bits, kind);
}

}  // namespace

std::vector<std::string> quantizer_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

void validate(const Quantization& quantization) {
  const Kind& kind = find_kind(quantization.kind);
  check_bits("weight", quantization.w_bits, kind.one_bit_only_weights, kind.name);
  check_bits("activation", quantization.a_bits, kind.one_bit_only_activations, kind.name);
}

std::unique_ptr<WeightQuantizer> make_weight_quantizer(const Quantization& quantization,
                                                       const Shape& weights) {
  validate(quantization);
  if (quantization.w_bits == float_bits) return nullptr;
  return find_kind(quantization.kind).weights(quantization.w_bits, weights);
}

std::unique_ptr<ActivationQuantizer> make_activation_quantizer(const Quantization& quantization) {
  validate(quantization);
  if (quantization.a_bits == float_bits) return nullptr;
  return find_kind(quantization.kind).activations(quantization.a_bits);
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
