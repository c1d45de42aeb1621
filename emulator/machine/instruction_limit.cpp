#include "emulator/machine/instruction_limit.h"

#include <bit>
#include <utility>

#include "core/error.h"
#include "emulator/machine/block.h"
#include "emulator/machine/lanes.h"

namespace lq::emulator {
namespace {

// So many instructions of a host thread the others need not know of yet.
constexpr std::uint64_t most_unreported = 20000;

}  // namespace

void InstructionLimit::add(const Warp& warp, std::uint64_t instructions) {
  unreported_ += instructions;
  if (unreported_ < most_unreported && unreported_ <= most_) return;
  total_ += std::exchange(unreported_, 0);
  if (total_ > most_ && !warp.finished()) report(warp);
}

/// The lanes that are behind are those of the loop.
void InstructionLimit::report(const Warp& warp) const {
  const Activation& top = warp.activations.back();
  const LaneMask runnable = top.live & ~top.waiting;
  const LaneMask candidates = runnable != 0 ? runnable : top.live;
  const auto pc = [&](int lane) { return top.pc[static_cast<std::size_t>(lane)]; };
  int behind = std::countr_zero(candidates);
  for_each_lane(candidates, [&](int lane) {
    if (pc(lane) < pc(behind)) behind = lane;
  });
  fault(warp, top.function->code[pc(behind)], behind,
        fmt::format("the launch has run {} warp instructions and does not end "
                    "(LQNET_EMULATED_LIMIT={} allows no more)",
                    total_.load(), most_));
}

}  // namespace lq::emulator
