#include "autograd/bit_conv2d.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "autograd/conv2d_record.h"
#include "autograd/level_table.h"
#include "core/packed_layout.h"
#include "core/stream.h"
#include "core/threads.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitpack/bitpack.h"
#include "kernels/common/level_basis.h"

namespace lq::autograd {

namespace {

using kernels::CodeAlphabet;

/// What the levels on both sides are sums of.
struct Bases {
  std::vector<float> weight;  // O x weight bits
  std::vector<float> input;   // input bits
};

bool is_packable(const Variable& variable) {
  return variable.levels() != nullptr && variable.device().type == DeviceType::cpu &&
         variable.levels()->levels.shape()[1] <= 1 << kernels::max_packed_bits;
}

/// Nothing where codes cannot stand for the values.
std::optional<Bases> bases_of(const Variable& x, const Variable& weight) {
  if (!is_packable(x) || !is_packable(weight) || x.levels()->levels.shape()[0] != 1) {
    return std::nullopt;
  }
  auto input = kernels::level_basis(x.levels()->view(), CodeAlphabet::zero_one);
  auto weights = kernels::level_basis(weight.levels()->view(), CodeAlphabet::minus_plus_one);
  if (!input || !weights) return std::nullopt;
  Bases bases{.input = std::move(*input)};
  // A table for the whole tensor counts for each output channel.
  const std::int64_t copies = weight.shape()[0] / weight.levels()->levels.shape()[0];
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    bases.weight.insert(bases.weight.end(), weights->begin(), weights->end());
  }
  return bases;
}

/// The code of each weight: that of the highest level which it reaches.
std::vector<std::uint8_t> weight_codes(const Tensor& weight, const LevelTable& table) {
  const std::int64_t rows = table.levels.shape()[0];
  const std::int64_t size = table.levels.shape()[1];
  const std::int64_t row_values = weight.elements() / rows;
  std::vector<std::uint8_t> codes(weight.elements());
  parallel_for(rows, [&](std::int64_t row) {
    const float* levels = table.levels.data<float>() + row * size;
    const std::uint8_t* codes_of_levels = table.codes.data<std::uint8_t>() + row * size;
    const float* from = weight.data<float>() + row * row_values;
    std::uint8_t* to = codes.data() + row * row_values;
    for (std::int64_t i = 0; i < row_values; ++i) {
      int position = 0;
      for (std::int64_t l = 1; l < size; ++l) position += from[i] >= levels[l] ? 1 : 0;
      to[i] = codes_of_levels[position];
    }
  });
  return codes;
}

kernels::BitconvDescription describe(const kernels::Conv2dGeometry& geometry, Bases bases,
                                     std::vector<std::uint8_t> codes, const Variable& bias) {
  kernels::BitSegment segment{
      .channels = geometry.c_in,
      .weight_bits = static_cast<int>(std::ssize(bases.weight) / geometry.c_out),
      .input_bits = static_cast<int>(std::ssize(bases.input)),
      .weight_codes = std::move(codes),
      .weight_basis = std::move(bases.weight),
      .input_basis = std::move(bases.input)};
  kernels::BitconvDescription description{.geometry = geometry};
  description.geometry.n = 1;
  description.segments.emplace_back(std::move(segment));
  description.scale.assign(geometry.c_out, 1.0F);
  description.shift.assign(geometry.c_out, 0.0F);
  if (bias.defined()) std::ranges::copy(bias.value().span<float>(), description.shift.begin());
  description.float_outputs.emplace_back();
  return description;
}

/// The values of `x` as codes, a plane per bit.
Tensor pack(const Tensor& x, const LevelTable& table, std::int64_t planes) {
  const std::int64_t channels = x.shape()[-1];
  const Shape matrix{x.elements() / channels, channels};
  Tensor codes({planes, matrix[0], packed::words(channels)}, DType::i32);
  kernels::bitpack_forward(current_stream(x.device()), x.reshape(matrix).view<float>(),
                           table.view(), codes.view<std::int32_t>());
  return codes;
}

Tensor unpack(const Tensor& codes, const LevelTable& table, const Shape& shape) {
  Tensor x(shape);
  Tensor matrix = x.reshape({codes.shape()[1], shape[-1]});
  kernels::bitpack_inverse(current_stream(x.device()), codes.view<std::int32_t>(), table.view(),
                           matrix.view<float>());
  return x;
}

void run(const kernels::Bitconv& convolution, const Tensor& codes, std::int64_t batch, Tensor& y) {
  const kernels::BitconvBuffer<const void*> input{codes.raw(), codes.shape()[1] * codes.shape()[2]};
  float* const result = y.data<float>();
  const kernels::BitconvOperands operands{
      .batch = batch, .inputs = {&input, 1}, .floats = {&result, 1}};
  const int workers = num_threads();
  constexpr std::int64_t alignment = 64;
  const auto wanted = static_cast<std::int64_t>(convolution.scratch_bytes());
  const std::int64_t pitch = (wanted + alignment - 1) / alignment * alignment;
  Tensor scratch({workers, pitch}, DType::u8);
  auto* const bytes = reinterpret_cast<std::byte*>(scratch.data<std::uint8_t>());
  parallel_for(workers, [&](std::int64_t worker) {
    convolution.run(operands, {static_cast<int>(worker), workers},
                    {bytes + worker * pitch, static_cast<std::size_t>(pitch)});
  });
}

}  // namespace

Variable bit_conv2d(const Variable& x, const Variable& weight, const Variable& bias,
                    const Conv2dOptions& options, Attributes extra) {
  const bool is_possible = options.groups == 1 && record_mode() != RecordMode::trace;
  std::optional<Bases> bases = is_possible ? bases_of(x, weight) : std::nullopt;
  if (!bases) return conv2d(x, weight, bias, options, std::move(extra));

  const auto geometry = kernels::conv2d_geometry(x.shape(), weight.shape(), options);
  const Tensor codes = pack(x.value(), *x.levels(), std::ssize(bases->input));
  const auto convolution = kernels::prepare_bitconv(
      current_stream(x.device()),
      describe(geometry, std::move(*bases), weight_codes(weight.value(), *weight.levels()), bias));
  Tensor y(geometry.y_shape());
  run(*convolution, codes, geometry.n, y);

  std::vector<Variable> inputs{x, weight};
  if (bias.defined()) inputs.push_back(bias);
  std::function<Tensor()> restore_x;
  if (weight.requires_gradient()) {
    restore_x = [codes, table = x.levels(), shape = x.shape()] {
      return unpack(codes, *table, shape);
    };
  }
  return record_conv2d("bit_conv2d", geometry, inputs, std::move(y), std::move(restore_x),
                       std::move(extra));
}

}  // namespace lq::autograd
