#include "apps/packed_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"
#include "data/centre.h"
#include "data/image_file.h"
#include "data/resize_transforms.h"

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

/// As in evaluation, where that scales images.
std::unique_ptr<const Transform> transform_of(const deploy::PackedNetwork& network) {
  const deploy::Value& input = network.input();
  const deploy::Preprocessing& preprocessing = network.preprocessing();
  if (preprocessing.shorter_side == 0) return nullptr;
  check(input.h == input.w && input.c == 3,
        "{}: the preprocessing scales images for an input of {} x {} x {}, expected a square of 3 "
        "channels",
        network.name(), input.h, input.w, input.c);
  return std::make_unique<CentreCropTransform>(
      ResizeOptions{.crop = static_cast<int>(input.h),
                    .shorter_side = static_cast<int>(preprocessing.shorter_side),
                    .interpolation = preprocessing.resampling == deploy::Resampling::bicubic
                                         ? Interpolation::bicubic
                                         : Interpolation::bicubic_opencv,
                    .order = preprocessing.bgr ? ChannelOrder::bgr : ChannelOrder::rgb});
}

}  // namespace

Preprocessor::Preprocessor(const deploy::PackedNetwork& network)
    : network_(network), transform_(transform_of(network)) {}

void Preprocessor::run(SourceImage& image, std::span<float> to) {
  if (transform_ != nullptr) {
    pixels_.resize(to.size());
    Rng no_chance(0, RngPurpose::augmentation);
    transform_->prepare(image, no_chance, pixels_);
  } else {
    fit(image.whole());
  }
  const std::vector<float>& mean = network_.preprocessing().mean;
  const std::vector<float>& scale = network_.preprocessing().scale;
  for (std::size_t i = 0; i < to.size(); ++i) {
    const float less = mean.empty() ? 0.0F : mean[i % mean.size()];
    to[i] = (static_cast<float>(pixels_[i]) - less) * scale[i % scale.size()];
  }
}

void Preprocessor::fit(const Image& image) {
  const auto height = static_cast<int>(network_.input().h);
  const auto width = static_cast<int>(network_.input().w);
  const bool is_smaller = image.height <= height && image.width <= width;
  const Image sized = network_.preprocessing().pads_small_images && is_smaller
                          ? padded(image, height, width)
                          : image;
  pixels_ = fit_image(sized, height, width, static_cast<int>(network_.input().c)).pixels;
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
