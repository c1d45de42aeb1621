#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "deploy/layer_parts.h"
#include "deploy/packed_file.h"
#include "deploy/packed_format.h"
#include "deploy/validate.h"

namespace lq::deploy {

namespace {

using Json = nlohmann::json;
using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::Conv2dGeometry;
using kernels::FloatSegment;
using kernels::GridSegment;
using packed_format::ThresholdForm;

bool is_all(std::span<const float> values, float expected) {
  return std::ranges::all_of(values, [expected](float value) {
    return std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(expected);
  });
}

template <typename T>
Tensor tensor_of(const std::vector<T>& values) {
  return Tensor::from(values, {std::ssize(values)});
}

/// Turns a model into tensors and the text of the program.
class Encoder {
 public:
  explicit Encoder(const PackedModel& model) : model_(model) {
    for (const Value& value : model.values) {
      Json extents = {value.h, value.w, value.c};
      if (value.kind != ValueKind::floats) extents.push_back(value.planes);
      values_.push_back(std::move(extents));
    }
    for (index_ = 0; index_ < model.operations.size(); ++index_) {
      operations_.push_back(std::visit(*this, model.operations[index_]));
    }
  }

  /// The lowest that has words for all that there is.
  std::string_view version() const {
    if (shares_bases_) return packed_format_version_3;
    return packed_format::fits_version_1(model_) ? packed_format_version : packed_format_version_2;
  }

  std::string program() const {
    Json program = {{"name", model_.name},
                    {"scale", model_.preprocessing.scale.front()},
                    {"pads", model_.preprocessing.pads_small_images},
                    {"classes", model_.class_names},
                    {"input", model_.input},
                    {"output", model_.output},
                    {"values", values_},
                    {"operations", operations_}};
    if (!model_.variant.empty()) program[packed_format::variant_key] = model_.variant;
    if (version() != packed_format_version) add_preprocessing(program);
    try {
      return program.dump();
    } catch (const Json::exception&) {
      fail("packed model: a name is not UTF-8 text");
    }
  }

  std::vector<NamedTensor> take_tensors() {
    std::vector<NamedTensor> tensors = std::move(weights_);
    const Value& input = model_.values[model_.input];
    if (!model_.preprocessing.mean.empty()) {
      const Shape shape = packed_format::has_channel_mean(model_)
                              ? Shape{1, 1, input.c}
                              : Shape{input.h, input.w, input.c};
      tensors.emplace_back(packed_format::mean_name,
                           Tensor::from(model_.preprocessing.mean, shape));
    }
    if (!floats_.empty()) tensors.emplace_back(packed_format::floats_name, tensor_of(floats_));
    if (!bytes_.empty()) tensors.emplace_back(packed_format::bytes_name, tensor_of(bytes_));
    return tensors;
  }

  Json operator()(const Convolution& operation) {
    const kernels::BitconvDescription& description = operation.description;
    const Conv2dGeometry& g = description.geometry;
    start_layer(operation);
    Json segments = Json::array();
    for (std::size_t s = 0; s < operation.inputs.size(); ++s) {
      segments.push_back(segment(operation, s));
    }
    if (is_partial_name(operation.name)) {
      for (const std::size_t sums : operation.float_outputs) bases_of_sums_[sums] = bases_;
    }
    const bool scaled = !is_all(description.scale, 1.0F);
    const bool shifted = !is_all(description.shift, 0.0F);
    if (scaled) append(description.scale);
    if (shifted) append(description.shift);
    Json floats = Json::array();
    for (std::size_t i = 0; i < operation.float_outputs.size(); ++i) {
      floats.push_back(float_output(operation, i));
    }
    Json symbols = Json::array();
    for (std::size_t i = 0; i < operation.symbol_outputs.size(); ++i) {
      symbols.push_back(symbol_output(operation, i));
    }
    return {packed_format::convolution,
            operation.name,
            {g.kernel_h, g.kernel_w, g.stride_h, g.stride_w, g.pad_top, g.pad_bottom, g.pad_left,
             g.pad_right},
            std::move(segments),
            operation.residual ? Json(*operation.residual) : Json(-1),
            (scaled ? packed_format::has_scale : 0) + (shifted ? packed_format::has_shift : 0),
            std::move(floats),
            std::move(symbols)};
  }

  Json operator()(const MaxPool& pool) {
    Json entry = window_pool(packed_format::max_pool, pool);
    entry.push_back(pool.order);
    return entry;
  }
  Json operator()(const AveragePool& pool) {
    return window_pool(packed_format::average_pool, pool);
  }
  Json operator()(const GlobalAveragePool& pool) {
    return {packed_format::global_average_pool, pool.name, pool.input, pool.output};
  }
  Json operator()(const Dequantize& operation) {
    append(operation.levels);
    return {packed_format::dequantize, operation.name, operation.input, operation.output,
            operation.levels.size()};
  }
  Json operator()(const ChannelPad& pad) {
    return {packed_format::channel_pad, pad.name, pad.input, pad.output, pad.before};
  }
  Json operator()(const Concat& concat) {
    return {packed_format::concat, concat.name, concat.inputs, concat.output};
  }

 private:
  void add_preprocessing(Json& program) const {
    const Preprocessing& preprocessing = model_.preprocessing;
    program["scale"] = preprocessing.scale;
    program[packed_format::shorter_side_key] = preprocessing.shorter_side;
    program[packed_format::order_key] = preprocessing.bgr ? "bgr" : "rgb";
    for (const auto& [resampling, name] : packed_format::resampling_names) {
      if (resampling == preprocessing.resampling) program[packed_format::resampling_key] = name;
    }
  }

  template <typename Pool>
  static Json window_pool(std::string_view kind, const Pool& pool) {
    return {kind,        pool.name,   pool.input,   pool.output,
            pool.kernel, pool.stride, pool.pad_top, pool.pad_left};
  }

  void append(std::span<const float> values) {
    floats_.insert(floats_.end(), values.begin(), values.end());
  }
  void append(std::span<const std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  /// A basis that is in the file.
  struct StoredBasis {
    packed_format::BasisView basis;
    std::size_t operation = 0;
    std::size_t segment = 0;
  };
  /// The last ones of a layer: of floats and of whole numbers.
  using LastBases = std::array<StoredBasis, 2>;

  /// Segments share bases within a layer alone. Those of different layers are the same where
  /// nothing was learned, and such files had better stay readable for programs without version 3.
  void start_layer(const Convolution& operation) {
    bases_ = {};
    if (!operation.residual) return;
    const auto part_before = bases_of_sums_.find(*operation.residual);
    if (part_before != bases_of_sums_.end()) bases_ = part_before->second;
  }

  /// The segment's entry of the program: its input, how its weights are stored, and which segment
  /// has their basis if it is another.
  Json segment(const Convolution& operation, std::size_t s) {
    const CodedWeights none;
    const CodedWeights& coded = operation.coded_weights.empty() ? none : operation.coded_weights[s];
    const packed_format::BasisView basis = packed_format::basis_of(operation, s);
    StoredBasis& last = bases_[basis.scale.empty() ? 0 : 1];
    has_own_basis_ = basis.bits == 0 || !is_same(basis, last.basis);
    const auto encode = [&](const auto& kind) {
      return encode_segment(kind, coded, operation.description.geometry);
    };
    auto [weights, entry] = std::visit(encode, operation.description.segments[s]);
    weights_.emplace_back(packed_format::weights_name(index_, s), std::move(weights));
    entry.insert(entry.begin(), operation.inputs[s]);
    if (!has_own_basis_) {
      entry.push_back(Json::array({last.operation, last.segment}));
      shares_bases_ = true;
    } else if (basis.bits != 0) {
      last = {basis, index_, s};
    }
    return entry;
  }

  struct EncodedSegment {
    Tensor weights;
    Json entry;  ///< without the input
  };

  EncodedSegment encode_segment(const BitSegment& bits, const CodedWeights&,
                                const Conv2dGeometry&) {
    if (has_own_basis_) append(bits.weight_basis);
    append(bits.input_basis);
    return {tensor_of(packed_format::pack_codes(bits.weight_codes, bits.weight_bits)),
            Json::array({bits.weight_bits})};
  }

  EncodedSegment encode_segment(const GridSegment& grid, const CodedWeights& coded,
                                const Conv2dGeometry& g) {
    if (has_own_basis_) append(grid.weight_scale);
    append({&grid.input_scale, 1});
    const Json entry = Json::array({coded.bits, grid.zero_point});
    if (coded.bits == 0) {
      const std::vector<std::uint8_t> bytes(grid.weights.begin(), grid.weights.end());
      return {Tensor::from(bytes, {g.c_out, g.kernel_h, g.kernel_w, grid.channels}), entry};
    }
    if (has_own_basis_) {
      for (const float element : coded.basis) {
        bytes_.push_back(static_cast<std::uint8_t>(static_cast<std::int8_t>(element)));
      }
    }
    return {tensor_of(packed_format::pack_codes(coded.codes, coded.bits)), entry};
  }

  EncodedSegment encode_segment(const FloatSegment& floats, const CodedWeights&,
                                const Conv2dGeometry& g) {
    return {Tensor::from(floats.weights, {g.c_out, g.kernel_h, g.kernel_w, floats.channels}),
            Json::array({0})};
  }

  EncodedSegment encode_segment(const CodedFloatSegment& coded, const CodedWeights&,
                                const Conv2dGeometry&) {
    if (has_own_basis_) append(coded.weight_basis);
    return {tensor_of(packed_format::pack_codes(coded.weight_codes, coded.weight_bits)),
            Json::array({coded.weight_bits})};
  }

  Json float_output(const Convolution& operation, std::size_t i) {
    const kernels::BitconvFloatOutput& output = operation.description.float_outputs[i];
    append(output.scale);
    append(output.shift);
    return {operation.float_outputs[i], (output.scale.empty() ? 0 : packed_format::has_affine) +
                                            (output.relu ? packed_format::has_relu : 0)};
  }

  Json symbol_output(const Convolution& operation, std::size_t i) {
    const kernels::BitconvSymbolOutput& output = operation.description.symbol_outputs[i];
    auto form = ThresholdForm::plain;
    if (!operation.folded_thresholds.empty() && !operation.folded_thresholds[i].scale.empty()) {
      const FoldedThresholds& folded = operation.folded_thresholds[i];
      form = ThresholdForm::folded;
      append(folded.levels);
      append(folded.scale);
      append(folded.shift);
    } else {
      append(output.thresholds);
      if (!is_all(output.signs, 1.0F)) {
        form = ThresholdForm::signs;
        std::vector<std::uint8_t> is_negative;
        for (const float sign : output.signs) is_negative.push_back(sign < 0 ? 1 : 0);
        append(packed_format::pack_codes(is_negative, 1));
      }
    }
    return {operation.symbol_outputs[i], static_cast<int>(form), output.symbols};
  }

  const PackedModel& model_;
  std::size_t index_ = 0;  // of the operation
  Json values_ = Json::array();
  Json operations_ = Json::array();
  std::vector<NamedTensor> weights_;
  std::vector<float> floats_;
  std::vector<std::uint8_t> bytes_;
  LastBases bases_;                                           // of the layer so far
  std::unordered_map<std::size_t, LastBases> bases_of_sums_;  // by the value of partial sums
  bool has_own_basis_ = true;                                 // the segment at hand
  bool shares_bases_ = false;
};

}  // namespace

std::vector<std::byte> packed_model_bytes(const PackedModel& model) {
  validate(model);
  Encoder encoder(model);
  const Metadata metadata = {
      {std::string(packed_format::format_key), std::string(packed_format_name)},
      {std::string(packed_format::version_key), std::string(encoder.version())},
      {std::string(packed_format::program_key), encoder.program()}};
  return safetensors_bytes(encoder.take_tensors(), metadata);
}

void write_packed_model(const std::filesystem::path& path, const PackedModel& model) {
  write_file_atomically(path, within_file(path, [&] { return packed_model_bytes(model); }));
}

}  // namespace lq::deploy
