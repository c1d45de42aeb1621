// mbarrier, and what arrives at one for a thread's cp.async.

#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/mbarrier.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

/// [.sem.scope]: both, or neither.
std::uint16_t take_order_of(FunctionBuilder& builder, Opcode& opcode,
                            std::initializer_list<std::string_view> orders) {
  const auto order = opcode.take_any(orders);
  const auto scope = opcode.take_any({"cta", "cluster"});
  if (scope && !order) builder.fail_unknown();
  return order == "relaxed" ? MbarrierDetail::relaxed : std::uint16_t{0};
}

Space take_shared(Opcode& opcode, bool may_be_remote) {
  if (opcode.take_any({"shared", "shared::cta"})) return Space::shared;
  if (may_be_remote && opcode.take("shared::cluster")) return Space::shared_cluster;
  return Space::generic;
}

void take_type(FunctionBuilder& builder, Opcode& opcode) {
  if (!opcode.take("b64") || !opcode.empty()) builder.fail_unknown();
}

Instruction& emit_on(FunctionBuilder& builder, Handler handler, Space space, std::size_t operand,
                     Slot source, Flow flow = Flow::next) {
  const SymbolAddress address = builder.address(builder.operand(operand));
  Instruction& instruction = builder.emit(handler, flow);
  set_address(instruction, address, space);
  instruction.sources[1] = source;
  return instruction;
}

/// mbarrier.init.b64 [a], count; mbarrier.inval.b64 [a]
void decode_init(FunctionBuilder& builder, Opcode& opcode, bool is_init) {
  const Space space = take_shared(opcode, false);
  take_type(builder, opcode);
  const std::size_t operands = is_init ? 2 : 1;
  builder.expect_operands(operands, operands);
  const Slot count = is_init ? builder.source(builder.operand(1), OperandType::b32) : no_slot;
  emit_on(builder, is_init ? mbarrier_init : mbarrier_inval, space, 0, count);
}

/// mbarrier.expect_tx.relaxed.scope.space.b64 [a], bytes; the same with complete_tx
void decode_transactions(FunctionBuilder& builder, Opcode& opcode, Handler handler) {
  take_order_of(builder, opcode, {"relaxed"});
  const Space space = take_shared(opcode, true);
  take_type(builder, opcode);
  builder.expect_operands(2, 2);
  const Slot bytes = builder.source(builder.operand(1), OperandType::b32);
  emit_on(builder, handler, space, 0, bytes);
}

/// mbarrier.arrive[.expect_tx|.noComplete].sem.scope.space.b64 state, [a][, count or bytes], where
/// `_`, or nothing at all for memory of other blocks, may stand for the state.
void decode_arrive(FunctionBuilder& builder, Opcode& opcode, bool drops) {
  std::uint16_t detail = drops ? MbarrierDetail::drops : std::uint16_t{0};
  const bool expects = opcode.take("expect_tx");
  const bool no_complete = !expects && opcode.take("noComplete");
  if (expects) detail |= MbarrierDetail::expects;
  if (no_complete) detail |= MbarrierDetail::no_complete;
  detail |= no_complete ? take_order_of(builder, opcode, {"release"})
                        : take_order_of(builder, opcode, {"release", "relaxed"});
  const Space space = take_shared(opcode, !no_complete);
  take_type(builder, opcode);
  const std::size_t first = builder.operand(0).kind == OperandKind::address ? 0 : 1;
  builder.expect_operands(first + 1, first + 2);
  const bool has_count = builder.operand_count() == first + 2;
  if ((expects || no_complete) && !has_count) builder.fail_here("too few operands");
  const Slot count =
      has_count ? builder.source(builder.operand(first + 1), OperandType::b32) : no_slot;
  const bool has_state = first == 1 && builder.operand(0).name != "_";
  if (has_state && space == Space::shared_cluster) {
    builder.fail_operand(builder.operand(0), "_ for shared::cluster");
  }
  const Slot state = has_state ? builder.result(builder.operand(0), OperandType::b64) : no_slot;
  Instruction& instruction = emit_on(builder, mbarrier_arrive, space, first, count);
  instruction.results[0] = state;
  instruction.detail = detail;
}

/// mbarrier.test_wait[.parity].sem.scope.space.b64 p, [a], state or parity; try_wait may have one
/// more operand, for how long.
void decode_wait(FunctionBuilder& builder, Opcode& opcode, bool tries) {
  const bool parity = opcode.take("parity");
  std::uint16_t detail = take_order_of(builder, opcode, {"acquire", "relaxed"});
  if (parity) detail |= MbarrierDetail::parity;
  const Space space = take_shared(opcode, false);
  take_type(builder, opcode);
  builder.expect_operands(3, tries ? 4 : 3);
  const Slot phase =
      builder.source(builder.operand(2), parity ? OperandType::b32 : OperandType::b64);
  const Slot result = builder.result(builder.operand(0), OperandType::predicate);
  Instruction& instruction = emit_on(builder, mbarrier_wait, space, 1, phase, Flow::wait);
  instruction.results[0] = result;
  instruction.detail = detail;
}

}  // namespace

void decode_mbarrier(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const std::string_view action = opcode.take_next();
  if (action == "init" || action == "inval") {
    decode_init(builder, opcode, action == "init");
  } else if (action == "expect_tx") {
    decode_transactions(builder, opcode, mbarrier_expect);
  } else if (action == "complete_tx") {
    decode_transactions(builder, opcode, mbarrier_complete);
  } else if (action == "arrive" || action == "arrive_drop") {
    decode_arrive(builder, opcode, action == "arrive_drop");
  } else if (action == "test_wait" || action == "try_wait") {
    decode_wait(builder, opcode, action == "try_wait");
  } else if (action == "pending_count") {
    take_type(builder, opcode);
    builder.expect_operands(2, 2);
    const Slot state = builder.source(builder.operand(1), OperandType::b64);
    const Slot count = builder.result(builder.operand(0), OperandType::b32);
    Instruction& instruction = builder.emit(mbarrier_pending_count);
    instruction.sources[0] = state;
    instruction.results[0] = count;
  } else {
    builder.fail_unknown();
  }
}

void decode_copies_arrive(FunctionBuilder& builder, Opcode opcode) {
  if (!opcode.take("arrive")) builder.fail_unknown();
  const bool is_expected = opcode.take("noinc");
  const Space space = take_shared(opcode, false);
  take_type(builder, opcode);
  builder.expect_operands(1, 1);
  // Without .noinc, the phase waits for one arrival more.
  emit_on(builder, copies_arrive, space, 0, no_slot).detail =
      is_expected ? MbarrierDetail::expected : std::uint16_t{0};
}

}  // namespace lq::emulator
