// Entering and leaving functions.

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "emulator/machine/cluster_run.h"
#include "emulator/machine/interpreter.h"
#include "emulator/machine/lanes.h"
#include "emulator/machine/meeting.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t local_alignment = 16;
std::uint32_t aligned(std::uint32_t bytes) {
  return (bytes + local_alignment - 1) / local_alignment * local_alignment;
}

/// The vector whose components are this register and the next two.
Dim3 uniform_vector(const Warp& warp, Special x) {
  const Block& block = *warp.block;
  const Launch& launch = *block.launch;
  switch (x) {
    case Special::ntid_x:
      return launch.block;
    case Special::ctaid_x:
      return block.index;
    case Special::nctaid_x:
      return launch.grid;
    case Special::clusterid_x:
      return block.cluster->index;
    case Special::nclusterid_x:
      return clusters_of(launch);
    case Special::cluster_ctaid_x:
      return launch.cluster.index_of(block.rank);
    default:
      return launch.cluster;
  }
}

/// What all lanes have, if they all have the same.
std::optional<std::uint32_t> uniform_value(const Warp& warp, Special special) {
  const Block& block = *warp.block;
  const Launch& launch = *block.launch;
  if (special > Special::tid_z && special < Special::cluster_ctarank) {
    const int component = static_cast<int>(special) % 3;
    const Dim3 vector =
        uniform_vector(warp, static_cast<Special>(static_cast<int>(special) - component));
    return component == 0 ? vector.x : component == 1 ? vector.y : vector.z;
  }
  switch (special) {
    case Special::cluster_ctarank:
      return block.rank;
    case Special::cluster_nctarank:
      return static_cast<std::uint32_t>(launch.cluster.count());
    case Special::is_explicit_cluster:
      return launch.cluster.count() > 1 || !launch.kernel->cluster.empty() ? 1 : 0;
    case Special::warpid:
      return static_cast<std::uint32_t>(warp.index);
    case Special::nwarpid:
      return static_cast<std::uint32_t>(block.warps.size());
    case Special::dynamic_smem_size:
      return launch.dynamic_shared_bytes;
    case Special::total_smem_size:
      return launch.kernel->static_shared_bytes + launch.dynamic_shared_bytes;
    case Special::envreg1:
      return static_cast<std::uint32_t>(launch.grid_workspace >> 32);
    case Special::envreg2:
      return static_cast<std::uint32_t>(launch.grid_workspace);
    case Special::dynamic_shared_base:
      return launch.kernel->static_shared_bytes;
    default:
      return std::nullopt;
  }
}

std::uint32_t lane_value(const Warp& warp, Special special, std::uint32_t lane) {
  const Dim3& size = warp.block->launch->block;
  const std::uint32_t thread = static_cast<std::uint32_t>(warp.index) * warp_size + lane;
  const std::uint32_t own = 1U << lane;
  switch (special) {
    case Special::tid_x:
      return size.index_of(thread).x;
    case Special::tid_y:
      return size.index_of(thread).y;
    case Special::tid_z:
      return size.index_of(thread).z;
    case Special::lanemask_eq:
      return own;
    case Special::lanemask_lt:
      return own - 1;
    case Special::lanemask_le:
      return own | (own - 1);
    case Special::lanemask_gt:
      return ~(own | (own - 1));
    case Special::lanemask_ge:
      return ~(own - 1);
    default:  // laneid
      return lane;
  }
}

void fill_specials(Warp& warp, const Activation& activation) {
  for (const SpecialRegister& entry : activation.function->specials) {
    if (entry.special == Special::local_base) {
      std::fill_n(warp.lanes<std::uint64_t>(entry.slot), warp_size, activation.local);
      continue;
    }
    std::uint32_t* const values = warp.lanes<std::uint32_t>(entry.slot);
    if (const auto value = uniform_value(warp, entry.special)) {
      std::fill_n(values, warp_size, *value);
      continue;
    }
    for (std::uint32_t lane = 0; lane < warp_size; ++lane) {
      values[lane] = lane_value(warp, entry.special, lane);
    }
  }
}

void reserve_local(Warp& warp, std::uint32_t bytes) {
  if (bytes <= warp.local_stride) return;
  check(bytes <= most_local_bytes, "{}: the stack of a thread needs {} bytes, at most {} expected",
        warp.block->launch->kernel->name, bytes, most_local_bytes);
  const std::uint32_t stride = std::min(std::max(2 * warp.local_stride, bytes), most_local_bytes);
  std::vector<std::byte> larger(static_cast<std::size_t>(stride) * warp_size, std::byte{0xCB});
  for (int lane = 0; lane < warp_size && warp.local_stride > 0; ++lane) {
    std::memcpy(larger.data() + static_cast<std::size_t>(lane) * stride, warp.local_bytes(lane),
                warp.local_stride);
  }
  warp.local = std::move(larger);
  warp.local_stride = stride;
}

void copy_places(Warp& warp, LaneMask lanes, const std::vector<ParameterPlace>& from,
                 std::uint32_t from_base, const std::vector<ParameterPlace>& to,
                 std::uint32_t to_base) {
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
    const std::uint32_t bytes = std::min(from[i].bytes, to[i].bytes);
    for_each_lane(lanes, [&](int lane) {
      std::byte* const memory = warp.local_bytes(lane);
      std::memcpy(memory + to_base + to[i].offset, memory + from_base + from[i].offset, bytes);
    });
  }
}

void use_frame_of(Warp& warp, const Activation& activation) {
  warp.bases[0] = warp.registers.data() + activation.registers;
  // Handlers never write to constants.
  warp.bases[1] = reinterpret_cast<unsigned char*>(
      const_cast<std::uint32_t*>(activation.function->constants.data()));
}

}  // namespace

void enter_function(Warp& warp, const Function& function, LaneMask lanes, const CallSite* call) {
  check(function.error.empty(), "{}", function.error);
  Activation activation;
  activation.function = &function;
  activation.live = lanes;
  activation.call = call;
  std::uint32_t caller_local = 0;
  if (!warp.activations.empty()) {
    const Activation& caller = warp.top();
    caller_local = caller.local;
    activation.registers = caller.registers + caller.function->register_bytes;
    activation.local = aligned(caller.local + caller.function->local_bytes + caller.stack_bytes);
  }
  const std::size_t register_end = activation.registers + function.register_bytes;
  if (warp.registers.size() < register_end) warp.registers.resize(register_end);
  // What a program reads before it writes it is at least the same in every run.
  std::memset(warp.registers.data() + activation.registers, 0xCB, function.register_bytes);
  reserve_local(warp, activation.local + function.local_bytes);
  use_frame_of(warp, activation);
  if (call != nullptr) {
    copy_places(warp, lanes, call->arguments, caller_local, function.parameters, activation.local);
  }
  fill_specials(warp, activation);
  warp.activations.push_back(activation);
}

std::uint32_t grow_stack(Warp& warp, std::uint32_t bytes) {
  Activation& top = warp.top();
  const std::uint32_t begin = aligned(top.local + top.function->local_bytes + top.stack_bytes);
  const std::uint32_t end = begin + aligned(bytes);
  reserve_local(warp, end);
  top.stack_bytes = end - top.local - top.function->local_bytes;
  return begin;
}

void leave_function(Warp& warp, LaneMask lanes) {
  Activation& top = warp.top();
  if (warp.activations.size() == 1) {
    exit_lanes(warp, lanes);
    return;
  }
  const Activation& caller = warp.activations[warp.activations.size() - 2];
  copy_places(warp, lanes, top.function->results, top.local, top.call->results, caller.local);
  top.live &= ~lanes;
  drop_left_functions(warp);
}

void drop_left_functions(Warp& warp) {
  while (!warp.finished() && warp.top().live == 0) warp.activations.pop_back();
  if (!warp.finished()) use_frame_of(warp, warp.top());
}

}  // namespace lq::emulator
