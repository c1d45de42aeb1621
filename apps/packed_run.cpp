#include "apps/packed_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/centre.h"
#include "data/image_file.h"

namespace lq::apps {

namespace {

/// Zeros around a smaller image, as the data sets do it.
Image padded(const Image& image, int height, int width) {
  Image result;
  result.resize(height, width, image.channels);
  std::ranges::fill(result.pixels, std::uint8_t{0});
  place_in_centre(image.pixels, image.shape(), result.pixels, result.shape());
  return result;
}

}  // namespace

void preprocess(const Image& image, const deploy::PackedNetwork& network, std::span<float> to) {
  const deploy::Value& input = network.input();
  const deploy::Preprocessing& preprocessing = network.preprocessing();
  const auto height = static_cast<int>(input.h);
  const auto width = static_cast<int>(input.w);
  const bool is_smaller = image.height <= height && image.width <= width;
  const Image sized =
      preprocessing.pads_small_images && is_smaller ? padded(image, height, width) : image;
  const Image fitted = fit_image(sized, height, width, static_cast<int>(input.c));
  const std::vector<float>& scale = preprocessing.scale;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const float mean =
        preprocessing.mean.empty() ? 0.0F : preprocessing.mean[i % preprocessing.mean.size()];
    to[i] = (static_cast<float>(fitted.pixels[i]) - mean) * scale[i % scale.size()];
  }
}

std::vector<Guess> top_guesses(std::span<const float> scores, std::int64_t k) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return scores[a] > scores[b]; });
  double sum = 0;
  for (const float score : scores) sum += std::exp(static_cast<double>(score - scores[order[0]]));
  std::vector<Guess> guesses;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(k, std::ssize(order)); ++i) {
    const double relative = std::exp(static_cast<double>(scores[order[i]] - scores[order[0]]));
    guesses.push_back({order[i], static_cast<float>(relative / sum)});
  }
  return guesses;
}

}  // namespace lq::apps
