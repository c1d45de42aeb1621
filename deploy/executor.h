// What runs the operations of a packed network, batch by batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/stream.h"
#include "deploy/operator.h"
#include "deploy/packed_network.h"
#include "deploy/storage_plan.h"

namespace lq::deploy {

/// The part that does not depend on the device: operators, and where values lie.
class Executor {
 public:
  virtual ~Executor() = default;

  std::size_t weight_bytes() const;
  virtual std::size_t buffer_bytes() const = 0;

  /// Computes the scores of any number of images; both on the host.
  virtual void run(const float* images, float* scores, std::int64_t count) = 0;

  /// A value of the last batch, as PackedNetwork::value() gives it.
  std::vector<float> value(std::size_t index) const;

  /// Seconds of each operation since clear_seconds(); empty without options.measure.
  std::span<const double> seconds() const { return seconds_; }
  void clear_seconds();

 protected:
  /// Makes operators that run on `stream`. The model is used by this constructor only.
  Executor(const PackedModel& model, const PackedNetworkOptions& options, Stream& stream);

  /// Throws Error where buffers and scratch memory are more than options allow.
  void check_memory() const;
  /// Says where values lie, but for the input and the output.
  void place_values(std::byte* buffers);
  /// Says where the input and the output lie; they may differ in every run.
  void place_ends(std::byte* input, std::byte* output);
  /// Once all values are placed.
  void bind(std::int64_t batch);
  /// Instead of bind(), for operations that are bound already.
  void note_batch(std::int64_t batch) { batch_ = batch; }
  /// body(images, scores, size) for one batch after the other.
  template <typename Body>
  void for_each_batch(const float* images, float* scores, std::int64_t count, Body body) const {
    const std::int64_t image_elements = elements_of(values_[input_]);
    const std::int64_t classes = values_[output_].c;
    for (std::int64_t n = 0; n < count; n += options_.max_batch) {
      body(images + n * image_elements, scores + n * classes,
           std::min(options_.max_batch, count - n));
    }
  }

  /// The bytes of a value of the last batch, on the host.
  virtual std::vector<std::byte> bytes_of_value(std::size_t index) const = 0;

  const PackedNetworkOptions& options() const { return options_; }
  const std::vector<Value>& values() const { return values_; }
  std::size_t input() const { return input_; }
  std::size_t output() const { return output_; }
  std::span<const std::unique_ptr<Operator>> operators() const { return operators_; }
  const StoragePlan& storage() const { return storage_; }
  std::size_t scratch_bytes() const { return scratch_bytes_; }  // of each worker
  const ValuePlace& place(std::size_t value) const { return places_[value]; }
  std::vector<double>& measured_seconds() { return seconds_; }
  std::int64_t batch() const { return batch_; }

 private:
  PackedNetworkOptions options_;
  std::vector<Value> values_;
  std::size_t input_;
  std::size_t output_;
  std::vector<std::unique_ptr<Operator>> operators_;
  StoragePlan storage_;
  std::size_t scratch_bytes_ = 0;
  std::vector<ValuePlace> places_;  // of each value
  std::vector<double> seconds_;     // of each operation
  std::int64_t batch_ = 0;          // of the last run
};

/// By options.device; throws Error as PackedNetwork's constructor does.
std::unique_ptr<Executor> make_executor(const PackedModel& model,
                                        const PackedNetworkOptions& options);

std::unique_ptr<Executor> make_cpu_executor(const PackedModel& model,
                                            const PackedNetworkOptions& options);
/// In builds with CUDA.
std::unique_ptr<Executor> make_cuda_executor(const PackedModel& model,
                                             const PackedNetworkOptions& options);

}  // namespace lq::deploy
