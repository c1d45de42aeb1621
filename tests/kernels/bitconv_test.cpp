#include "kernels/bitconv/bitconv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <thread>

#include "core/bit_tensor.h"
#include "kernels/common/aligned_vector.h"
#include "tests/support/backends.h"
#include "tests/support/errors.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::Bitconv;
using kernels::BitconvBuffer;
using kernels::BitconvDescription;
using kernels::BitconvFloatOutput;
using kernels::BitconvOperands;
using kernels::BitconvSegment;
using kernels::BitconvSymbolOutput;
using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::Conv2dGeometry;
using kernels::FloatSegment;
using kernels::GridSegment;
using kernels::Padding;

enum class Kind { bits, int8, float32, coded_float };

/// A case is made of small integers only, so that every sum is exact in single precision and
/// results must be equal bit by bit.
struct SegmentCase {
  Kind kind = Kind::bits;
  int channels = 1;
  int weight_bits = 1;
  int input_bits = 1;
  bool all_differ = false;  ///< bits: all of the weights' are 0 and all of the inputs' are 1
};

struct ConvCase {
  std::string name;
  int h = 5, w = 5, outputs = 16, kernel_h = 3, kernel_w = 3;
  int stride_h = 1, stride_w = 1;
  Padding padding = Padding::same();
  int batch = 1;
  std::vector<SegmentCase> segments = {{}};
  bool residual = false;
};

/// Input, weights and everything else of a case, and what they say as integers.
class Problem {
 public:
  Problem(const ConvCase& c, std::uint32_t seed) : case_(c), random_(seed) {
    std::int64_t channels = 0;
    for (const SegmentCase& segment : c.segments) channels += segment.channels;
    const std::int64_t any_channels = std::max<std::int64_t>(channels, 1);
    description.geometry = kernels::conv2d_geometry(
        {1, c.h, c.w, any_channels}, {c.outputs, c.kernel_h, c.kernel_w, any_channels},
        {.stride_h = c.stride_h, .stride_w = c.stride_w, .padding = c.padding});
    description.geometry.c_in = channels;
    for (const SegmentCase& segment : c.segments) add_segment(segment);
    for (int o = 0; o < c.outputs; ++o) {
      description.scale.push_back(static_cast<float>(one_of({-2, -1, 1, 2})));
      description.shift.push_back(static_cast<float>(between(-9, 9)));
    }
    description.has_residual = c.residual;
    if (c.residual) residual = integers(results(), -20, 20);
    sum_up();
  }

  /// Outputs of every kind, with thresholds around the values that occur.
  void add_outputs() {
    description.float_outputs.push_back({});
    BitconvFloatOutput second{.relu = true};
    for (int o = 0; o < case_.outputs; ++o) {
      second.scale.push_back(static_cast<float>(one_of({-2, 1, 4})));
      second.shift.push_back(static_cast<float>(between(-30, 30)));
    }
    description.float_outputs.push_back(second);
    add_symbols(2, {0, 1, 2, 3});
    add_symbols(3, {5, 0, 7, 2, 1, 3, 4, 6});  // positions are not codes
    add_symbols(0, {0, 17, 90, 127});
    add_symbols(1, {1, 0});
  }

  /// One output with thresholds around the values that occur.
  void add_symbols(int planes, std::vector<std::uint8_t> symbols) {
    BitconvSymbolOutput output{.symbols = std::move(symbols), .planes = planes};
    const auto count = static_cast<std::int64_t>(output.symbols.size()) - 1;
    output.thresholds.resize(count * case_.outputs);
    for (int o = 0; o < case_.outputs; ++o) {
      output.signs.push_back(static_cast<float>(one_of({-1, 1})));
      std::vector<float> own;
      for (std::int64_t t = 0; t < count; ++t) {
        // Halves are never met, whole numbers are by the value that they come from: a value that
        // equals a threshold does not cross it. The infinities stand for always and never.
        own.push_back(static_cast<float>(output.signs[o]) *
                          static_cast<float>(value(between(0, static_cast<int>(pixels()) - 1), o)) +
                      (between(0, 1) == 0 ? 0.5F : 0.0F));
      }
      if (between(0, 7) == 0) own.front() = -std::numeric_limits<float>::infinity();
      if (between(0, 7) == 0) own.back() = std::numeric_limits<float>::infinity();
      std::ranges::sort(own);
      for (std::int64_t t = 0; t < count; ++t) output.thresholds[t * case_.outputs + o] = own[t];
    }
    description.symbol_outputs.push_back(std::move(output));
  }

  std::int64_t results() const { return sums_per_image() * case_.batch; }
  std::int64_t pixels() const { return results() / case_.outputs; }

  /// Everything behind the sums, in integers.
  std::int64_t value(std::int64_t pixel, std::int64_t o) const {
    const std::int64_t index = pixel * case_.outputs + o;
    const auto scale = static_cast<std::int64_t>(description.scale[o]);
    const auto shift = static_cast<std::int64_t>(description.shift[o]);
    return sums_[index] * scale + shift +
           (residual.empty() ? 0 : static_cast<std::int64_t>(residual[index]));
  }

  int symbol(const BitconvSymbolOutput& output, std::int64_t pixel, std::int64_t o) const {
    int position = 0;
    for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
      const double threshold = output.thresholds[t * case_.outputs + o];
      if (static_cast<double>(output.signs[o]) * static_cast<double>(value(pixel, o)) > threshold) {
        ++position;
      }
    }
    return output.symbols[position];
  }

  BitconvDescription description;
  std::vector<BitconvBuffer<const void*>> inputs;
  std::vector<std::size_t> input_bytes;
  std::vector<float> residual;
  const ConvCase& conv_case() const { return case_; }

 private:
  std::int64_t sums_per_image() const {
    const Conv2dGeometry& g = description.geometry;
    return g.out_h * g.out_w * g.c_out;
  }
  int between(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  int one_of(std::vector<int> values) {
    return values[between(0, static_cast<int>(values.size()) - 1)];
  }
  std::vector<float> integers(std::int64_t count, int low, int high) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(between(low, high));
    return values;
  }

  void add_segment(const SegmentCase& c) {
    const std::int64_t weights =
        static_cast<std::int64_t>(case_.outputs) * case_.kernel_h * case_.kernel_w * c.channels;
    const std::int64_t inputs_count =
        static_cast<std::int64_t>(case_.batch) * case_.h * case_.w * c.channels;
    std::vector<int> weight_values(weights);
    std::vector<int> input_values(inputs_count);
    switch (c.kind) {
      case Kind::bits:
        add_bits(c, weight_values, input_values);
        break;
      case Kind::int8:
        add_grid(c, weight_values, input_values);
        break;
      case Kind::float32:
        add_floats(c, weight_values, input_values);
        break;
      case Kind::coded_float:
        add_coded_floats(c, weight_values, input_values);
        break;
    }
    weight_values_.push_back(std::move(weight_values));
    input_values_.push_back(std::move(input_values));
  }

  void add_bits(const SegmentCase& c, std::vector<int>& weight_values,
                std::vector<int>& input_values) {
    BitSegment segment{
        .channels = c.channels, .weight_bits = c.weight_bits, .input_bits = c.input_bits};
    set_codes(c, segment, weight_values);
    segment.input_basis = integers(c.input_bits, -3, 6);
    BitTensor bits({case_.batch, case_.h, case_.w, c.channels}, c.input_bits);
    for (std::size_t e = 0; e < input_values.size(); ++e) {
      const int largest = (1 << c.input_bits) - 1;
      const int code = c.all_differ ? largest : between(0, largest);
      const std::int64_t pixel = static_cast<std::int64_t>(e) / c.channels;
      bits.set_code(pixel / (case_.h * case_.w), pixel / case_.w % case_.h, pixel % case_.w,
                    static_cast<std::int64_t>(e) % c.channels, code);
      for (int j = 0; j < c.input_bits; ++j) {
        if (((code >> j) & 1) != 0) input_values[e] += static_cast<int>(segment.input_basis[j]);
      }
    }
    description.segments.emplace_back(std::move(segment));
    bit_tensors_.push_back(std::move(bits));
    const BitTensor& own = bit_tensors_.back();
    add_input(own.plane(0), own.words_per_plane() * own.planes() * sizeof(std::uint32_t),
              own.words_per_plane());
  }

  template <typename Segment>
  void set_codes(const SegmentCase& c, Segment& segment, std::vector<int>& weight_values) {
    const int bits = segment.weight_bits;
    segment.weight_basis = integers(static_cast<std::int64_t>(case_.outputs) * bits, -5, 5);
    const std::size_t per_output = weight_values.size() / case_.outputs;
    for (std::size_t e = 0; e < weight_values.size(); ++e) {
      const int code = c.all_differ ? 0 : between(0, (1 << bits) - 1);
      segment.weight_codes.push_back(static_cast<std::uint8_t>(code));
      for (int i = 0; i < bits; ++i) {
        const int basis = static_cast<int>(segment.weight_basis[e / per_output * bits + i]);
        weight_values[e] += ((code >> i) & 1) != 0 ? basis : -basis;
      }
    }
  }

  void add_grid(const SegmentCase& c, std::vector<int>& weight_values,
                std::vector<int>& input_values) {
    GridSegment segment{.channels = c.channels,
                        .weight_scale = integers(case_.outputs, 1, 2),
                        .input_scale = 2.0F,
                        .zero_point = static_cast<std::uint8_t>(one_of({0, 0, 5}))};
    const std::size_t per_output = weight_values.size() / case_.outputs;
    for (std::size_t e = 0; e < weight_values.size(); ++e) {
      const int grid = between(-128, 127);
      segment.weights.push_back(static_cast<std::int8_t>(grid));
      weight_values[e] = grid * static_cast<int>(segment.weight_scale[e / per_output]);
    }
    std::vector<std::uint8_t> bytes;
    for (int& value : input_values) {
      bytes.push_back(static_cast<std::uint8_t>(between(0, 127)));
      value = 2 * (bytes.back() - segment.zero_point);
    }
    description.segments.emplace_back(std::move(segment));
    bytes_.push_back(std::move(bytes));
    add_input(bytes_.back().data(), bytes_.back().size(), 0);
  }

  void add_floats(const SegmentCase& c, std::vector<int>& weight_values,
                  std::vector<int>& input_values) {
    FloatSegment segment{.channels = c.channels};
    segment.weights = integers(static_cast<std::int64_t>(weight_values.size()), -9, 9);
    std::ranges::copy(segment.weights, weight_values.begin());
    description.segments.emplace_back(std::move(segment));
    add_float_input(input_values);
  }

  void add_coded_floats(const SegmentCase& c, std::vector<int>& weight_values,
                        std::vector<int>& input_values) {
    CodedFloatSegment segment{.channels = c.channels, .weight_bits = c.weight_bits};
    set_codes(c, segment, weight_values);
    description.segments.emplace_back(std::move(segment));
    add_float_input(input_values);
  }

  void add_float_input(std::vector<int>& input_values) {
    std::vector<float> values = integers(static_cast<std::int64_t>(input_values.size()), -9, 9);
    std::ranges::copy(values, input_values.begin());
    floats_.push_back(std::move(values));
    add_input(floats_.back().data(), floats_.back().size() * sizeof(float), 0);
  }

  void add_input(const void* data, std::size_t bytes, std::int64_t plane_words) {
    inputs.push_back({data, plane_words});
    input_bytes.push_back(bytes);
  }

  void sum_up() {
    const Conv2dGeometry& g = description.geometry;
    sums_.assign(results(), 0);
    std::int64_t at = 0;
    for (int n = 0; n < case_.batch; ++n) {
      for (int p = 0; p < g.out_h; ++p) {
        for (int q = 0; q < g.out_w; ++q) {
          for (int o = 0; o < g.c_out; ++o) sums_[at++] = window_sum(n, p, q, o);
        }
      }
    }
  }

  std::int64_t window_sum(int n, int p, int q, int o) const {
    const Conv2dGeometry& g = description.geometry;
    std::int64_t sum = 0;
    for (std::size_t s = 0; s < weight_values_.size(); ++s) {
      const int channels = case_.segments[s].channels;
      for (int r = 0; r < g.kernel_h; ++r) {
        for (int k = 0; k < g.kernel_w; ++k) {
          const std::int64_t y = p * g.stride_h + r - g.pad_top;
          const std::int64_t x = q * g.stride_w + k - g.pad_left;
          if (y < 0 || y >= g.h || x < 0 || x >= g.w) continue;
          const std::int64_t weight = ((o * g.kernel_h + r) * g.kernel_w + k) * channels;
          const std::int64_t input = ((n * g.h + y) * g.w + x) * channels;
          for (int c = 0; c < channels; ++c) {
            sum += static_cast<std::int64_t>(weight_values_[s][weight + c]) *
                   input_values_[s][input + c];
          }
        }
      }
    }
    return sum;
  }

  ConvCase case_;
  std::mt19937 random_;
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
    if (device_ == Device{} || host == nullptr) return host;
    using Byte = const std::uint8_t;
    copies_.push_back({const_cast<void*>(static_cast<const void*>(host)),
                       Tensor::from(std::span(reinterpret_cast<Byte*>(host), bytes),
                                    {static_cast<std::int64_t>(bytes)}, device_)});
    return static_cast<T*>(copies_.back().there.raw());
  }
  void copy_back() {
    for (const Copy& copy : copies_) {
      const Tensor here = copy.there.to(Device{});
      std::memcpy(copy.host, here.raw(), here.bytes());
    }
  }

 private:
  struct Copy {
    void* host;
    Tensor there;
  };
  Device device_;
  std::vector<Copy> copies_;
};

/// Runs a problem and compares all of its results with the integers.
void expect_exact(const Problem& problem, const BackendCase& backend, int workers) {
  const BitconvDescription& description = problem.description;
  const Conv2dGeometry& g = description.geometry;
  const std::int64_t batch = problem.pixels() / (g.out_h * g.out_w);
  Stream& stream = stream_of(backend);
  DeviceArrays read(stream), written(stream);
  const std::unique_ptr<Bitconv> conv = prepare_bitconv(stream, description);

  // What is there before does not matter.
  std::vector<std::vector<float>> floats(
      description.float_outputs.size(),
      std::vector<float>(problem.results(), std::numeric_limits<float>::quiet_NaN()));
  std::vector<float*> float_pointers;
  for (auto& values : floats) {
    float_pointers.push_back(written.put(values.data(), values.size() * sizeof(float)));
  }
  std::vector<BitTensor> planes;
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<BitconvBuffer<void*>> symbols;
  for (const BitconvSymbolOutput& output : description.symbol_outputs) {
    planes.emplace_back(Shape{batch, g.out_h, g.out_w, g.c_out}, std::max(output.planes, 1));
    bytes.emplace_back(problem.results(), std::uint8_t{0xee});
    std::fill_n(planes.back().plane(0), planes.back().words_per_plane() * planes.back().planes(),
                0xa5a5a5a5U);
    if (output.planes == 0) {
      symbols.push_back({written.put(bytes.back().data(), bytes.back().size()), 0});
    } else {
      const std::size_t size =
          planes.back().words_per_plane() * planes.back().planes() * sizeof(std::uint32_t);
      symbols.push_back(
          {written.put(planes.back().plane(0), size), planes.back().words_per_plane()});
    }
  }
  std::vector<BitconvBuffer<const void*>> inputs = problem.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].data =
        read.put(static_cast<const std::byte*>(inputs[i].data), problem.input_bytes[i]);
  }
  const BitconvOperands operands{
      .batch = batch,
      .inputs = inputs,
      .residual = problem.residual.empty()
                      ? nullptr
                      : read.put(problem.residual.data(), problem.residual.size() * sizeof(float)),
      .floats = float_pointers,
      .symbols = symbols};
  const int slices = is_elsewhere(stream) ? 1 : workers;
  for (int worker = 0; worker < slices; ++worker) {
    kernels::AlignedVector<std::byte> scratch(conv->scratch_bytes());
    conv->run(operands, {worker, slices}, scratch);
  }
  written.copy_back();

  for (std::int64_t pixel = 0; pixel < problem.pixels(); ++pixel) {
    for (std::int64_t o = 0; o < g.c_out; ++o) {
      for (std::size_t i = 0; i < floats.size(); ++i) {
        const BitconvFloatOutput& output = description.float_outputs[i];
        auto expected = static_cast<float>(problem.value(pixel, o));
        if (!output.scale.empty()) expected = expected * output.scale[o] + output.shift[o];
        if (output.relu) expected = std::max(expected, 0.0F);
        ASSERT_EQ(floats[i][pixel * g.c_out + o], expected)
            << "float output " << i << ", pixel " << pixel << ", channel " << o;
      }
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const BitconvSymbolOutput& output = description.symbol_outputs[i];
        const int given = output.planes == 0
                              ? bytes[i][pixel * g.c_out + o]
                              : planes[i].code(pixel / (g.out_h * g.out_w),
                                               pixel / g.out_w % g.out_h, pixel % g.out_w, o);
        ASSERT_EQ(given, problem.symbol(output, pixel, o))
            << "symbol output " << i << ", pixel " << pixel << ", channel " << o;
      }
    }
  }
  for (std::size_t i = 0; i < planes.size(); ++i) {
    EXPECT_TRUE(description.symbol_outputs[i].planes == 0 || planes[i].pad_bits_are_zero());
  }
}

class BitconvTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  BitconvTest() : cap_(GetParam().isa) {}

  void expect_case(const ConvCase& c, std::uint32_t seed = 1, int workers = 1) {
    SCOPED_TRACE(c.name + " seed " + std::to_string(seed));
    Problem problem(c, seed);
    problem.add_outputs();
    expect_exact(problem, GetParam(), workers);
  }

 private:
  IsaCap cap_;
};

TEST_P(BitconvTest, EveryPairOfBits) {
  for (int weight_bits = 1; weight_bits <= 4; ++weight_bits) {
    for (int input_bits = 1; input_bits <= 4; ++input_bits) {
      expect_case({.name = std::to_string(weight_bits) + "/" + std::to_string(input_bits),
                   .outputs = 40,
                   .segments = {{Kind::bits, 64, weight_bits, input_bits}}});
    }
  }
  expect_case({.name = "7/8", .outputs = 17, .segments = {{Kind::bits, 33, 7, 8}}});
}

TEST_P(BitconvTest, OneBitOfOneCount) {
  // With a single one-bit result, counts may be compared without turning them into values.
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    const int channels = std::vector{64, 16, 3}[seed % 3];
    const ConvCase c{.name = "one bit",
                     .h = 6,
                     .w = 11,
                     .outputs = seed % 2 == 0 ? 16 : 37,
                     .batch = 2,
                     .segments = {{Kind::bits, channels, 1, 1}}};
    Problem problem(c, seed);
    problem.add_symbols(
        1, seed % 4 < 2 ? std::vector<std::uint8_t>{0, 1} : std::vector<std::uint8_t>{1, 0});
    expect_exact(problem, GetParam(), 1 + static_cast<int>(seed % 3));
  }
}

TEST_P(BitconvTest, RandomShapes) {
  std::mt19937 random(7);
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    ConvCase c{.name = "random",
               .h = between(1, 12),
               .w = between(1, 19),
               .outputs = between(1, 50),
               .kernel_h = between(1, 5),
               .kernel_w = between(1, 5),
               .stride_h = between(1, 3),
               .stride_w = between(1, 3),
               .batch = between(1, 3),
               .residual = between(0, 1) == 1};
    c.segments.clear();
    for (int s = between(1, 3); s > 0; --s) {
      c.segments.push_back(
          {static_cast<Kind>(between(0, 3)), between(1, 70), between(1, 4), between(1, 4)});
    }
    if (between(0, 3) == 0 && c.h >= c.kernel_h && c.w >= c.kernel_w) c.padding = Padding::valid();
    if (between(0, 3) == 0) {
      c.padding = Padding::explicit_sides(c.kernel_h, between(0, 2), between(0, 6), c.kernel_w);
    }
    expect_case(c, seed, between(1, 4));
  }
}

TEST_P(BitconvTest, ColumnsOutsideTheImage) {
  // Every way in which the first and the last windows of a row may reach beyond the image.
  for (const int kernel_w : {1, 2, 3}) {
    for (const int stride_w : {1, 2}) {
      for (int left = 0; left <= 2; ++left) {
        for (int right = 0; right <= 2; ++right) {
          for (const int w : {1, 2, 9}) {
            if (w + left + right < kernel_w) continue;
            expect_case({.name = "columns",
                         .h = 2,
                         .w = w,
                         .kernel_h = 1,
                         .kernel_w = kernel_w,
                         .stride_w = stride_w,
                         .padding = Padding::explicit_sides(0, 0, left, right),
                         .segments = {{Kind::bits, 64, 1, 1}, {Kind::int8, 4}}},
                        left * 10 + right);
          }
        }
      }
    }
  }
}

TEST_P(BitconvTest, FewChannels) {
  for (const int channels : {1, 3, 8, 16, 24, 31}) {
    expect_case({.name = "few channels",
                 .h = 9,
                 .w = 11,
                 .outputs = 16,
                 .batch = 2,
                 .segments = {{Kind::bits, channels, 2, 2}}},
                channels);
    expect_case({.name = "few channels, 5x5 by 2",
                 .h = 9,
                 .w = 11,
                 .outputs = 20,
                 .kernel_h = 5,
                 .kernel_w = 5,
                 .stride_h = 2,
                 .stride_w = 2,
                 .segments = {{Kind::bits, channels, 1, 2}}},
                channels);
  }
}

TEST_P(BitconvTest, LargeKernels) {
  expect_case({.name = "7x7 by 2",
               .h = 23,
               .w = 21,
               .outputs = 24,
               .kernel_h = 7,
               .kernel_w = 7,
               .stride_h = 2,
               .stride_w = 2,
               .segments = {{Kind::bits, 16, 2, 1}}});
  expect_case({.name = "11x11 by 4",
               .h = 39,
               .w = 43,
               .outputs = 16,
               .kernel_h = 11,
               .kernel_w = 11,
               .stride_h = 4,
               .stride_w = 4,
               .padding = Padding::valid(),
               .segments = {{Kind::float32, 3}}});
}

TEST_P(BitconvTest, FullyConnected) {
  for (const int batch : {1, 3, 130}) {
    expect_case({.name = "1x1 map",
                 .h = 1,
                 .w = 1,
                 .outputs = 33,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = batch,
                 .segments = {{Kind::bits, 130, 2, 2}}});
    expect_case({.name = "1x1 map, floats",
                 .h = 1,
                 .w = 1,
                 .outputs = 10,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = batch,
                 .segments = {{Kind::float32, 64}}});
  }
}

TEST_P(BitconvTest, CodedWeightsForFloats) {
  for (const int bits : {1, 2, 3, 4, 7}) {
    for (const int outputs : {1, 16, 33, 96}) {
      const auto seed = static_cast<std::uint32_t>(bits);
      const std::vector<SegmentCase> segments = {{Kind::coded_float, 5, bits}};
      const int workers = 1 + (bits + outputs) % 4;
      expect_case({.name = "3x3",
                   .h = 6,
                   .w = 9,
                   .outputs = outputs,
                   .batch = 2,
                   .segments = segments,
                   .residual = true},
                  seed, workers);
      expect_case({.name = "1x1 by 2",
                   .outputs = outputs,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .stride_h = 2,
                   .stride_w = 2,
                   .segments = segments},
                  seed, workers);
      // Rows are padded in a copy, which is made anew for every tile of weights.
      expect_case({.name = "7x7 by 2",
                   .h = 13,
                   .w = 11,
                   .outputs = outputs,
                   .kernel_h = 7,
                   .kernel_w = 7,
                   .stride_h = 2,
                   .stride_w = 2,
                   .segments = segments},
                  seed, workers);
      expect_case({.name = "1x1 map",
                   .h = 1,
                   .w = 1,
                   .outputs = outputs,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .batch = 130,
                   .segments = segments},
                  seed, workers);
      expect_case({.name = "beside other kinds",
                   .outputs = outputs,
                   .kernel_h = 5,
                   .kernel_w = 5,
                   .segments = {{Kind::bits, 16, 2, 2},
                                {Kind::coded_float, 3, bits},
                                {Kind::int8, 7},
                                {Kind::coded_float, 4, 2},
                                {Kind::float32, 2}}},
                  seed, workers);
    }
  }
}

TEST_P(BitconvTest, CodedWeightsAreTheFloatsThatTheyStandFor) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto normals = [&](std::int64_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
  };
  constexpr std::int64_t outputs = 40;
  constexpr std::int64_t per_output = 3 * 3 * 7;
  for (const int bits : {1, 2, 3, 4, 8}) {
    CodedFloatSegment coded{
        .channels = 7, .weight_bits = bits, .weight_basis = normals(outputs * bits)};
    FloatSegment floats{.channels = 7};
    for (std::int64_t e = 0; e < outputs * per_output; ++e) {
      coded.weight_codes.push_back(static_cast<std::uint8_t>(random() % (1U << bits)));
      double weight = 0;
      for (int i = 0; i < bits; ++i) {
        const double v = coded.weight_basis[e / per_output * bits + i];
        weight += ((coded.weight_codes.back() >> i) & 1) != 0 ? v : -v;
      }
      floats.weights.push_back(static_cast<float>(weight));
    }
    const std::vector<float> input = normals(2 * 5 * 6 * 7);
    Stream& stream = stream_of(GetParam());
    DeviceArrays read(stream);
    const BitconvBuffer<const void*> in = {read.put(input.data(), input.size() * sizeof(float)), 0};
    const auto results = [&](BitconvSegment segment) {
      const BitconvDescription description = {
          .geometry = kernels::conv2d_geometry({1, 5, 6, 7}, {outputs, 3, 3, 7},
                                               {.padding = Padding::same()}),
          .segments = {std::move(segment)},
          .scale = std::vector(outputs, 0.7F),
          .shift = std::vector(outputs, 0.1F),
          .float_outputs = {{}}};
      const auto conv = prepare_bitconv(stream, description);
      kernels::AlignedVector<std::byte> scratch(conv->scratch_bytes());
      std::vector<float> out(2 * 5 * 6 * outputs);
      DeviceArrays written(stream);
      float* const to = written.put(out.data(), out.size() * sizeof(float));
      conv->run({.batch = 2, .inputs = {&in, 1}, .floats = {&to, 1}}, {}, scratch);
      written.copy_back();
      return out;
    };
    EXPECT_EQ(results(coded), results(floats)) << bits << " bits";
  }
}

TEST(BitconvMemoryTest, CodedWeightsStayBits) {
  Stream stream(Backend::cpu);
  const auto weight_bytes = [&](const SegmentCase& segment) {
    const Problem problem({.name = "memory", .outputs = 64, .segments = {segment}}, 1);
    return prepare_bitconv(stream, problem.description)->weight_bytes();
  };
  constexpr std::size_t weights = 64 * 3 * 3 * 128;
  for (int bits = 1; bits <= 4; ++bits) {
    const std::size_t levels = 64 * sizeof(float) << (bits - 1);
    EXPECT_EQ(weight_bytes({Kind::coded_float, 128, bits}), weights * bits / 8 + levels);
  }
  EXPECT_EQ(weight_bytes({Kind::coded_float, 128, 5}), weights * sizeof(float));
  EXPECT_EQ(weight_bytes({Kind::float32, 128}), weights * sizeof(float));
}

TEST_P(BitconvTest, PointwiseWorkHasNoSegments) {
  for (const int outputs : {1, 16, 40}) {
    expect_case({.name = "pointwise",
                 .h = 3,
                 .w = 7,
                 .outputs = outputs,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = 2,
                 .segments = {},
                 .residual = true},
                1, 3);
  }
}

TEST_P(BitconvTest, LongSumsOfBytesDoNotOverflow) {
  // 9 * 12 words per window: beyond what a byte can count.
  expect_case({.name = "384 channels", .h = 4, .w = 4, .segments = {{Kind::bits, 384, 1, 1}}});
  // All bits differ: the largest counts.
  for (const int bits : {1, 2}) {
    expect_case({.name = "all differ",
                 .h = 3,
                 .w = 3,
                 .segments = {{Kind::bits, 512, bits, bits, /*all_differ=*/true}}},
                3);
  }
}

TEST_P(BitconvTest, ResultsDoNotDependOnTheWorkers) {
  for (const int workers : {2, 3, 4, 7}) {
    expect_case({.name = "7x7 map",
                 .h = 7,
                 .w = 7,
                 .outputs = 80,
                 .segments = {{Kind::bits, 64, 2, 2}},
                 .residual = true},
                1, workers);
    expect_case({.name = "more workers than rows",
                 .h = 1,
                 .w = 3,
                 .outputs = 16,
                 .segments = {{Kind::int8, 20}}},
                1, workers);
  }
}

TEST_P(BitconvTest, DescriptionsThatDoNotFitAreRefused) {
  const ConvCase c{.name = "refused", .segments = {{Kind::bits, 32, 2, 2}}};
  Stream& stream = stream_of(GetParam());
  const auto refused = [&](auto&& change, const char* message) {
    Problem problem(c, 1);
    problem.add_outputs();
    change(problem.description);
    return throws_error([&] { prepare_bitconv(stream, problem.description); }, message);
  };
  const auto bits = [](BitconvDescription& d) -> BitSegment& {
    return std::get<BitSegment>(d.segments[0]);
  };
  EXPECT_TRUE(refused([&](auto& d) { bits(d).channels = 31; }, "weight codes has"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).weight_bits = 9; }, "weight bits is 9"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).weight_codes[5] = 4; }, "weight code 4 in 2 bits"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).input_basis[0] = NAN; }, "input basis contains"));
  EXPECT_TRUE(refused([](auto& d) { d.segments.push_back(d.segments[0]); }, "64 channels in sum"));
  EXPECT_TRUE(refused([](auto& d) { d.scale.pop_back(); }, "scale has 15 elements, expected 16"));
  EXPECT_TRUE(refused([](auto& d) { d.float_outputs[1].shift.clear(); }, "scale without shift"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].signs[0] = 0; }, "neither +1 nor -1"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].symbols[0] = 4; }, "larger than 3"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].thresholds[0] = NAN; }, "threshold 0"));
  EXPECT_TRUE(refused([](auto& d) { d.geometry.n = 2; }, "expected one image"));
  EXPECT_TRUE(refused([](auto& d) { d.segments.resize(9, d.segments[0]); }, "9 segments"));
  EXPECT_TRUE(refused([](auto& d) { d.float_outputs.resize(5); }, "5 float"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs.resize(5); }, "5 symbol"));
  const auto coded = [](BitconvDescription& d) -> CodedFloatSegment& {
    return std::get<CodedFloatSegment>(
        d.segments[0] = CodedFloatSegment{.channels = 32,
                                          .weight_bits = 2,
                                          .weight_codes = std::vector<std::uint8_t>(16 * 9 * 32, 3),
                                          .weight_basis = std::vector(32, 1.0F)});
  };
  EXPECT_TRUE(refused([&](auto& d) { coded(d).weight_codes[5] = 4; }, "weight code 4 in 2 bits"));
  EXPECT_TRUE(refused([&](auto& d) { coded(d).weight_basis.pop_back(); }, "weight basis has 31"));
  EXPECT_TRUE(
      refused([&](auto& d) { coded(d).weight_basis.assign(32, 2e38F); }, "channel 0 reach"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BitconvTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
