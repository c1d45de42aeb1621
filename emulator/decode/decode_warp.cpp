// Instructions in which lanes exchange values: shfl, vote, match, redux.

#include "emulator/decode/families.h"
#include "emulator/instructions/warp.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

/// d or d|p.
void set_results(FunctionBuilder& builder, OperandType type, Slot (&results)[2]) {
  const Operand& operand = builder.operand(0);
  if (operand.kind == OperandKind::pair) {
    results[0] = builder.result(operand.parts.at(0), type);
    results[1] = builder.result(operand.parts.at(1), OperandType::predicate);
  } else {
    results[0] = builder.result(operand, type);
    results[1] = no_slot;
  }
}

Instruction& emit_collective(FunctionBuilder& builder, Handler handler, Slot members,
                             const Slot (&results)[2]) {
  Instruction& instruction = builder.emit(handler, Flow::collective);
  instruction.sources[0] = members;
  instruction.results[0] = results[0];
  instruction.results[1] = results[1];
  return instruction;
}

}  // namespace

/// shfl.sync.mode.b32 d[|p], a, b, c, members
void decode_shfl(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool sync = opcode.take("sync");
  const auto mode = opcode.take_any({"up", "down", "bfly", "idx"});
  if (!sync || !mode || !opcode.take("b32") || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(5, 5);
  const Slot value = builder.source(builder.operand(1), OperandType::b32);
  const Slot lane = builder.source(builder.operand(2), OperandType::b32);
  const Slot segment = builder.source(builder.operand(3), OperandType::b32);
  const Slot members = builder.source(builder.operand(4), OperandType::b32);
  Slot results[2];
  set_results(builder, OperandType::b32, results);
  const Handler handler = *mode == "up"     ? shuffle_up
                          : *mode == "down" ? shuffle_down
                          : *mode == "bfly" ? shuffle_bfly
                                            : shuffle_idx;
  Instruction& instruction = emit_collective(builder, handler, members, results);
  instruction.sources[1] = value;
  instruction.sources[2] = lane;
  instruction.sources[3] = segment;
}

/// vote.sync.mode d, [!]p, members; ptxas also takes vote.mode.sync, which CUB writes.
void decode_vote(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  bool sync = opcode.take("sync");
  const auto mode = opcode.take_any({"all", "any", "uni", "ballot"});
  sync = sync || opcode.take("sync");
  if (!sync || !mode) builder.fail_unknown();
  const bool is_ballot = *mode == "ballot";
  if (!opcode.take(is_ballot ? "b32" : "pred") || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(3, 3);
  const Operand& vote = builder.operand(1);
  const Slot predicate = vote.kind == OperandKind::integer
                             ? builder.constant(OperandType::predicate, vote.value)
                             : builder.source(vote, OperandType::predicate);
  const Slot members = builder.source(builder.operand(2), OperandType::b32);
  Slot results[2];
  set_results(builder, is_ballot ? OperandType::b32 : OperandType::predicate, results);
  const Handler handler = is_ballot        ? vote_ballot
                          : *mode == "all" ? vote_all
                          : *mode == "any" ? vote_any
                                           : vote_uni;
  emit_collective(builder, handler, members, results).sources[1] = predicate;
}

/// match.any.sync.type d, a, members; match.all.sync.type d[|p], a, members
void decode_match(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const auto mode = opcode.take_any({"any", "all"});
  const bool sync = opcode.take("sync");
  const auto type = opcode.take_any({"b32", "b64"});
  if (!mode || !sync || !type || !opcode.empty()) builder.fail_unknown();
  builder.expect_operands(3, 3);
  const int bytes = *type == "b32" ? 4 : 8;
  const Slot value = builder.source(builder.operand(1), bits_type(bytes));
  const Slot members = builder.source(builder.operand(2), OperandType::b32);
  Slot results[2];
  set_results(builder, OperandType::b32, results);
  emit_collective(builder, match_handler(*mode == "all", bytes), members, results).sources[1] =
      value;
}

/// redux.sync.op.type d, a, members
void decode_redux(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool sync = opcode.take("sync");
  const std::string_view operation = opcode.take_next();
  const std::string_view type = opcode.take_next();
  const Handler handler = sync && opcode.empty() ? redux_handler(operation, type) : nullptr;
  if (handler == nullptr) builder.fail_unknown();
  builder.expect_operands(3, 3);
  const Slot value = builder.source(builder.operand(1), OperandType::b32);
  const Slot members = builder.source(builder.operand(2), OperandType::b32);
  Slot results[2];
  set_results(builder, OperandType::b32, results);
  emit_collective(builder, handler, members, results).sources[1] = value;
}

void decode_activemask(FunctionBuilder& builder) {
  if (builder.instruction().opcode != "activemask.b32") builder.fail_unknown();
  builder.expect_operands(1, 1);
  const Slot result = builder.result(builder.operand(0), OperandType::b32);
  builder.emit(active_mask).results[0] = result;
}

/// elect.sync d|p, members
void decode_elect(FunctionBuilder& builder) {
  if (builder.instruction().opcode != "elect.sync") builder.fail_unknown();
  builder.expect_operands(2, 2);
  const Slot members = builder.source(builder.operand(1), OperandType::b32);
  Slot results[2];
  set_results(builder, OperandType::b32, results);
  emit_collective(builder, elect, members, results);
}

/// bar.warp.sync members
void decode_bar_warp_sync(FunctionBuilder& builder) {
  if (builder.instruction().opcode != "bar.warp.sync") builder.fail_unknown();
  builder.expect_operands(1, 1);
  const Slot members = builder.source(builder.operand(0), OperandType::b32);
  const Slot results[2] = {no_slot, no_slot};
  emit_collective(builder, do_nothing, members, results).detail = CollectiveDetail::anywhere;
}

}  // namespace lq::emulator
