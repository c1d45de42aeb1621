#include "emulator/machine/reachability.h"

#include <vector>

namespace lq::emulator {
namespace {

/// Marks the instructions that can be executed from `start` on, itself included.
std::vector<bool> reachable_from(const Function& function, std::uint32_t start) {
  std::vector<bool> reached(function.code.size());
  std::vector<std::uint32_t> open{start};
  while (!open.empty()) {
    const std::uint32_t pc = open.back();
    open.pop_back();
    if (pc >= reached.size() || reached[pc]) continue;
    reached[pc] = true;
    const Instruction& instruction = function.code[pc];
    const bool is_branch = instruction.flow == Flow::branch;
    const bool is_end = instruction.flow == Flow::ret || instruction.flow == Flow::exit;
    if (is_branch) open.push_back(instruction.target);
    if (instruction.flow == Flow::branch_table) {
      for (int i = 0; i < instruction.list_size; ++i) {
        open.push_back(function.lists[instruction.list + static_cast<std::size_t>(i)].position);
      }
    }
    const bool falls_through = !(is_branch || is_end || instruction.flow == Flow::branch_table) ||
                               is_slot(instruction.guard);
    if (falls_through) open.push_back(pc + 1);
  }
  return reached;
}

}  // namespace

bool has_passed_by(const Function& function, std::uint32_t pc, std::uint32_t meeting) {
  const std::vector<bool> from_here = reachable_from(function, pc);
  if (from_here[meeting]) return false;
  const std::vector<bool> from_meeting = reachable_from(function, meeting);
  for (std::size_t i = 0; i < from_here.size(); ++i) {
    const Flow flow = function.code[i].flow;
    const bool does_something = flow != Flow::ret && flow != Flow::exit && flow != Flow::branch;
    if (does_something && from_here[i] && from_meeting[i]) return true;
  }
  return false;
}

}  // namespace lq::emulator
