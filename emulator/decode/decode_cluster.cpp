// Instructions that blocks of a cluster have for each other.

#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/cluster.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {

/// barrier.cluster.arrive[.release|.relaxed][.aligned], barrier.cluster.wait[.acquire][.aligned]
void decode_cluster_barrier(FunctionBuilder& builder, Opcode opcode) {
  const auto action = opcode.take_any({"arrive", "wait"});
  if (!action) builder.fail_unknown();
  const bool arrives = *action == "arrive";
  const auto order =
      arrives ? opcode.take_any({"release", "relaxed"}) : opcode.take_any({"acquire"});
  opcode.take("aligned");
  if (!opcode.empty()) builder.fail_unknown();
  builder.expect_operands(0, 0);
  Instruction& instruction =
      arrives ? builder.emit(cluster_arrive) : builder.emit(do_nothing, Flow::cluster_barrier);
  if (order == "relaxed") instruction.detail = BarrierDetail::relaxed;
}

/// mapa[.shared::cluster].type d, a, rank
void decode_mapa(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool is_shared = opcode.take("shared::cluster");
  const OperandType type = take_address_type(builder, opcode);
  builder.expect_operands(3, 3);
  const Slot address = builder.source(builder.operand(1), type);
  const Slot rank = builder.source(builder.operand(2), OperandType::b32);
  const Slot result = builder.result(builder.operand(0), type);
  Instruction& instruction = builder.emit(map_address_handler(is_shared, bytes_of(type)));
  instruction.results[0] = result;
  instruction.sources[0] = address;
  instruction.sources[1] = rank;
}

/// getctarank[.shared::cluster].type d, a
void decode_getctarank(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  const bool is_shared = opcode.take("shared::cluster");
  const OperandType type = take_address_type(builder, opcode);
  builder.expect_operands(2, 2);
  const Slot address = builder.source(builder.operand(1), type);
  const Slot result = builder.result(builder.operand(0), OperandType::b32);
  Instruction& instruction = builder.emit(rank_of_address_handler(is_shared, bytes_of(type)));
  instruction.results[0] = result;
  instruction.sources[0] = address;
}

}  // namespace lq::emulator
