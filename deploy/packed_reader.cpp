#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/io/mapped_file.h"
#include "core/io/safetensors.h"
#include "deploy/folding.h"
#include "deploy/packed_file.h"
#include "deploy/packed_format.h"
#include "deploy/program_list.h"
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

/// Text from a file for one line of a message: quoted, control characters escaped, cut off.
std::string displayed(std::string_view text) { return fmt::format("{:?}", text.substr(0, 100)); }

/// Numbers of a tensor, taken in order.
template <typename T>
class NumberStream {
 public:
  NumberStream(const SafetensorsFile& file, std::string_view name) : name_(name) {
    const Tensor* tensor = file.find(name);
    if (tensor == nullptr) return;
    check(tensor->dtype() == dtype_of<T> && tensor->shape().rank() == 1,
          "tensor {} is {} of {}, expected a row of {}", name, tensor->shape(),
          name_of(tensor->dtype()), name_of(dtype_of<T>));
    rest_ = tensor->span<T>();
  }

  std::span<const T> take(std::int64_t count) {
    check(std::cmp_less_equal(count, rest_.size()), "tensor {} is too short by {} elements", name_,
          count - std::ssize(rest_));
    const std::span<const T> taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::vector<T> take_vector(std::int64_t count) {
    const std::span<const T> taken = take(count);
    return {taken.begin(), taken.end()};
  }

  void expect_end() const {
    check(rest_.empty(), "tensor {} is too long by {} elements", name_, rest_.size());
  }

 private:
  std::string_view name_;
  std::span<const T> rest_;
};

/// Turns tensors and the text of the program into a model. What it makes need not be sound, but is
/// in proportion to the file.
class Decoder {
 public:
  Decoder(const SafetensorsFile& file, std::string_view version)
      : file_(file),
        has_preprocessing_(version != packed_format_version),
        may_share_bases_(version == packed_format_version_3),
        floats_(file, packed_format::floats_name),
        bytes_(file, packed_format::bytes_name) {}

  PackedModel decode(const Json& program) {
    check(program.is_object(), "program is not an object");
    model_.name = text(program, "name");
    if (program.contains(packed_format::variant_key)) {
      model_.variant = text(program, packed_format::variant_key);
    }
    for (ProgramList names(member(program, "classes"), "classes"); !names.at_end();) {
      model_.class_names.push_back(names.text());
    }
    decode_values({member(program, "values"), "values"});
    model_.input = index(program, "input");
    model_.output = index(program, "output");
    decode_preprocessing(program);
    ProgramList operations(member(program, "operations"), "operations");
    check(operations.size() <= max_parts, "{} operations, at most {} are possible",
          operations.size(), max_parts);
    for (index_ = 0; index_ < operations.size(); ++index_) {
      decode_operation(operations.list("operation"));
    }
    floats_.expect_end();
    bytes_.expect_end();
    check(tensors_ == file_.tensors.size(), "{} tensors, expected {}", file_.tensors.size(),
          tensors_);
    return std::move(model_);
  }

 private:
  static const Json& member(const Json& program, std::string_view key) {
    const auto found = program.find(key);
    check(found != program.end(), "program has no {:?}", key);
    return *found;
  }

  static std::string text(const Json& program, std::string_view key) {
    const Json& entry = member(program, key);
    check(entry.is_string(), "{} is not a string", key);
    return entry.get<std::string>();
  }

  static std::size_t index(const Json& program, std::string_view key) {
    const Json list = Json::array({member(program, key)});
    return ProgramList(list, key).integer(0, max_parts);
  }

  static float number(const Json& entry, std::string_view key) {
    check(entry.is_number(), "{} is not a number", key);
    const auto value = entry.get<double>();
    check(std::abs(value) <= std::numeric_limits<float>::max(), "{} is {}", key, value);
    return static_cast<float>(value);
  }

  void decode_values(ProgramList values) {
    check(values.size() <= max_parts, "{} values, at most {} are possible", values.size(),
          max_parts);
    while (!values.at_end()) {
      ProgramList entry = values.list("value");
      Value value;
      value.h = entry.integer(1, max_extent);
      value.w = entry.integer(1, max_extent);
      value.c = entry.integer(1, max_extent);
      if (!entry.at_end()) {
        value.planes = static_cast<int>(entry.integer(0, 8));
        value.kind = value.planes == 0 ? ValueKind::bytes : ValueKind::planes;
      }
      entry.expect_end();
      validate(value);
      model_.values.push_back(value);
    }
  }

  void decode_preprocessing(const Json& program) {
    Preprocessing& preprocessing = model_.preprocessing;
    if (has_preprocessing_) {
      decode_version_2(program);
    } else {
      preprocessing.scale = {number(member(program, "scale"), "scale")};
    }
    const Json& pads = member(program, "pads");
    check(pads.is_boolean(), "pads is neither true nor false");
    preprocessing.pads_small_images = pads.get<bool>();
    tensors_ += (file_.find(packed_format::floats_name) != nullptr ? 1 : 0) +
                (file_.find(packed_format::bytes_name) != nullptr ? 1 : 0);
    if (file_.find(packed_format::mean_name) == nullptr) return;
    const Value& input = value(model_.input);
    const Tensor& stored = *file_.find(packed_format::mean_name);
    const Shape of_channels{1, 1, input.c};
    const Shape shape = has_preprocessing_ && stored.shape() == of_channels
                            ? of_channels
                            : Shape{input.h, input.w, input.c};
    const auto numbers = tensor(packed_format::mean_name, shape, DType::f32).span<float>();
    preprocessing.mean.assign(numbers.begin(), numbers.end());
  }

  void decode_version_2(const Json& program) {
    Preprocessing& preprocessing = model_.preprocessing;
    const Json& scale = member(program, "scale");
    check(scale.is_array() && scale.size() <= max_extent, "scale is not a list");
    preprocessing.scale.clear();
    for (const Json& entry : scale) preprocessing.scale.push_back(number(entry, "scale"));
    const Json shorter_side = Json::array({member(program, packed_format::shorter_side_key)});
    preprocessing.shorter_side =
        ProgramList(shorter_side, packed_format::shorter_side_key).integer(0, max_extent);
    const std::string order = text(program, packed_format::order_key);
    check(order == "rgb" || order == "bgr", "order is {}, expected rgb or bgr", displayed(order));
    preprocessing.bgr = order == "bgr";
    const std::string name = text(program, packed_format::resampling_key);
    const auto known = std::ranges::find(packed_format::resampling_names, name,
                                         &std::pair<Resampling, const char*>::second);
    check(known != packed_format::resampling_names.end(), "resampling is {}, expected {} or {}",
          displayed(name), packed_format::resampling_names[0].second,
          packed_format::resampling_names[1].second);
    preprocessing.resampling = known->first;
  }

  const Value& value(std::size_t at) const {
    check(at < model_.values.size(), "value {} of {}", at, model_.values.size());
    return model_.values[at];
  }

  /// The tensor of that name, which must have this shape.
  const Tensor& tensor(std::string_view name, const Shape& shape, DType dtype) {
    const Tensor* found = file_.find(name);
    check(found != nullptr, "tensor {} is missing", name);
    check(found->shape() == shape && found->dtype() == dtype,
          "tensor {} is {} of {}, expected {} of {}", name, found->shape(), name_of(found->dtype()),
          shape, name_of(dtype));
    ++tensors_;
    return *found;
  }

  static std::size_t index(ProgramList& list) {
    return static_cast<std::size_t>(list.integer(0, max_parts));
  }

  void decode_operation(ProgramList list) {
    const std::string kind = list.text();
    const std::string name = list.text();
    try {
      model_.operations.push_back(decode_kind(kind, list));
      list.expect_end();
    } catch (const Error& error) {
      fail("operation {} {}: {}", index_, displayed(name), error.what());
    }
    std::visit([&](auto& operation) { operation.name = name; }, model_.operations.back());
  }

  Operation decode_kind(std::string_view kind, ProgramList& list) {
    if (kind == packed_format::convolution) return convolution(list);
    if (kind == packed_format::max_pool) {
      auto pool = window_pool<MaxPool>(list);
      for (ProgramList order = list.list("order"); !order.at_end();)
        pool.order.push_back(byte(order));
      return pool;
    }
    if (kind == packed_format::average_pool) return window_pool<AveragePool>(list);
    if (kind == packed_format::global_average_pool) {
      return GlobalAveragePool{.input = index(list), .output = index(list)};
    }
    if (kind == packed_format::dequantize) {
      Dequantize dequantize{.input = index(list), .output = index(list)};
      dequantize.levels = floats_.take_vector(list.integer(1, 256));
      return dequantize;
    }
    if (kind == packed_format::channel_pad) {
      return ChannelPad{
          .input = index(list), .output = index(list), .before = list.integer(0, max_extent)};
    }
    if (kind == packed_format::concat) {
      Concat concat;
      for (ProgramList inputs = list.list("inputs"); !inputs.at_end();) {
        concat.inputs.push_back(index(inputs));
      }
      concat.output = index(list);
      return concat;
    }
    fail("operation {} is not known", displayed(kind));
  }

  static std::uint8_t byte(ProgramList& list) {
    return static_cast<std::uint8_t>(list.integer(0, 255));
  }

  template <typename Pool>
  static Pool window_pool(ProgramList& list) {
    Pool pool;
    pool.input = index(list);
    pool.output = index(list);
    pool.kernel = list.integer(1, max_window);
    pool.stride = list.integer(1, max_window);
    pool.pad_top = list.integer(0, max_window);
    pool.pad_left = list.integer(0, max_window);
    return pool;
  }

  /// How the numbers of a convolution's outputs are stored.
  struct OutputForms {
    std::vector<int> floats;
    std::vector<ThresholdForm> symbols;
  };

  Convolution convolution(ProgramList& list) {
    Convolution operation;
    operation.description.geometry = window(list.list("window"));
    ProgramList segments = list.list("segments");
    const std::int64_t residual = list.integer(-1, max_parts);
    if (residual >= 0) operation.residual = static_cast<std::size_t>(residual);
    operation.description.has_residual = residual >= 0;
    const auto affine =
        static_cast<int>(list.integer(0, packed_format::has_scale + packed_format::has_shift));
    OutputForms forms;
    decode_float_outputs(list.list("float outputs"), operation, forms);
    decode_symbol_outputs(list.list("symbol outputs"), operation, forms);
    decode_segments(segments, operation);
    // The order in which the writer appends numbers.
    decode_affine(affine, operation.description);
    for (std::size_t i = 0; i < forms.floats.size(); ++i) {
      decode_float_numbers(forms.floats[i], operation, i);
    }
    for (std::size_t i = 0; i < forms.symbols.size(); ++i) {
      decode_thresholds(forms.symbols[i], operation, i);
    }
    return operation;
  }

  static Conv2dGeometry window(ProgramList list) {
    Conv2dGeometry g;
    g.n = 1;
    for (auto* extent : {&g.kernel_h, &g.kernel_w, &g.stride_h, &g.stride_w}) {
      *extent = list.integer(1, max_window);
    }
    for (auto* extent : {&g.pad_top, &g.pad_bottom, &g.pad_left, &g.pad_right}) {
      *extent = list.integer(0, max_window);
    }
    list.expect_end();
    return g;
  }

  static void decode_float_outputs(ProgramList outputs, Convolution& operation,
                                   OutputForms& forms) {
    while (!outputs.at_end()) {
      ProgramList entry = outputs.list("float output");
      operation.float_outputs.push_back(index(entry));
      const auto flags =
          static_cast<int>(entry.integer(0, packed_format::has_affine + packed_format::has_relu));
      entry.expect_end();
      forms.floats.push_back(flags);
      operation.description.float_outputs.push_back(
          {.relu = (flags & packed_format::has_relu) != 0});
    }
  }

  void decode_symbol_outputs(ProgramList outputs, Convolution& operation,
                             OutputForms& forms) const {
    while (!outputs.at_end()) {
      ProgramList entry = outputs.list("symbol output");
      operation.symbol_outputs.push_back(index(entry));
      forms.symbols.push_back(static_cast<ThresholdForm>(
          entry.integer(0, static_cast<std::int64_t>(ThresholdForm::folded))));
      kernels::BitconvSymbolOutput output;
      for (ProgramList symbols = entry.list("symbols"); !symbols.at_end();) {
        output.symbols.push_back(byte(symbols));
      }
      check(!output.symbols.empty(), "no symbols");
      entry.expect_end();
      output.planes = value(operation.symbol_outputs.back()).planes;
      operation.description.symbol_outputs.push_back(std::move(output));
    }
  }

  void decode_segments(ProgramList segments, Convolution& operation) {
    std::vector<ProgramList> entries;
    while (!segments.at_end()) {
      entries.push_back(segments.list("segment"));
      operation.inputs.push_back(index(entries.back()));
    }
    set_extents(operation);
    const std::int64_t channels = operation.description.geometry.c_out;
    bool has_codes = false;
    for (std::size_t s = 0; s < entries.size(); ++s) {
      CodedWeights coded;
      operation.description.segments.push_back(
          segment(entries[s], s, value(operation.inputs[s]), operation, coded));
      entries[s].expect_end();
      has_codes = has_codes || coded.bits != 0;
      operation.coded_weights.push_back(std::move(coded));
    }
    if (!has_codes) operation.coded_weights.clear();
    channels_ += channels;
    check(channels_ <= max_total_channels, "more than {} channels in all layers",
          max_total_channels);
  }

  /// Those that follow from the values.
  void set_extents(Convolution& operation) const {
    Conv2dGeometry& g = operation.description.geometry;
    check(!operation.float_outputs.empty() || !operation.symbol_outputs.empty(), "no outputs");
    g.c_out = value(operation.float_outputs.empty() ? operation.symbol_outputs[0]
                                                    : operation.float_outputs[0])
                  .c;
    if (operation.inputs.empty()) {
      check(operation.residual.has_value(), "neither segments nor a residual");
      const Value& residual = value(*operation.residual);
      g.h = g.out_h = residual.h;
      g.w = g.out_w = residual.w;
      return;
    }
    const Value& input = value(operation.inputs[0]);
    for (const std::size_t i : operation.inputs) g.c_in += value(i).c;
    g = kernels::conv2d_geometry(
        {1, input.h, input.w, g.c_in}, {g.c_out, g.kernel_h, g.kernel_w, g.c_in},
        {.stride_h = g.stride_h,
         .stride_w = g.stride_w,
         .padding =
             kernels::Padding::explicit_sides(g.pad_top, g.pad_bottom, g.pad_left, g.pad_right)});
  }

  kernels::BitconvSegment segment(ProgramList& entry, std::size_t s, const Value& input,
                                  const Convolution& operation, CodedWeights& coded) {
    const Conv2dGeometry& g = operation.description.geometry;
    SegmentWeights weights = {
        .name = packed_format::weights_name(index_, s),
        .shape = {g.c_out, g.kernel_h, g.kernel_w, input.c},
        .bits = static_cast<int>(entry.integer(input.kind == ValueKind::planes ? 1 : 0, 8))};
    check(weights.shape.elements() <= max_weights, "{} are too many weights", weights.shape);
    const bool is_grid = input.kind == ValueKind::bytes;
    const auto zero_point = static_cast<std::uint8_t>(is_grid ? entry.integer(0, 127) : 0);
    if (may_share_bases_ && weights.bits != 0 && !entry.at_end()) {
      weights.shared_basis = basis_at(entry.list("basis"), operation);
      check_basis(weights, is_grid);
    }
    switch (input.kind) {
      case ValueKind::planes:
        return bit_segment(weights, input);
      case ValueKind::bytes:
        return grid_segment(weights, zero_point, coded);
      case ValueKind::floats:
        break;
    }
    if (weights.bits == 0) return float_segment(weights);
    return coded_float_segment(weights);
  }

  struct SegmentWeights {
    std::string name;
    Shape shape;  ///< O R S C
    int bits;
    packed_format::BasisView shared_basis = {};  ///< of an earlier segment, or of no bits

    std::int64_t outputs() const { return shape[0]; }
    std::int64_t channels() const { return shape[3]; }
  };

  /// The basis of a segment of an earlier operation, or of the one at hand.
  packed_format::BasisView basis_at(ProgramList place, const Convolution& operation) const {
    const auto from = static_cast<std::size_t>(place.integer(0, std::ssize(model_.operations)));
    const Convolution* convolution =
        from == index_ ? &operation : std::get_if<Convolution>(&model_.operations[from]);
    const auto segment = static_cast<std::size_t>(place.integer(0, max_parts));
    place.expect_end();
    check(convolution != nullptr && segment < convolution->description.segments.size(),
          "basis of segment {} of operation {}, which is not before this one", segment, from);
    return packed_format::basis_of(*convolution, segment);
  }

  static void check_basis(const SegmentWeights& weights, bool is_grid) {
    const packed_format::BasisView& basis = weights.shared_basis;
    const std::int64_t elements = weights.outputs() * weights.bits;
    check(basis.bits == weights.bits && std::cmp_equal(basis.elements.size(), elements),
          "basis of another segment: {} elements of {} bits, expected {} of {}",
          basis.elements.size(), basis.bits, elements, weights.bits);
    check(basis.scale.empty() != is_grid, "basis of another segment: {}, expected {}",
          is_grid ? "floats" : "integers", is_grid ? "integers" : "floats");
  }

  /// Of the file, or of the earlier segment.
  std::vector<float> float_basis(const SegmentWeights& weights) {
    const std::span<const float> shared = weights.shared_basis.elements;
    if (!shared.empty()) return {shared.begin(), shared.end()};
    return floats_.take_vector(weights.outputs() * weights.bits);
  }

  std::vector<std::uint8_t> codes(const SegmentWeights& weights) {
    const std::int64_t count = weights.shape.elements();
    const Tensor& packed =
        tensor(weights.name, {packed_format::packed_bytes(count, weights.bits)}, DType::u8);
    return packed_format::unpack_codes(packed.span<std::uint8_t>(), count, weights.bits);
  }

  BitSegment bit_segment(const SegmentWeights& weights, const Value& input) {
    return {.channels = weights.channels(),
            .weight_bits = weights.bits,
            .input_bits = input.planes,
            .weight_codes = codes(weights),
            .weight_basis = float_basis(weights),
            .input_basis = floats_.take_vector(input.planes)};
  }

  GridSegment grid_segment(const SegmentWeights& weights, std::uint8_t zero_point,
                           CodedWeights& coded) {
    GridSegment segment{.channels = weights.channels(), .zero_point = zero_point};
    const std::span<const float> scale = weights.shared_basis.bits != 0
                                             ? weights.shared_basis.scale
                                             : floats_.take(weights.outputs());
    segment.weight_scale.assign(scale.begin(), scale.end());
    segment.input_scale = floats_.take(1)[0];
    if (weights.bits == 0) {
      const auto bytes = tensor(weights.name, weights.shape, DType::u8).span<std::uint8_t>();
      segment.weights.assign(bytes.begin(), bytes.end());
      return segment;
    }
    coded = {.bits = weights.bits, .codes = codes(weights)};
    coded.basis = grid_basis(weights);
    segment.weights = grid_weights(coded, weights.outputs());
    return segment;
  }

  /// The same of whole numbers.
  std::vector<float> grid_basis(const SegmentWeights& weights) {
    if (weights.shared_basis.bits != 0) return float_basis(weights);
    std::vector<float> basis;
    for (const std::uint8_t element : bytes_.take(weights.outputs() * weights.bits)) {
      basis.push_back(static_cast<std::int8_t>(element));
    }
    return basis;
  }

  FloatSegment float_segment(const SegmentWeights& weights) {
    const auto numbers = tensor(weights.name, weights.shape, DType::f32).span<float>();
    return {.channels = weights.channels(), .weights = {numbers.begin(), numbers.end()}};
  }

  CodedFloatSegment coded_float_segment(const SegmentWeights& weights) {
    return {.channels = weights.channels(),
            .weight_bits = weights.bits,
            .weight_codes = codes(weights),
            .weight_basis = float_basis(weights)};
  }

  void decode_affine(int affine, kernels::BitconvDescription& description) {
    const std::int64_t channels = description.geometry.c_out;
    description.scale = (affine & packed_format::has_scale) != 0 ? floats_.take_vector(channels)
                                                                 : std::vector(channels, 1.0F);
    description.shift = (affine & packed_format::has_shift) != 0 ? floats_.take_vector(channels)
                                                                 : std::vector(channels, 0.0F);
  }

  void decode_float_numbers(int flags, Convolution& operation, std::size_t i) {
    if ((flags & packed_format::has_affine) == 0) return;
    const std::int64_t channels = operation.description.geometry.c_out;
    kernels::BitconvFloatOutput& output = operation.description.float_outputs[i];
    output.scale = floats_.take_vector(channels);
    output.shift = floats_.take_vector(channels);
  }

  void decode_thresholds(ThresholdForm form, Convolution& operation, std::size_t i) {
    const std::int64_t channels = operation.description.geometry.c_out;
    kernels::BitconvSymbolOutput& output = operation.description.symbol_outputs[i];
    const std::int64_t count = std::ssize(output.symbols) - 1;
    if (form == ThresholdForm::folded) {
      operation.folded_thresholds.resize(operation.description.symbol_outputs.size());
      FoldedThresholds& folded = operation.folded_thresholds[i];
      folded = {.levels = floats_.take_vector(count),
                .scale = floats_.take_vector(channels),
                .shift = floats_.take_vector(channels)};
      set_thresholds(folded, output);
      return;
    }
    output.thresholds = floats_.take_vector(count * channels);
    output.signs.assign(channels, 1.0F);
    if (form != ThresholdForm::signs) return;
    const auto is_negative = packed_format::unpack_codes(
        bytes_.take(packed_format::packed_bytes(channels, 1)), channels, 1);
    for (std::int64_t o = 0; o < channels; ++o) {
      if (is_negative[o] != 0) output.signs[o] = -1.0F;
    }
  }

  const SafetensorsFile& file_;
  bool has_preprocessing_;  // in the words of version 2
  bool may_share_bases_;
  NumberStream<float> floats_;
  NumberStream<std::uint8_t> bytes_;
  PackedModel model_;
  std::size_t index_ = 0;      // of the operation
  std::size_t tensors_ = 0;    // that were asked for
  std::int64_t channels_ = 0;  // of all layers so far
};

std::string_view entry_of(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(std::string(key));
  check(found != metadata.end(), "not a packed network: its metadata has no {:?}", key);
  return found->second;
}

Json parse_program(std::string_view text) {
  constexpr int max_depth = 8;
  const auto limit_depth = [](int depth, Json::parse_event_t, Json&) {
    check(depth <= max_depth, "program is nested too deeply");
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::exception&) {
    fail("program is not valid JSON");
  }
}

}  // namespace

PackedModel parse_packed_model(std::span<const std::byte> file) {
  const SafetensorsFile parsed = parse_safetensors(file);
  const std::string_view format = entry_of(parsed.metadata, packed_format::format_key);
  check(format == packed_format_name, "format is {}, expected {}", displayed(format),
        packed_format_name);
  const std::string_view version = entry_of(parsed.metadata, packed_format::version_key);
  check(version == packed_format_version || version == packed_format_version_2 ||
            version == packed_format_version_3,
        "version is {}, this program reads {}, {} and {}", displayed(version),
        packed_format_version, packed_format_version_2, packed_format_version_3);
  PackedModel model =
      Decoder(parsed, version)
          .decode(parse_program(entry_of(parsed.metadata, packed_format::program_key)));
  validate(model);
  return model;
}

PackedModel read_packed_model(const std::filesystem::path& path) {
  const MappedFile file(path);
  return within_file(path, [&] { return parse_packed_model(file.bytes()); });
}

}  // namespace lq::deploy
