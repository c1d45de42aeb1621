// SIMD video instructions without selectors or masks of parts.

#include "emulator/decode/families.h"
#include "emulator/instructions/simd_video.h"

namespace lq::emulator {
namespace {

struct TypeBits {
  bool known = false;
  bool is_signed = false;
};
TypeBits take_type(Opcode& opcode) {
  const auto type = opcode.take_any({"u32", "s32"});
  return {type.has_value(), type == "s32"};
}

}  // namespace

/// vadd4.dtype.atype.btype[.sat] d, a, b, c; .add instead of .sat adds the parts' results to c.
/// vset4.atype.btype.comparison[.add] d, a, b, c.
void decode_simd_video(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  std::string_view name = opcode.base();
  const bool is_bytes = name.ends_with('4');
  name.remove_suffix(1);
  const bool is_set = name == "vset";
  const TypeBits d = is_set ? TypeBits{true, false} : take_type(opcode);
  const TypeBits a = take_type(opcode);
  const TypeBits b = take_type(opcode);
  const auto operation = simd_video_operation(is_set ? opcode.take_next() : name);
  const bool saturates = !is_set && opcode.take("sat");
  const bool accumulates = !saturates && opcode.take("add");
  if (!d.known || !a.known || !b.known || !operation || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(4, 4);
  Slot sources[3];
  for (std::size_t i = 0; i < 3; ++i) {
    sources[i] = builder.source(builder.operand(i + 1), OperandType::b32);
  }
  const Slot result = builder.result(builder.operand(0), OperandType::b32);
  Instruction& instruction = builder.emit(simd_video);
  for (std::size_t i = 0; i < 3; ++i) instruction.sources[i] = sources[i];
  instruction.results[0] = result;
  instruction.detail = static_cast<std::uint16_t>(
      *operation | (is_bytes ? SimdVideoDetail::bytes : 0) |
      (a.is_signed ? SimdVideoDetail::a_signed : 0) |
      (b.is_signed ? SimdVideoDetail::b_signed : 0) |
      (d.is_signed ? SimdVideoDetail::d_signed : 0) | (saturates ? SimdVideoDetail::saturates : 0) |
      (accumulates ? SimdVideoDetail::accumulates : 0));
}

}  // namespace lq::emulator
