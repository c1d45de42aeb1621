#include "autograd/bit_conv2d.h"

#include "autograd/code_planes.h"
#include "autograd/conv2d_record.h"
#include "autograd/level_table.h"
#include "core/stream.h"
#include "kernels/bitconv/bit_conv2d.h"
#include "kernels/common/bitpack/bitpack.h"

namespace lq::autograd {

namespace {

using kernels::CodeAlphabet;

/// Whether all values have codes of this alphabet that can be packed.
bool has_codes(const Variable& variable, CodeAlphabet alphabet) {
  const auto& table = variable.levels();
  return table != nullptr && table->alphabet == alphabet && has_packed_codes(*table);
}

bool can_count_bits(const Variable& x, const Variable& weight, const Conv2dOptions& options) {
  return options.groups == 1 && record_mode() != RecordMode::trace &&
         has_codes(x, CodeAlphabet::zero_one) && x.levels()->levels.shape()[0] == 1 &&
         has_codes(weight, CodeAlphabet::minus_plus_one);
}

/// The values of `x` as codes, a plane per bit.
Tensor codes_of(const Variable& x) {
  if (x.codes().defined()) return x.codes();
  const LevelTable& table = *x.levels();
  const std::int64_t channels = x.shape()[-1];
  Tensor codes = room_for_codes(table, x.shape());
  kernels::bitpack_forward(current_stream(x.device()),
                           x.value().reshape({codes.shape()[1], channels}).view<float>(),
                           table.view(), codes.view<std::int32_t>());
  return codes;
}

Tensor unpack(const Tensor& codes, const LevelTable& table, const Shape& shape) {
  Tensor x(shape, DType::f32, codes.device());
  Tensor matrix = x.reshape({codes.shape()[1], shape[-1]});
  kernels::bitpack_inverse(current_stream(x.device()), codes.view<std::int32_t>(), table.view(),
                           matrix.view<float>());
  return x;
}

}  // namespace

Variable bit_conv2d(const Variable& x, const Variable& weight, const Variable& bias,
                    const Conv2dOptions& options, Attributes extra) {
  if (!can_count_bits(x, weight, options)) {
    return conv2d(x, weight, bias, options, std::move(extra));
  }
  const auto geometry = kernels::conv2d_geometry(x.shape(), weight.shape(), options);
  const Tensor codes = codes_of(x);
  Tensor y(geometry.y_shape(), DType::f32, x.device());
  kernels::bit_conv2d_forward(
      current_stream(x.device()), geometry, {codes.view<std::int32_t>(), x.levels()->view()},
      {weight.value().view<float>(), weight.levels()->view()},
      bias.defined() ? bias.value().view<float>() : ConstView<float>{}, y.view<float>());

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
