#include "data/synthetic_photographs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/io/file.h"
#include "data/image_writer.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

constexpr int channels = 3;
constexpr float turn = 2 * std::numbers::pi_v<float>;

struct Blob {
  float y, x, radius;
  std::array<float, channels> colour;
};

struct Scene {
  float phase;
  float brightness;
  std::vector<Blob> blobs;
};

Scene draw_scene(int height, int width, Rng& rng) {
  constexpr int blob_count = 12;
  Scene scene{rng.uniform(0.0F, turn), rng.uniform(-30.0F, 30.0F), {}};
  for (int i = 0; i < blob_count; ++i) {
    Blob blob{rng.uniform() * static_cast<float>(height),
              rng.uniform() * static_cast<float>(width),
              rng.uniform(0.03F, 0.12F) * static_cast<float>(std::min(height, width)),
              {}};
    for (float& part : blob.colour) part = rng.uniform(-50.0F, 50.0F);
    scene.blobs.push_back(blob);
  }
  return scene;
}

/// Discs with soft edges.
void add_blob(const Blob& blob, int height, int width, std::vector<float>& values) {
  const auto clamped = [](float at, int most) { return std::clamp(static_cast<int>(at), 0, most); };
  for (int y = clamped(blob.y - blob.radius, height); y < clamped(blob.y + blob.radius, height);
       ++y) {
    for (int x = clamped(blob.x - blob.radius, width); x < clamped(blob.x + blob.radius, width);
         ++x) {
      const float distance =
          std::hypot(static_cast<float>(y) - blob.y, static_cast<float>(x) - blob.x) / blob.radius;
      const float cover = std::clamp(4 * (1 - distance), 0.0F, 1.0F);
      for (int c = 0; c < channels; ++c) {
        values[(y * width + x) * channels + c] += cover * blob.colour[c];
      }
    }
  }
}

}  // namespace

Image make_photograph(const PhotographOptions& options, int label, Rng& rng) {
  const auto varied = [&rng](int extent) {
    return std::max(1, static_cast<int>(static_cast<float>(extent) * rng.uniform(0.9F, 1.1F)));
  };
  Image image;
  image.resize(varied(options.height), varied(options.width), channels);
  if (rng.below(2) == 1) image.resize(image.width, image.height, channels);
  const Scene scene = draw_scene(image.height, image.width, rng);
  const float part = static_cast<float>(label) / static_cast<float>(options.classes);
  // A mirrored image has the opposite slope; its hue tells the class even so.
  const float slope = part * turn / 4;
  const float wave = turn * 12 / static_cast<float>(std::max(image.height, image.width));
  std::vector<float> values(image.pixels.size());
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const float stripe = std::sin(scene.phase + wave * (std::cos(slope) * static_cast<float>(y) +
                                                          std::sin(slope) * static_cast<float>(x)));
      for (int c = 0; c < channels; ++c) {
        const float hue = std::cos(turn * (part + static_cast<float>(c) / channels));
        values[(y * image.width + x) * channels + c] =
            128 + scene.brightness + 40 * hue + 25 * stripe;
      }
    }
  }
  for (const Blob& blob : scene.blobs) add_blob(blob, image.height, image.width, values);
  for (std::size_t i = 0; i < values.size(); i += channels) {
    const float grain = rng.uniform(-18.0F, 18.0F);
    for (std::size_t c = 0; c < channels; ++c) {
      image.pixels[i + c] =
          static_cast<std::uint8_t>(std::clamp(values[i + c] + grain, 0.0F, 255.0F));
    }
  }
  return image;
}

std::string photograph_class(int label) { return fmt::format("n{:08}", label); }

void write_photographs(const fs::path& folder, const PhotographOptions& options) {
  check(options.classes >= 1 && options.train_images >= 1 && options.val_images >= 1 &&
            options.height >= 1 && options.width >= 1,
        "photographs: classes, images and extents have to be 1 or more");
  const std::int64_t all = options.classes * (options.train_images + options.val_images);
  std::int64_t done = 0;
  const auto write_part = [&](const char* split, std::int64_t images) {
    for (int label = 0; label < options.classes; ++label) {
      const std::string name = photograph_class(label);
      const fs::path place = folder / split / name;
      std::error_code error;
      fs::create_directories(place, error);
      check(!error, "{}: cannot be made: {}", place.string(), error.message());
      for (std::int64_t i = 0; i < images; ++i) {
        Rng rng(options.seed, RngPurpose::synthetic, 3, static_cast<std::uint64_t>(done));
        const Image image = make_photograph(options, label, rng);
        write_file_atomically(place / fmt::format("{}_{}.JPEG", name, i),
                              encode_jpeg(image, {.quality = options.quality}));
        ++done;
        if (options.on_image) options.on_image(done, all);
      }
    }
  };
  write_part("train", options.train_images);
  write_part("val", options.val_images);
}

}  // namespace lq
