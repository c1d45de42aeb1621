#include "tests/kernels/bitconv_problem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "kernels/common/aligned_vector.h"
#include "tests/support/staged.h"

namespace lq::testing {

using kernels::BitconvBuffer;
using kernels::BitconvDescription;
using kernels::BitconvFloatOutput;
using kernels::BitconvSymbolOutput;
using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::Conv2dGeometry;
using kernels::FloatSegment;
using kernels::GridSegment;
using kernels::Padding;

BitconvCase random_case(RandomNumbers& between, int most_outputs) {
  BitconvCase c{.name = "random",
                .h = between(1, 12),
                .w = between(1, 19),
                .outputs = between(1, most_outputs),
                .kernel_h = between(1, 5),
                .kernel_w = between(1, 5),
                .stride_h = between(1, 3),
                .stride_w = between(1, 3),
                .batch = between(1, 3),
                .residual = between(0, 1) == 1};
  if (between(0, 3) == 0 && c.h >= c.kernel_h && c.w >= c.kernel_w) c.padding = Padding::valid();
  if (between(0, 3) == 0) {
    c.padding = Padding::explicit_sides(c.kernel_h, between(0, 2), between(0, 6), c.kernel_w);
  }
  return c;
}

BitconvProblem::BitconvProblem(const BitconvCase& c, std::uint32_t seed) : case_(c), random_(seed) {
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

void BitconvProblem::add_outputs() {
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

void BitconvProblem::add_symbols(int planes, std::vector<std::uint8_t> symbols) {
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

std::int64_t BitconvProblem::value(std::int64_t pixel, std::int64_t o) const {
  const std::int64_t index = pixel * case_.outputs + o;
  const auto scale = static_cast<std::int64_t>(description.scale[o]);
  const auto shift = static_cast<std::int64_t>(description.shift[o]);
  return sums_[index] * scale + shift +
         (residual.empty() ? 0 : static_cast<std::int64_t>(residual[index]));
}

int BitconvProblem::symbol(const BitconvSymbolOutput& output, std::int64_t pixel,
                           std::int64_t o) const {
  int position = 0;
  for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
    const double threshold = output.thresholds[t * case_.outputs + o];
    if (static_cast<double>(output.signs[o]) * static_cast<double>(value(pixel, o)) > threshold) {
      ++position;
    }
  }
  return output.symbols[position];
}

std::int64_t BitconvProblem::sums_per_image() const {
  const Conv2dGeometry& g = description.geometry;
  return g.out_h * g.out_w * g.c_out;
}

int BitconvProblem::one_of(std::vector<int> values) {
  return values[between(0, static_cast<int>(values.size()) - 1)];
}

std::vector<float> BitconvProblem::integers(std::int64_t count, int low, int high) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(between(low, high));
  return values;
}

void BitconvProblem::add_segment(const SegmentCase& c) {
  const std::int64_t weights =
      static_cast<std::int64_t>(case_.outputs) * case_.kernel_h * case_.kernel_w * c.channels;
  const std::int64_t inputs_count =
      static_cast<std::int64_t>(case_.batch) * case_.h * case_.w * c.channels;
  std::vector<int> weight_values(weights);
  std::vector<int> input_values(inputs_count);
  switch (c.kind) {
    case SegmentKind::bits:
      add_bits(c, weight_values, input_values);
      break;
    case SegmentKind::int8:
      add_grid(c, weight_values, input_values);
      break;
    case SegmentKind::float32:
      add_floats(c, weight_values, input_values);
      break;
    case SegmentKind::coded_float:
      add_coded_floats(c, weight_values, input_values);
      break;
  }
  weight_values_.push_back(std::move(weight_values));
  input_values_.push_back(std::move(input_values));
}

void BitconvProblem::add_bits(const SegmentCase& c, std::vector<int>& weight_values,
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
void BitconvProblem::set_codes(const SegmentCase& c, Segment& segment,
                               std::vector<int>& weight_values) {
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

void BitconvProblem::add_grid(const SegmentCase& c, std::vector<int>& weight_values,
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

void BitconvProblem::add_floats(const SegmentCase& c, std::vector<int>& weight_values,
                                std::vector<int>& input_values) {
  FloatSegment segment{.channels = c.channels};
  segment.weights = integers(static_cast<std::int64_t>(weight_values.size()), -9, 9);
  std::ranges::copy(segment.weights, weight_values.begin());
  description.segments.emplace_back(std::move(segment));
  add_float_input(input_values);
}

void BitconvProblem::add_coded_floats(const SegmentCase& c, std::vector<int>& weight_values,
                                      std::vector<int>& input_values) {
  CodedFloatSegment segment{.channels = c.channels, .weight_bits = c.weight_bits};
  set_codes(c, segment, weight_values);
  description.segments.emplace_back(std::move(segment));
  add_float_input(input_values);
}

void BitconvProblem::add_float_input(std::vector<int>& input_values) {
  std::vector<float> values = integers(static_cast<std::int64_t>(input_values.size()), -9, 9);
  std::ranges::copy(values, input_values.begin());
  floats_.push_back(std::move(values));
  add_input(floats_.back().data(), floats_.back().size() * sizeof(float), 0);
}

void BitconvProblem::add_input(const void* data, std::size_t bytes, std::int64_t plane_words) {
  inputs.push_back({data, plane_words});
  input_bytes.push_back(bytes);
}

void BitconvProblem::sum_up() {
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

std::int64_t BitconvProblem::window_sum(int n, int p, int q, int o) const {
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

// ---- Runs

void* DeviceArrays::put_bytes(void* host, std::size_t bytes) {
  if (device_ == Device{} || host == nullptr) return host;
  copies_.push_back({host, Tensor::from(std::span(static_cast<const std::uint8_t*>(host), bytes),
                                        {static_cast<std::int64_t>(bytes)}, device_)});
  return copies_.back().there.raw();
}

void DeviceArrays::copy_back() const {
  for (const Copy& copy : copies_) {
    const Tensor here = copy.there.to(Device{});
    std::memcpy(copy.host, here.raw(), here.bytes());
  }
}

namespace {

/// All outputs of a problem. What is there before a run does not matter.
struct Results {
  std::vector<std::vector<float>> floats;
  std::vector<BitTensor> planes;                 ///< of symbol outputs; unused for bytes
  std::vector<std::vector<std::uint8_t>> bytes;  ///< the same; unused for planes

  explicit Results(const BitconvProblem& problem) {
    const Conv2dGeometry& g = problem.description.geometry;
    for (std::size_t i = 0; i < problem.description.float_outputs.size(); ++i) {
      floats.emplace_back(problem.results(), std::numeric_limits<float>::quiet_NaN());
    }
    for (const BitconvSymbolOutput& output : problem.description.symbol_outputs) {
      BitTensor& plane = planes.emplace_back(Shape{problem.batch(), g.out_h, g.out_w, g.c_out},
                                             std::max(output.planes, 1));
      std::fill_n(plane.plane(0), plane.words_per_plane() * plane.planes(), 0xa5a5a5a5U);
      bytes.emplace_back(problem.results(), std::uint8_t{0xee});
    }
  }
};

void run(const BitconvProblem& problem, Stream& stream, const kernels::Bitconv& conv, int workers,
         int runs, Results& results) {
  DeviceArrays read(stream), written(stream);
  std::vector<float*> floats;
  for (auto& values : results.floats) {
    floats.push_back(written.put(values.data(), values.size() * sizeof(float)));
  }
  std::vector<BitconvBuffer<void*>> symbols;
  for (std::size_t i = 0; i < results.planes.size(); ++i) {
    if (problem.description.symbol_outputs[i].planes == 0) {
      symbols.push_back({written.put(results.bytes[i].data(), results.bytes[i].size()), 0});
    } else {
      BitTensor& planes = results.planes[i];
      symbols.push_back({written.put(planes.plane(0), planes.bytes()), planes.words_per_plane()});
    }
  }
  std::vector<BitconvBuffer<const void*>> inputs = problem.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].data = read.put(inputs[i].data, problem.input_bytes[i]);
  }
  const kernels::BitconvOperands operands{
      .batch = problem.batch(),
      .inputs = inputs,
      .residual = problem.residual.empty()
                      ? nullptr
                      : read.put(problem.residual.data(), problem.residual.size() * sizeof(float)),
      .floats = floats,
      .symbols = symbols};
  const int slices = is_elsewhere(stream) ? 1 : workers;
  for (int worker = 0; worker < slices; ++worker) {
    ScratchMemory scratch(stream, conv.scratch_bytes());
    for (int i = 0; i < runs; ++i) conv.run(operands, {worker, slices}, scratch.bytes());
  }
  written.copy_back();
}

}  // namespace

void expect_exact(const BitconvProblem& problem, const BackendCase& backend, int workers) {
  Stream& stream = stream_of(backend);
  expect_exact(problem, stream, *prepare_bitconv(stream, problem.description), workers);
}

void expect_exact(const BitconvProblem& problem, Stream& stream, const kernels::Bitconv& conv,
                  int workers, int runs) {
  Results results(problem);
  run(problem, stream, conv, workers, runs, results);

  const BitconvDescription& description = problem.description;
  const Conv2dGeometry& g = description.geometry;
  for (std::int64_t pixel = 0; pixel < problem.pixels(); ++pixel) {
    for (std::int64_t o = 0; o < g.c_out; ++o) {
      for (std::size_t i = 0; i < results.floats.size(); ++i) {
        const BitconvFloatOutput& output = description.float_outputs[i];
        auto expected = static_cast<float>(problem.value(pixel, o));
        if (!output.scale.empty()) expected = expected * output.scale[o] + output.shift[o];
        if (output.relu) expected = std::max(expected, 0.0F);
        ASSERT_EQ(results.floats[i][pixel * g.c_out + o], expected)
            << "float output " << i << ", pixel " << pixel << ", channel " << o;
      }
      for (std::size_t i = 0; i < description.symbol_outputs.size(); ++i) {
        const BitconvSymbolOutput& output = description.symbol_outputs[i];
        const int given = output.planes == 0 ? results.bytes[i][pixel * g.c_out + o]
                                             : results.planes[i].code(pixel / (g.out_h * g.out_w),
                                                                      pixel / g.out_w % g.out_h,
                                                                      pixel % g.out_w, o);
        ASSERT_EQ(given, problem.symbol(output, pixel, o))
            << "symbol output " << i << ", pixel " << pixel << ", channel " << o;
      }
    }
  }
  for (std::size_t i = 0; i < results.planes.size(); ++i) {
    EXPECT_TRUE(description.symbol_outputs[i].planes == 0 || results.planes[i].pad_bits_are_zero());
  }
}

}  // namespace lq::testing
