#include "emulator/ptx/ast.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"

namespace lq::emulator::ptx {

int type_bytes(std::string_view type) {
  static constexpr std::array<std::pair<std::string_view, int>, 22> types{{
      {"b8", 1},    {"u8", 1},    {"s8", 1},     {"b16", 2},  {"u16", 2}, {"s16", 2},
      {"f16", 2},   {"bf16", 2},  {"b32", 4},    {"u32", 4},  {"s32", 4}, {"f32", 4},
      {"f16x2", 4}, {"tf32", 4},  {"bf16x2", 4}, {"b64", 8},  {"u64", 8}, {"s64", 8},
      {"f64", 8},   {"b128", 16}, {"e4m3", 1},   {"e5m2", 1},
  }};
  const auto* const found = std::find_if(types.begin(), types.end(),
                                         [&](const auto& entry) { return entry.first == type; });
  check(found != types.end(), "ptx: type '{}' has no size in memory", type);
  return found->second;
}

std::int64_t variable_bytes(const Variable& variable) {
  return type_bytes(variable.type) * variable.vector * variable.elements;
}

std::int64_t variable_alignment(const Variable& variable) {
  return std::max<std::int64_t>(variable.alignment, type_bytes(variable.type) * variable.vector);
}

}  // namespace lq::emulator::ptx
