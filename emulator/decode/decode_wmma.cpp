// wmma.load, wmma.store and wmma.mma.

#include <algorithm>

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/matrix_syntax.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/matrix.h"
#include "emulator/instructions/wmma_memory.h"

namespace lq::emulator {
namespace {

using enum MatrixElement;

constexpr KnownShape wmma_shapes[] = {
    {f16, {16, 16, 16}}, {f16, {32, 8, 16}},  {f16, {8, 32, 16}},  {bf16, {16, 16, 16}},
    {bf16, {32, 8, 16}}, {bf16, {8, 32, 16}}, {tf32, {16, 16, 8}}, {f64, {8, 8, 4}},
    {s8, {16, 16, 16}},  {s8, {32, 8, 16}},   {s8, {8, 32, 16}},   {u8, {16, 16, 16}},
    {u8, {32, 8, 16}},   {u8, {8, 32, 16}},   {s4, {8, 8, 32}},    {u4, {8, 8, 32}},
    {b1, {8, 8, 128}}};

/// f16 operands have eight registers in every shape.
int fragment_registers(int outer, int depth, MatrixElement element) {
  return element == f16 ? 8 : operand_registers(outer, depth, element);
}

bool is_accumulator_of(MatrixElement result, MatrixElement operand) {
  switch (operand) {
    case f16:
      return result == f16 || result == f32;
    case bf16:
    case tf32:
      return result == f32;
    case f64:
      return result == f64;
    default:
      return result == s32;
  }
}

/// The matrix that ".a", ".b", or ".c" and ".d" mean, with the shape's other modifiers.
MatrixTransfer take_transfer(FunctionBuilder& builder, Opcode& opcode, char matrix, Space& space) {
  const bool is_warp_wide = opcode.take("sync") && opcode.take("aligned");
  const auto layout = opcode.take_any({"row", "col"});
  const auto shape = take_shape(opcode);
  space = opcode.take("global")                        ? Space::global
          : opcode.take_any({"shared", "shared::cta"}) ? Space::shared
                                                       : Space::generic;
  const auto element = take_element(opcode);
  if (!is_warp_wide || !layout || !shape || !element || !opcode.empty()) builder.fail_unknown();
  MatrixTransfer transfer{.element = *element, .is_accumulator = matrix == 'c' || matrix == 'd'};
  const bool is_known =
      std::any_of(std::begin(wmma_shapes), std::end(wmma_shapes), [&](const KnownShape& known) {
        return known.shape == *shape &&
               (transfer.is_accumulator ? is_accumulator_of(*element, known.element)
                                        : known.element == *element);
      });
  if (!is_known) builder.fail_unknown();
  transfer.outer = matrix == 'b' ? shape->columns : shape->rows;
  transfer.inner = transfer.is_accumulator ? shape->columns : shape->depth;
  transfer.inner_is_contiguous = (*layout == "row") == (matrix != 'b');
  // Smaller elements than bytes have one layout each.
  if (!transfer.inner_is_contiguous && bits_of(*element) < 8) builder.fail_unknown();
  transfer.registers = transfer.is_accumulator
                           ? accumulator_registers(transfer.outer, transfer.inner, *element)
                           : fragment_registers(transfer.outer, transfer.inner, *element);
  return transfer;
}

/// Without a stride, rows or columns follow one another.
Slot stride_of(FunctionBuilder& builder, const MatrixTransfer& transfer) {
  if (builder.operand_count() == 3) return builder.source(builder.operand(2), OperandType::b32);
  const int elements = transfer.inner_is_contiguous ? transfer.inner : transfer.outer;
  return builder.constant(OperandType::b32, static_cast<std::uint64_t>(elements));
}

void decode_transfer(FunctionBuilder& builder, Opcode& opcode, bool is_load) {
  const auto matrix = is_load ? opcode.take_any({"a", "b", "c"}) : opcode.take_any({"d"});
  if (!matrix) builder.fail_unknown();
  Space space = Space::generic;
  const MatrixTransfer transfer = take_transfer(builder, opcode, matrix->front(), space);
  builder.expect_operands(2, 3);
  std::vector<Slot> slots;
  add_registers(builder, builder.operand(is_load ? 0 : 1), transfer.registers,
                register_type(transfer.element), is_load, slots);
  const SymbolAddress address = builder.address(builder.operand(is_load ? 1 : 0));
  const Slot stride = stride_of(builder, transfer);
  const std::uint32_t index = builder.add_matrix(transfer);
  Instruction& instruction =
      emit_for_warp(builder, is_load ? load_fragment : store_fragment, slots);
  set_address(instruction, address, space, 1);
  instruction.sources[2] = stride;
  instruction.target = index;
}

/// Types of f16 are those of d and c only.
std::optional<MatrixProduct> take_types(Opcode& opcode, const MatrixShape& shape) {
  Opcode ahead = opcode;
  if (const auto product = take_product_types(ahead, shape)) {
    opcode = ahead;
    return product;
  }
  const auto d = take_element(opcode);
  const auto c = take_element(opcode);
  if (!d || !c) return std::nullopt;
  return MatrixProduct{.rows = shape.rows,
                       .columns = shape.columns,
                       .depth = shape.depth,
                       .a = f16,
                       .b = f16,
                       .result = *d,
                       .addend = *c};
}

/// [.xor|and.popc].sync.aligned.layout.layout.shape.types[.satfinite|.rn]
void decode_wmma_mma(FunctionBuilder& builder, Opcode& opcode) {
  const auto combination = opcode.take_any({"xor", "and"});
  const bool counts_bits = combination && opcode.take("popc");
  const bool is_warp_wide = opcode.take("sync") && opcode.take("aligned");
  // The fragments are the same for all layouts in memory.
  const auto layout_of_a = opcode.take_any({"row", "col"});
  const auto layout_of_b = opcode.take_any({"row", "col"});
  const auto shape = take_shape(opcode);
  if (!is_warp_wide || !layout_of_a || !layout_of_b || !shape) builder.fail_unknown();
  auto product = take_types(opcode, *shape);
  if (!product || product->a != product->b || !is_known(*product, wmma_shapes) ||
      (product->a == b1) != counts_bits) {
    builder.fail_unknown();
  }
  const bool is_sub_byte = bits_of(product->a) < 8;
  if (is_sub_byte && (*layout_of_a != "row" || *layout_of_b != "col")) builder.fail_unknown();
  product->is_exclusive = combination == "xor";
  if (may_saturate(*product)) product->saturates = opcode.take("satfinite");
  if (product->a == f64) opcode.take("rn");
  if (!opcode.empty()) builder.fail_unknown();
  product->a_registers = fragment_registers(product->rows, product->depth, product->a);
  product->b_registers = fragment_registers(product->columns, product->depth, product->b);
  emit_product(builder, *product);
}

}  // namespace

void decode_wmma(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const auto kind = opcode.take_any({"load", "store", "mma"});
  if (!kind) builder.fail_unknown();
  if (*kind == "mma") {
    decode_wmma_mma(builder, opcode);
  } else {
    decode_transfer(builder, opcode, *kind == "load");
  }
}

}  // namespace lq::emulator
