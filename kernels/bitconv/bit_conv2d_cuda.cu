#include "kernels/bitconv/bit_conv2d.h"

#include <bit>

#include "core/device.h"
#include "kernels/bitconv/bitconv_launch_cuda.h"
#include "kernels/common/cuda/code_ballots.h"
#include "kernels/common/cuda/scratch.h"

namespace lq::kernels::cuda {

namespace {

constexpr int arrange_threads = 256;
constexpr int arrange_warps = arrange_threads / warp_threads;
constexpr int most_levels = 1 << max_bits;

/// A table's levels and codes on the device.
struct DeviceLevels {
  const float* levels;
  const std::uint8_t* codes;
  int rows;
  int size;

  explicit DeviceLevels(const LevelTableView& table)
      : levels(table.levels.data),
        codes(table.codes.data),
        rows(static_cast<int>(table.rows())),
        size(static_cast<int>(table.size())) {}

  __device__ double level_of_code(int row, unsigned code) const {
    double level = 0;
    for (int l = 0; l < size; ++l) {
      if (codes[row * size + l] == code) level = levels[row * size + l];
    }
    return level;
  }
  /// As basis_of_levels() tells it; `apart`: by how much the factors of a clear and a set bit
  /// differ.
  __device__ float basis_element(int row, int element, double apart) const {
    return static_cast<float>((level_of_code(row, 1U << element) - level_of_code(row, 0)) / apart);
  }
};

/// What is made of the weights: see DeviceSegment.
struct Arranged {
  std::uint32_t* words;
  std::int32_t* offsets;  // null in Order::lanes
  float* weight_basis;
  float* input_basis;
  float* scale;
  float* shift;
};

struct ArrangeJob {
  const float* weights;  // O R S C
  const float* bias;     // null: none
  DeviceLevels of_weights;
  DeviceLevels of_inputs;
  int outputs;
  int outputs_pitch;
  int taps;
  int channels;
  int weight_bits;
  int input_bits;
  int words;          // of a pixel
  int channel_words;  // of a plane of a channel, up to whole steps in Order::tiles
  Order order;
  Divider by_words;
  Arranged to;

  __device__ std::int64_t place(int plane, int word, int o) const {
    if (order == Order::lanes) {
      return (static_cast<std::int64_t>(plane) * channel_words + word) * outputs_pitch + o;
    }
    const std::int64_t row = static_cast<std::int64_t>(word / step_words) * weight_bits + plane;
    return (row * outputs_pitch + o) * step_words + swizzled(o, word % step_words);
  }
};

/// Scale, shift and bases of a channel, by the first threads of its block.
__device__ void write_coefficients(const ArrangeJob& job, int o, int row) {
  constexpr double apart_of_signs = 2.0;  // -1 and +1
  const bool is_channel = o < job.outputs;
  const auto thread = static_cast<int>(threadIdx.x);
  if (thread < job.weight_bits) {
    job.to.weight_basis[thread * job.outputs_pitch + o] =
        is_channel ? job.of_weights.basis_element(row, thread, apart_of_signs) : 0.0F;
  }
  if (o == 0 && thread < job.input_bits) {
    job.to.input_basis[thread] = job.of_inputs.basis_element(0, thread, 1.0);
  }
  if (thread == 0) {
    job.to.scale[o] = 1.0F;
    job.to.shift[o] = is_channel && job.bias != nullptr ? job.bias[o] : 0.0F;
  }
}

/// A block owns an output channel, of those that fill the last tile, too, which get zeros. A warp
/// makes a word of each plane at a time, 32 channels of a place of the window: a lane reads a
/// weight and finds its code among the levels in shared memory, and ballots make words of the bits,
/// of which lane i writes and counts those of plane i. Every weight is read once, and weights are
/// few beside what they are multiplied with: bound by the launch.
__global__ void __launch_bounds__(arrange_threads)
    arrange_levels_kernel(const __grid_constant__ ArrangeJob job) {
  __shared__ float levels[most_levels];
  __shared__ unsigned codes[most_levels];
  __shared__ int ones[arrange_warps][max_bits];
  const auto thread = static_cast<int>(threadIdx.x);
  const int lane = thread % warp_threads;
  const int warp = thread / warp_threads;
  const auto o = static_cast<int>(blockIdx.x);
  const bool is_channel = o < job.outputs;
  const int row = job.of_weights.rows == 1 ? 0 : o;
  const int size = job.of_weights.size;
  if (thread < size) {
    levels[thread] = is_channel ? job.of_weights.levels[row * size + thread] : 0.0F;
    codes[thread] = is_channel ? job.of_weights.codes[row * size + thread] : 0;
  }
  __syncthreads();
  const float* const weights = job.weights + static_cast<std::int64_t>(o) * job.taps * job.channels;
  int count = 0;
  for (int word = warp; word < job.channel_words; word += arrange_warps) {
    int of_pixel = 0;
    const int tap = job.by_words.split(word, of_pixel);
    const int channel = of_pixel * packed::bits_per_word + lane;
    unsigned code = 0;
    if (is_channel && tap < job.taps && channel < job.channels) {
      code = code_of_level(weights[tap * job.channels + channel], levels, codes, size);
    }
    store_ballots(code, job.weight_bits, [&](int plane, std::uint32_t bits) {
      job.to.words[job.place(plane, word, o)] = bits;
      count += __popc(bits);
    });
  }
  if (lane < job.weight_bits) ones[warp][lane] = count;
  __syncthreads();
  write_coefficients(job, o, row);
  if (job.to.offsets == nullptr || thread >= job.weight_bits) return;
  int sum = 0;
  for (int w = 0; w < arrange_warps; ++w) sum += ones[w][thread];
  job.to.offsets[thread * job.outputs_pitch + o] = sum;
}

/// The memory that Arranged points into.
class ArrangedMemory {
 public:
  ArrangedMemory(Stream& stream, const ArrangeJob& job)
      : words_(stream, std::int64_t{job.channel_words} * job.weight_bits * job.outputs_pitch),
        offsets_(stream, std::int64_t{job.weight_bits} * job.outputs_pitch),
        coefficients_(stream, std::int64_t{job.weight_bits + 2} * job.outputs_pitch + max_bits) {}

  Arranged operands(const ArrangeJob& job) {
    const std::int64_t pitch = job.outputs_pitch;
    float* const scale = coefficients_.data();
    return {.words = words_.data(),
            .offsets = job.order == Order::tiles ? offsets_.data() : nullptr,
            .weight_basis = scale + 2 * pitch,
            .input_basis = scale + (2 + job.weight_bits) * pitch,
            .scale = scale,
            .shift = scale + pitch};
  }

 private:
  Scratch<std::uint32_t> words_;
  Scratch<std::int32_t> offsets_;
  Scratch<float> coefficients_;
};

ArrangeJob job_of(const DeviceConvolution& conv, const CodedInput& x, const LeveledWeights& weight,
                  ConstView<float> bias, int channels, Order order) {
  ArrangeJob job{.weights = weight.values.data,
                 .bias = bias.data,
                 .of_weights = DeviceLevels(weight.table),
                 .of_inputs = DeviceLevels(x.table),
                 .outputs = conv.outputs,
                 .outputs_pitch = conv.outputs_pitch,
                 .taps = conv.kernel_h * conv.kernel_w,
                 .channels = channels,
                 .order = order};
  job.weight_bits = std::countr_zero(static_cast<unsigned>(job.of_weights.size));
  job.input_bits = std::countr_zero(static_cast<unsigned>(job.of_inputs.size));
  job.words = static_cast<int>(packed::words(channels));
  job.by_words = Divider(job.words);
  const int window_words = job.taps * job.words;
  job.channel_words = order == Order::tiles ? tile_steps(window_words) * step_words : window_words;
  return job;
}

DeviceSegment segment_of(const ArrangeJob& job, const CodedInput& x) {
  return {.arithmetic = Arithmetic::bits,
          .channels = job.channels,
          .words = job.words,
          .weight_bits = job.weight_bits,
          .input_bits = job.input_bits,
          .weights = job.to.words,
          .weight_basis = job.to.weight_basis,
          .input_basis = job.to.input_basis,
          .offsets = job.to.offsets,
          .steps = tile_steps(std::int64_t{job.taps} * job.words),
          .by_words = job.by_words,
          .input = x.planes.data,
          .plane_words = x.planes.shape[1] * x.planes.shape[2]};
}

}  // namespace

void bit_conv2d_forward(Stream& stream, const Conv2dGeometry& geometry, const CodedInput& x,
                        const LeveledWeights& weight, ConstView<float> bias, View<float> y) {
  constexpr std::string_view operation = "bit_conv2d_forward";
  const BitconvLauncher launcher(stream.device(), {.path = wanted_bitconv_path()});
  DeviceConvolution conv = device_convolution(geometry);
  const Order order = launcher.order(/*fits_tiles=*/true);
  ArrangeJob job = job_of(conv, x, weight, bias, static_cast<int>(geometry.c_in), order);
  ArrangedMemory arranged(stream, job);
  job.to = arranged.operands(job);
  launch(operation, arrange_levels_kernel,
         {dim3(static_cast<unsigned>(conv.outputs_pitch)), dim3(arrange_threads)}, stream, job);

  conv.segment[conv.segments++] = segment_of(job, x);
  conv.scale = job.to.scale;
  conv.shift = job.to.shift;
  conv.floats[conv.float_outputs++].to = y.data;
  if (launcher.chosen_way(conv, order, geometry.n).splits() == 1) {
    launcher.run(stream, conv, order, geometry.n, {});
    return;
  }
  const int blocks = launcher.split_blocks();
  Scratch<std::byte> memory(stream, static_cast<std::int64_t>(split_bytes(conv, blocks)));
  device_memory(stream.device()).zero(memory.data(), split_counter_bytes(blocks), stream);
  launcher.run(stream, conv, order, geometry.n, split_memory(conv, blocks, memory.data()));
}

}  // namespace lq::kernels::cuda
