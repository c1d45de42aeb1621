#include "apps/layer_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include "convert/layer_nodes.h"
#include "convert/trace.h"
#include "core/error.h"
#include "layers/evaluation_scope.h"
#include "layers/quantizers/quantizer.h"
#include "train/device_batches.h"

namespace lq::apps {

namespace {

using convert::Graph;
using convert::Node;

Graph graph_of(Module& model, const Shape& input) {
  return convert::trace(model, Tensor::zeros({1, input[0], input[1], input[2]}));
}

std::vector<const Node*> layers_of(const Graph& graph) {
  std::vector<const Node*> layers;
  for (const Node& node : graph.nodes) {
    if (convert::is_layer(node)) layers.push_back(&node);
  }
  return layers;
}

std::vector<std::string> paths_of(const std::vector<const Node*>& layers) {
  std::vector<std::string> paths;
  std::ranges::transform(layers, std::back_inserter(paths), &Node::scope);
  return paths;
}

const Node& find_layer(const Graph& graph, const std::string& path) {
  const auto layers = layers_of(graph);
  const auto found = std::ranges::find(layers, path, &Node::scope);
  if (found != layers.end()) return **found;
  fail("layer '{}' is not known, expected one of: {}", path, fmt::join(paths_of(layers), ", "));
}

/// The middle one of the layers that are quantized on both sides, their inputs by one quantizer, or
/// else of all.
const Node& default_layer(const Graph& graph) {
  const std::vector<const Node*> all = layers_of(graph);
  check(!all.empty(), "the network has no convolution and no fully connected layer");
  std::vector<const Node*> quantized;
  std::ranges::copy_if(all, std::back_inserter(quantized), [&](const Node* layer) {
    const convert::InputQuantizers inputs = convert::input_quantizers(graph, *layer);
    return convert::weight_quantizer(graph, *layer) != nullptr && inputs.complete &&
           inputs.nodes.size() == 1;
  });
  const std::vector<const Node*>& candidates = quantized.empty() ? all : quantized;
  return *candidates[candidates.size() / 2];
}

/// Where the values of one side pass by: an argument of an operation.
struct Source {
  std::string operation;
  std::string scope;
  std::size_t argument = 0;

  bool matches(const autograd::Record& record) const {
    return record.operation == operation && record.scope == scope;
  }
};

Source source_of(const Node* quantizer, const Node& layer, std::size_t argument) {
  if (quantizer != nullptr) return {quantizer->operation, quantizer->scope, 0};
  return {layer.operation, layer.scope, argument};
}

const Node* input_quantizer(const Graph& graph, const Node& layer) {
  const convert::InputQuantizers quantizers = convert::input_quantizers(graph, layer);
  check(quantizers.nodes.size() <= 1, "layer '{}' has inputs from {} quantizers, expected one",
        layer.scope, quantizers.nodes.size());
  return quantizers.complete && !quantizers.nodes.empty() ? quantizers.nodes.front() : nullptr;
}

/// The module at `path` as a quantizer of one side.
template <typename Q>
const Q& quantizer_at(Module& model, const std::string& path) {
  const Q* found = nullptr;
  model.visit([&](const std::string& at, Module& module) {
    if (at == path) found = dynamic_cast<const Q*>(&module);
  });
  check(found != nullptr, "'{}' quantizes, but is no quantizer module", path);
  return *found;
}

/// Levels R x L of the quantizer that a node stands for.
Tensor weight_levels(Module& model, const Graph& graph, const Node& node) {
  std::size_t value = node.inputs[0];
  while (const Node* producer = graph.producer(value)) value = producer->inputs[0];
  const std::vector<Parameter> parameters = model.parameters();
  const auto weights = std::ranges::find(parameters, graph.values[value].name, &Parameter::name);
  check(weights != parameters.end(), "the weights that '{}' quantizes are no parameter",
        node.scope);
  return quantizer_at<WeightQuantizer>(model, node.scope)
      .table(weights->variable.value())
      .levels.clone()
      .to(Device{});
}

/// Copies, as those of weights are: fixed levels move with the model.
Tensor activation_levels(Module& model, const Node& node) {
  return quantizer_at<ActivationQuantizer>(model, node.scope).table().levels.clone().to(Device{});
}

/// Collects the values of one side, on the device that they come from. Values come as R rows where
/// there are R rows of levels, which are on the host.
class SideCollector {
 public:
  SideCollector(Source source, Tensor levels, Tensor initial_levels)
      : source_(std::move(source)),
        levels_(std::move(levels)),
        initial_levels_(std::move(initial_levels)) {}

  bool has_levels() const { return levels_.defined(); }
  std::int64_t rows() const { return has_levels() ? levels_.shape()[0] : 1; }
  bool empty() const { return values_.empty(); }
  const Source& source() const { return source_; }

  /// Of `before` (rows on its outermost axis) and what quantization made of it, `channel` or all.
  void add(const Tensor& before, const Tensor& after, std::optional<std::int64_t> channel) {
    const std::int64_t slices = channel ? before.shape()[0] : rows();
    const auto part = [&](const Tensor& of, std::int64_t begin, std::int64_t end) {
      return of.reshape({slices, of.elements() / slices}).slice(begin, end);
    };
    const std::int64_t first = channel.value_or(0);
    const std::int64_t end = channel ? first + 1 : slices;
    // A copy, since the memory that values lie in may be used again.
    values_.add(!channel && rows() > 1 ? normalized(before) : part(before, first, end).clone());
    if (!after.defined()) return;
    for (std::int64_t i = first; i < end; ++i) {
      count_levels(part(after, i, i + 1), rows() == 1 ? 0 : i);
    }
  }

  SideStatistics summarize(std::optional<std::int64_t> channel, int bins) && {
    SideStatistics side;
    side.values = values_.size();
    if (has_levels()) {
      side.normalized_channels = !channel && rows() > 1 ? rows() : 0;
      const bool has_one_row = channel && rows() > 1;
      const std::int64_t first = has_one_row ? *channel : 0;
      side.levels =
          summarize_levels(first, has_one_row ? first + 1 : rows(), side.normalized_channels > 0);
    }
    const auto [low, high] = range(side.levels);
    side.floating = histogram(values_, low, high, bins);
    return side;
  }

 private:
  double level(const Tensor& levels, std::int64_t row, std::int64_t l) const {
    return levels.span<float>()[row * levels.shape()[1] + l];
  }

  /// Top level of a row of levels: the unit of its values. All of them may be 0.
  double unit(std::int64_t row) const {
    const double top = level(levels_, row, levels_.shape()[1] - 1);
    return top > 0 ? top : 1.0;
  }

  /// Each row divided by its unit.
  Tensor normalized(const Tensor& values) const {
    Tensor host = values.clone().to(Device{});
    const std::int64_t size = host.elements() / rows();
    for (std::int64_t row = 0; row < rows(); ++row) {
      const auto scale = static_cast<float>(unit(row));
      for (float& value : host.span<float>().subspan(row * size, size)) value /= scale;
    }
    return host.to(values.device());
  }

  /// Values that are levels of a row: each is the lower edge of a bin.
  void count_levels(Tensor quantized, std::int64_t row) {
    const std::int64_t size = levels_.shape()[1];
    const auto levels = std::as_const(levels_).span<float>().subspan(row * size, size);
    std::vector<float> edges(levels.begin(), levels.end());
    edges.push_back(edges.back());
    ValueList list;
    list.add(std::move(quantized));
    const std::vector<std::int64_t> counts = list.counts(edges);
    counts_.resize(size);
    for (std::int64_t l = 0; l < size; ++l) counts_[l] += counts[1 + l];
  }

  std::vector<LevelSummary> summarize_levels(std::int64_t first_row, std::int64_t end_row,
                                             bool normalize) const {
    std::vector<LevelSummary> result(levels_.shape()[1]);
    const auto rows = static_cast<double>(end_row - first_row);
    for (std::int64_t l = 0; l < std::ssize(result); ++l) {
      LevelSummary& statistics = result[l];
      std::vector<float> positions;
      for (std::int64_t row = first_row; row < end_row; ++row) {
        statistics.initial += level(initial_levels_, row, l) / rows;
        statistics.learned += level(levels_, row, l) / rows;
        const double position = level(levels_, row, l) / (normalize ? unit(row) : 1.0);
        statistics.position += position / rows;
        positions.push_back(static_cast<float>(position));
      }
      statistics.position_p10 = quantile(positions, 0.1);
      statistics.position_p90 = quantile(positions, 0.9);
      statistics.count = counts_[l];
    }
    return result;
  }

  /// All levels, and all finite values but for the outermost 0.1 % on each side.
  std::pair<float, float> range(const std::vector<LevelSummary>& levels) const {
    float low = quantile(values_, 0.001).value_or(0.0F);
    float high = quantile(values_, 0.999).value_or(0.0F);
    const std::int64_t negative = values_.counts(std::array{0.0F, 0.0F})[0];
    if (negative == 0) low = 0;
    if (!levels.empty()) {
      low = std::min(low, static_cast<float>(levels.front().position));
      high = std::max(high, static_cast<float>(levels.back().position));
    }
    if (low < high) return {low, high};
    const float air = std::max(0.5F, std::abs(low) * 1e-3F);
    return {low - air, low + air};
  }

  Source source_;
  Tensor levels_;  // undefined for floating point
  Tensor initial_levels_;
  ValueList values_;
  std::vector<std::int64_t> counts_;
};

/// Runs images through the model and hands what passes the sources to their collectors; returns
/// the number of images.
std::int64_t observe(Module& model, Loader& loader, const LayerStatisticsOptions& options,
                     SideCollector& weights, SideCollector& activations) {
  const EvaluationScope evaluation(model);
  const autograd::RecordModeScope tracing(autograd::RecordMode::trace);
  auto collect = [](SideCollector& side, std::span<const Variable> inputs, const Variable& output,
                    std::optional<std::int64_t> channel) {
    side.add(inputs[side.source().argument].value(), side.has_levels() ? output.value() : Tensor(),
             channel);
  };
  const autograd::TraceObserverScope observer([&](const autograd::Record& record,
                                                  std::span<const Variable> inputs,
                                                  const Variable& output) {
    // The weights are the same for every batch.
    if (weights.empty() && weights.source().matches(record)) {
      collect(weights, inputs, output, options.channel);
    }
    if (activations.source().matches(record)) {
      collect(activations, inputs, output, std::nullopt);
    }
  });
  std::int64_t images = 0;
  DeviceBatches batches(loader, options.device);
  batches.start(/*epoch=*/0);
  while (images < options.images) {
    const std::optional<Batch> batch = batches.next();
    if (!batch) break;
    if (batch->size() == 0) continue;
    model(Variable(batch->images));
    images += batch->size();
    if (images < options.images) batches.prefetch();
  }
  return images;
}

void check_channel(const std::optional<std::int64_t>& channel, const Graph& graph,
                   const Node& layer) {
  const std::int64_t channels = graph.values[layer.inputs[1]].shape[0];
  check(!channel || (*channel >= 0 && *channel < channels),
        "channel {} is out of range, layer '{}' has output channels 0 to {}", channel.value_or(0),
        layer.scope, channels - 1);
}

}  // namespace

std::vector<std::string> layer_paths(Module& model, const Shape& input) {
  return paths_of(layers_of(graph_of(model, input)));
}

LayerStatistics layer_statistics(Module& model, Module& initial, const Shape& input, Loader& loader,
                                 const LayerStatisticsOptions& options) {
  check(options.images >= 1, "statistics: {} images, expected at least 1", options.images);
  const Graph graph = graph_of(model, input);
  const Node& layer =
      options.layer.empty() ? default_layer(graph) : find_layer(graph, options.layer);
  check_channel(options.channel, graph, layer);
  const Node* weight_node = convert::weight_quantizer(graph, layer);
  const Node* input_node = input_quantizer(graph, layer);

  SideCollector weights(source_of(weight_node, layer, 1),
                        weight_node ? weight_levels(model, graph, *weight_node) : Tensor(),
                        weight_node ? weight_levels(initial, graph, *weight_node) : Tensor());
  SideCollector activations(source_of(input_node, layer, 0),
                            input_node ? activation_levels(model, *input_node) : Tensor(),
                            input_node ? activation_levels(initial, *input_node) : Tensor());
  LayerStatistics result{
      .layer = layer.scope, .operation = layer.operation, .channel = options.channel};
  model.to(options.device);
  result.images = observe(model, loader, options, weights, activations);
  result.weights = std::move(weights).summarize(options.channel, options.bins);
  result.activations = std::move(activations).summarize(std::nullopt, options.bins);
  for (const auto& [node, side] :
       {std::pair(weight_node, &result.weights), std::pair(input_node, &result.activations)}) {
    if (node == nullptr) continue;
    side->bits = convert::quantizer_bits(*node);
    side->quantizer = node->scope;
  }
  return result;
}

}  // namespace lq::apps
