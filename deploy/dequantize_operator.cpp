#include <algorithm>
#include <array>

#include "deploy/operator.h"

namespace lq::deploy {

namespace {

class DequantizeOperator final : public Operator {
 public:
  DequantizeOperator(const PackedModel& model, const Dequantize& operation)
      : input_(operation.input),
        output_(operation.output),
        value_(model.values[operation.input]),
        pixels_per_image_(value_.h * value_.w) {
    std::ranges::copy(operation.levels, levels_.begin());
  }

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    from_ = places[input_];
    to_ = reinterpret_cast<float*>(places[output_].data);
    pixels_ = batch * pixels_per_image_;
  }

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const Share share = share_of(pixels_, slice);
    for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
      float* to = to_ + pixel * value_.c;
      if (value_.kind == ValueKind::bytes) {
        const auto* from = reinterpret_cast<const std::uint8_t*>(from_.data) + pixel * value_.c;
        for (std::int64_t c = 0; c < value_.c; ++c) to[c] = levels_[from[c]];
      } else {
        for (std::int64_t c = 0; c < value_.c; ++c)
          to[c] = levels_[code_at(value_, from_, pixel, c)];
      }
    }
  }

 private:
  std::size_t input_;
  std::size_t output_;
  Value value_;
  std::int64_t pixels_per_image_;
  /// One for every byte that there can be: bytes without a level do not occur in sound networks,
  /// and do no harm in others.
  std::array<float, 256> levels_{};
  ValuePlace from_;
  float* to_ = nullptr;
  std::int64_t pixels_ = 0;
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const Dequantize& operation) {
  return std::make_unique<DequantizeOperator>(model, operation);
}

}  // namespace lq::deploy
