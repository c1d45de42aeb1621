#include "emulator/instructions/warp.h"

#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>

#include "emulator/instructions/handler.h"
#include "emulator/instructions/integers.h"

namespace lq::emulator {
namespace {

using namespace integers;

constexpr u32 undefined_value = 0xCBCBCBCB;

void set_predicate(Frame& frame, Slot slot, LaneMask mask, LaneMask value) {
  if (!is_slot(slot)) return;
  LaneMask& predicate = frame.predicate(slot);
  predicate = (predicate & ~mask) | (value & mask);
}

/// `choose(lane, b, segment mask, max lane, in bounds)` gives the lane to read from.
template <typename Choose>
void shuffle(Frame& frame, const Instruction& instruction, LaneMask mask, Choose&& choose) {
  u32 values[warp_size];
  std::copy_n(frame.lanes<u32>(instruction.sources[1]), warp_size, values);
  const u32* const b = frame.lanes<u32>(instruction.sources[2]);
  const u32* const c = frame.lanes<u32>(instruction.sources[3]);
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  LaneMask in_bounds = 0;
  u32 results[warp_size] = {};
  for_each_lane(mask, [&](int lane) {
    const u32 own = static_cast<u32>(lane);
    const u32 segment = c[lane] >> 8 & 0x1F;
    const u32 clamp = c[lane] & 0x1F;
    const u32 last = (own & segment) | (clamp & ~segment);
    bool ok = false;
    u32 from = choose(own, b[lane] & 0x1F, segment, last, ok);
    if (!ok) from = own;
    in_bounds |= LaneMask{ok} << lane;
    // What comes from a lane that does not take part is not defined, but may be ignored.
    results[lane] = (mask >> from & 1) != 0 ? values[from] : undefined_value;
  });
  for_each_lane(mask, [&](int lane) { result[lane] = results[lane]; });
  set_predicate(frame, instruction.results[1], mask, in_bounds);
}

LaneMask votes(const Frame& frame, const Instruction& instruction, LaneMask mask) {
  return frame.predicate(instruction.sources[1]) & mask;
}

template <typename T>
void match_any(Frame& frame, const Instruction& instruction, LaneMask mask) {
  T values[warp_size];
  std::copy_n(frame.lanes<T>(instruction.sources[1]), warp_size, values);
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) {
    LaneMask same = 0;
    for_each_lane(mask,
                  [&](int other) { same |= LaneMask{values[other] == values[lane]} << other; });
    result[lane] = same;
  });
}

template <typename T>
void match_all(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const T* const values = frame.lanes<T>(instruction.sources[1]);
  const T first = values[std::countr_zero(mask)];
  bool same = true;
  for_each_lane(mask, [&](int lane) { same = same && values[lane] == first; });
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { result[lane] = same ? mask : 0; });
  set_predicate(frame, instruction.results[1], mask, same ? all_lanes : 0);
}

template <typename T>
T add(T a, T b) {
  return a + b;
}
template <typename T>
T min(T a, T b) {
  return std::min(a, b);
}
template <typename T>
T max(T a, T b) {
  return std::max(a, b);
}
u32 bit_and(u32 a, u32 b) { return a & b; }
u32 bit_or(u32 a, u32 b) { return a | b; }
u32 bit_xor(u32 a, u32 b) { return a ^ b; }

template <typename T, T (*function)(T, T)>
void reduce(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const T* const values = frame.lanes<T>(instruction.sources[1]);
  const int first = std::countr_zero(mask);
  T total = values[first];
  for_each_lane(mask & (mask - 1), [&](int lane) { total = function(total, values[lane]); });
  T* const result = frame.lanes<T>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { result[lane] = total; });
}

}  // namespace

void shuffle_up(Frame& frame, const Instruction& instruction, LaneMask mask) {
  shuffle(frame, instruction, mask, [](u32 lane, u32 b, u32, u32 last, bool& ok) {
    ok = static_cast<s32>(lane - b) >= static_cast<s32>(last);
    return lane - b;
  });
}
void shuffle_down(Frame& frame, const Instruction& instruction, LaneMask mask) {
  shuffle(frame, instruction, mask, [](u32 lane, u32 b, u32, u32 last, bool& ok) {
    ok = lane + b <= last;
    return lane + b;
  });
}
void shuffle_bfly(Frame& frame, const Instruction& instruction, LaneMask mask) {
  shuffle(frame, instruction, mask, [](u32 lane, u32 b, u32, u32 last, bool& ok) {
    ok = (lane ^ b) <= last;
    return lane ^ b;
  });
}
void shuffle_idx(Frame& frame, const Instruction& instruction, LaneMask mask) {
  shuffle(frame, instruction, mask, [](u32 lane, u32 b, u32 segment, u32 last, bool& ok) {
    const u32 from = (lane & segment) | (b & ~segment);
    ok = from <= last;
    return from;
  });
}

void vote_all(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const bool all = votes(frame, instruction, mask) == mask;
  set_predicate(frame, instruction.results[0], mask, all ? all_lanes : 0);
}
void vote_any(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const bool any = votes(frame, instruction, mask) != 0;
  set_predicate(frame, instruction.results[0], mask, any ? all_lanes : 0);
}
void vote_uni(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const LaneMask ones = votes(frame, instruction, mask);
  set_predicate(frame, instruction.results[0], mask, ones == 0 || ones == mask ? all_lanes : 0);
}
void vote_ballot(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const LaneMask ones = votes(frame, instruction, mask);
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { result[lane] = ones; });
}

Handler match_handler(bool all, int bytes) {
  if (all) return bytes == 4 ? match_all<u32> : match_all<u64>;
  return bytes == 4 ? match_any<u32> : match_any<u64>;
}

Handler redux_handler(std::string_view operation, std::string_view type) {
  static const std::unordered_map<std::string_view, Handler> handlers{
      {"add.u32", reduce<u32, add<u32>>}, {"add.s32", reduce<u32, add<u32>>},
      {"min.u32", reduce<u32, min<u32>>}, {"min.s32", reduce<s32, min<s32>>},
      {"max.u32", reduce<u32, max<u32>>}, {"max.s32", reduce<s32, max<s32>>},
      {"and.b32", reduce<u32, bit_and>},  {"or.b32", reduce<u32, bit_or>},
      {"xor.b32", reduce<u32, bit_xor>},
  };
  std::string key(operation);
  key += '.';
  key += type;
  const auto found = handlers.find(key);
  return found == handlers.end() ? nullptr : found->second;
}

void active_mask(Frame& frame, const Instruction& instruction, LaneMask mask) {
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { result[lane] = mask; });
}

void elect(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const int leader = std::countr_zero(mask);
  u32* const result = frame.lanes<u32>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { result[lane] = static_cast<u32>(leader); });
  set_predicate(frame, instruction.results[1], mask, LaneMask{1} << leader);
}

}  // namespace lq::emulator
