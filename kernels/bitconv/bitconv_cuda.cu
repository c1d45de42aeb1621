#include <algorithm>
#include <limits>

#include "core/error.h"
#include "kernels/bitconv/bitconv_arrange_cuda.h"
#include "kernels/bitconv/bitconv_flips.h"
#include "kernels/bitconv/bitconv_launch_cuda.h"

namespace lq::kernels::cuda {

namespace {

/// Whether tensor cores can take all of it; run_tiles() says what they want.
bool fits_tiles(const BitconvDescription& description) {
  return !description.segments.empty() &&
         std::ranges::all_of(description.segments, [](const BitconvSegment& segment) {
           const auto* const grid = std::get_if<GridSegment>(&segment);
           return std::holds_alternative<BitSegment>(segment) ||
                  (grid != nullptr && grid->channels % bytes_per_word == 0);
         });
}

class CudaBitconv final : public Bitconv {
 public:
  CudaBitconv(Stream& stream, const BitconvDescription& description, const BitconvPlan& plan)
      : stream_(stream),
        arrays_(stream.device()),
        conv_(device_convolution(description.geometry)),
        launcher_(stream.device(), plan),
        order_(launcher_.order(fits_tiles(description))) {
    for (const BitconvSegment& segment : description.segments) {
      const ArrangedSegment arranged =
          arrange_segment(description.geometry, segment, order_, arrays_);
      conv_.segment[conv_.segments++] = arranged.segment;
      weight_bytes_ += arranged.weight_bytes;
    }
    conv_.scale = arrays_.add(padded(description.scale));
    conv_.shift = arrays_.add(padded(description.shift));
    has_residual_ = description.has_residual;
    for (const BitconvFloatOutput& output : description.float_outputs) {
      conv_.floats[conv_.float_outputs++] = {.scale = arrays_.add(padded(output.scale)),
                                             .shift = arrays_.add(padded(output.shift)),
                                             .relu = output.relu};
    }
    conv_.plane_outputs = add_symbols(description.symbol_outputs, true);
    conv_.byte_outputs = add_symbols(description.symbol_outputs, false);
  }

  std::size_t scratch_bytes() const override {
    return order_ == Order::tiles ? split_bytes(conv_, launcher_.split_blocks()) : 0;
  }
  std::size_t weight_bytes() const override { return weight_bytes_; }

  void run(const BitconvOperands& operands, Slice, std::span<std::byte> scratch) const override {
    DeviceConvolution conv = conv_;
    for (int i = 0; i < conv.segments; ++i) {
      conv.segment[i].input = operands.inputs[static_cast<std::size_t>(i)].data;
      conv.segment[i].plane_words = operands.inputs[static_cast<std::size_t>(i)].plane_words;
    }
    conv.residual = has_residual_ ? operands.residual : nullptr;
    for (int i = 0; i < conv.float_outputs; ++i) {
      conv.floats[i].to = operands.floats[static_cast<std::size_t>(i)];
    }
    for (int i = 0; i < conv.plane_outputs + conv.byte_outputs; ++i) {
      DeviceSymbolOutput& output = conv.symbols[i];
      const BitconvBuffer<void*>& to = operands.symbols[static_cast<std::size_t>(output.operand)];
      output.to = to.data;
      output.plane_words = to.plane_words;
    }
    SplitMemory split;
    if (!scratch.empty()) split = split_memory(conv, launcher_.split_blocks(), scratch.data());
    launcher_.run(stream_, conv, order_, operands.batch, split);
  }

  BitconvWay way(std::int64_t batch) const {
    return launcher_.way(stream_.device(), conv_, order_, batch);
  }

 private:
  /// Those of planes, or those of bytes, behind the ones that there are. Returns how many.
  int add_symbols(const std::vector<BitconvSymbolOutput>& outputs, bool of_planes) {
    int added = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const BitconvSymbolOutput& output = outputs[i];
      if ((output.planes > 0) != of_planes) continue;
      DeviceSymbolOutput symbols{.signs = arrays_.add(padded(output.signs)),
                                 .symbols = arrays_.add(output.symbols),
                                 .first_symbol = output.symbols.front(),
                                 .count = static_cast<int>(output.symbols.size()) - 1,
                                 .planes = output.planes,
                                 .operand = static_cast<int>(i)};
      symbols.thresholds = arrays_.add(thresholds_by_fours(output, symbols.reads()));
      symbols.flips = arrays_.add(flips_by_fours(output, symbols.reads()));
      conv_.symbols[conv_.plane_outputs + added++] = symbols;
    }
    return added;
  }

  /// To the channels that the device has arrays for.
  std::vector<float> padded(std::vector<float> of_channels) const {
    if (!of_channels.empty()) of_channels.resize(static_cast<std::size_t>(conv_.outputs_pitch));
    return of_channels;
  }

  std::vector<float4> thresholds_by_fours(const BitconvSymbolOutput& output, int reads) const {
    constexpr float never = std::numeric_limits<float>::infinity();
    std::vector<float4> fours(static_cast<std::size_t>(reads * conv_.outputs_pitch),
                              {never, never, never, never});
    for (int t = 0; t < static_cast<int>(output.symbols.size()) - 1; ++t) {
      for (int o = 0; o < conv_.outputs; ++o) {
        float4& four = fours[t / thresholds_at_once * conv_.outputs_pitch + o];
        part(four, t % thresholds_at_once) = output.thresholds[t * conv_.outputs + o];
      }
    }
    return fours;
  }

  static std::vector<uint4> flips_by_fours(const BitconvSymbolOutput& output, int reads) {
    const std::vector<std::uint32_t> flips = bitconv::plane_flips(output);
    const int count = static_cast<int>(output.symbols.size()) - 1;
    std::vector<uint4> fours(static_cast<std::size_t>(output.planes * reads));
    for (int plane = 0; plane < output.planes; ++plane) {
      for (int t = 0; t < count; ++t) {
        uint4& four = fours[plane * reads + t / thresholds_at_once];
        part(four, t % thresholds_at_once) = flips[plane * (count + 1) + t + 1];
      }
    }
    return fours;
  }

  Stream& stream_;
  DeviceArrays arrays_;
  DeviceConvolution conv_;
  BitconvLauncher launcher_;
  Order order_;
  std::size_t weight_bytes_ = 0;
  bool has_residual_ = false;
};

}  // namespace

BitconvWay way_of(const Bitconv& conv, std::int64_t batch) {
  const auto* const of_device = dynamic_cast<const CudaBitconv*>(&conv);
  check(of_device != nullptr, "bitconv: a convolution of another backend, expected one of cuda");
  return of_device->way(batch);
}

std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description,
                                         const BitconvPlan& plan) {
  return std::make_unique<CudaBitconv>(stream, description, plan);
}

std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description) {
  return prepare_bitconv(stream, description, {.path = wanted_bitconv_path()});
}

}  // namespace lq::kernels::cuda
