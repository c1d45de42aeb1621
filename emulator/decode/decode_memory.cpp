// ld, st, fences.

#include <algorithm>

#include "core/error.h"
#include "emulator/decode/families.h"
#include "emulator/decode/memory_modifiers.h"
#include "emulator/instructions/bulk_copy.h"
#include "emulator/instructions/mbarrier.h"
#include "emulator/instructions/memory.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

using ptx::Operand;
using ptx::OperandKind;

MemoryModifiers take_modifiers(Opcode& opcode) {
  MemoryModifiers result;
  opcode.take("weak");
  result.detail = take_order(opcode);
  result.space = take_space(opcode, result);
  result.has_policy = take_cache_hints(opcode);
  opcode.take("nc");
  result.has_policy = take_cache_hints(opcode) || result.has_policy;
  if (const auto vector = opcode.take_any({"v2", "v4", "v8"})) {
    result.elements = (*vector)[1] - '0';
  }
  return result;
}

/// Parameters of device functions and calls are in local memory; the symbol says so.
Space space_of(const FunctionBuilder& builder, const MemoryModifiers& modifiers,
               const SymbolAddress& address) {
  if (!modifiers.is_param) return modifiers.space;
  if (address.space == Space::local) return Space::local;
  return builder.is_entry() ? Space::param : Space::local;
}

void decode_load_or_store(FunctionBuilder& builder, bool is_load) {
  Opcode opcode(builder.instruction().opcode);
  const MemoryModifiers modifiers = take_modifiers(opcode);
  const std::string type(opcode.take_next());
  if (!opcode.empty() || type.empty() || type == "pred" || type == "b128") builder.fail_unknown();
  const int bytes = ptx::type_bytes(type);
  if (bytes * modifiers.elements > 32) builder.fail_unknown();
  builder.expect_operands(modifiers.has_policy ? 3 : 2, modifiers.has_policy ? 3 : 2);
  const Operand& value = builder.operand(is_load ? 0 : 1);
  const SymbolAddress address = builder.address(builder.operand(is_load ? 1 : 0));
  std::vector<Operand> parts{value};
  if (value.kind == OperandKind::vector) parts = value.parts;
  if (static_cast<int>(parts.size()) != modifiers.elements) {
    builder.fail_here(fmt::format("{} registers, expected {}", parts.size(), modifiers.elements));
  }
  // Registers may be wider than what is in memory, but all of one width.
  int register_bytes = std::max(bytes, 2);
  for (const Operand& part : parts) {
    if (builder.is_register(part)) register_bytes = builder.register_of(part).bytes;
  }
  std::vector<Slot> slots;
  for (const Operand& part : parts) {
    const OperandType part_type = type == "f32"   ? OperandType::f32
                                  : type == "f64" ? OperandType::f64
                                                  : bits_type(register_bytes);
    const OperandType slot_type =
        bytes_of(part_type) == register_bytes ? part_type : bits_type(register_bytes);
    slots.push_back(is_load ? builder.result(part, slot_type) : builder.source(part, slot_type));
  }
  const Handler handler =
      is_load ? load_handler(bytes, register_bytes) : store_handler(bytes, register_bytes);
  if (handler == nullptr) builder.fail_unknown();
  Instruction& instruction = builder.emit(handler);
  set_address(instruction, address, space_of(builder, modifiers, address));
  instruction.list = builder.add_list(slots);
  instruction.list_size = static_cast<std::uint8_t>(slots.size());
  instruction.elements = static_cast<std::uint8_t>(slots.size());
  instruction.access_bytes = static_cast<std::uint8_t>(bytes);
  instruction.detail = static_cast<std::uint16_t>(
      modifiers.detail | (is_load && type.starts_with('s') ? MemoryDetail::sign_extend : 0));
  if (is_load && slots.size() > 1) builder.set_last_loaded(slots);
}

/// fence.proxy.async[.space] orders stores to shared memory before asynchronous copies; the other
/// proxies hold nothing here that memory does not.
void decode_proxy_fence(FunctionBuilder& builder, Opcode& opcode) {
  if (opcode.take("async")) {
    const auto space = opcode.take_any({"global", "shared::cta", "shared::cluster"});
    if (!opcode.empty()) builder.fail_unknown();
    builder.emit(space == "global" ? do_nothing : fence_proxies);
    return;
  }
  if (!opcode.take("alias")) {
    const bool is_map = opcode.take("tensormap::generic");
    const bool has_order = opcode.take_any({"acquire", "release"}).has_value();
    const bool has_scope = opcode.take_any({"cta", "cluster", "gpu", "sys"}).has_value();
    if (!is_map || !has_order || !has_scope) builder.fail_unknown();
  }
  if (!opcode.empty()) builder.fail_unknown();
  builder.emit(do_nothing);
}

}  // namespace

void decode_ld(FunctionBuilder& builder) { decode_load_or_store(builder, true); }
void decode_st(FunctionBuilder& builder) { decode_load_or_store(builder, false); }

void decode_without_effect(FunctionBuilder& builder) { builder.emit(do_nothing); }

/// Policies of caches have no effect: they are all 0.
void decode_createpolicy(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  if (!opcode.take_any({"fractional", "range", "cvt"})) builder.fail_unknown();
  const Slot zero = builder.constant(OperandType::b64, 0);
  const Slot policy = builder.result(builder.operand(0), OperandType::b64);
  Instruction& instruction = builder.emit(find_form("mov.b64")->handler);
  instruction.sources[0] = zero;
  instruction.results[0] = policy;
}

/// membar.scope, fence[.order].scope, fence.proxy.kind and fence.mbarrier_init.release.cluster.
void decode_fence(FunctionBuilder& builder) {
  Opcode opcode(builder.instruction().opcode);
  if (opcode.take("proxy")) {
    decode_proxy_fence(builder, opcode);
    return;
  }
  if (opcode.take("mbarrier_init")) {
    if (!opcode.take("release") || !opcode.take("cluster") || !opcode.empty()) {
      builder.fail_unknown();
    }
    builder.emit(fence_mbarrier_init);
    return;
  }
  opcode.take_any({"sc", "acq_rel", "acquire", "release"});
  const auto scope = opcode.take_any({"cta", "cluster", "gl", "gpu", "sys"});
  if (!scope || !opcode.empty()) builder.fail_unknown();
  builder.emit(*scope == "cta" ? do_nothing : fence_grid);
}

}  // namespace lq::emulator
