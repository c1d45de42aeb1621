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

/// Brings images of any size to a network whose evaluation takes images as they are.
class FitTransform final : public Transform {
 public:
  explicit FitTransform(const deploy::PackedNetwork& network)
      : Transform(shape_of(network.input()), bytes_as_they_are(network.input().c)),
        pads_small_images_(network.preprocessing().pads_small_images) {}

  CropWindow prepare(SourceImage& source, Rng& /*rng*/,
                     std::span<std::uint8_t> pixels) const override {
    const Image& image = source.whole();
    const auto height = static_cast<int>(image_shape()[0]);
    const auto width = static_cast<int>(image_shape()[1]);
    const auto channels = static_cast<int>(image_shape()[2]);
    const bool is_smaller = image.height <= height && image.width <= width;
    const Image fitted = pads_small_images_ && is_smaller
                             ? fit_image(padded(image, height, width), height, width, channels)
                             : fit_image(image, height, width, channels);
    std::ranges::copy(fitted.pixels, pixels.begin());
    return {};
  }

 private:
  static Shape shape_of(const deploy::Value& input) { return {input.h, input.w, input.c}; }
  static Normalization bytes_as_they_are(std::int64_t channels) {
    return {.mean = Tensor::full({1, 1, channels}, 0.0F), .divisor = {1.0F}};
  }

  bool pads_small_images_;
};

std::shared_ptr<const Transform> transform_of(const deploy::PackedNetwork& network) {
  const deploy::Value& input = network.input();
  const deploy::Preprocessing& preprocessing = network.preprocessing();
  if (preprocessing.shorter_side == 0) return std::make_shared<FitTransform>(network);
  check(input.h == input.w && input.c == 3,
        "{}: the preprocessing scales images for an input of {} x {} x {}, expected a square of 3 "
        "channels",
        network.name(), input.h, input.w, input.c);
  return std::make_shared<CentreCropTransform>(
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

void Preprocessor::normalize(std::span<const std::uint8_t> pixels, std::span<float> values) const {
  const std::vector<float>& mean = network_.preprocessing().mean;
  const std::vector<float>& scale = network_.preprocessing().scale;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float less = mean.empty() ? 0.0F : mean[i % mean.size()];
    values[i] = (static_cast<float>(pixels[i]) - less) * scale[i % scale.size()];
  }
}

void Preprocessor::run(SourceImage& image, std::span<float> values) const {
  std::vector<std::uint8_t> pixels(values.size());
  Rng no_chance(0, RngPurpose::augmentation);
  transform_->prepare(image, no_chance, pixels);
  normalize(pixels, values);
}

void check_scores(std::string_view network, std::int64_t image, std::span<const float> scores) {
  const auto bad = std::ranges::find_if(scores, [](float score) { return !std::isfinite(score); });
  if (bad == scores.end()) return;
  fail("the {} network's score {} of image {} is {}, expected a finite number", network,
       bad - scores.begin(), image, *bad);
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
