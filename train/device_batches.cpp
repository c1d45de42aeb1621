#include "train/device_batches.h"

#include <cstring>
#include <utility>

#include "core/device.h"
#include "core/pinned_buffer.h"

namespace lq {

/// The buffers of one batch.
class DeviceBatches::Staging {
 public:
  explicit Staging(Device device)
      : backend_(device_backend(device.type)),
        device_(device),
        copied_(backend_.make_event(device.index)),
        consumed_(backend_.make_event(device.index)),
        images_(backend_),
        labels_(backend_) {}
  ~Staging() { copied_->wait(); }

  /// Queues the copy of a batch behind all work on the last one that these buffers held.
  Batch copy(const Batch& batch, Stream& copies) {
    copied_->wait();  // the pinned memory is free again
    consumed_->delay(copies);
    Batch result = batch;
    {
      // What the caching allocator gives to this stream stays with it.
      const StreamScope scope(copies);
      result.images = copy(batch.images, images_, device_images_, copies);
      result.labels = copy(batch.labels, labels_, device_labels_, copies);
    }
    copied_->record(copies);
    return result;
  }

  void make_wait_for_copy(Stream& stream) { copied_->delay(stream); }
  void release_behind(Stream& stream) { consumed_->record(stream); }

 private:
  Tensor copy(const Tensor& from, PinnedBuffer& pinned, Tensor& to, Stream& copies) {
    pinned.reserve(from.bytes());
    std::memcpy(pinned.data(), from.raw(), from.bytes());
    if (!to.defined() || to.bytes() < from.bytes()) {
      to = Tensor(from.shape(), from.dtype(), device_);
    }
    // The last batch of an epoch may be smaller.
    Tensor part = to.shape() == from.shape() ? to : to.slice(0, from.shape()[0]);
    backend_.copy_pinned(part.raw(), pinned.data(), from.bytes(), copies);
    return part;
  }

  DeviceBackend& backend_;
  Device device_;
  std::unique_ptr<DeviceEvent> copied_;
  std::unique_ptr<DeviceEvent> consumed_;
  PinnedBuffer images_;
  PinnedBuffer labels_;
  Tensor device_images_;
  Tensor device_labels_;
};

DeviceBatches::DeviceBatches(Loader& loader, Device device) : loader_(loader), device_(device) {
  if (device.type == DeviceType::cpu) return;
  copies_ = device_backend(device.type).make_stream(device.index);
  for (auto& staging : staging_) staging = std::make_unique<Staging>(device);
}

DeviceBatches::~DeviceBatches() = default;

void DeviceBatches::start(std::int64_t epoch, std::int64_t first_batch) {
  loader_.start(epoch, first_batch);
  ahead_.reset();
  if (copies_ != nullptr) {
    staging_[in_use_]->release_behind(current_stream(device_));
    prefetch();
  }
}

std::optional<Batch> DeviceBatches::next() {
  if (copies_ == nullptr) return loader_.next();
  if (!ahead_) return std::nullopt;
  Stream& stream = current_stream(device_);
  staging_[in_use_]->release_behind(stream);
  std::optional<Batch> batch = std::exchange(ahead_, std::nullopt);
  in_use_ = 1 - in_use_;
  staging_[in_use_]->make_wait_for_copy(stream);
  prefetch();
  return batch;
}

void DeviceBatches::prefetch() {
  if (const std::optional<Batch> batch = loader_.next()) {
    ahead_ = staging_[1 - in_use_]->copy(*batch, *copies_);
  }
}

}  // namespace lq
