// wgmma and setmaxnreg.

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/matrix_syntax.h"
#include "emulator/instructions/matrix.h"
#include "emulator/instructions/warpgroup.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;
using enum MatrixElement;

constexpr int rows_of_group = 64;
constexpr int rows_of_warp = 16;
constexpr int bits_of_depth = 256;

/// All multiples of 8, but of 16 beyond 32 where sums are integers.
bool has_columns(const MatrixProduct& product) {
  const int step = product.result == s32 && product.columns > 32 ? 16 : 8;
  return product.columns % step == 0 && product.columns <= 256;
}

/// .sync.aligned.shape[.satfinite].d.a.b[.satfinite][.and.popc]
MatrixProduct take_group_product(FunctionBuilder& builder, Opcode& opcode) {
  const bool is_warp_wide = opcode.take("sync") && opcode.take("aligned");
  const auto shape = take_shape(opcode);
  if (!is_warp_wide || !shape) builder.fail_unknown();
  bool saturates = opcode.take("satfinite");
  const auto d = take_element(opcode);
  const auto a = take_element(opcode);
  const auto b = take_element(opcode);
  if (!d || !a || !b) builder.fail_unknown();
  saturates = saturates || opcode.take("satfinite");
  MatrixProduct product{.rows = rows_of_warp,
                        .columns = shape->columns,
                        .depth = shape->depth,
                        .a = *a,
                        .b = *b,
                        .result = *d,
                        .addend = *d,
                        .saturates = saturates};
  const bool is_operand = *a != f64 && *a != s4 && *a != u4;
  const bool has_shape = shape->rows == rows_of_group && has_columns(product) &&
                         product.depth * bits_of(*a) == bits_of_depth;
  if (!is_operand || !are_types_known(product) || !has_shape ||
      (saturates && !may_saturate(product))) {
    builder.fail_unknown();
  }
  if (*a == b1 && (!opcode.take("and") || !opcode.take("popc"))) builder.fail_unknown();
  if (!opcode.empty()) builder.fail_unknown();
  return product;
}

/// A number that the instruction has as text.
std::int64_t immediate(FunctionBuilder& builder, std::size_t index, std::int64_t low,
                       std::int64_t high) {
  const Operand& operand = builder.operand(index);
  const auto value = static_cast<std::int64_t>(operand.value);
  if (operand.kind != OperandKind::integer || (value != low && value != high)) {
    builder.fail_operand(operand, fmt::format("{} or {}", low, high));
  }
  return value;
}

/// imm-scale-a, imm-scale-b, imm-trans-a, imm-trans-b, behind d, a, b, scale-d.
void take_immediates(FunctionBuilder& builder, WarpgroupProduct& operation) {
  const MatrixProduct& product = operation.product;
  constexpr std::size_t scales = 4;
  constexpr std::size_t transpositions = 6;
  if (product.result == s32) {
    builder.expect_operands(scales, scales);
    return;
  }
  const bool may_transpose = product.a == f16 || product.a == bf16;
  const std::size_t matrices = !may_transpose ? 0 : operation.a_in_registers ? 1 : 2;
  builder.expect_operands(transpositions + matrices, transpositions + matrices);
  operation.negates =
      immediate(builder, scales, -1, 1) * immediate(builder, scales + 1, -1, 1) == -1;
  if (matrices == 2) {
    operation.a_outer_is_contiguous = immediate(builder, transpositions, 0, 1) == 1;
  }
  if (matrices > 0) {
    operation.b_outer_is_contiguous = immediate(builder, transpositions + matrices - 1, 0, 1) == 1;
  }
}

/// Registers of d, which earlier products may still be added to.
void add_results(FunctionBuilder& builder, const MatrixProduct& product, std::vector<Slot>& slots) {
  const Operand& d = builder.operand(0);
  const auto count = static_cast<std::size_t>(
      accumulator_registers(product.rows, product.columns, product.result));
  if (d.kind != OperandKind::vector || d.parts.size() != count) {
    builder.fail_operand(d, fmt::format("a vector of {} registers", count));
  }
  for (const Operand& part : d.parts) slots.push_back(builder.warpgroup_result(part));
}

void decode_mma_async(FunctionBuilder& builder, Opcode& opcode) {
  WarpgroupProduct operation{.product = take_group_product(builder, opcode)};
  const MatrixProduct& product = operation.product;
  operation.a_in_registers = builder.operand(1).kind == OperandKind::vector;
  take_immediates(builder, operation);
  std::vector<Slot> slots;
  add_results(builder, product, slots);
  Slot descriptor_of_a = no_slot;
  if (operation.a_in_registers) {
    add_registers(builder, builder.operand(1),
                  operand_registers(product.rows, product.depth, product.a), OperandType::b32,
                  false, slots);
  } else {
    descriptor_of_a = builder.source(builder.operand(1), OperandType::b64);
  }
  const Slot descriptor_of_b = builder.source(builder.operand(2), OperandType::b64);
  const Operand& scale = builder.operand(3);
  const Slot scale_d = scale.kind == OperandKind::integer
                           ? builder.constant(OperandType::predicate, scale.value)
                           : builder.source(scale, OperandType::predicate);
  const std::uint32_t index = builder.add_matrix(operation);
  Instruction& instruction = emit_for_warp(builder, multiply_warpgroup, slots);
  instruction.sources[1] = descriptor_of_a;
  instruction.sources[2] = descriptor_of_b;
  instruction.sources[3] = scale_d;
  instruction.target = index;
}

}  // namespace

void decode_wgmma(FunctionBuilder& builder) {
  const std::string& text = builder.instruction().opcode;
  Opcode opcode(text);
  if (opcode.take("mma_async")) {
    decode_mma_async(builder, opcode);
  } else if (text == "wgmma.fence.sync.aligned") {
    builder.expect_operands(0, 0);
    emit_for_warp(builder, fence_warpgroup, {});
  } else if (text == "wgmma.commit_group.sync.aligned") {
    builder.expect_operands(0, 0);
    emit_for_warp(builder, commit_warpgroup, {});
  } else if (text == "wgmma.wait_group.sync.aligned") {
    builder.expect_operands(1, 1);
    const Operand& groups = builder.operand(0);
    constexpr std::uint64_t most_groups = 65535;
    if (groups.kind != OperandKind::integer || groups.value > most_groups) {
      builder.fail_operand(groups, fmt::format("a number from 0 to {}", most_groups));
    }
    emit_for_warp(builder, wait_for_warpgroup, {}).detail =
        static_cast<std::uint16_t>(groups.value);
  } else {
    builder.fail_unknown();
  }
}

/// setmaxnreg.inc|dec.sync.aligned.u32 count
void decode_setmaxnreg(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool has_direction = opcode.take_any({"inc", "dec"}).has_value();
  if (!has_direction || !opcode.take("sync") || !opcode.take("aligned") || !opcode.take("u32") ||
      !opcode.empty()) {
    builder.fail_unknown();
  }
  builder.expect_operands(1, 1);
  const Operand& count = builder.operand(0);
  const bool in_range = count.value >= 24 && count.value <= 256 && count.value % 8 == 0;
  if (count.kind != OperandKind::integer || !in_range) {
    builder.fail_operand(count, "a multiple of 8 from 24 to 256");
  }
  emit_for_warp(builder, check_whole_warpgroup, {});
}

}  // namespace lq::emulator
