// Packed networks on images.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "deploy/packed_network.h"

namespace lq::apps {

/// The values that a network sees of an image: fitted to its input, then as its preprocessing says.
/// `to` has room for H x W x C values. Throws Error when the image's channels cannot be converted.
void preprocess(const Image& image, const deploy::PackedNetwork& network, std::span<float> to);

/// A class and its probability.
struct Guess {
  std::int64_t index = 0;
  float probability = 0;
};

/// The k largest scores, largest first, as softmax probabilities; the lower index first among
/// equals.
std::vector<Guess> top_guesses(std::span<const float> scores, std::int64_t k);

}  // namespace lq::apps
