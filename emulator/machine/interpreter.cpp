#include "emulator/machine/interpreter.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/error.h"
#include "emulator/machine/lanes.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t no_stop = std::numeric_limits<std::uint32_t>::max();
// Turns of a loop after which lanes behind it get a turn, since the loop may wait for them.
constexpr std::uint32_t patience = 1000;
constexpr std::uint64_t turn_of_the_late = 256;

bool have_same_sizes(const std::vector<ParameterPlace>& a, const std::vector<ParameterPlace>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const ParameterPlace& x, const ParameterPlace& y) { return x.bytes == y.bytes; });
}

template <bool tallies>
class WarpRun {
 public:
  explicit WarpRun(Warp& warp) : warp_(warp) {}

  Outcome run(std::uint64_t most_instructions) {
    remaining_ = most_instructions;
    warp_.waits = {};
    for (;;) {
      if (warp_.finished()) return Outcome::finished;
      if (!select()) {
        if (!settle_waiting(warp_)) return Outcome::blocked;
        continue;
      }
      if (!run_group()) {
        save(mask_, pc_);
        if (remaining_ == 0) return Outcome::yielded;
      }
      if (warp_.waits.instruction != nullptr) return Outcome::waiting;
    }
  }

 private:
  /// Chooses the lanes with the smallest program counter, and where they meet the next ones.
  bool select() {
    Activation& top = warp_.top();
    const LaneMask runnable = top.live & ~top.waiting;
    if (runnable == 0) return false;
    code_ = top.function->code.data();
    if constexpr (tallies) tallies_ = warp_.block->tallies[top.function->index].data();
    const bool late_first = warp_.backward_branches > patience;
    pc_ = top.pc[static_cast<std::size_t>(std::countr_zero(runnable))];
    for_each_lane(runnable, [&](int lane) {
      const std::uint32_t pc = top.pc[static_cast<std::size_t>(lane)];
      pc_ = late_first ? std::max(pc_, pc) : std::min(pc_, pc);
    });
    mask_ = 0;
    stop_ = no_stop;
    for_each_lane(runnable, [&](int lane) {
      const std::uint32_t pc = top.pc[static_cast<std::size_t>(lane)];
      if (pc == pc_) {
        mask_ |= LaneMask{1} << lane;
      } else {
        stop_ = std::min(stop_, pc);
      }
    });
    lanes_ = static_cast<std::uint64_t>(std::popcount(mask_));
    budget_ = remaining_;
    if (late_first) {
      warp_.backward_branches = 0;
      stop_ = no_stop;
      budget_ = std::min(remaining_, turn_of_the_late);
    }
    remaining_ -= budget_;
    return true;
  }

  void save(LaneMask lanes, std::uint32_t pc) {
    Activation& top = warp_.top();
    for_each_lane(lanes, [&](int lane) { top.pc[static_cast<std::size_t>(lane)] = pc; });
  }

  /// Runs the chosen lanes. True: their program counters are saved. False: they have used their
  /// budget up or met others, and are at pc_.
  bool run_group() {
    for (; budget_ > 0; --budget_) {
      const Instruction& instruction = code_[pc_];
      LaneMask active = mask_;
      std::uint64_t lanes = lanes_;
      if (is_slot(instruction.guard)) {
        const LaneMask value = warp_.predicate(instruction.guard);
        active &= instruction.guard_negated ? ~value : value;
        lanes = static_cast<std::uint64_t>(std::popcount(active));
      }
      if (instruction.counts) {
        ++warp_.counters.warp_instructions;
        warp_.counters.lane_instructions += lanes;
        if constexpr (tallies) {
          ++tallies_[pc_].warps;
          tallies_[pc_].lanes += lanes;
        }
      }
      if (instruction.flow == Flow::next) {
        if (active != 0) instruction.handler(warp_, instruction, active);
        ++pc_;
      } else if (!leave_straight_line(instruction, active)) {
        remaining_ += budget_ - 1;
        return true;
      }
      if (pc_ >= stop_) {
        remaining_ += budget_ - 1;
        budget_ = 0;
        save(mask_, pc_);
        return true;
      }
    }
    return false;
  }

  /// False if the group has ended and its program counters are saved.
  bool leave_straight_line(const Instruction& instruction, LaneMask active) {
    if (active == 0) {
      ++pc_;
      return true;
    }
    switch (instruction.flow) {
      case Flow::branch:
        return branch(instruction, active);
      case Flow::collective:
        if (active == warp_.live && is_meeting_complete(warp_, instruction, active)) {
          instruction.handler(warp_, instruction, active);
          ++pc_;
          return true;
        }
        break;
      case Flow::wait:
        return wait(instruction, active);
      default:
        break;
    }
    // All else ends the group.
    save(mask_ & ~active, pc_ + 1);
    save(active, pc_);
    switch (instruction.flow) {
      case Flow::branch_table:
        branch_table(instruction, active);
        break;
      case Flow::call:
        call(warp_.block->launch->program->functions[instruction.target], instruction, active);
        break;
      case Flow::call_pointer:
        call_pointer(instruction, active);
        break;
      case Flow::ret:
        leave_function(warp_, active);
        break;
      case Flow::exit:
        exit_lanes(warp_, active);
        break;
      case Flow::barrier:
        arrive_at_barrier(warp_, instruction, active);
        break;
      case Flow::cluster_barrier:
        wait_for_cluster(warp_, instruction, active);
        break;
      default:
        arrive_at_meeting(warp_, instruction, active);
        break;
    }
    return false;
  }

  /// Who waits in vain lets others run: those lanes of the warp that are elsewhere, then other
  /// warps.
  bool wait(const Instruction& instruction, LaneMask active) {
    instruction.handler(warp_, instruction, active);
    ++pc_;
    if (warp_.waits.instruction == nullptr) return true;
    if (stop_ != no_stop) warp_.backward_branches = patience + 1;
    save(mask_, pc_);
    return false;
  }

  bool branch(const Instruction& instruction, LaneMask taken) {
    if (instruction.target <= pc_ && stop_ != no_stop && ++warp_.backward_branches > patience) {
      save(mask_ & ~taken, pc_ + 1);
      save(taken, instruction.target);
      return false;
    }
    if (taken == mask_) {
      pc_ = instruction.target;
      return true;
    }
    save(mask_ & ~taken, pc_ + 1);
    save(taken, instruction.target);
    return false;
  }

  void branch_table(const Instruction& instruction, LaneMask active) {
    const Activation& top = warp_.top();
    const std::uint32_t* const index = warp_.lanes<std::uint32_t>(instruction.sources[0]);
    for_each_lane(active, [&](int lane) {
      if (index[lane] >= instruction.list_size) {
        fault(warp_, instruction, lane,
              fmt::format("index {} in a table of {} branch targets", index[lane],
                          instruction.list_size));
      }
      save(LaneMask{1} << lane, top.function->lists[instruction.list + index[lane]].position);
    });
  }

  void call(const Function& function, const Instruction& instruction, LaneMask active) {
    const Activation& top = warp_.top();
    save(active, pc_ + 1);
    enter_function(warp_, function, active, &top.function->calls[instruction.detail]);
  }

  /// Calls what the first lane calls. Lanes that call something else stay here and come next.
  void call_pointer(const Instruction& instruction, LaneMask active) {
    const std::uint64_t* const addresses = warp_.lanes<std::uint64_t>(instruction.sources[0]);
    const int first = std::countr_zero(active);
    LaneMask same = 0;
    for_each_lane(active, [&](int lane) {
      if (addresses[lane] == addresses[first]) same |= LaneMask{1} << lane;
    });
    const Function* const function = warp_.block->launch->program->function_at(addresses[first]);
    if (function == nullptr) {
      fault(warp_, instruction, first,
            fmt::format("call through a pointer: {:#x} is no device function of the module",
                        addresses[first]));
    }
    const CallSite& site = warp_.top().function->calls[instruction.detail];
    if (!have_same_sizes(site.arguments, function->parameters) ||
        !have_same_sizes(site.results, function->results)) {
      fault(warp_, instruction, first,
            fmt::format("call through a pointer: {} has other parameters than the call",
                        function->name));
    }
    call(*function, instruction, same);
  }

  Warp& warp_;
  const Instruction* code_ = nullptr;
  Tally* tallies_ = nullptr;  // of these instructions
  std::uint32_t pc_ = 0;
  std::uint32_t stop_ = no_stop;
  LaneMask mask_ = 0;
  std::uint64_t lanes_ = 0;  // of the mask
  std::uint64_t budget_ = 0;
  std::uint64_t remaining_ = 0;
};

}  // namespace

Outcome run_warp(Warp& warp, std::uint64_t most_instructions) {
  return warp.block->launch->counts ? WarpRun<true>(warp).run(most_instructions)
                                    : WarpRun<false>(warp).run(most_instructions);
}

}  // namespace lq::emulator
