// Runs packed networks.
//
//   lq::deploy::PackedNetwork network("resnet20.lqn", {.max_batch = 16, .threads = 2});
//   std::vector<float> scores(count * network.classes());
//   network.run(images, scores);  // count images, H W C each, preprocessed
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Far above any network: what the buffers of an image may take, and the scratch memory of a
/// worker. A small file can ask for more.
inline constexpr std::size_t max_image_bytes = std::size_t{256} << 20;

struct PackedNetworkOptions {
  /// Images that are computed together: 1 to 65,536. Memory grows with it.
  std::int64_t max_batch = 1;
  /// Workers that share each operation, the caller among them.
  int threads = 1;
  /// What the buffers of a batch and the scratch memory of all workers may take together.
  std::size_t max_bytes = std::size_t{4} << 30;
  /// Keeps every value in memory of its own, for value(): for tests and debugging.
  bool keep_values = false;
  /// Takes the time of every operation, for seconds().
  bool measure = false;
  /// Where it computes. On a GPU a full batch is one CUDA graph, and threads have no meaning.
  Device device = {};
  /// On a GPU, batches of one run() that are under way at a time: 1 to 4. With more than one,
  /// images are copied while others are computed, for which buffers are there as often. Not with
  /// keep_values or measure, nor on the CPU.
  int in_flight = 1;
};

/// A network in memory, with threads and buffers of its own. Everything is allocated by the
/// constructor and nothing by run(). Results do not depend on the number of threads, nor on how
/// images are divided into batches. One run at a time; use several objects for more.
///
/// On the CPU it computes on the backend of the current stream (see StreamScope).
class PackedNetwork {
 public:
  /// Throws Error for options out of range, for a model that does not pass validate(), for one that
  /// wants more memory than max_image_bytes or options allow, and when there is not enough.
  explicit PackedNetwork(const PackedModel& model, const PackedNetworkOptions& options = {});
  /// The same for a file; throws Error as read_packed_model() does.
  explicit PackedNetwork(const std::filesystem::path& file,
                         const PackedNetworkOptions& options = {});
  ~PackedNetwork();
  PackedNetwork(PackedNetwork&& other) noexcept;
  PackedNetwork& operator=(PackedNetwork&& other) noexcept;

  const std::string& name() const;
  /// Extents of an image.
  const Value& input() const;
  std::int64_t classes() const;
  /// Empty, or one per class.
  const std::vector<std::string>& class_names() const;
  const Preprocessing& preprocessing() const;
  /// Names of the operations, in the order in which they run.
  const std::vector<std::string>& operations() const;
  /// Bytes of the buffers for values between operations, and of scratch memory.
  std::size_t buffer_bytes() const;
  /// Bytes of the weights, arranged for the machine.
  std::size_t weight_bytes() const;

  /// Scores of any number of images: N H W C floats to N x classes. Throws Error unless both spans
  /// belong to the same number of images. The spans must not overlap.
  void run(std::span<const float> images, std::span<float> scores);

  /// A value of the model for the images of the last batch, N H W C: floats and bytes as they are,
  /// bit-planes as codes. Any value but the input and the output, which the caller has. Throws
  /// Error without options.keep_values.
  std::vector<float> value(std::size_t index) const;

  /// Seconds that each operation took in the last run, by its slowest worker and without what
  /// workers wait for one another; empty without options.measure.
  std::span<const double> seconds() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace lq::deploy
