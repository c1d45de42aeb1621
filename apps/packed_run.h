// Packed networks on images.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/augmentation.h"
#include "data/source_image.h"
#include "deploy/packed_network.h"

namespace lq::apps {

/// Brings images to a network, as its preprocessing says: the way of evaluation, where that scales
/// images. Used by one thread.
class Preprocessor {
 public:
  /// The network must outlive the object. Throws Error for an input that images cannot be scaled
  /// to.
  explicit Preprocessor(const deploy::PackedNetwork& network);

  /// The values that the network sees of an image; `to` has room for H x W x C of them. Throws
  /// UnreadableImage for a damaged image, and Error when its channels cannot be converted.
  void run(SourceImage& image, std::span<float> to);

 private:
  void fit(const Image& image);

  const deploy::PackedNetwork& network_;
  std::unique_ptr<const Transform> transform_;  // none: images are fitted to the input
  std::vector<std::uint8_t> pixels_;
};

/// A class and its probability.
struct Guess {
  std::int64_t index = 0;
  float probability = 0;
};

/// The k largest scores, largest first, as softmax probabilities; the lower index first among
/// equals.
std::vector<Guess> top_guesses(std::span<const float> scores, std::int64_t k);

}  // namespace lq::apps
