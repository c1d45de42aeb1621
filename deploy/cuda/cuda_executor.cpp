#include <cuda_runtime_api.h>

#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/cuda/check.h"
#include "core/cuda/graph.h"
#include "core/cuda/stream.h"
#include "core/cuda/timeline.h"
#include "core/pinned_buffer.h"
#include "core/tensor.h"
#include "deploy/executor.h"

namespace lq::deploy {

namespace {

std::byte* at(Tensor& tensor) { return static_cast<std::byte*>(tensor.raw()); }

std::size_t bytes_of_floats(std::int64_t count) {
  return static_cast<std::size_t>(count) * sizeof(float);
}

/// What a batch in flight needs for itself.
struct Lane {
  explicit Lane(Device device) : host_images(device), host_scores(device) {}

  PinnedBuffer host_images;
  PinnedBuffer host_scores;
  Tensor buffers;
  Tensor scratch;
  Tensor images;
  Tensor scores;
  std::unique_ptr<Stream> stream;       // of full batches
  std::optional<CudaGraph> full_batch;  // copies and operations

  // Of the batch that is under way.
  Stream* busy = nullptr;  // null: none
  float* to = nullptr;
  std::int64_t batch = 0;
};

/// Batches that an error has left behind are nobody's any more at the end of the scope.
struct Abandoned {
  std::deque<Lane>& lanes;

  ~Abandoned() {
    for (Lane& lane : lanes) {
      if (lane.busy != nullptr) cudaStreamSynchronize(native(*std::exchange(lane.busy, nullptr)));
    }
  }
};

/// Copies and operations of a full batch are a graph, launched on a stream of its lane, so that
/// those of several batches overlap. Other batches are queued on the stream of the operators.
class CudaExecutor final : public Executor {
 public:
  CudaExecutor(const PackedModel& model, const PackedNetworkOptions& options,
               std::unique_ptr<Stream> stream)
      : Executor(model, options, *stream),
        stream_(std::move(stream)),
        image_elements_(elements_of(values()[input()])),
        classes_(values()[output()].c) {
    check_memory();
    const StreamScope scope(*stream_);
    for (int i = 0; i < options.in_flight; ++i) allocate(lanes_.emplace_back(options.device));
    if (options.measure) {
      timeline_.emplace(operators().size() + 1);
    } else {
      for (Lane& lane : lanes_) capture(lane);
    }
    // Weights are there before other streams read them.
    check_cuda(cudaStreamSynchronize(native(*stream_)), "packed network: weights");
  }

  ~CudaExecutor() override {
    cudaStreamSynchronize(native(*stream_));
    for (Lane& lane : lanes_) {
      if (lane.stream != nullptr) cudaStreamSynchronize(native(*lane.stream));
    }
  }

  std::size_t buffer_bytes() const override {
    std::size_t bytes = 0;
    for (const Lane& lane : lanes_) {
      bytes +=
          lane.buffers.bytes() + lane.scratch.bytes() + lane.images.bytes() + lane.scores.bytes();
    }
    return bytes;
  }

  void run(const float* images, float* scores, std::int64_t count) override {
    const CudaDeviceScope device(stream_->device().index);
    const Abandoned abandoned{lanes_};
    std::size_t next = 0;
    for_each_batch(images, scores, count, [&](const float* from, float* to, std::int64_t batch) {
      Lane& lane = lanes_[next++ % lanes_.size()];
      finish(lane);
      start(lane, from, to, batch);
    });
    for (std::size_t i = 0; i < lanes_.size(); ++i) finish(lanes_[next++ % lanes_.size()]);
  }

 private:
  void allocate(Lane& lane) {
    const std::int64_t images = options().max_batch;
    const auto bytes = [&](std::size_t count) {
      return Tensor({static_cast<std::int64_t>(count)}, DType::u8, options().device);
    };
    lane.host_images.reserve(bytes_of_floats(images * image_elements_));
    lane.host_scores.reserve(bytes_of_floats(images * classes_));
    lane.buffers = bytes(storage().bytes);
    lane.scratch = bytes(scratch_bytes());
    if (scratch_bytes() > 0) {
      device_memory(options().device).zero(lane.scratch.raw(), scratch_bytes(), *stream_);
    }
    lane.images = Tensor({images, image_elements_}, DType::f32, options().device);
    lane.scores = Tensor({images, classes_}, DType::f32, options().device);
  }

  void capture(Lane& lane) {
    lane.stream = device_backend(DeviceType::cuda).make_stream(options().device.index);
    place_in(lane, options().max_batch);
    lane.full_batch.emplace(*stream_, [&] { queue(lane, options().max_batch); });
  }

  void place_in(Lane& lane, std::int64_t batch) {
    place_values(at(lane.buffers));
    place_ends(at(lane.images), at(lane.scores));
    bind(batch);
  }

  void start(Lane& lane, const float* images, float* scores, std::int64_t batch) {
    std::memcpy(lane.host_images.data(), images, bytes_of_floats(batch * image_elements_));
    lane.to = scores;
    lane.batch = batch;
    if (lane.full_batch && batch == options().max_batch) {
      lane.busy = lane.stream.get();
      note_batch(batch);
      lane.full_batch->launch(*lane.busy);
    } else {
      lane.busy = stream_.get();
      place_in(lane, batch);
      queue(lane, batch);
    }
  }

  void finish(Lane& lane) {
    if (lane.busy == nullptr) return;
    check_cuda(cudaStreamSynchronize(native(*std::exchange(lane.busy, nullptr))), "packed network");
    std::memcpy(lane.to, lane.host_scores.data(), bytes_of_floats(lane.batch * classes_));
    if (timeline_) {
      for (std::size_t i = 0; i < operators().size(); ++i) {
        measured_seconds()[i] += timeline_->seconds_after(i);
      }
    }
  }

  void queue(Lane& lane, std::int64_t batch) {
    check_cuda(cudaMemcpyAsync(lane.images.raw(), lane.host_images.data(),
                               bytes_of_floats(batch * image_elements_), cudaMemcpyHostToDevice,
                               native(*stream_)),
               "packed network: images");
    const std::span<std::byte> scratch(at(lane.scratch), scratch_bytes());
    for (std::size_t i = 0; i < operators().size(); ++i) {
      if (timeline_) timeline_->mark(i, *stream_);
      operators()[i]->run({}, scratch);
    }
    if (timeline_) timeline_->mark(operators().size(), *stream_);
    check_cuda(cudaMemcpyAsync(lane.host_scores.data(), lane.scores.raw(),
                               bytes_of_floats(batch * classes_), cudaMemcpyDeviceToHost,
                               native(*stream_)),
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
  std::deque<Lane> lanes_;  // which do not move
  std::optional<CudaTimeline> timeline_;
};

}  // namespace

std::unique_ptr<Executor> make_cuda_executor(const PackedModel& model,
                                             const PackedNetworkOptions& options) {
  return std::make_unique<CudaExecutor>(
      model, options, device_backend(DeviceType::cuda).make_stream(options.device.index));
}

}  // namespace lq::deploy
