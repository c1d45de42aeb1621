// How fast images come from files to batches, against the time that decoding alone takes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/augmentation.h"
#include "data/dataset.h"
#include "data/skipped_images.h"

namespace lq::bench {

/// A way from files to batches.
struct DataPath {
  std::string name;
  std::shared_ptr<const Transform> transform;
};

struct DataPipelineOptions {
  std::int64_t images = 512;  ///< of the data set, from its first on; fewer if it has fewer
  std::int64_t batch = 64;
  int threads = 1;  ///< that prepare images, the consumer of the batches among them
  int rounds = 5;
  /// Called by the caller's thread with each batch that it gets, and after each pass over the
  /// images that only decodes; what it throws ends the measurement. May be null.
  std::function<void()> meanwhile = {};
};

/// Rates in images per second, of all threads together; medians over the rounds.
struct PathRate {
  std::string name;
  double images_per_s = 0;
  double region_decoding_rate = 0;  ///< of decoding alone what this way decodes of each image
  double of_decoding = 0;           ///< rate over that of decoding whole images, in the same round
  double of_region_decoding = 0;    ///< the same for the regions
};

struct DataPipelineTiming {
  std::int64_t images = 0;
  SkippedImages skipped;     ///< that could not be read, and are not among them
  double mean_bytes = 0;     ///< of a file
  double decoding_rate = 0;  ///< whole images, from the same files, by the same threads
  std::vector<PathRate> paths;
};

/// In each round decodes all images as a whole; then, for each of the ways, only those regions of
/// them that the way takes, and prepares them in this way. What depends on chance is the same in
/// all rounds. Images that cannot be read are left out before. Throws Error when that is all of
/// them, and when one is lost on the way.
DataPipelineTiming time_data_pipeline(const std::shared_ptr<const Dataset>& images,
                                      const std::vector<DataPath>& paths,
                                      const DataPipelineOptions& options);

}  // namespace lq::bench
