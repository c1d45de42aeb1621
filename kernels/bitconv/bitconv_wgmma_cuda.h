// Products of a bit-convolution by warpgroups: wgmma of compute capability 9.0a. For
// bitconv_*_cuda.cu files.
//
// Four warps multiply 64 rows of inputs by `columns` rows of weights, each of 8 words, which both
// lie in shared memory. Warp w gets the sums of rows 16 w to 16 w + 15, in the layout of
// FragmentSums for 8 columns after the other.
#pragma once

#include <cstdint>

#include "kernels/bitconv/bitconv_mma_cuda.h"
#include "kernels/common/cuda/mbarrier.h"

namespace lq::kernels::cuda {

/// Describes matrices of a piece of shared memory: rows of step_bytes that follow each other, in
/// groups of eight, with halves that are swapped as swizzled() says, which is the swizzle of 32
/// bytes. They begin at multiples of eight rows.
class MatrixDescriptors {
 public:
  __device__ explicit MatrixDescriptors(const void* memory)
      : memory_(memory), place_((shared_address(memory) & in_block) / unit) {}

  /// Of the matrix that begins with these rows.
  __device__ std::uint64_t of(const void* rows) const {
    constexpr std::uint64_t next_eight_rows = 8 * step_bytes / unit;
    constexpr std::uint64_t swizzle_of_32_bytes = 3;
    const auto from_memory = static_cast<std::uint32_t>(static_cast<const char*>(rows) -
                                                        static_cast<const char*>(memory_));
    return place_ + from_memory / unit | next_eight_rows << 32 | swizzle_of_32_bytes << 62;
  }

 private:
  static constexpr std::uint32_t unit = 16;
  static constexpr std::uint32_t in_block = (1U << 18) - 1;  // above, a block of a cluster is named

  const void* memory_;
  std::uint32_t place_;
};

/// Sums that no product is under way for may be those of the next ones.
__device__ inline void fence_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Makes a group of the products since the last one.
__device__ inline void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Waits until no more than the last `pending` groups are under way.
template <int pending>
__device__ inline void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/// The compiler keeps uses of the sums behind this.
template <int count>
__device__ inline void keep_behind(FragmentSums (&sums)[count]) {
#pragma unroll
  for (FragmentSums& fragment : sums) {
#pragma unroll
    for (int& sum : fragment) asm volatile("" : "+r"(sum)::"memory");
  }
}

// The sums of an instruction as its operands, and their names in its text.
#define LQ_SUMS_8(sums, c)                                                                      \
  "+r"(sums[c][0]), "+r"(sums[c][1]), "+r"(sums[c][2]), "+r"(sums[c][3]), "+r"(sums[c + 1][0]), \
      "+r"(sums[c + 1][1]), "+r"(sums[c + 1][2]), "+r"(sums[c + 1][3])
#define LQ_SUMS_32(sums, c) \
  LQ_SUMS_8(sums, c), LQ_SUMS_8(sums, c + 2), LQ_SUMS_8(sums, c + 4), LQ_SUMS_8(sums, c + 6)
#define LQ_NAMES_32                                                                       \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, " \
  "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LQ_NAMES_40 LQ_NAMES_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define LQ_NAMES_64                                                          \
  LQ_NAMES_40                                                                \
  ", %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, " \
  "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LQ_NAMES_72 LQ_NAMES_64 ", %64, %65, %66, %67, %68, %69, %70, %71"
// `a`, `b` and `keeps` are the names of the operands behind the sums.
#define LQ_WGMMA(shape_and_types, names, a, b, keeps) \
  "{\n.reg .pred keeps;\nsetp.ne.b32 keeps, " keeps   \
  ", 0;\nwgmma.mma_async.sync.aligned." shape_and_types " {" names "}, " a ", " b ", keeps;\n}\n"

/// Queues a product, whose sums are those before, if these are kept, and what it adds. They are not
/// touched before the product has been waited for. 8 * count columns.
template <typename Product, int count>
__device__ void multiply_rows(FragmentSums (&sums)[count], std::uint64_t inputs,
                              std::uint64_t weights, bool keeps_sums) {
  const int keeps = keeps_sums ? 1 : 0;
  if constexpr (Product::counts_inputs && count == 10) {
    asm volatile(LQ_WGMMA("m64n80k256.s32.b1.b1.and.popc", LQ_NAMES_40, "%40", "%41", "%42")
                 : LQ_SUMS_32(sums, 0), LQ_SUMS_8(sums, 8)
                 : "l"(inputs), "l"(weights), "r"(keeps));
  } else if constexpr (Product::counts_inputs && count == 18) {
    asm volatile(LQ_WGMMA("m64n144k256.s32.b1.b1.and.popc", LQ_NAMES_72, "%72", "%73", "%74")
                 : LQ_SUMS_32(sums, 0), LQ_SUMS_32(sums, 8), LQ_SUMS_8(sums, 16)
                 : "l"(inputs), "l"(weights), "r"(keeps));
  } else if constexpr (count == 8) {
    asm volatile(LQ_WGMMA("m64n64k32.s32.u8.s8", LQ_NAMES_32, "%32", "%33", "%34")
                 : LQ_SUMS_32(sums, 0)
                 : "l"(inputs), "l"(weights), "r"(keeps));
  } else {
    static_assert(!Product::counts_inputs && count == 16);
    asm volatile(LQ_WGMMA("m64n128k32.s32.u8.s8", LQ_NAMES_64, "%64", "%65", "%66")
                 : LQ_SUMS_32(sums, 0), LQ_SUMS_32(sums, 8)
                 : "l"(inputs), "l"(weights), "r"(keeps));
  }
}

#undef LQ_SUMS_8
#undef LQ_SUMS_32
#undef LQ_NAMES_32
#undef LQ_NAMES_40
#undef LQ_NAMES_64
#undef LQ_NAMES_72
#undef LQ_WGMMA

/// Registers of each thread of a warpgroup, from now on; all of its warps say so. Those that some
/// give up are there for others to take.
template <int count>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
}
template <int count>
__device__ inline void give_up_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
}

}  // namespace lq::kernels::cuda
