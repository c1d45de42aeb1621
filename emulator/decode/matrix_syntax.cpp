#include "emulator/decode/matrix_syntax.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "emulator/instructions/matrix.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

struct NamedElement {
  std::string_view name;
  MatrixElement element;
};
constexpr NamedElement elements[] = {
    {"f16", MatrixElement::f16},   {"bf16", MatrixElement::bf16}, {"tf32", MatrixElement::tf32},
    {"e4m3", MatrixElement::e4m3}, {"e5m2", MatrixElement::e5m2}, {"f64", MatrixElement::f64},
    {"s8", MatrixElement::s8},     {"u8", MatrixElement::u8},     {"s4", MatrixElement::s4},
    {"u4", MatrixElement::u4},     {"b1", MatrixElement::b1},     {"f32", MatrixElement::f32},
    {"s32", MatrixElement::s32},
};

/// The number behind the letter, which both are taken off the text; 0 if they are not there.
int take_number(std::string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return 0;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  if (error != std::errc()) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool is_one_of(MatrixElement element, std::initializer_list<MatrixElement> list) {
  return std::find(list.begin(), list.end(), element) != list.end();
}

}  // namespace

std::optional<MatrixShape> take_shape(Opcode& opcode) {
  std::string_view text = opcode.take_next();
  MatrixShape shape;
  shape.rows = take_number(text, 'm');
  shape.columns = take_number(text, 'n');
  shape.depth = take_number(text, 'k');
  if (shape.rows <= 0 || shape.columns <= 0 || shape.depth <= 0 || !text.empty()) {
    return std::nullopt;
  }
  return shape;
}

std::optional<MatrixElement> take_element(Opcode& opcode) {
  for (const NamedElement& known : elements) {
    if (opcode.take(known.name)) return known.element;
  }
  return std::nullopt;
}

std::optional<MatrixProduct> take_product_types(Opcode& opcode, const MatrixShape& shape) {
  const auto d = take_element(opcode);
  const auto a = take_element(opcode);
  const auto b = take_element(opcode);
  const auto c = take_element(opcode);
  if (!d || !a || !b || !c) return std::nullopt;
  return MatrixProduct{.rows = shape.rows,
                       .columns = shape.columns,
                       .depth = shape.depth,
                       .a = *a,
                       .b = *b,
                       .result = *d,
                       .addend = *c};
}

bool are_types_known(const MatrixProduct& product) {
  using enum MatrixElement;
  const auto both = [&](std::initializer_list<MatrixElement> list) {
    return is_one_of(product.a, list) && is_one_of(product.b, list);
  };
  const auto sums = [&](std::initializer_list<MatrixElement> list) {
    return is_one_of(product.result, list) && is_one_of(product.addend, list);
  };
  return (both({f16}) && sums({f16, f32})) || (both({bf16}) && sums({f32})) ||
         (both({tf32}) && sums({f32})) || (both({e4m3, e5m2}) && sums({f16, f32})) ||
         (both({f64}) && sums({f64})) || (both({s8, u8}) && sums({s32})) ||
         (both({s4, u4}) && sums({s32})) || (both({b1}) && sums({s32}));
}

bool is_known(const MatrixProduct& product, std::span<const KnownShape> shapes) {
  const MatrixShape shape{product.rows, product.columns, product.depth};
  return are_types_known(product) &&
         std::any_of(shapes.begin(), shapes.end(), [&](const KnownShape& known) {
           return known.element == product.a && known.shape == shape;
         });
}

bool may_saturate(const MatrixProduct& product) {
  return product.result == MatrixElement::s32 && product.a != MatrixElement::b1;
}

void emit_product(FunctionBuilder& builder, const MatrixProduct& product) {
  builder.expect_operands(4, 4);
  const auto accumulators = [&](MatrixElement element) {
    return accumulator_registers(product.rows, product.columns, element);
  };
  std::vector<Slot> slots;
  add_registers(builder, builder.operand(0), accumulators(product.result),
                register_type(product.result), true, slots);
  add_registers(builder, builder.operand(1), product.a_registers, register_type(product.a), false,
                slots);
  add_registers(builder, builder.operand(2), product.b_registers, register_type(product.b), false,
                slots);
  add_registers(builder, builder.operand(3), accumulators(product.addend),
                register_type(product.addend), false, slots);
  const std::uint32_t index = builder.add_matrix(product);
  emit_for_warp(builder, multiply_matrices, slots).target = index;
}

void add_registers(FunctionBuilder& builder, const Operand& operand, int count, OperandType type,
                   bool is_result, std::vector<Slot>& slots) {
  std::vector<Operand> parts{operand};
  if (operand.kind == OperandKind::vector) parts = operand.parts;
  if (static_cast<int>(parts.size()) != count) {
    builder.fail_here(fmt::format("{} registers, expected {}", parts.size(), count));
  }
  for (const Operand& part : parts) {
    slots.push_back(is_result ? builder.result(part, type) : builder.source(part, type));
  }
}

OperandType register_type(MatrixElement element) {
  switch (element) {
    case MatrixElement::f64:
      return OperandType::f64;
    case MatrixElement::f32:
      return OperandType::f32;
    default:
      return OperandType::b32;
  }
}

Instruction& emit_for_warp(FunctionBuilder& builder, Handler handler,
                           const std::vector<Slot>& slots) {
  const Slot members = builder.constant(OperandType::b32, all_lanes);
  Instruction& instruction = builder.emit(handler, Flow::collective);
  instruction.sources[0] = members;
  instruction.list = builder.add_list(slots);
  instruction.list_size = static_cast<std::uint8_t>(slots.size());
  return instruction;
}

}  // namespace lq::emulator
