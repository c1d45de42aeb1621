#include <fmt/format.h>

#include <compare>
#include <string>

#include "core/threads.h"
#include "kernels/common/column_sum.h"
#include "kernels/common/onednn.h"
#include "kernels/linear/linear.h"

namespace lq::kernels::cpu {

namespace {

using onednn::Executable;
using onednn::Memory;
using onednn::MemoryDescription;

/// c (+)= op(a) op(b) + bias: c rows x columns, the sums over `inner`; op transposes or not.
struct ProductKey {
  std::int64_t rows, columns, inner;
  bool a_transposed, b_transposed;
  bool with_bias;  // one number per column
  bool add;
  int threads;  // oneDNN compiles the division of the work into the primitive

  std::string to_string() const {
    return fmt::format("{}x{} by {}x{}", rows, inner, inner, columns);
  }

  friend auto operator<=>(const ProductKey&, const ProductKey&) = default;
};

struct Product {
  MemoryDescription a, b, bias, c;
  Executable matmul;
};

/// A rows x columns operand; the transposed one lies in memory as columns x rows.
MemoryDescription describe_operand(std::int64_t rows, std::int64_t columns, bool transposed) {
  return {{rows, columns},
          Memory::data_type::f32,
          transposed ? Memory::format_tag::ba : Memory::format_tag::ab};
}

Product make_product(const ProductKey& key) {
  const MemoryDescription a = describe_operand(key.rows, key.inner, key.a_transposed);
  const MemoryDescription b = describe_operand(key.inner, key.columns, key.b_transposed);
  const MemoryDescription bias = describe_operand(1, key.columns, false);
  const MemoryDescription c = describe_operand(key.rows, key.columns, false);
  const auto attributes =
      onednn::attributes(key.add ? onednn::add_to_destination() : dnnl::post_ops());
  const auto description = key.with_bias ? onednn::describe<dnnl::matmul>(attributes, a, b, bias, c)
                                         : onednn::describe<dnnl::matmul>(attributes, a, b, c);
  return {a, b, bias, c, Executable(description)};
}

void multiply(std::string_view operation, const ProductKey& key, ConstView<float> a,
              ConstView<float> b, ConstView<float> bias, View<float> c) {
  static onednn::PrimitiveCache<ProductKey, Product> products;
  onednn::guarded(operation, key, [&] {
    const auto product = products.get(key, [&] { return make_product(key); });
    std::unordered_map<int, Memory> arguments{
        {DNNL_ARG_SRC, onednn::memory_of(product->a, a.data)},
        {DNNL_ARG_WEIGHTS, onednn::memory_of(product->b, b.data)},
        {DNNL_ARG_DST, onednn::memory_of(product->c, c.data)}};
    if (bias) arguments.emplace(DNNL_ARG_BIAS, onednn::memory_of(product->bias, bias.data));
    product->matmul.run(std::move(arguments));
  });
}

}  // namespace

void linear_forward(Stream&, ConstView<float> x, ConstView<float> weight, ConstView<float> bias,
                    View<float> y) {
  const ProductKey key{.rows = y.shape[0],
                       .columns = y.shape[1],
                       .inner = x.shape[1],
                       .a_transposed = false,
                       .b_transposed = true,
                       .with_bias = static_cast<bool>(bias),
                       .add = false,
                       .threads = num_threads()};
  multiply("linear_forward", key, x, weight, bias, y);
}

void linear_backward_data(Stream&, ConstView<float> grad_y, ConstView<float> weight,
                          View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const ProductKey key{.rows = grad_x.shape[0],
                       .columns = grad_x.shape[1],
                       .inner = grad_y.shape[1],
                       .a_transposed = false,
                       .b_transposed = false,
                       .with_bias = false,
                       .add = mode == GradientMode::accumulate,
                       .threads = num_threads()};
  multiply("linear_backward_data", key, grad_y, weight, {}, grad_x);
}

void linear_backward_weights(Stream&, ConstView<float> grad_y, ConstView<float> x,
                             View<float> grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const ProductKey key{.rows = grad_weight.shape[0],
                       .columns = grad_weight.shape[1],
                       .inner = x.shape[0],
                       .a_transposed = true,
                       .b_transposed = false,
                       .with_bias = false,
                       .add = mode == GradientMode::accumulate,
                       .threads = num_threads()};
  multiply("linear_backward_weights", key, grad_y, x, {}, grad_weight);
}

void linear_backward_bias(Stream&, ConstView<float> grad_y, View<float> grad_bias,
                          GradientMode mode) {
  column_sum(grad_y, grad_bias, mode);
}

}  // namespace lq::kernels::cpu
