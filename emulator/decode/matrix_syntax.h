// What the decoders of matrix instructions share.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "emulator/decode/builder.h"

namespace lq::emulator {

struct MatrixShape {
  int rows = 0;
  int columns = 0;
  int depth = 0;
  bool operator==(const MatrixShape&) const = default;
};

/// Takes "m16n8k16".
std::optional<MatrixShape> take_shape(Opcode& opcode);
/// Takes an element's type.
std::optional<MatrixElement> take_element(Opcode& opcode);

/// Elements and a shape that they are multiplied in.
struct KnownShape {
  MatrixElement element{};
  MatrixShape shape;
};

/// Takes what follows layouts and shape, ".f32.bf16.bf16.f32" of mma and wmma: types of d, a, b, c.
std::optional<MatrixProduct> take_product_types(Opcode& opcode, const MatrixShape& shape);
/// Whether elements may be multiplied with each other, and added to such numbers.
bool are_types_known(const MatrixProduct& product);
/// Whether that is so, and it is one of these shapes.
bool is_known(const MatrixProduct& product, std::span<const KnownShape> shapes);
/// Sums of integers may be saturated.
bool may_saturate(const MatrixProduct& product);
/// Emits d = a * b + c.
void emit_product(FunctionBuilder& builder, const MatrixProduct& product);

/// Appends the registers of an operand that is one register or a vector of `count`.
void add_registers(FunctionBuilder& builder, const ptx::Operand& operand, int count,
                   OperandType type, bool is_result, std::vector<Slot>& slots);
OperandType register_type(MatrixElement element);

/// An instruction that all lanes of the warp run together.
Instruction& emit_for_warp(FunctionBuilder& builder, Handler handler,
                           const std::vector<Slot>& slots);

}  // namespace lq::emulator
