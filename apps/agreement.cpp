#include "apps/agreement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/packed_run.h"
#include "autograd/variable.h"
#include "core/error.h"
#include "layers/evaluation_scope.h"
#include "train/device_batches.h"

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

/// Returns whether the first class differs.
bool add_image(std::span<const float> exact, std::span<const float> packed, std::int32_t label,
               Agreement& sums) {
  check_scores("trained", sums.images, exact);
  check_scores("packed", sums.images, packed);
  float difference = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference = std::max(difference, std::abs(exact[i] - packed[i]));
  }
  ++sums.images;
  sums.largest_difference = std::max(sums.largest_difference, static_cast<double>(difference));
  sums.float_correct += first_class(exact) == label ? 1 : 0;
  sums.packed_correct += first_class(packed) == label ? 1 : 0;
  if (first_class(exact) == first_class(packed)) return false;
  ++sums.different;
  sums.largest_margin = std::max(sums.largest_margin, static_cast<double>(margin(exact)));
  return true;
}

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(values.size(), 1)));
}

/// How far rounding may move values of this size, in units of the last place of `size`. Errors of a
/// sum add up like a random walk: the square root of the number of terms, which is 70 for 512
/// channels in windows of 3 x 3. Batch normalization multiplies them by mean / deviation where the
/// mean is larger, and additions of residuals hand them on. Networks with sums of 576 terms show
/// about 20. The band is still so thin that a value ends up in it by chance once in ten thousand
/// times: what differs for another reason differs by more at most places.
double rounding_of(double size) {
  constexpr double units = 256;
  return units * std::numeric_limits<float>::epsilon() * size;
}

/// The positions among the levels of a quantizer that its symbols in a packed network stand for.
/// Symbols that no code has stand for none.
std::vector<std::optional<std::ptrdiff_t>> positions_of_symbols(
    const convert::QuantizerPlace& place) {
  std::vector<std::optional<std::ptrdiff_t>> positions(256);
  for (std::ptrdiff_t position = 0; position < place.table.size(); ++position) {
    positions[place.symbols[place.table.codes[position]]] = position;
  }
  return positions;
}

/// Whether `value` lies next to all thresholds between the two positions.
bool is_tie(float value, std::ptrdiff_t a, std::ptrdiff_t b, double size,
            std::span<const float> thresholds) {
  const auto [low, high] = std::minmax(a, b);
  return std::ranges::all_of(thresholds.subspan(low, high - low), [&](double threshold) {
    return std::abs(value - threshold) <= rounding_of(size + std::abs(threshold));
  });
}

/// Puts the levels of the packed network's symbols in the place of what the quantizer made of
/// `values`. Returns whether all symbols that differ are ties.
bool adopt_symbols(const convert::QuantizerPlace& place, std::span<const float> symbols,
                   std::span<const float> values, std::span<float> quantized) {
  const convert::QuantizerTable& table = place.table;
  check(symbols.size() == values.size(), "agreement: '{}' has {} values, but {} packed codes",
        table.scope, values.size(), symbols.size());
  const std::vector<std::uint8_t> codes = convert::assign_codes(table, values);
  const auto positions = positions_of_symbols(place);
  const double size = root_mean_square(values);
  bool are_ties = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto symbol = static_cast<std::uint8_t>(symbols[i]);
    const std::uint8_t expected = place.symbols[codes[i]];
    if (symbol == expected) continue;
    if (!positions[symbol]) return false;
    are_ties = are_ties &&
               is_tie(values[i], *positions[symbol], *positions[expected], size, table.thresholds);
    quantized[i] = table.levels[*positions[symbol]];
  }
  return are_ties;
}

bool agree(std::span<const float> exact, std::span<const float> packed) {
  const double rounding = rounding_of(root_mean_square(exact));
  return std::ranges::equal(exact, packed, [rounding](float a, float b) {
    return std::abs(static_cast<double>(a) - b) <= rounding;
  });
}

}  // namespace

RoundingReplay::RoundingReplay(Module& model, const deploy::PackedModel& packed,
                               std::span<const convert::QuantizerPlace> quantizers)
    : model_(model), quantizers_(quantizers), network_(packed, {.keep_values = true}) {}

bool RoundingReplay::explains(const Tensor& image) {
  std::vector<float> scores(network_.classes());
  network_.run(image.span<float>(), scores);

  bool are_ties = true;
  auto place = quantizers_.begin();
  const EvaluationScope evaluation(model_);
  const autograd::RecordModeScope tracing(autograd::RecordMode::trace);
  const autograd::TraceObserverScope observer([&](const autograd::Record& record,
                                                  std::span<const Variable> inputs,
                                                  const Variable& output) {
    if (place == quantizers_.end() || record.operation != "quantize" ||
        record.scope != place->table.scope) {
      return;
    }
    Tensor quantized = output.value();  // what comes next reads the same elements
    const bool ties = adopt_symbols(*place, network_.value(place->value),
                                    inputs[0].value().span<float>(), quantized.span<float>());
    are_ties = are_ties && ties;
    ++place;
  });
  const Variable exact = model_(Variable(image));
  check(place == quantizers_.end(), "agreement: quantizer '{}' did not run", place->table.scope);
  return are_ties && agree(exact.value().span<float>(), scores);
}

namespace {

void add_batch(Module& model, deploy::PackedNetwork& network, const Batch& batch,
               RoundingReplay* replay, Agreement& sums) {
  const std::int64_t classes = network.classes();
  const Variable logits = model(Variable(batch.images));
  std::vector<float> scores(batch.size() * classes);
  network.run(batch.images.span<float>(), scores);
  const auto exact = logits.value().span<float>();
  const auto labels = batch.labels.span<std::int32_t>();
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const bool differs =
        add_image(exact.subspan(i * classes, classes),
                  std::span<const float>(scores).subspan(i * classes, classes), labels[i], sums);
    if (!differs || replay == nullptr) continue;
    sums.ties += replay->explains(batch.images.slice(i, i + 1)) ? 1 : 0;
  }
}

}  // namespace

Agreement compare(Module& model, deploy::PackedNetwork& network, Loader& loader,
                  RoundingReplay* replay, const std::function<void(const Agreement&)>& on_batch) {
  const EvaluationScope evaluation(model);
  const autograd::NoGradScope no_grad;
  Agreement sums{.is_explained = replay != nullptr};
  DeviceBatches batches(loader, Device{});
  batches.start(/*epoch=*/0);
  while (const std::optional<Batch> batch = batches.next()) {
    if (batch->size() > 0) add_batch(model, network, *batch, replay, sums);
    if (on_batch) on_batch(sums);
  }
  sums.skipped_images = loader.skipped().count;
  return sums;
}

}  // namespace lq::apps
