// Branches, calls, ends and barriers.

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/instructions/device_library.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

void trap(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = static_cast<Warp&>(frame);
  int lane = 0;
  while ((mask >> lane & 1) == 0) ++lane;
  fault(warp, instruction, lane, "the program stops itself");
}

std::vector<ParameterPlace> places_of(FunctionBuilder& builder, const Operand& list) {
  if (list.kind != OperandKind::arguments) builder.fail_operand(list, "a list of parameters");
  std::vector<ParameterPlace> places;
  for (const Operand& part : list.parts) places.push_back(builder.param_place(part.name));
  return places;
}

void emit_device_library_call(FunctionBuilder& builder, Handler handler, CallSite call) {
  const std::uint16_t site = builder.add_call(std::move(call));
  const Slot base = builder.special(Special::local_base);
  Instruction& instruction = builder.emit(handler);
  instruction.detail = site;
  instruction.sources[0] = base;
}

/// Which functions it may be, a prototype or a list behind the arguments, is not needed: sizes are
/// compared with those of the function when it is called.
void emit_pointer_call(FunctionBuilder& builder, const Operand& pointer, CallSite call) {
  const Slot address = builder.source(pointer, OperandType::b64);
  const std::uint16_t site = builder.add_call(std::move(call));
  Instruction& instruction = builder.emit(do_nothing, Flow::call_pointer);
  instruction.sources[0] = address;
  instruction.detail = site;
}

/// call.uni (results), function, (arguments), each list where there is one; through a pointer, the
/// name of a prototype or of a list of functions comes behind.
void decode_any_call(FunctionBuilder& builder) {
  CallSite call;
  std::size_t at = 0;
  if (builder.operand(0).kind == OperandKind::arguments) {
    call.results = places_of(builder, builder.operand(at++));
  }
  const Operand& callee = builder.operand(at++);
  const bool has_arguments =
      at < builder.operand_count() && builder.operand(at).kind == OperandKind::arguments;
  if (has_arguments) call.arguments = places_of(builder, builder.operand(at++));
  if (callee.name.starts_with('%')) {
    if (at + 1 != builder.operand_count() || builder.operand(at).kind != OperandKind::name) {
      builder.fail_here("a call through a pointer without a prototype");
    }
    emit_pointer_call(builder, callee, std::move(call));
    return;
  }
  if (at != builder.operand_count()) builder.fail_here("operands behind those of a call");
  if (const Handler handler = device_library_function(callee.name)) {
    emit_device_library_call(builder, handler, std::move(call));
    return;
  }
  const auto found = builder.program().index.find(callee.name);
  if (found == builder.program().index.end()) {
    builder.fail_here(
        fmt::format("function '{}' is not in the PTX of the program (with -rdc=true, each file "
                    "needs PTX for the device)",
                    callee.name));
  }
  const std::uint16_t site = builder.add_call(std::move(call));
  Instruction& instruction = builder.emit(do_nothing, Flow::call);
  instruction.target = found->second;
  instruction.detail = site;
}

}  // namespace

void decode_bra(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  opcode.take("uni");
  if (!opcode.empty()) builder.fail_unknown();
  builder.expect_operands(1, 1);
  const std::string& label = builder.operand(0).name;
  builder.emit(do_nothing, Flow::branch);
  builder.set_last_target(label);
}

void decode_brx(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  if (!opcode.take("idx")) builder.fail_unknown();
  opcode.take("uni");
  if (!opcode.empty()) builder.fail_unknown();
  builder.expect_operands(2, 2);
  const Slot index = builder.source(builder.operand(0), OperandType::b32);
  std::uint8_t count = 0;
  const std::uint32_t list = builder.add_targets(builder.operand(1).name, count);
  Instruction& instruction = builder.emit(do_nothing, Flow::branch_table);
  instruction.sources[0] = index;
  instruction.list = list;
  instruction.list_size = count;
}

void decode_call(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  opcode.take("uni");
  if (!opcode.empty()) builder.fail_unknown();
  builder.expect_operands(1, 4);
  decode_any_call(builder);
}

void decode_ret(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  opcode.take("uni");
  if (!opcode.empty()) builder.fail_unknown();
  builder.emit(do_nothing, Flow::ret);
}

void decode_exit(FunctionBuilder& builder) {
  if (builder.instruction().opcode != "exit") builder.fail_unknown();
  builder.emit(do_nothing, Flow::exit);
}

void decode_trap(FunctionBuilder& builder) { builder.emit(trap); }

/// bar[.cta].sync a[, b], bar.arrive a, b, bar.red.popc d, a[, b], [!]p and the same as barrier, of
/// which the lanes of a warp may come one by one unless it is .aligned.
void decode_bar(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  if (opcode.take("warp")) {
    decode_bar_warp_sync(builder);
    return;
  }
  if (opcode.take("cluster")) {
    decode_cluster_barrier(builder, opcode);
    return;
  }
  bool aligned = opcode.base() == "bar";
  opcode.take("cta");
  const auto action = opcode.take_any({"sync", "arrive", "red"});
  const auto reduction =
      action == "red" ? opcode.take_any({"popc", "and", "or"}) : std::optional<std::string_view>();
  if (opcode.take("aligned")) aligned = true;
  if (reduction) opcode.take(*reduction == "popc" ? "u32" : "pred");
  if (!action || (action == "red" && !reduction) || !opcode.empty()) builder.fail_unknown();
  const std::size_t first = reduction ? 1 : 0;
  const std::size_t least = reduction ? 3 : action == "arrive" ? 2 : 1;
  builder.expect_operands(least, reduction ? 4 : 2);
  const Slot id = builder.source(builder.operand(first), OperandType::b32);
  const std::size_t numbers = builder.operand_count() - first - (reduction ? 1 : 0);
  const Slot count =
      numbers == 2 ? builder.source(builder.operand(first + 1), OperandType::b32) : no_slot;
  Slot vote = no_slot;
  Slot result = no_slot;
  std::uint16_t detail = aligned ? BarrierDetail::aligned : std::uint16_t{0};
  if (action == "arrive") detail |= BarrierDetail::arrive;
  if (reduction) {
    const bool is_popc = *reduction == "popc";
    vote = builder.source(builder.operand(builder.operand_count() - 1), OperandType::predicate);
    result =
        builder.result(builder.operand(0), is_popc ? OperandType::b32 : OperandType::predicate);
    detail |= is_popc               ? BarrierDetail::reduce_popc
              : *reduction == "and" ? BarrierDetail::reduce_and
                                    : BarrierDetail::reduce_or;
  }
  Instruction& instruction = builder.emit(do_nothing, Flow::barrier);
  instruction.sources[0] = id;
  instruction.sources[1] = count;
  instruction.sources[2] = vote;
  instruction.results[0] = result;
  instruction.detail = detail;
}

}  // namespace lq::emulator
