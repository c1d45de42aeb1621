// Batches of a loader as a model takes them, made on its device while it computes.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>

#include "core/stream.h"
#include "data/loader.h"

namespace lq {

/// What a model is trained and judged with; empty if none of its images could be read.
struct Batch {
  Tensor images;  ///< f32, N H W C, normalised
  Tensor labels;  ///< i32, N
  std::int64_t epoch = 0;
  std::int64_t index = 0;  ///< of this batch in its epoch

  std::int64_t size() const { return labels.elements(); }
};

/// Makes batches of those of a loader, on the device that computes with them: bytes are cut out,
/// mirrored and normalised there, with the same result bit for bit on every device. On the CPU that
/// is done when a batch is asked for, and the batch is the caller's to keep. On another device the
/// bytes of a batch are staged in pinned memory, copied and turned into images on a stream of its
/// own; each batch then lives in one of two sets of buffers, and is good until next() gives another
/// one that is not empty, or start() is called. A caller who has queued the work on one batch calls
/// prefetch(), so that the host waits for the loader and fills pinned memory while the device
/// computes.
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
  /// As Loader::next(): a batch that cannot be made is the error of the call that would have given
  /// it.
  std::optional<Batch> next();
  /// Starts making the batch that next() will give, if that is not done yet; nothing on the CPU. An
  /// error is kept for next().
  void prefetch() noexcept;

 private:
  class Staging;

  std::optional<Batch> next_on_cpu();
  void make_ahead();

  Loader& loader_;
  Device device_;
  std::unique_ptr<Stream> staging_stream_;  // none for the CPU
  Tensor mean_;                             // of the normalization, on the device
  Tensor scale_;                            // the same
  std::array<std::unique_ptr<Staging>, 2> staging_;
  std::size_t in_use_ = 0;      // the staging of the last batch handed out
  bool is_prefetched_ = false;  // what next() will give is known: one of these two, or the end
  std::optional<Batch> ahead_;
  std::exception_ptr failure_;  // of making the batch ahead
};

}  // namespace lq
