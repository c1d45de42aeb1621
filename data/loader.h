// Batches for training and evaluation, prepared ahead by threads of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "data/augmentation.h"
#include "data/dataset.h"
#include "data/skipped_images.h"

namespace lq {

/// Of one loader.
inline constexpr int most_loader_threads = 256;

struct LoaderOptions {
  /// Images per batch, at least 1.
  std::int64_t batch = 128;
  /// Worker threads, up to most_loader_threads; 0 prepares each batch in the caller's thread when
  /// it is asked for.
  int threads = 1;
  /// Batches that may be ready or in preparation ahead of the consumer, at least 1; where batches
  /// are so small that threads would have nothing to do, some more: up to 16 images per thread.
  int prefetch = 4;
  /// A new random order every epoch; otherwise the data set's own order.
  bool shuffle = false;
  /// Leaves out the last batch of an epoch when it is not full: spec section 4.1 drops it in
  /// training and keeps it in evaluation.
  bool drop_last = false;
  /// Key of the order and of the augmentation.
  std::uint64_t seed = 0;
};

/// Images as bytes, on the CPU, and what crop_flip_normalize of kernels/ shall make of them.
struct RawBatch {
  Tensor images;   ///< u8, N H W C
  Tensor windows;  ///< i32, N x 3: top, left and mirrored (0 or 1) of the CropWindow of each image
  Tensor labels;   ///< i32, N
  std::int64_t epoch = 0;
  std::int64_t index = 0;           ///< of this batch in its epoch
  std::int64_t first_position = 0;  ///< of its first image in the order of the epoch

  std::int64_t size() const { return labels.elements(); }
};

/// The indices [0, size) in the random order of one epoch (Fisher-Yates). size is below 2^32.
std::vector<std::int64_t> shuffled_order(std::int64_t size, std::uint64_t seed,
                                         std::uint64_t epoch);

/// Yields the batches of an epoch in order. What a batch holds depends on seed, epoch and position
/// only: not on the number of threads, nor on where in the epoch the loader was started.
///
///     loader.start(epoch);
///     while (std::optional<RawBatch> batch = loader.next()) step(*batch);
///
/// An image that cannot be read (UnreadableImage) is left out: its batch is shorter by it, and
/// empty when there was no other. Where batches begin in the order of the epoch does not change.
///
/// Used by one consumer thread. A batch is the caller's to keep; its memory goes back to the
/// caching allocator with it, and beside it there are only those that `prefetch` is about.
/// Starting anew or destroying the loader in the middle of an epoch is fine at any time.
class Loader {
 public:
  /// Throws Error for options out of range, an empty data set, and one too small for a single
  /// batch when partial batches are dropped.
  Loader(std::shared_ptr<const Dataset> dataset, std::shared_ptr<const Transform> transform,
         const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  const Transform& transform() const;
  /// Batches in an epoch.
  std::int64_t batches() const;
  /// Images in an epoch: without those that a dropped partial batch leaves out.
  std::int64_t images() const;

  /// Begins epoch `epoch` at batch `first_batch`, in [0, batches()]; a resumed run continues there
  /// with the batches that an unbroken one would have seen.
  void start(std::int64_t epoch, std::int64_t first_batch = 0);

  /// The next batch; nothing at the end of the epoch and before the first start(). Throws Error
  /// that names the image when one of the batch cannot be prepared; the call after that goes on
  /// with the following batch. Throws Error at the end of a whole epoch none of whose images could
  /// be read, and where no batch of the last 1000 images or more had one: then it is not images
  /// that are damaged.
  std::optional<RawBatch> next();

  /// What the batches since start() lack.
  const SkippedImages& skipped() const;

 private:
  class Pipeline;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace lq
