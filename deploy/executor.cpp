#include "deploy/executor.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/common/aligned_vector.h"

namespace lq::deploy {

Executor::Executor(const PackedModel& model, const PackedNetworkOptions& options, Stream& stream)
    : options_(options),
      values_(model.values),
      input_(model.input),
      output_(model.output),
      storage_(plan_storage(model, options.max_batch, options.keep_values)) {
  std::size_t scratch = 0;
  for (const Operation& operation : model.operations) {
    operators_.push_back(make_operator(model, operation, stream));
    scratch = std::max(scratch, operators_.back()->scratch_bytes());
  }
  constexpr std::size_t line = kernels::cache_line_bytes;
  scratch_bytes_ = (scratch + line - 1) / line * line;
  places_.resize(values_.size());
  if (options_.measure) seconds_.resize(operators_.size());
}

std::size_t Executor::weight_bytes() const {
  std::size_t bytes = 0;
  for (const auto& operation : operators_) bytes += operation->weight_bytes();
  return bytes;
}

void Executor::clear_seconds() { std::ranges::fill(seconds_, 0.0); }

void Executor::check_memory() const {
  const std::size_t image_bytes = storage_.bytes / options_.max_batch;
  check(image_bytes <= max_image_bytes && scratch_bytes_ <= max_image_bytes,
        "packed network: {} bytes of buffers for an image and {} of scratch memory for a thread, "
        "at most {} each are possible",
        image_bytes, scratch_bytes_, max_image_bytes);
  const std::size_t bytes =
      (storage_.bytes + scratch_bytes_ * options_.threads) * options_.in_flight;
  check(bytes <= options_.max_bytes,
        "packed network: batches of {} on {} threads{} take {} bytes, at most {} are allowed",
        options_.max_batch, options_.threads,
        options_.in_flight == 1 ? "" : fmt::format(", {} in flight,", options_.in_flight), bytes,
        options_.max_bytes);
}

void Executor::place_values(std::byte* buffers) {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::optional<std::size_t> offset = storage_.offsets[i];
    places_[i] = {.data = offset ? buffers + *offset : nullptr,
                  .plane_words = plane_words_of(values_[i], options_.max_batch)};
  }
}

void Executor::place_ends(std::byte* input, std::byte* output) {
  places_[input_].data = input;
  places_[output_].data = output;
}

void Executor::bind(std::int64_t batch) {
  batch_ = batch;
  for (const auto& operation : operators_) operation->bind(places_, batch);
}

std::vector<float> Executor::value(std::size_t index) const {
  check(options_.keep_values, "packed network: values are kept only with keep_values");
  check(index < values_.size() && index != input_ && index != output_,
        "packed network: value {} is not between operations", index);
  const Value& value = values_[index];
  std::vector<std::byte> bytes = bytes_of_value(index);
  const ValuePlace place{bytes.data(), places_[index].plane_words};
  std::vector<float> result(batch_ * elements_of(value));
  for (std::int64_t i = 0; i < std::ssize(result); ++i) {
    switch (value.kind) {
      case ValueKind::floats:
        result[i] = reinterpret_cast<const float*>(place.data)[i];
        break;
      case ValueKind::bytes:
        result[i] = static_cast<float>(reinterpret_cast<const std::uint8_t*>(place.data)[i]);
        break;
      case ValueKind::planes:
        result[i] = static_cast<float>(code_at(value, place, i / value.c, i % value.c));
        break;
    }
  }
  return result;
}

std::unique_ptr<Executor> make_executor(const PackedModel& model,
                                        const PackedNetworkOptions& options) {
  if (options.device.type == DeviceType::cpu) return make_cpu_executor(model, options);
#if defined(LQNET_WITH_CUDA)
  return make_cuda_executor(model, options);
#else
  device_backend(options.device.type);  // says that there is none
  return nullptr;
#endif
}

}  // namespace lq::deploy
