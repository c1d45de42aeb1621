// Where the operands of float_gemm.h come from. A source belongs to a thread: load() fetches the
// thread's share of a tile into registers, store() puts it into shared memory. Whatever lies
// outside of an operand is zero. Accesses are `width` values wide. For *.cu files.
#pragma once

#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/float_gemm.h"

namespace lq::kernels::cuda {

/// A thread's share of a tile whose memory is contiguous along k: neighbouring threads take
/// neighbouring k of a line. The tile is transposed as it is stored.
template <int extent, int width, int threads>
struct AlongDepth {
  static constexpr int threads_per_line = gemm_depth / width;
  static constexpr int lines_per_pass = threads / threads_per_line;
  static constexpr int passes = extent / lines_per_pass;
  static_assert(extent % lines_per_pass == 0);

  Pack<float, width> values[passes];

  __device__ static int k() { return static_cast<int>(threadIdx.x) % threads_per_line * width; }
  __device__ static int line(int pass) {
    return static_cast<int>(threadIdx.x) / threads_per_line + pass * lines_per_pass;
  }
  __device__ void store(StagedOperand<extent>& staged) const {
#pragma unroll
    for (int pass = 0; pass < passes; ++pass) {
#pragma unroll
      for (int i = 0; i < width; ++i) {
        staged.values[staged.place(k() + i, line(pass))] = values[pass].values[i];
      }
    }
  }
};

/// The same for memory that is contiguous along the lines: neighbouring threads take neighbouring
/// lines of one k. With more lines than threads, a thread takes several lines of a k.
template <int extent, int width, int threads>
struct AlongLines {
  static constexpr int threads_per_k = extent / width;
  static constexpr int lines_of_thread = threads_per_k > threads ? threads_per_k / threads : 1;
  static constexpr int k_per_pass = threads_per_k > threads ? 1 : threads / threads_per_k;
  static constexpr int passes = gemm_depth / k_per_pass;
  static_assert(gemm_depth % k_per_pass == 0);

  Pack<float, width> values[passes][lines_of_thread];

  __device__ static int line(int i) {
    return (static_cast<int>(threadIdx.x) % threads_per_k + i * threads) * width;
  }
  __device__ static int k(int pass) {
    return static_cast<int>(threadIdx.x) / threads_per_k + pass * k_per_pass;
  }
  __device__ void store(StagedOperand<extent>& staged) const {
#pragma unroll
    for (int pass = 0; pass < passes; ++pass) {
#pragma unroll
      for (int i = 0; i < lines_of_thread; ++i) {
        *reinterpret_cast<Pack<float, width>*>(staged.values + staged.place(k(pass), line(i))) =
            values[pass][i];
      }
    }
  }
};

__device__ inline Pack<float, 1> load_global(const float* from, Pack<float, 1> /*kind*/) {
  return {{__ldg(from)}};
}

__device__ inline Pack<float, 4> load_global(const float* from, Pack<float, 4> /*kind*/) {
  const float4 values = __ldg(reinterpret_cast<const float4*>(from));
  return {{values.x, values.y, values.z, values.w}};
}

template <int width>
__device__ Pack<float, width> load_or_zero(const float* from, bool inside) {
  Pack<float, width> values{};
  if (inside) values = load_global(from, values);
  return values;
}

/// A matrix in memory, one per group.
struct GroupedMatrix {
  const float* data;
  std::int64_t pitch;         // from row to row
  std::int64_t group_offset;  // from group to group
  int lines, depth;
};

/// Rows in memory are lines.
template <int extent, int width, int threads>
class MatrixAlongDepth {
 public:
  __device__ MatrixAlongDepth(const GroupedMatrix& matrix, int group, int first_line)
      : matrix_(matrix),
        first_(matrix.data + group * matrix.group_offset +
               (first_line + share_.line(0)) * matrix.pitch + share_.k()),
        lines_left_(matrix.lines - first_line - share_.line(0)) {}
  __device__ void load(int tile) {
    const bool inside = tile * gemm_depth + share_.k() < matrix_.depth;
    const float* from = first_ + tile * gemm_depth;
#pragma unroll
    for (int pass = 0; pass < share_.passes; ++pass) {
      const int line = pass * share_.lines_per_pass;
      share_.values[pass] =
          load_or_zero<width>(from + line * matrix_.pitch, inside && line < lines_left_);
    }
  }
  __device__ void store(StagedOperand<extent>& staged) const { share_.store(staged); }

 private:
  const GroupedMatrix& matrix_;
  AlongDepth<extent, width, threads> share_;
  const float* first_;
  int lines_left_;
};

/// Rows in memory are steps of k.
template <int extent, int width, int threads>
class MatrixAlongLines {
 public:
  __device__ MatrixAlongLines(const GroupedMatrix& matrix, int group, int first_line)
      : matrix_(matrix), group_(matrix.data + group * matrix.group_offset), first_(first_line) {}
  __device__ void load(int tile) {
#pragma unroll
    for (int pass = 0; pass < share_.passes; ++pass) {
      const int k = tile * gemm_depth + share_.k(pass);
#pragma unroll
      for (int i = 0; i < share_.lines_of_thread; ++i) {
        const int line = first_ + share_.line(i);
        share_.values[pass][i] = load_or_zero<width>(group_ + k * matrix_.pitch + line,
                                                     k < matrix_.depth && line < matrix_.lines);
      }
    }
  }
  __device__ void store(StagedOperand<extent>& staged) const { share_.store(staged); }

 private:
  const GroupedMatrix& matrix_;
  const float* group_;
  int first_;
  AlongLines<extent, width, threads> share_;
};

/// Some taps of a convolution's weight O R S C/G: lines are its input channels, k is the tap and,
/// fastest, the output channel of the group.
struct WeightTaps {
  const float* weight;
  int kernel_h, kernel_w, group_inputs;
  int depth;
  Divider group_outputs, taps_w;
  int first_r, first_s;  // of the taps
  int step_r, step_s;
};

template <int extent, int width, int threads>
class TapsAlongLines {
 public:
  __device__ TapsAlongLines(const WeightTaps& taps, int group, int first_line)
      : taps_(taps), first_output_(group * taps.group_outputs.value()), first_(first_line) {}
  __device__ void load(int tile) {
#pragma unroll
    for (int pass = 0; pass < share_.passes; ++pass) {
      const int k = tile * gemm_depth + share_.k(pass);
      const bool inside = k < taps_.depth;
      const float* const row = taps_.weight + row_of(k);
#pragma unroll
      for (int i = 0; i < share_.lines_of_thread; ++i) {
        const int line = first_ + share_.line(i);
        share_.values[pass][i] =
            load_or_zero<width>(row + line, inside && line < taps_.group_inputs);
      }
    }
  }
  __device__ void store(StagedOperand<extent>& staged) const { share_.store(staged); }

 private:
  __device__ std::int64_t row_of(int k) const {
    int output, s;
    int r = taps_.taps_w.split(taps_.group_outputs.split(k, output), s);
    r = taps_.first_r + r * taps_.step_r;
    s = taps_.first_s + s * taps_.step_s;
    const std::int64_t filter = first_output_ + output;
    return ((filter * taps_.kernel_h + r) * taps_.kernel_w + s) * taps_.group_inputs;
  }

  const WeightTaps& taps_;
  int first_output_;
  int first_;
  AlongLines<extent, width, threads> share_;
};

}  // namespace lq::kernels::cuda
