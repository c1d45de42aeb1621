#include "emulator/machine/instruction_kind.h"

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <vector>

namespace lq::emulator {
namespace {

std::vector<std::string_view> modifiers_of(std::string_view text) {
  text = text.substr(0, text.find_first_of(" \t;"));
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool contains(const std::vector<std::string_view>& parts, std::string_view part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

/// Kinds that the opcode alone tells.
const std::unordered_map<std::string_view, std::string_view>& kinds_by_base() {
  static const std::unordered_map<std::string_view, std::string_view> kinds = [] {
    std::unordered_map<std::string_view, std::string_view> result;
    const auto add = [&](std::string_view kind, std::initializer_list<std::string_view> bases) {
      for (const std::string_view base : bases) result.emplace(base, kind);
    };
    add("atomic", {"atom", "red"});
    add("copy", {"cp"});
    add("control", {"bra", "brx", "call", "ret", "exit", "trap", "brkpt"});
    add("synchronisation", {"bar", "barrier", "membar", "fence", "mbarrier", "griddepcontrol"});
    add("collective", {"shfl", "vote", "match", "redux", "activemask", "elect"});
    add("conversion", {"cvt"});
    add("move", {"mov", "cvta", "selp", "mapa", "getctarank"});
    add("popc", {"popc"});
    add("logic", {"and", "or", "xor", "not", "cnot", "lop3", "shl", "shr", "shf", "prmt", "bfe",
                  "bfi", "bfind", "clz", "brev", "bmsk", "fns", "szext"});
    add("special function", {"sin", "cos", "ex2", "lg2", "rcp", "rsqrt", "sqrt", "tanh"});
    add("other", {"nanosleep", "prefetch", "prefetchu", "discard", "isspacep", "pmevent"});
    return result;
  }();
  return kinds;
}

std::string memory_kind(const std::vector<std::string_view>& parts) {
  std::string kind = parts[0] == "st" ? "store " : "load ";
  for (const std::string_view space : {"global", "local", "const"}) {
    if (contains(parts, space)) return kind.append(space);
  }
  for (const std::string_view part : parts) {
    if (part.starts_with("shared")) return kind.append("shared");
    if (part.starts_with("param")) return kind.append("param");
  }
  return kind.append("generic");
}

/// Products name the types of d, a, b and c; those of wmma in half precision only d and c.
std::string matrix_kind(const std::vector<std::string_view>& parts) {
  constexpr std::string_view types[] = {"f16",  "bf16", "tf32", "f32", "f64", "s8",
                                        "u8",   "s4",   "u4",   "b1",  "s32", "e4m3",
                                        "e5m2", "e2m1", "e3m2", "e2m3"};
  std::vector<std::string_view> found;
  for (const std::string_view part : parts) {
    if (std::find(std::begin(types), std::end(types), part) != std::end(types)) {
      found.push_back(part);
    }
  }
  if (found.size() < 2) return "matrix";
  return "matrix " + std::string(found[1] == "f32" ? "f16" : found[1]);
}

bool is_product(const std::vector<std::string_view>& parts) {
  return parts[0] == "mma" || ((parts[0] == "wmma" || parts[0] == "wgmma") && parts.size() > 1 &&
                               parts[1].starts_with("mma"));
}

std::string kind_of_type(const std::vector<std::string_view>& parts) {
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (*part == "f64") return "double";
    if (*part == "f32") return "float";
    if (*part == "f16" || *part == "f16x2" || *part == "bf16" || *part == "bf16x2") return "half";
    if (part->size() >= 2 && std::string_view("usb").find((*part)[0]) != std::string_view::npos &&
        (*part)[1] >= '0' && (*part)[1] <= '9') {
      return "integer";
    }
  }
  return "other";
}

/// 2 m n k of a shape like m16n8k256, or 0.
std::uint64_t product_operations(std::string_view shape) {
  std::uint64_t operations = 2;
  for (const char letter : {'m', 'n', 'k'}) {
    if (shape.empty() || shape[0] != letter) return 0;
    shape.remove_prefix(1);
    std::uint64_t size = 0;
    for (; !shape.empty() && shape[0] >= '0' && shape[0] <= '9'; shape.remove_prefix(1)) {
      size = 10 * size + static_cast<std::uint64_t>(shape[0] - '0');
    }
    operations *= size;
  }
  return operations;
}

}  // namespace

std::string instruction_kind(std::string_view text) {
  const std::vector<std::string_view> parts = modifiers_of(text);
  const std::string_view base = parts[0];
  if (base == "ld" || base == "ldu" || base == "st") return memory_kind(parts);
  if (is_product(parts)) return matrix_kind(parts);
  if (base == "wmma" || base == "wgmma" || base == "ldmatrix" || base == "stmatrix")
    return "matrix";
  const auto found = kinds_by_base().find(base);
  return found != kinds_by_base().end() ? std::string(found->second) : kind_of_type(parts);
}

Operations instruction_operations(std::string_view text) {
  const std::vector<std::string_view> parts = modifiers_of(text);
  if (is_product(parts)) {
    // A warp makes a quarter of a warpgroup's product.
    const unsigned warps = parts[0] == "wgmma" ? 4 : 1;
    for (const std::string_view part : parts) {
      const std::uint64_t operations = product_operations(part);
      if (operations != 0) return {0, operations / warps};
    }
    return {};
  }
  const std::string kind = instruction_kind(text);
  if (kind != "float" && kind != "double" && kind != "half") return {};
  if (parts[0] == "setp" || parts[0] == "set") return {};
  const bool two = parts[0] == "fma" || parts[0] == "mad";
  const bool pair =
      contains(parts, "f16x2") || contains(parts, "bf16x2") || contains(parts, "f32x2");
  return {(two ? 2U : 1U) * (pair ? 2U : 1U), 0};
}

}  // namespace lq::emulator
