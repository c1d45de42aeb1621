// Problems for bit-convolutions, whose results are known as integers.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/bit_tensor.h"
#include "core/stream.h"
#include "core/tensor.h"
#include "kernels/bitconv/bitconv.h"
#include "tests/support/backends.h"

namespace lq::testing {

enum class SegmentKind { bits, int8, float32, coded_float };

/// A case is made of small integers only, so that every sum is exact in single precision and
/// results must be equal bit by bit.
struct SegmentCase {
  SegmentKind kind = SegmentKind::bits;
  int channels = 1;
  int weight_bits = 1;
  int input_bits = 1;
  bool all_differ = false;  ///< bits: all of the weights' are 0 and all of the inputs' are 1
};

struct BitconvCase {
  std::string name;
  int h = 5, w = 5, outputs = 16, kernel_h = 3, kernel_w = 3;
  int stride_h = 1, stride_w = 1;
  kernels::Padding padding = kernels::Padding::same();
  int batch = 1;
  std::vector<SegmentCase> segments = {{}};
  bool residual = false;
};

/// Whole numbers between two bounds, both included.
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint32_t seed) : random_(seed) {}
  int operator()(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

 private:
  std::mt19937 random_;
};

/// Small extents, strides and paddings of every kind; of the segments nothing is said.
BitconvCase random_case(RandomNumbers& between, int most_outputs);

/// Input, weights and everything else of a case, and what they say as integers. Not to be copied:
/// `inputs` points into it.
class BitconvProblem {
 public:
  BitconvProblem(const BitconvCase& c, std::uint32_t seed);
  BitconvProblem(const BitconvProblem&) = delete;
  BitconvProblem& operator=(const BitconvProblem&) = delete;

  /// Outputs of every kind, with thresholds around the values that occur.
  void add_outputs();
  /// One output with thresholds around the values that occur.
  void add_symbols(int planes, std::vector<std::uint8_t> symbols);

  std::int64_t batch() const { return case_.batch; }
  std::int64_t results() const { return sums_per_image() * case_.batch; }
  std::int64_t pixels() const { return results() / case_.outputs; }

  /// Everything behind the sums, in integers.
  std::int64_t value(std::int64_t pixel, std::int64_t o) const;
  int symbol(const kernels::BitconvSymbolOutput& output, std::int64_t pixel, std::int64_t o) const;

  kernels::BitconvDescription description;
  std::vector<kernels::BitconvBuffer<const void*>> inputs;
  std::vector<std::size_t> input_bytes;
  std::vector<float> residual;

 private:
  std::int64_t sums_per_image() const;
  int between(int low, int high) { return random_(low, high); }
  int one_of(std::vector<int> values);
  std::vector<float> integers(std::int64_t count, int low, int high);

  void add_segment(const SegmentCase& c);
  void add_bits(const SegmentCase& c, std::vector<int>& weight_values,
                std::vector<int>& input_values);
  void add_grid(const SegmentCase& c, std::vector<int>& weight_values,
                std::vector<int>& input_values);
  void add_floats(const SegmentCase& c, std::vector<int>& weight_values,
                  std::vector<int>& input_values);
  void add_coded_floats(const SegmentCase& c, std::vector<int>& weight_values,
                        std::vector<int>& input_values);
  template <typename Segment>
  void set_codes(const SegmentCase& c, Segment& segment, std::vector<int>& weight_values);
  void add_float_input(std::vector<int>& input_values);
  void add_input(const void* data, std::size_t bytes, std::int64_t plane_words);
  void sum_up();
  std::int64_t window_sum(int n, int p, int q, int o) const;

  BitconvCase case_;
  RandomNumbers random_;
  std::vector<BitTensor> bit_tensors_;
  std::vector<std::vector<std::uint8_t>> bytes_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<int>> weight_values_;
  std::vector<std::vector<int>> input_values_;
  std::vector<std::int64_t> sums_;
};

/// Host arrays on the device of a stream; those that are written come back with copy_back().
class DeviceArrays {
 public:
  explicit DeviceArrays(Stream& stream) : device_(stream.device()) {}

  template <typename T>
  T* put(T* host, std::size_t bytes) {
    return static_cast<T*>(put_bytes(const_cast<void*>(static_cast<const void*>(host)), bytes));
  }
  void copy_back() const;

 private:
  void* put_bytes(void* host, std::size_t bytes);

  struct Copy {
    void* host;
    Tensor there;
  };
  Device device_;
  std::vector<Copy> copies_;
};

/// Memory for a run, where the stream's device is.
class ScratchMemory {
 public:
  ScratchMemory(Stream& stream, std::size_t bytes)
      : memory_(Tensor::zeros({static_cast<std::int64_t>(bytes)}, DType::u8, stream.device())) {}
  std::span<std::byte> bytes() {
    return {reinterpret_cast<std::byte*>(memory_.data<std::uint8_t>()), memory_.bytes()};
  }

 private:
  Tensor memory_;
};

/// Runs a problem and compares all of its results with the integers.
void expect_exact(const BitconvProblem& problem, const BackendCase& backend, int workers);
/// With a convolution that was prepared from its description on that stream, and has run as often.
void expect_exact(const BitconvProblem& problem, Stream& stream, const kernels::Bitconv& conv,
                  int workers, int runs = 1);

}  // namespace lq::testing
