// ldmatrix, stmatrix, movmatrix.

#include "emulator/decode/families.h"
#include "emulator/decode/matrix_syntax.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/data.h"
#include "emulator/instructions/matrix_memory.h"

namespace lq::emulator {
namespace {

/// The modifiers of ldmatrix and stmatrix.
struct MatrixAccess {
  int matrices = 0;
  bool is_transposed = false;
  bool is_generic = false;
};

/// .sync.aligned.m8n8.x1|x2|x4[.trans][.shared[::cta]].b16
MatrixAccess take_access(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool is_warp_wide = opcode.take("sync") && opcode.take("aligned") && opcode.take("m8n8");
  const auto count = opcode.take_any({"x1", "x2", "x4"});
  MatrixAccess access;
  access.is_transposed = opcode.take("trans");
  access.is_generic = !opcode.take_any({"shared", "shared::cta"});
  if (!is_warp_wide || !count || !opcode.take("b16") || !opcode.empty()) builder.fail_unknown();
  access.matrices = (*count)[1] - '0';
  builder.expect_operands(2, 2);
  return access;
}

void emit_access(FunctionBuilder& builder, Handler handler, const MatrixAccess& access,
                 SymbolAddress address, const std::vector<Slot>& slots) {
  if (access.is_generic && address.space != Space::shared) {
    if (!address.wide) builder.fail_here("a generic address of 32 bits, 64 expected");
    const Slot offset = builder.scratch(OperandType::b64);
    Instruction& conversion = builder.emit_helper(from_shared_window);
    conversion.results[0] = offset;
    conversion.sources[0] = address.base;
    address.base = offset;
  }
  set_address(emit_for_warp(builder, handler, slots), address, Space::shared, 1);
}

}  // namespace

void decode_ldmatrix(FunctionBuilder& builder) {
  const MatrixAccess access = take_access(builder);
  std::vector<Slot> slots;
  add_registers(builder, builder.operand(0), access.matrices, OperandType::b32, true, slots);
  emit_access(builder, access.is_transposed ? load_matrices_transposed : load_matrices, access,
              builder.address(builder.operand(1)), slots);
}

void decode_stmatrix(FunctionBuilder& builder) {
  const MatrixAccess access = take_access(builder);
  std::vector<Slot> slots;
  add_registers(builder, builder.operand(1), access.matrices, OperandType::b32, false, slots);
  emit_access(builder, access.is_transposed ? store_matrices_transposed : store_matrices, access,
              builder.address(builder.operand(0)), slots);
}

/// movmatrix.sync.aligned.m8n8.trans.b16 d, a
void decode_movmatrix(FunctionBuilder& builder) {
  if (builder.instruction().opcode != "movmatrix.sync.aligned.m8n8.trans.b16") {
    builder.fail_unknown();
  }
  builder.expect_operands(2, 2);
  std::vector<Slot> slots{builder.result(builder.operand(0), OperandType::b32)};
  slots.push_back(builder.source(builder.operand(1), OperandType::b32));
  emit_for_warp(builder, transpose_matrix, slots);
}

}  // namespace lq::emulator
