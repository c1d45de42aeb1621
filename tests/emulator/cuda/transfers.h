// The instructions of compute capability 9.0 that move data by themselves, as the tests write them.
#pragma once

#include <cuda.h>

#include "check.h"
#include "shared_memory.h"

__device__ inline void init_barrier(unsigned long long* barrier, unsigned count) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(count)
               : "memory");
}
__device__ inline void expect_bytes(unsigned long long* barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(bytes)
               : "memory");
}
/// Makes an mbarrier whose first phase is complete when so many bytes have come.
__device__ inline void init_for_bytes(unsigned long long* barrier, unsigned bytes) {
  init_barrier(barrier, 1);
  expect_bytes(barrier, bytes);
}
__device__ inline void arrive(unsigned long long* barrier) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}
__device__ inline void arrive_as(unsigned long long* barrier, unsigned count) {
  asm volatile(
      "mbarrier.arrive.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
      "r"(count)
      : "memory");
}
/// At an mbarrier of another block, whose address there this is.
__device__ inline void arrive_remote(unsigned barrier) {
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(barrier)
               : "memory");
}
__device__ inline void invalidate(unsigned long long* barrier) {
  asm volatile("mbarrier.inval.shared.b64 [%0];" ::"r"(shared_address(barrier)) : "memory");
}
__device__ inline void wait_for_parity(unsigned long long* barrier, unsigned parity) {
  asm volatile(
      "{\n.reg .pred done;\nagain:\nmbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n"
      "@!done bra again;\n}\n" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

__device__ inline void copy_in(void* to, const void* from, unsigned bytes,
                               unsigned long long* barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(shared_address(to)),
      "l"(__cvta_generic_to_global(from)), "r"(bytes), "r"(shared_address(barrier))
      : "memory");
}
__device__ inline void copy_out(void* to, const void* from, unsigned bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(
                   __cvta_generic_to_global(to)),
               "r"(shared_address(from)), "r"(bytes)
               : "memory");
}
__device__ inline void commit_copies() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
__device__ inline void wait_for_reads() {
  asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
}
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}
__device__ inline unsigned cluster_rank() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// Where the variable lies in the shared memory of another block.
__device__ inline unsigned address_in(const void* pointer, unsigned rank) {
  unsigned result;
  asm("mapa.shared::cluster.u32 %0, %1, %2;"
      : "=r"(result)
      : "r"(shared_address(pointer)), "r"(rank));
  return result;
}

__device__ inline unsigned load_remote(unsigned address) {
  unsigned value;
  asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}

__device__ inline void load_row(void* to, const CUtensorMap& map, int first,
                                unsigned long long* barrier) {
  asm volatile(
      "cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%2}], "
      "[%3];" ::"r"(shared_address(to)),
      "l"(&map), "r"(first), "r"(shared_address(barrier))
      : "memory");
}

/// What describes a tensor to cuTensorMapEncodeTiled(), which the runtime knows.
struct Tiling {
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  int rank = 2;
  cuuint64_t size[5] = {1, 1, 1, 1, 1};
  cuuint64_t strides[4] = {};
  cuuint32_t box[5] = {1, 1, 1, 1, 1};
  cuuint32_t steps[5] = {1, 1, 1, 1, 1};
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
};

using EncodeTiled = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*,
                                 const cuuint64_t*, const cuuint64_t*, const cuuint32_t*,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

inline EncodeTiled encode_tiled() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result;
  require(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                           cudaEnableDefault, &result),
          "cudaGetDriverEntryPointByVersion");
  if (function == nullptr || result != cudaDriverEntryPointSuccess) {
    std::printf("no cuTensorMapEncodeTiled\n");
    std::exit(1);
  }
  return reinterpret_cast<EncodeTiled>(function);
}

inline CUresult encode(CUtensorMap* map, void* data, const Tiling& tiling) {
  return encode_tiled()(map, tiling.type, tiling.rank, data, tiling.size, tiling.strides,
                        tiling.box, tiling.steps, CU_TENSOR_MAP_INTERLEAVE_NONE, tiling.swizzle,
                        CU_TENSOR_MAP_L2_PROMOTION_NONE, tiling.fill);
}
inline CUtensorMap make_map(void* data, const Tiling& tiling) {
  CUtensorMap map;
  expect(encode(&map, data, tiling) == CUDA_SUCCESS, "cuTensorMapEncodeTiled");
  return map;
}
