#include "apps/layer_statistics.h"

#include <algorithm>
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

const Node& find_layer(const Graph& graph, const std::string& path) {
  const auto layers = layers_of(graph);
  const auto found = std::ranges::find(layers, path, &Node::scope);
  if (found != layers.end()) return **found;
  std::vector<std::string_view> paths;
  std::ranges::transform(layers, std::back_inserter(paths), &Node::scope);
  fail("layer '{}' is not known, expected one of: {}", path, fmt::join(paths, ", "));
}

/// The middle one of the layers that are quantized on both sides, or else of all.
const Node& default_layer(const Graph& graph) {
  const std::vector<const Node*> all = layers_of(graph);
  check(!all.empty(), "the network has no convolution and no fully connected layer");
  std::vector<const Node*> quantized;
  std::ranges::copy_if(all, std::back_inserter(quantized), [&](const Node* layer) {
    return convert::weight_quantizer(graph, *layer) != nullptr &&
           convert::input_quantizers(graph, *layer).complete;
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
      .levels.to(Device{});
}

Tensor activation_levels(Module& model, const Node& node) {
  return quantizer_at<ActivationQuantizer>(model, node.scope).table().levels.to(Device{});
}

/// Collects the values of one side. Values come as R rows where there are R rows of levels.
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
    const std::int64_t size = before.elements() / slices;
    const auto values = before.span<float>();
    const auto quantized = after.defined() ? after.span<float>() : std::span<const float>();
    for (std::int64_t slice = channel.value_or(0); slice < (channel ? *channel + 1 : slices);
         ++slice) {
      add_slice(values.subspan(slice * size, size),
                quantized.empty() ? quantized : quantized.subspan(slice * size, size),
                rows() == 1 ? 0 : slice, /*normalize=*/!channel && rows() > 1);
    }
  }

  SideStatistics summarize(std::optional<std::int64_t> channel, int bins) && {
    SideStatistics side;
    side.values = std::ssize(values_);
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

  void add_slice(std::span<const float> values, std::span<const float> quantized, std::int64_t row,
                 bool normalize) {
    const auto scale = static_cast<float>(normalize ? unit(row) : 1.0);
    for (const float value : values) values_.push_back(value / scale);
    if (quantized.empty()) return;
    const std::int64_t size = levels_.shape()[1];
    counts_.resize(size);
    const auto levels = std::as_const(levels_).span<float>().subspan(row * size, size);
    for (const float value : quantized) {
      const auto place = std::ranges::lower_bound(levels, value) - levels.begin();
      ++counts_[std::min<std::int64_t>(place, size - 1)];
    }
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

  /// All levels, and all values but for the outermost 0.1 % on each side.
  std::pair<double, double> range(const std::vector<LevelSummary>& levels) {
    double low = quantile(values_, 0.001);
    double high = quantile(values_, 0.999);
    if (std::ranges::min(values_) >= 0) low = 0;
    if (!levels.empty()) {
      low = std::min(low, levels.front().position);
      high = std::max(high, levels.back().position);
    }
    return low < high ? std::pair(low, high) : std::pair(low - 0.5, low + 0.5);
  }

  Source source_;
  Tensor levels_;  // undefined for floating point
  Tensor initial_levels_;
  std::vector<float> values_;
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
  DeviceBatches batches(loader, Device{});
  batches.start(/*epoch=*/0);
  while (images < options.images) {
    const std::optional<Batch> batch = batches.next();
    if (!batch) break;
    if (batch->size() == 0) continue;
    model(Variable(batch->images));
    images += batch->size();
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
