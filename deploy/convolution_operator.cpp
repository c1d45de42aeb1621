#include "deploy/operator.h"

namespace lq::deploy {

namespace {

class ConvolutionOperator final : public Operator {
 public:
  ConvolutionOperator(const Convolution& operation, Stream& stream)
      : bitconv_(kernels::prepare_bitconv(stream, operation.description)),
        input_values_(operation.inputs),
        float_values_(operation.float_outputs),
        symbol_values_(operation.symbol_outputs),
        residual_value_(operation.residual),
        inputs_(input_values_.size()),
        floats_(float_values_.size()),
        symbols_(symbol_values_.size()) {
    operands_.inputs = inputs_;
    operands_.floats = floats_;
    operands_.symbols = symbols_;
  }

  std::size_t scratch_bytes() const override { return bitconv_->scratch_bytes(); }
  std::size_t weight_bytes() const override { return bitconv_->weight_bytes(); }

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const ValuePlace& place = places[input_values_[i]];
      inputs_[i] = {place.data, place.plane_words};
    }
    for (std::size_t i = 0; i < floats_.size(); ++i) {
      floats_[i] = reinterpret_cast<float*>(places[float_values_[i]].data);
    }
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      const ValuePlace& place = places[symbol_values_[i]];
      symbols_[i] = {place.data, place.plane_words};
    }
    if (residual_value_) {
      operands_.residual = reinterpret_cast<const float*>(places[*residual_value_].data);
    }
    operands_.batch = batch;
  }

  void run(kernels::Slice slice, std::span<std::byte> scratch) const override {
    bitconv_->run(operands_, slice, scratch);
  }

 private:
  std::unique_ptr<kernels::Bitconv> bitconv_;
  std::vector<std::size_t> input_values_;
  std::vector<std::size_t> float_values_;
  std::vector<std::size_t> symbol_values_;
  std::optional<std::size_t> residual_value_;
  std::vector<kernels::BitconvBuffer<const void*>> inputs_;
  std::vector<float*> floats_;
  std::vector<kernels::BitconvBuffer<void*>> symbols_;
  kernels::BitconvOperands operands_;  // refers to the three vectors above
};

}  // namespace

std::unique_ptr<Operator> make_convolution_operator(const Convolution& operation, Stream& stream) {
  return std::make_unique<ConvolutionOperator>(operation, stream);
}

}  // namespace lq::deploy
