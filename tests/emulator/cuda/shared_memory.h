// Shared memory in instructions that the tests write in PTX.
#pragma once

/// What instructions with .shared take as an address.
inline __device__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

/// What was written to shared memory is seen by bulk copies and by products of warpgroups.
inline __device__ void fence_proxy() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
