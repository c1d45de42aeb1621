// mma.sync.

#include "emulator/decode/families.h"
#include "emulator/decode/matrix_syntax.h"
#include "emulator/instructions/matrix.h"

namespace lq::emulator {
namespace {

using enum MatrixElement;

constexpr KnownShape mma_shapes[] = {
    {f16, {16, 8, 8}},   {f16, {16, 8, 16}},  {bf16, {16, 8, 8}},  {bf16, {16, 8, 16}},
    {tf32, {16, 8, 4}},  {tf32, {16, 8, 8}},  {e4m3, {16, 8, 16}}, {e4m3, {16, 8, 32}},
    {e5m2, {16, 8, 16}}, {e5m2, {16, 8, 32}}, {f64, {8, 8, 4}},    {f64, {16, 8, 4}},
    {f64, {16, 8, 8}},   {f64, {16, 8, 16}},  {s8, {8, 8, 16}},    {s8, {16, 8, 16}},
    {s8, {16, 8, 32}},   {u8, {8, 8, 16}},    {u8, {16, 8, 16}},   {u8, {16, 8, 32}},
    {s4, {8, 8, 32}},    {s4, {16, 8, 32}},   {s4, {16, 8, 64}},   {u4, {8, 8, 32}},
    {u4, {16, 8, 32}},   {u4, {16, 8, 64}},   {b1, {8, 8, 128}},   {b1, {16, 8, 128}},
    {b1, {16, 8, 256}}};

}  // namespace

/// mma.sync.aligned.shape.row.col[.satfinite].d.a.b.c[.xor|and.popc]
void decode_mma(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool is_warp_wide = opcode.take("sync") && opcode.take("aligned");
  const auto shape = take_shape(opcode);
  const bool has_layouts = opcode.take("row") && opcode.take("col");
  const bool saturates = opcode.take("satfinite");
  if (!is_warp_wide || !shape || !has_layouts) builder.fail_unknown();
  auto product = take_product_types(opcode, *shape);
  if (!product || !is_known(*product, mma_shapes) || product->result != product->addend ||
      (saturates && !may_saturate(*product))) {
    builder.fail_unknown();
  }
  product->saturates = saturates;
  if (product->a == b1) {
    const auto combination = opcode.take_any({"xor", "and"});
    if (!combination || !opcode.take("popc")) builder.fail_unknown();
    product->is_exclusive = *combination == "xor";
  }
  if (!opcode.empty()) builder.fail_unknown();
  product->a_registers = operand_registers(product->rows, product->depth, product->a);
  product->b_registers = operand_registers(product->columns, product->depth, product->b);
  emit_product(builder, *product);
}

}  // namespace lq::emulator
