// Packed networks on images.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/augmentation.h"
#include "data/source_image.h"
#include "deploy/packed_network.h"

namespace lq::apps {

/// Brings images to a network, as its preprocessing says: the way of evaluation, where that scales
/// images.
class Preprocessor {
 public:
  /// The network must outlive the object. Throws Error for an input that images cannot be scaled
  /// to.
  explicit Preprocessor(const deploy::PackedNetwork& network);

  /// From an image to the bytes of the network's input, H W C: for a loader. Throws Error for an
  /// image whose channels cannot be converted.
  const std::shared_ptr<const Transform>& transform() const { return transform_; }
  /// The values that the network sees of such bytes, of one image or several.
  void normalize(std::span<const std::uint8_t> pixels, std::span<float> values) const;
  /// Both for one image; `values` has room for H x W x C of them. Throws UnreadableImage for a
  /// damaged image.
  void run(SourceImage& image, std::span<float> values) const;

 private:
  const deploy::PackedNetwork& network_;
  std::shared_ptr<const Transform> transform_;
};

/// A class and its probability.
struct Guess {
  std::int64_t index = 0;
  float probability = 0;
};

/// Throws Error for scores of an image that are no finite numbers: they have no order, and no
/// difference that could be told. `network` is for the message, "packed".
void check_scores(std::string_view network, std::int64_t image, std::span<const float> scores);

/// The k largest scores, largest first, as softmax probabilities; the lower index first among
/// equals. The scores are finite.
std::vector<Guess> top_guesses(std::span<const float> scores, std::int64_t k);

}  // namespace lq::apps
