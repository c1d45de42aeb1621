// Batches of a loader on the device of a model, copied there while it computes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/stream.h"
#include "data/loader.h"

namespace lq {

/// Hands on the batches of a loader. On the CPU they are those of the loader. On another device the
/// next batch is staged in pinned memory and copied on a stream of its own while the caller works
/// with the last one; each batch then lives in one of two sets of buffers, and is good until the
/// next call of next() or start().
///
/// Used by one thread, whose current stream of the device is the one that batches are for.
class DeviceBatches {
 public:
  /// The loader must outlive this object. Throws Error where the device is not there.
  DeviceBatches(Loader& loader, Device device);
  ~DeviceBatches();
  DeviceBatches(const DeviceBatches&) = delete;
  DeviceBatches& operator=(const DeviceBatches&) = delete;

  /// As Loader::start().
  void start(std::int64_t epoch, std::int64_t first_batch = 0);
  /// As Loader::next(), but that an error may come while the batch before it is asked for.
  std::optional<Batch> next();

 private:
  class Staging;

  /// Starts copying the next batch of the loader, if there is one.
  void prefetch();

  Loader& loader_;
  Device device_;
  std::unique_ptr<Stream> copies_;
  std::array<std::unique_ptr<Staging>, 2> staging_;
  std::size_t in_use_ = 0;  // the staging of the last batch handed out
  std::optional<Batch> ahead_;
};

}  // namespace lq
