#include "train/device_batches.h"

#include <cstring>
#include <exception>
#include <utility>

#include "core/device.h"
#include "core/error.h"
#include "core/pinned_buffer.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"

namespace lq {

namespace {

/// All of it lies on the stream's device.
void make_images(Stream& stream, const Tensor& bytes, const Tensor& windows, const Tensor& mean,
                 const Tensor& scale, Tensor& images) {
  kernels::crop_flip_normalize(stream, bytes.view<std::uint8_t>(), windows.view<std::int32_t>(),
                               mean.view<float>(), scale.view<float>(), images.view<float>());
}

Tensor scale_of(const Normalization& normalization) {
  const std::vector<float> scale = normalization.scale();
  return Tensor::from(scale, {std::ssize(scale)});
}

Batch make_batch(const RawBatch& raw, Tensor images, Tensor labels) {
  return {.images = std::move(images),
          .labels = std::move(labels),
          .epoch = raw.epoch,
          .index = raw.index};
}

Batch empty_batch(const RawBatch& raw) {
  return make_batch(raw, Tensor(raw.images.shape()), Tensor({0}, DType::i32));
}

/// A tensor whose memory is used again for the next batch.
class Buffer {
 public:
  explicit Buffer(Device device) : device_(device) {}

  /// Room on the device. Shapes differ in their first extent alone: the last batch of an epoch may
  /// be smaller.
  Tensor room(const Shape& shape, DType dtype) {
    if (!whole_.defined() || whole_.shape()[0] < shape[0]) whole_ = Tensor(shape, dtype, device_);
    return whole_.slice(0, shape[0]);
  }

 private:
  Device device_;
  Tensor whole_;
};

/// The same, filled from the host.
class CopiedBuffer {
 public:
  CopiedBuffer(DeviceBackend& backend, Device device)
      : backend_(backend), pinned_(device), buffer_(device) {}

  /// Queues a copy of the tensor, which is free at once; no earlier copy may be under way.
  Tensor copy(const Tensor& from, Stream& stream) {
    pinned_.reserve(from.bytes());
    std::memcpy(pinned_.data(), from.raw(), from.bytes());
    Tensor to = buffer_.room(from.shape(), from.dtype());
    backend_.copy_pinned(to.raw(), pinned_.data(), from.bytes(), stream);
    return to;
  }

 private:
  DeviceBackend& backend_;
  PinnedBuffer pinned_;
  Buffer buffer_;
};

}  // namespace

/// The buffers of one batch.
class DeviceBatches::Staging {
 public:
  explicit Staging(Device device) : Staging(device_backend(device.type), device) {}
  ~Staging() {
    try {
      made_->wait();
    } catch (const Error&) {  // of what has failed before, which others have told
    }
  }

  /// Queues a batch behind all work on the last one that these buffers held. What the caching
  /// allocator gives to the stream stays with it.
  Batch make(const RawBatch& raw, const Tensor& mean, const Tensor& scale, Stream& stream) {
    made_->wait();  // the pinned memory is free again
    consumed_->delay(stream);
    const StreamScope scope(stream);
    try {
      Batch batch = queue(raw, mean, scale, stream);
      made_->record(stream);
      return batch;
    } catch (...) {
      // Copies may be under way, for which the next batch has to wait.
      try {
        made_->record(stream);
      } catch (const Error&) {  // what was wrong first tells more
      }
      throw;
    }
  }

  void make_wait_for_batch(Stream& stream) { made_->delay(stream); }
  void release_behind(Stream& stream) { consumed_->record(stream); }

 private:
  Batch queue(const RawBatch& raw, const Tensor& mean, const Tensor& scale, Stream& stream) {
    Tensor images = images_.room(raw.images.shape(), DType::f32);
    make_images(stream, bytes_.copy(raw.images, stream), windows_.copy(raw.windows, stream), mean,
                scale, images);
    Tensor labels = labels_.copy(raw.labels, stream);
    return make_batch(raw, std::move(images), std::move(labels));
  }

  Staging(DeviceBackend& backend, Device device)
      : made_(backend.make_event(device.index)),
        consumed_(backend.make_event(device.index)),
        bytes_(backend, device),
        windows_(backend, device),
        labels_(backend, device),
        images_(device) {}

  std::unique_ptr<DeviceEvent> made_;
  std::unique_ptr<DeviceEvent> consumed_;
  CopiedBuffer bytes_;
  CopiedBuffer windows_;
  CopiedBuffer labels_;
  Buffer images_;
};

DeviceBatches::DeviceBatches(Loader& loader, Device device)
    : loader_(loader),
      device_(device),
      mean_(loader.transform().normalization().mean),
      scale_(scale_of(loader.transform().normalization())) {
  if (device.type == DeviceType::cpu) return;
  staging_stream_ = device_backend(device.type).make_stream(device.index);
  for (auto& staging : staging_) staging = std::make_unique<Staging>(device);
  const StreamScope scope(*staging_stream_);
  mean_ = mean_.to(device);
  scale_ = scale_.to(device);
}

DeviceBatches::~DeviceBatches() = default;

void DeviceBatches::start(std::int64_t epoch, std::int64_t first_batch) {
  loader_.start(epoch, first_batch);
  is_prefetched_ = false;
  ahead_.reset();
  failure_ = nullptr;
  if (staging_stream_ != nullptr) {
    staging_[in_use_]->release_behind(current_stream(device_));
    prefetch();
  }
}

std::optional<Batch> DeviceBatches::next() {
  if (staging_stream_ == nullptr) return next_on_cpu();
  prefetch();
  is_prefetched_ = false;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  if (!ahead_) return std::nullopt;
  Stream& stream = current_stream(device_);
  staging_[in_use_]->release_behind(stream);
  std::optional<Batch> batch = std::exchange(ahead_, std::nullopt);
  // An empty one takes no buffers: the batch before keeps its own.
  if (batch->size() > 0) {
    in_use_ = 1 - in_use_;
    staging_[in_use_]->make_wait_for_batch(stream);
  }
  return batch;
}

std::optional<Batch> DeviceBatches::next_on_cpu() {
  const std::optional<RawBatch> raw = loader_.next();
  if (!raw) return std::nullopt;
  if (raw->size() == 0) return empty_batch(*raw);
  Tensor images(raw->images.shape());
  make_images(current_stream(device_), raw->images, raw->windows, mean_, scale_, images);
  return make_batch(*raw, std::move(images), raw->labels);
}

void DeviceBatches::prefetch() noexcept {
  if (staging_stream_ == nullptr || std::exchange(is_prefetched_, true)) return;
  try {
    make_ahead();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

void DeviceBatches::make_ahead() {
  if (const std::optional<RawBatch> raw = loader_.next()) {
    if (raw->size() == 0) {
      ahead_ = empty_batch(*raw);
      return;
    }
    ahead_ = staging_[1 - in_use_]->make(*raw, mean_, scale_, *staging_stream_);
  }
}

}  // namespace lq
