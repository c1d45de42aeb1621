// Products of a bit-convolution on tensor cores. For bitconv_*_cuda.cu files.
//
// A fragment of inputs is 16 rows by 8 words, one of weights 8 columns by 8 words; a word is 32
// bits or four bytes. Lane 4 g + t holds words t and t + 4 of rows g and g + 8, and of column g. It
// gets the sums of rows g (first two) and g + 8 with columns 2 t and 2 t + 1.
#pragma once

#include <cstdint>

#include "kernels/bitconv/bitconv_tile_plan.h"

namespace lq::kernels::cuda {

/// Word t of rows g and g + 8, word t + 4 of both.
struct InputFragment {
  unsigned words[4];
};

using FragmentSums = int[4];

/// Four matrices of 8 rows by 4 words of shared memory: lane 8 m + r says where row r of matrix m
/// begins; lane 4 g + t gets word t of row g of each.
__device__ inline uint4 load_matrices(const std::uint32_t* row) {
  uint4 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
               : "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
  return words;
}

/// A product by tensor cores that have a quarter of it in one instruction, 8 rows by 8 columns by 4
/// words: multiply(sum of column 2 t, of column 2 t + 1, word of the inputs, word of the weights).
template <typename Multiply>
__device__ void multiply_in_quarters(FragmentSums& sums, const InputFragment& a, uint2 b,
                                     Multiply&& multiply) {
  multiply(sums[0], sums[1], a.words[0], b.x);
  multiply(sums[0], sums[1], a.words[2], b.y);
  multiply(sums[2], sums[3], a.words[1], b.x);
  multiply(sums[2], sums[3], a.words[3], b.y);
}

/// Adds the products of unsigned bytes of inputs and signed ones of weights.
__device__ inline void multiply_bytes(FragmentSums& sums, const InputFragment& a, uint2 b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
      : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.x), "r"(b.y));
#else
  multiply_in_quarters(sums, a, b, [](int& left, int& right, unsigned input, unsigned weight) {
    asm("mma.sync.aligned.m8n8k16.row.col.s32.u8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
        : "+r"(left), "+r"(right)
        : "r"(input), "r"(weight));
  });
#endif
}

/// How a product is computed, if nothing is particular about it. `slices` calls of multiply() make
/// a step; each sum s of counters stands for `offset + factor * s`, with the offset of its weights
/// (DeviceSegment::offsets) where has_offset, else 0.
/// counts_inputs: ones of the inputs are counted beside, and twice a sum less these is meant.
/// reads_outside: what lies outside of the map may be other than zero (DeviceSegment::outside).
struct PlainProduct {
  static constexpr int slices = 1;
  static constexpr bool has_offset = false;
  static constexpr int factor = 1;
  static constexpr bool counts_inputs = false;
  static constexpr bool reads_outside = false;

  static __device__ InputFragment inputs(const InputFragment& a, int) { return a; }
  static __device__ uint2 weights(uint2 b, int) { return b; }
};

struct ByteProduct : PlainProduct {
  static constexpr bool has_offset = true;
  static constexpr bool reads_outside = true;

  static __device__ void multiply(FragmentSums& sums, const InputFragment& a, uint2 b) {
    multiply_bytes(sums, a, b);
  }
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000

/// Bits where tensor cores have no binary instruction: bit `slice` of every byte becomes a byte, of
/// inputs 0 or 1, of weights -1 or 1. Two integer operations for four bits of inputs and three for
/// four of weights, each of which serves a whole row of fragments.
struct BitProduct : PlainProduct {
  static constexpr int slices = 8;

  static __device__ unsigned bits(unsigned word, int slice) { return word >> slice & 0x01010101U; }
  /// 0 and 1 become -1 and 1: no byte of the product exceeds 0xfe, so none borrows.
  static __device__ unsigned signs(unsigned word, int slice) {
    return ~0U - bits(word, slice) * 0xfeU;
  }
  static __device__ InputFragment inputs(const InputFragment& a, int slice) {
    return {{bits(a.words[0], slice), bits(a.words[1], slice), bits(a.words[2], slice),
             bits(a.words[3], slice)}};
  }
  static __device__ uint2 weights(uint2 b, int slice) {
    return make_uint2(signs(b.x, slice), signs(b.y, slice));
  }
  static __device__ void multiply(FragmentSums& sums, const InputFragment& a, uint2 b) {
    multiply_bytes(sums, a, b);
  }
};

#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900

/// popc(W and A), of which twice less popc(A) is the sum of {-1,+1} times {0,1}. A column of ones
/// counts popc(A). Exclusive or is no instruction of these tensor cores.
struct BitProduct : PlainProduct {
  static constexpr bool counts_inputs = true;

  static __device__ void multiply(FragmentSums& sums, const InputFragment& a, uint2 b) {
    asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.x), "r"(b.y));
  }
};

#else

/// popc(W) - popc(W xor A) is the sum of {-1,+1} times {0,1}: padding, zeros in A, adds nothing.
struct BitProduct : PlainProduct {
  static constexpr bool has_offset = true;
  static constexpr int factor = -1;

  static __device__ void multiply(FragmentSums& sums, const InputFragment& a, uint2 b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.xor.popc {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.x), "r"(b.y));
#else
    multiply_in_quarters(sums, a, b, [](int& left, int& right, unsigned input, unsigned weight) {
      asm("mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.xor.popc {%0, %1}, {%2}, {%3}, "
          "{%0, %1};"
          : "+r"(left), "+r"(right)
          : "r"(input), "r"(weight));
    });
#endif
  }
};

#endif

}  // namespace lq::kernels::cuda
