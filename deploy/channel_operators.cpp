// Operations that move channels: N H W C floats, pixel by pixel.

#include <algorithm>

#include "deploy/operator.h"

namespace lq::deploy {

namespace {

float* floats_at(const ValuePlace& place) { return reinterpret_cast<float*>(place.data); }

std::int64_t pixels_of(const Value& value) { return value.h * value.w; }

class ChannelPadOperator final : public Operator {
 public:
  ChannelPadOperator(const PackedModel& model, const ChannelPad& operation)
      : operation_(operation),
        pixels_per_image_(pixels_of(model.values[operation.input])),
        input_channels_(model.values[operation.input].c),
        output_channels_(model.values[operation.output].c) {}

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    input_ = floats_at(places[operation_.input]);
    output_ = floats_at(places[operation_.output]);
    pixels_ = batch * pixels_per_image_;
  }

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const std::int64_t after = operation_.before + input_channels_;
    const Share share = share_of(pixels_, slice);
    for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
      float* to = output_ + pixel * output_channels_;
      std::fill_n(to, operation_.before, 0.0F);
      std::copy_n(input_ + pixel * input_channels_, input_channels_, to + operation_.before);
      std::fill(to + after, to + output_channels_, 0.0F);
    }
  }

 private:
  ChannelPad operation_;
  std::int64_t pixels_per_image_;
  std::int64_t input_channels_;
  std::int64_t output_channels_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  std::int64_t pixels_ = 0;
};

class ConcatOperator final : public Operator {
 public:
  ConcatOperator(const PackedModel& model, const Concat& operation)
      : output_value_(operation.output),
        pixels_per_image_(pixels_of(model.values[operation.output])),
        output_channels_(model.values[operation.output].c) {
    for (const std::size_t input : operation.inputs) {
      inputs_.push_back({.value = input, .channels = model.values[input].c});
    }
  }

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    for (Input& input : inputs_) input.data = floats_at(places[input.value]);
    output_ = floats_at(places[output_value_]);
    pixels_ = batch * pixels_per_image_;
  }

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const Share share = share_of(pixels_, slice);
    for (std::int64_t pixel = share.begin; pixel < share.end; ++pixel) {
      float* to = output_ + pixel * output_channels_;
      for (const Input& input : inputs_) {
        to = std::copy_n(input.data + pixel * input.channels, input.channels, to);
      }
    }
  }

 private:
  struct Input {
    std::size_t value;
    std::int64_t channels;
    const float* data = nullptr;
  };

  std::vector<Input> inputs_;
  std::size_t output_value_;
  std::int64_t pixels_per_image_;
  std::int64_t output_channels_;
  float* output_ = nullptr;
  std::int64_t pixels_ = 0;
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const ChannelPad& operation) {
  return std::make_unique<ChannelPadOperator>(model, operation);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model, const Concat& operation) {
  return std::make_unique<ConcatOperator>(model, operation);
}

}  // namespace lq::deploy
