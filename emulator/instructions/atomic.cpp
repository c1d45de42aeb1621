// atom and red. Blocks run on several host threads, so these are atomic operations of the host.

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "emulator/instructions/integers.h"
#include "emulator/instructions/memory.h"
#include "emulator/instructions/memory_access.h"
#include "emulator/instructions/small_float.h"

namespace lq::emulator {
namespace {

using namespace integers;

template <typename T>
T add(T old, T value) {
  return static_cast<T>(old + value);
}
template <typename T>
T min(T old, T value) {
  return std::min(old, value);
}
template <typename T>
T max(T old, T value) {
  return std::max(old, value);
}
template <typename T>
T bit_and(T old, T value) {
  return old & value;
}
template <typename T>
T bit_or(T old, T value) {
  return old | value;
}
template <typename T>
T bit_xor(T old, T value) {
  return old ^ value;
}
template <typename T>
T exchange(T, T value) {
  return value;
}
u32 increment(u32 old, u32 limit) { return old >= limit ? 0 : old + 1; }
u32 decrement(u32 old, u32 limit) { return old == 0 || old > limit ? limit : old - 1; }

template <std::size_t bytes>
struct Bits;
template <>
struct Bits<2> {
  using Type = u16;
};
template <>
struct Bits<4> {
  using Type = u32;
};
template <>
struct Bits<8> {
  using Type = u64;
};
template <typename T>
using BitsOf = typename Bits<sizeof(T)>::Type;

/// Replaces the value by `next` of it, and returns what was there.
template <typename T, typename Next>
T update(std::byte* bytes, Next&& next) {
  auto* const at = reinterpret_cast<BitsOf<T>*>(bytes);
  BitsOf<T> old = __atomic_load_n(at, __ATOMIC_RELAXED);
  for (;;) {
    const auto replacement = std::bit_cast<BitsOf<T>>(next(std::bit_cast<T>(old)));
    if (__atomic_compare_exchange_n(at, &old, replacement, true, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED)) {
      return std::bit_cast<T>(old);
    }
  }
}

/// Numbers of 16 bits, alone or in pairs; of these each half is atomic.
template <typename F>
u16 add_small(u16 old, u16 value) {
  return static_cast<u16>(
      F::round(static_cast<long double>(F::widen(old)) + F::widen(value), Rounding::nearest));
}
template <typename F, bool smaller>
u16 choose_small(u16 old, u16 value) {
  const double x = F::widen(old);
  const double y = F::widen(value);
  if (std::isnan(x)) return std::isnan(y) ? F::not_a_number : value;
  if (std::isnan(y)) return old;
  const bool old_is_less = x < y || (x == y && std::signbit(x) && !std::signbit(y));
  return old_is_less == smaller ? old : value;
}
template <u16 (*function)(u16, u16)>
u32 both(u32 old, u32 value) {
  return u32{function(static_cast<u16>(old >> 16), static_cast<u16>(value >> 16))} << 16 |
         function(static_cast<u16>(old), static_cast<u16>(value));
}

template <typename T, typename Next>
void for_all(Frame& frame, const Instruction& instruction, LaneMask mask, Next&& next) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  count_request(warp, instruction, addresses, mask,
                {instruction.space, AccessKind::read_and_write, sizeof(T)});
  T* const result =
      is_slot(instruction.results[0]) ? warp.lanes<T>(instruction.results[0]) : nullptr;
  // Lanes take their turns in order.
  for_each_lane(mask, [&](int lane) {
    std::byte* const bytes = checked_bytes(warp, instruction, lane, addresses[lane], sizeof(T),
                                           AccessKind::read_and_write);
    const T old = update<T>(bytes, [&](T value) { return next(value, lane); });
    acquire_after_read(warp, instruction, addresses[lane]);
    if (result != nullptr) result[lane] = old;
  });
}

/// The registers of the list are the operands' elements, and behind them, if there are any, those
/// of the result.
template <typename T, T (*function)(T, T)>
void read_modify_write_vector(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  const unsigned elements = instruction.elements;
  const auto bytes = static_cast<unsigned>(elements * sizeof(T));
  count_request(warp, instruction, addresses, mask,
                {instruction.space, AccessKind::read_and_write, bytes});
  const Slot* const slots = slots_of(warp, instruction);
  for_each_lane(mask, [&](int lane) {
    std::byte* const start =
        checked_bytes(warp, instruction, lane, addresses[lane], bytes, AccessKind::read_and_write);
    T values[8];
    for (unsigned i = 0; i < elements; ++i) values[i] = warp.lanes<T>(slots[i])[lane];
    for (unsigned i = 0; i < elements; ++i) {
      const T old =
          update<T>(start + i * sizeof(T), [&](T before) { return function(before, values[i]); });
      if (instruction.list_size > elements) warp.lanes<T>(slots[elements + i])[lane] = old;
    }
    acquire_after_read(warp, instruction, addresses[lane]);
  });
}

template <typename T, T (*function)(T, T)>
void read_modify_write(Frame& frame, const Instruction& instruction, LaneMask mask) {
  if (instruction.elements > 1) {
    read_modify_write_vector<T, function>(frame, instruction, mask);
    return;
  }
  const T* const operand = frame.lanes<T>(instruction.sources[1]);
  T values[warp_size];
  std::copy_n(operand, warp_size, values);
  for_all<T>(frame, instruction, mask,
             [&](T old, int lane) { return function(old, values[lane]); });
}

template <typename T>
void compare_and_swap(Frame& frame, const Instruction& instruction, LaneMask mask) {
  T comparands[warp_size];
  T values[warp_size];
  std::copy_n(frame.lanes<T>(instruction.sources[1]), warp_size, comparands);
  std::copy_n(frame.lanes<T>(instruction.sources[2]), warp_size, values);
  for_all<T>(frame, instruction, mask,
             [&](T old, int lane) { return old == comparands[lane] ? values[lane] : old; });
}

template <typename T, T (*function)(T, T)>
void reduce_at(std::byte* memory, const std::byte* value) {
  T operand;
  std::memcpy(&operand, value, sizeof(T));
  update<T>(memory, [&](T old) { return function(old, operand); });
}

/// What executes atom and red, and if bulk copies reduce so, what does that to an element.
struct Operation {
  Handler handler = nullptr;
  ReduceElement reduce = nullptr;
};
template <typename T, T (*function)(T, T)>
constexpr Operation elementwise{read_modify_write<T, function>, reduce_at<T, function>};

Operation find_operation(std::string_view operation, std::string_view type) {
  static const std::unordered_map<std::string_view, Operation> operations{
      {"add.u32", elementwise<u32, add<u32>>},
      {"add.s32", elementwise<u32, add<u32>>},
      {"add.u64", elementwise<u64, add<u64>>},
      {"add.s64", {read_modify_write<u64, add<u64>>}},
      {"add.f32", elementwise<float, add<float>>},
      {"add.f64", elementwise<double, add<double>>},
      {"min.u32", elementwise<u32, min<u32>>},
      {"min.s32", elementwise<s32, min<s32>>},
      {"min.u64", elementwise<u64, min<u64>>},
      {"min.s64", elementwise<s64, min<s64>>},
      {"max.u32", elementwise<u32, max<u32>>},
      {"max.s32", elementwise<s32, max<s32>>},
      {"max.u64", elementwise<u64, max<u64>>},
      {"max.s64", elementwise<s64, max<s64>>},
      {"and.b32", elementwise<u32, bit_and<u32>>},
      {"and.b64", elementwise<u64, bit_and<u64>>},
      {"or.b32", elementwise<u32, bit_or<u32>>},
      {"or.b64", elementwise<u64, bit_or<u64>>},
      {"xor.b32", elementwise<u32, bit_xor<u32>>},
      {"xor.b64", elementwise<u64, bit_xor<u64>>},
      {"exch.b32", {read_modify_write<u32, exchange<u32>>}},
      {"exch.b64", {read_modify_write<u64, exchange<u64>>}},
      {"inc.u32", elementwise<u32, increment>},
      {"dec.u32", elementwise<u32, decrement>},
      {"add.f16", elementwise<u16, add_small<Binary16>>},
      {"add.bf16", elementwise<u16, add_small<Bfloat16>>},
      {"add.f16x2", {read_modify_write<u32, both<add_small<Binary16>>>}},
      {"add.bf16x2", {read_modify_write<u32, both<add_small<Bfloat16>>>}},
      {"min.f16", elementwise<u16, choose_small<Binary16, true>>},
      {"min.bf16", elementwise<u16, choose_small<Bfloat16, true>>},
      {"min.f16x2", {read_modify_write<u32, both<choose_small<Binary16, true>>>}},
      {"min.bf16x2", {read_modify_write<u32, both<choose_small<Bfloat16, true>>>}},
      {"max.f16", elementwise<u16, choose_small<Binary16, false>>},
      {"max.bf16", elementwise<u16, choose_small<Bfloat16, false>>},
      {"max.f16x2", {read_modify_write<u32, both<choose_small<Binary16, false>>>}},
      {"max.bf16x2", {read_modify_write<u32, both<choose_small<Bfloat16, false>>>}},
      {"cas.b16", {compare_and_swap<u16>}},
      {"cas.b32", {compare_and_swap<u32>}},
      {"cas.b64", {compare_and_swap<u64>}},
  };
  const auto found = operations.find(fmt::format("{}.{}", operation, type));
  return found == operations.end() ? Operation{} : found->second;
}

}  // namespace

Handler atomic_handler(std::string_view operation, std::string_view type) {
  return find_operation(operation, type).handler;
}

ReduceElement reduce_element(std::string_view operation, std::string_view type) {
  return find_operation(operation, type).reduce;
}

}  // namespace lq::emulator
