#include "tests/resources/launch_bounds.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numeric>
#include <set>

#include "core/error.h"
#include "emulator/fatbin/fatbin.h"
#include "emulator/ptx/parser.h"

namespace lq::testing {

namespace {

namespace ptx = emulator::ptx;

bool names(const ptx::Operand& operand, const std::set<std::string>& variables) {
  return variables.contains(operand.name) ||
         std::ranges::any_of(operand.parts,
                             [&](const ptx::Operand& part) { return names(part, variables); });
}

bool names(const ptx::Function& function, const std::set<std::string>& variables) {
  return std::ranges::any_of(function.body, [&](const ptx::Statement& statement) {
    return std::ranges::any_of(statement.instruction.operands, [&](const ptx::Operand& operand) {
      return names(operand, variables);
    });
  });
}

/// Shared variables that have no size of their own.
std::set<std::string> sized_at_launch(const ptx::Module& module) {
  std::set<std::string> variables;
  for (const ptx::Variable& variable : module.variables) {
    const bool has_no_size = variable.is_array && variable.elements == 0;
    if (variable.space == ptx::StateSpace::shared && has_no_size) variables.insert(variable.name);
  }
  return variables;
}

}  // namespace

std::map<std::string, LaunchBounds> launch_bounds_of(std::span<const std::byte> object) {
  // Containers of device code are aligned to 8 bytes in the file, and nothing else starts like one.
  constexpr std::uint32_t container_magic = 0xBA55ED50;
  std::map<std::string, LaunchBounds> bounds;
  std::size_t images = 0;
  for (std::size_t at = 0; at + emulator::fatbin_header_bytes <= object.size(); at += 8) {
    std::uint32_t word = 0;
    std::memcpy(&word, object.data() + at, sizeof(word));
    if (word != container_magic) continue;
    for (const emulator::PtxImage& image : emulator::read_ptx_images(object.subspan(at))) {
      ++images;
      const ptx::Module module = ptx::parse_module(image.text);
      const std::set<std::string> dynamic_shared = sized_at_launch(module);
      for (const ptx::Function& function : module.functions) {
        if (!function.is_entry) continue;
        const auto& extents = function.max_threads;
        const auto threads = std::accumulate(extents.begin(), extents.end(), std::int64_t{1},
                                             std::multiplies<std::int64_t>());
        LaunchBounds& of = bounds[function.name];
        of.threads = std::max(of.threads, extents.empty() ? 0 : static_cast<int>(threads));
        of.has_dynamic_shared = of.has_dynamic_shared || names(function, dynamic_shared);
      }
    }
  }
  check(images > 0, "launch bounds: no PTX in the object");
  return bounds;
}

}  // namespace lq::testing
