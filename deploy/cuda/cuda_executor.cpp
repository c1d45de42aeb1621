#include <cuda_runtime_api.h>

#include <cstring>
#include <optional>

#include "core/cuda/check.h"
#include "core/cuda/graph.h"
#include "core/cuda/stream.h"
#include "core/cuda/timeline.h"
#include "core/pinned_buffer.h"
#include "core/tensor.h"
#include "deploy/executor.h"

namespace lq::deploy {

namespace {

/// Queues copies and operations on a stream of its own; those of a full batch are one graph.
class CudaExecutor final : public Executor {
 public:
  CudaExecutor(const PackedModel& model, const PackedNetworkOptions& options,
               std::unique_ptr<Stream> stream)
      : Executor(model, options, *stream),
        stream_(std::move(stream)),
        image_elements_(elements_of(values()[input()])),
        classes_(values()[output()].c),
        host_images_(options.device),
        host_scores_(options.device) {
    check_memory();
    host_images_.reserve(bytes_of_floats(options.max_batch * image_elements_));
    host_scores_.reserve(bytes_of_floats(options.max_batch * classes_));
    const StreamScope scope(*stream_);
    const auto bytes = [&](std::size_t count) {
      return Tensor({static_cast<std::int64_t>(count)}, DType::u8, options.device);
    };
    buffers_ = bytes(storage().bytes);
    scratch_ = bytes(scratch_bytes());
    images_ = Tensor({options.max_batch, image_elements_}, DType::f32, options.device);
    scores_ = Tensor({options.max_batch, classes_}, DType::f32, options.device);
    place_values(at(buffers_));
    place_ends(at(images_), at(scores_));
    if (options.measure) {
      timeline_.emplace(operators().size() + 1);
    } else {
      bind(options.max_batch);
      full_batch_.emplace(*stream_, [this] { queue(this->options().max_batch); });
    }
  }

  ~CudaExecutor() override { cudaStreamSynchronize(native(*stream_)); }

  std::size_t buffer_bytes() const override {
    return buffers_.bytes() + scratch_.bytes() + images_.bytes() + scores_.bytes();
  }

  void run(const float* images, float* scores, std::int64_t batch) override {
    const CudaDeviceScope device(stream_->device().index);
    std::memcpy(host_images_.data(), images, bytes_of_floats(batch * image_elements_));
    bind(batch);
    if (full_batch_ && batch == options().max_batch) {
      full_batch_->launch(*stream_);
    } else {
      queue(batch);
    }
    check_cuda(cudaStreamSynchronize(native(*stream_)), "packed network");
    std::memcpy(scores, host_scores_.data(), bytes_of_floats(batch * classes_));
    if (timeline_) {
      for (std::size_t i = 0; i < operators().size(); ++i) {
        measured_seconds()[i] += timeline_->seconds_after(i);
      }
    }
  }

 private:
  static std::byte* at(Tensor& tensor) { return static_cast<std::byte*>(tensor.raw()); }
  static std::size_t bytes_of_floats(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
  }

  void queue(std::int64_t batch) {
    check_cuda(cudaMemcpyAsync(images_.raw(), host_images_.data(),
                               bytes_of_floats(batch * image_elements_), cudaMemcpyHostToDevice,
                               native(*stream_)),
               "packed network: images");
    const std::span<std::byte> scratch(at(scratch_), scratch_bytes());
    for (std::size_t i = 0; i < operators().size(); ++i) {
      if (timeline_) timeline_->mark(i, *stream_);
      operators()[i]->run({}, scratch);
    }
    if (timeline_) timeline_->mark(operators().size(), *stream_);
    check_cuda(
        cudaMemcpyAsync(host_scores_.data(), scores_.raw(), bytes_of_floats(batch * classes_),
                        cudaMemcpyDeviceToHost, native(*stream_)),
        "packed network: scores");
  }

  std::vector<std::byte> bytes_of_value(std::size_t index) const override {
    std::vector<std::byte> bytes(bytes_of(values()[index], options().max_batch));
    check_cuda(cudaMemcpy(bytes.data(), place(index).data, bytes.size(), cudaMemcpyDeviceToHost),
               "packed network: value");
    return bytes;
  }

  std::unique_ptr<Stream> stream_;
  std::int64_t image_elements_;
  std::int64_t classes_;
  PinnedBuffer host_images_;
  PinnedBuffer host_scores_;
  Tensor buffers_;
  Tensor scratch_;
  Tensor images_;
  Tensor scores_;
  std::optional<CudaTimeline> timeline_;
  std::optional<CudaGraph> full_batch_;
};

}  // namespace

std::unique_ptr<Executor> make_cuda_executor(const PackedModel& model,
                                             const PackedNetworkOptions& options) {
  return std::make_unique<CudaExecutor>(
      model, options, device_backend(DeviceType::cuda).make_stream(options.device.index));
}

}  // namespace lq::deploy
