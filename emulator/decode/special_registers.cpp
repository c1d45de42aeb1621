#include "emulator/decode/special_registers.h"

#include <chrono>
#include <unordered_map>

#include "emulator/machine/block.h"

namespace lq::emulator {
namespace {

// The clock ticks once for each instruction of the warp, so that it repeats from run to run.
std::uint64_t clock_of(const Warp& warp) { return warp.counters.warp_instructions; }

std::uint64_t nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

template <typename T>
void fill(Frame& frame, const Instruction& instruction, LaneMask mask, std::uint64_t value) {
  T* const result = frame.lanes<T>(instruction.results[0]);
  for (int lane = 0; lane < warp_size; ++lane) {
    if ((mask >> lane & 1) != 0) result[lane] = static_cast<T>(value);
  }
}

template <typename T>
void read_clock(Frame& frame, const Instruction& instruction, LaneMask mask) {
  fill<T>(frame, instruction, mask, clock_of(static_cast<Warp&>(frame)));
}
void read_clock_high(Frame& frame, const Instruction& instruction, LaneMask mask) {
  fill<std::uint32_t>(frame, instruction, mask, clock_of(static_cast<Warp&>(frame)) >> 32);
}
template <typename T, int shift>
void read_timer(Frame& frame, const Instruction& instruction, LaneMask mask) {
  fill<T>(frame, instruction, mask, nanoseconds() >> shift);
}

}  // namespace

std::optional<Special> special_register(std::string_view name) {
  static const std::unordered_map<std::string_view, Special> registers{
      {"%tid.x", Special::tid_x},
      {"%tid.y", Special::tid_y},
      {"%tid.z", Special::tid_z},
      {"%ntid.x", Special::ntid_x},
      {"%ntid.y", Special::ntid_y},
      {"%ntid.z", Special::ntid_z},
      {"%ctaid.x", Special::ctaid_x},
      {"%ctaid.y", Special::ctaid_y},
      {"%ctaid.z", Special::ctaid_z},
      {"%nctaid.x", Special::nctaid_x},
      {"%nctaid.y", Special::nctaid_y},
      {"%nctaid.z", Special::nctaid_z},
      {"%clusterid.x", Special::clusterid_x},
      {"%clusterid.y", Special::clusterid_y},
      {"%clusterid.z", Special::clusterid_z},
      {"%nclusterid.x", Special::nclusterid_x},
      {"%nclusterid.y", Special::nclusterid_y},
      {"%nclusterid.z", Special::nclusterid_z},
      {"%cluster_ctaid.x", Special::cluster_ctaid_x},
      {"%cluster_ctaid.y", Special::cluster_ctaid_y},
      {"%cluster_ctaid.z", Special::cluster_ctaid_z},
      {"%cluster_nctaid.x", Special::cluster_nctaid_x},
      {"%cluster_nctaid.y", Special::cluster_nctaid_y},
      {"%cluster_nctaid.z", Special::cluster_nctaid_z},
      {"%cluster_ctarank", Special::cluster_ctarank},
      {"%cluster_nctarank", Special::cluster_nctarank},
      {"%laneid", Special::laneid},
      {"%warpid", Special::warpid},
      {"%nwarpid", Special::nwarpid},
      {"%lanemask_eq", Special::lanemask_eq},
      {"%lanemask_lt", Special::lanemask_lt},
      {"%lanemask_le", Special::lanemask_le},
      {"%lanemask_gt", Special::lanemask_gt},
      {"%lanemask_ge", Special::lanemask_ge},
      {"%dynamic_smem_size", Special::dynamic_smem_size},
      {"%total_smem_size", Special::total_smem_size},
      {"%envreg1", Special::envreg1},
      {"%envreg2", Special::envreg2},
  };
  const auto found = registers.find(name);
  return found == registers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> special_constant(std::string_view name) {
  if (name == "WARP_SZ") return warp_size;
  // One multiprocessor runs everything.
  if (name == "%smid" || name == "%gridid") return 0;
  if (name == "%nsmid") return 1;
  return std::nullopt;
}

Handler special_reader(std::string_view name, int bytes) {
  if ((name == "%clock" || name == "%clock_lo") && bytes == 4) return read_clock<std::uint32_t>;
  if (name == "%clock64" && bytes == 8) return read_clock<std::uint64_t>;
  if (name == "%clock_hi" && bytes == 4) return read_clock_high;
  if (name == "%globaltimer" && bytes == 8) return read_timer<std::uint64_t, 0>;
  if (name == "%globaltimer_lo" && bytes == 4) return read_timer<std::uint32_t, 0>;
  if (name == "%globaltimer_hi" && bytes == 4) return read_timer<std::uint32_t, 32>;
  return nullptr;
}

}  // namespace lq::emulator
