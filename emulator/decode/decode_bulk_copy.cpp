// Bulk and tensor copies.

#include <algorithm>

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/bulk_copy.h"
#include "emulator/instructions/memory.h"
#include "emulator/instructions/tensor_copy.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

constexpr std::string_view by_mbarrier = "mbarrier::complete_tx::bytes";

/// Takes the dimensions of a tensor, "1d" to "5d".
std::size_t take_dimensions(FunctionBuilder& builder, Opcode& opcode) {
  const auto dimensions = opcode.take_any({"1d", "2d", "3d", "4d", "5d"});
  if (!dimensions) builder.fail_unknown();
  return static_cast<std::size_t>(dimensions->front() - '0');
}

/// The spaces of a copy, and who knows when it is complete.
struct Route {
  Space to = Space::generic;
  bool from_shared = false;
  bool is_group = false;
};

Route take_spaces(FunctionBuilder& builder, Opcode& opcode) {
  Route route;
  const auto to = opcode.take_any({"shared::cluster", "shared::cta", "global"});
  const auto from = opcode.take_any({"global", "shared::cta"});
  if (!to || !from) builder.fail_unknown();
  route.to = *to == "global"        ? Space::global
             : *to == "shared::cta" ? Space::shared
                                    : Space::shared_cluster;
  route.from_shared = *from == "shared::cta";
  // Between parts of global memory, and from shared memory to the same, there is no way.
  const bool exists = route.to == Space::global ? route.from_shared
                                                : !route.from_shared || *to == "shared::cluster";
  if (!exists) builder.fail_unknown();
  return route;
}

void take_completion(FunctionBuilder& builder, Opcode& opcode, Route& route) {
  route.is_group = opcode.take("bulk_group");
  if (!route.is_group && !opcode.take(by_mbarrier)) builder.fail_unknown();
  if (route.is_group != (route.to == Space::global)) builder.fail_unknown();
}

Slot address_slot(FunctionBuilder& builder, std::size_t operand) {
  return address_value(builder, builder.address(builder.operand(operand)));
}

Instruction& emit_copy(FunctionBuilder& builder, Handler handler, const Route& route,
                       const Slot (&sources)[4], const std::vector<Slot>& list) {
  Instruction& instruction = builder.emit(handler);
  for (std::size_t i = 0; i < 4; ++i) instruction.sources[i] = sources[i];
  instruction.space = route.to;
  if (route.from_shared && !route.is_group) instruction.detail |= BulkDetail::from_shared;
  instruction.list = builder.add_list(list);
  instruction.list_size = static_cast<std::uint8_t>(list.size());
  return instruction;
}

template <std::size_t count>
std::size_t take_index(FunctionBuilder& builder, Opcode& opcode,
                       const std::string_view (&names)[count]) {
  const auto* const found = std::find(std::begin(names) + 1, std::end(names), opcode.take_next());
  if (found == std::end(names)) builder.fail_unknown();
  return static_cast<std::size_t>(found - names);
}

/// .operation[.noftz].type, where sums of 16 bits have .noftz and nothing else has it.
std::uint32_t take_reduction(FunctionBuilder& builder, Opcode& opcode) {
  const std::size_t operation = take_index(builder, opcode, reduction_operations);
  const bool is_noftz = opcode.take("noftz");
  const std::size_t type = take_index(builder, opcode, reduction_types);
  const bool is_small_sum =
      reduction_operations[operation] == "add" && ptx::type_bytes(reduction_types[type]) == 2;
  if (is_noftz != is_small_sum ||
      reduce_element(reduction_operations[operation], reduction_types[type]) == nullptr) {
    builder.fail_unknown();
  }
  return reduction_number(operation, type);
}

/// Reductions are atomic, one element at a time.
void set_reduction(Instruction& instruction, std::uint32_t number) {
  instruction.target = number;
  if (number != 0) instruction.detail |= MemoryDetail::strong;
}

/// cp[.reduce].async.bulk.to.from.completion[.operation.type] [to], [from], bytes, [mbarrier][,
/// mask][, policy]
void decode_bulk_copy(FunctionBuilder& builder, Opcode& opcode, bool reduces) {
  Route route = take_spaces(builder, opcode);
  take_completion(builder, opcode, route);
  const bool is_multicast =
      route.to == Space::shared_cluster && !route.from_shared && opcode.take("multicast::cluster");
  const bool has_policy = opcode.take("L2::cache_hint");
  const bool has_byte_mask = route.is_group && !reduces && opcode.take("cp_mask");
  // To shared memory, several may reduce at a time: that is not modelled.
  if (reduces && !route.is_group) builder.fail_unknown();
  const std::uint32_t reduction = reduces ? take_reduction(builder, opcode) : 0;
  if (!opcode.empty()) builder.fail_unknown();
  const std::size_t fixed = route.is_group ? 3 : 4;
  const std::size_t operands =
      fixed + (is_multicast ? 1 : 0) + (has_policy ? 1 : 0) + (has_byte_mask ? 1 : 0);
  builder.expect_operands(operands, operands);
  const Slot sources[4] = {address_slot(builder, 0), address_slot(builder, 1),
                           builder.source(builder.operand(2), OperandType::b32),
                           route.is_group ? no_slot : address_slot(builder, 3)};
  std::vector<Slot> list;
  if (is_multicast) list.push_back(builder.source(builder.operand(4), OperandType::b16));
  if (has_byte_mask) {
    list.push_back(builder.source(builder.operand(operands - 1), OperandType::b16));
  }
  Instruction& instruction = emit_copy(
      builder, route.is_group ? copy_bulk_to_global : copy_bulk_to_shared, route, sources, list);
  if (is_multicast) instruction.detail |= BulkDetail::multicast;
  if (has_byte_mask) instruction.detail |= BulkDetail::byte_mask;
  set_reduction(instruction, reduction);
}

/// [map, {coordinates}]: the address of the map, and the coordinates.
Slot tensor_operand(FunctionBuilder& builder, const Operand& operand, std::size_t dimensions,
                    std::vector<Slot>& coordinates) {
  const bool is_tensor = operand.kind == OperandKind::address && operand.parts.size() == 1 &&
                         operand.parts[0].kind == OperandKind::vector &&
                         operand.parts[0].parts.size() == dimensions;
  if (!is_tensor) {
    builder.fail_operand(operand, fmt::format("a tensor map with {} coordinates", dimensions));
  }
  for (const Operand& part : operand.parts[0].parts) {
    coordinates.push_back(builder.source(part, OperandType::b32));
  }
  return address_value(builder, builder.address(operand));
}

/// cp.async.bulk.tensor.dim.to.from[.tile].completion: [to], [map, {...}], [mbarrier][, mask]
/// [, policy] or [map, {...}], [from][, policy]
void decode_tensor_copy(FunctionBuilder& builder, Opcode& opcode, bool reduces) {
  const std::size_t dimensions = take_dimensions(builder, opcode);
  Route route = take_spaces(builder, opcode);
  if (route.to != Space::global && (route.from_shared || reduces)) builder.fail_unknown();
  const std::size_t operation = reduces ? take_index(builder, opcode, reduction_operations) : 0;
  opcode.take("tile");
  take_completion(builder, opcode, route);
  const bool is_multicast = route.to == Space::shared_cluster && opcode.take("multicast::cluster");
  const bool has_policy = opcode.take("L2::cache_hint");
  if (!opcode.empty()) builder.fail_unknown();
  const std::size_t operands =
      (route.is_group ? 2 : 3) + (is_multicast ? 1 : 0) + (has_policy ? 1 : 0);
  builder.expect_operands(operands, operands);
  std::vector<Slot> list;
  const Slot map =
      tensor_operand(builder, builder.operand(route.is_group ? 0 : 1), dimensions, list);
  const Slot sources[4] = {address_slot(builder, route.is_group ? 1 : 0), map, no_slot,
                           route.is_group ? no_slot : address_slot(builder, 2)};
  if (is_multicast) list.push_back(builder.source(builder.operand(3), OperandType::b16));
  Instruction& instruction =
      emit_copy(builder, route.is_group ? copy_tensor_to_global : copy_tensor_to_shared, route,
                sources, list);
  instruction.elements = static_cast<std::uint8_t>(dimensions);
  set_reduction(instruction, reduction_number(operation, 0));
  if (is_multicast) instruction.detail |= BulkDetail::multicast;
}

/// Prefetches have no effect.
void decode_prefetch(FunctionBuilder& builder, Opcode& opcode) {
  if (opcode.take("tensor")) take_dimensions(builder, opcode);
  const bool is_known = opcode.take("L2") && opcode.take("global");
  opcode.take("tile");
  opcode.take("L2::cache_hint");
  if (!is_known || !opcode.empty()) builder.fail_unknown();
  builder.emit(do_nothing);
}

void decode_wait(FunctionBuilder& builder, Opcode& opcode) {
  const bool only_read = opcode.take("read");
  if (!opcode.empty()) builder.fail_unknown();
  Instruction& instruction = emit_wait_for_groups(builder, wait_for_bulk_copies);
  if (only_read) instruction.detail = BulkDetail::only_read;
}

}  // namespace

void decode_bulk(FunctionBuilder& builder, Opcode opcode, bool reduces) {
  if (opcode.take("tensor")) {
    decode_tensor_copy(builder, opcode, reduces);
  } else if (!reduces && opcode.take("commit_group")) {
    if (!opcode.empty()) builder.fail_unknown();
    builder.expect_operands(0, 0);
    builder.emit(commit_bulk_copies);
  } else if (!reduces && opcode.take("wait_group")) {
    decode_wait(builder, opcode);
  } else if (!reduces && opcode.take("prefetch")) {
    decode_prefetch(builder, opcode);
  } else {
    decode_bulk_copy(builder, opcode, reduces);
  }
}

}  // namespace lq::emulator
