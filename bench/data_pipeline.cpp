#include "bench/data_pipeline.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "bench/median.h"
#include "core/error.h"
#include "core/rng.h"
#include "data/loader.h"

namespace lq::bench {

namespace {

/// Some images of a data set.
class SomeImages final : public Dataset {
 public:
  SomeImages(std::shared_ptr<const Dataset> all, std::vector<std::int64_t> places)
      : all_(std::move(all)), places_(std::move(places)) {}

  std::int64_t size() const override { return std::ssize(places_); }
  Shape image_shape() const override { return all_->image_shape(); }
  std::span<const std::string> classes() const override { return all_->classes(); }
  std::int32_t label(std::int64_t index) const override { return all_->label(places_[index]); }
  void load(std::int64_t index, Image& image) const override { all_->load(places_[index], image); }
  void fetch(std::int64_t index, SourceImage& image) const override {
    all_->fetch(places_[index], image);
  }

 private:
  std::shared_ptr<const Dataset> all_;
  std::vector<std::int64_t> places_;
};

/// Seconds that an action takes.
template <typename Action>
double seconds_of(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Calls action(index, image) for all indices, by so many threads, each with an image for its
/// memory. Throws what the action threw in one of them.
template <typename Action>
void for_each_index(std::int64_t size, int threads, const Action& action) {
  std::vector<std::exception_ptr> failures(threads);
  std::vector<std::jthread> workers;
  for (int thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] {
      try {
        SourceImage image;
        for (std::int64_t i = thread; i < size; i += threads) action(i, image);
      } catch (...) {
        failures[thread] = std::current_exception();
      }
    });
  }
  workers.clear();  // joins them
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

/// The same for images that have been fetched.
template <typename Action>
void for_each_image(const Dataset& images, int threads, const Action& action) {
  for_each_index(images.size(), threads, [&](std::int64_t i, SourceImage& image) {
    images.fetch(i, image);
    action(i, image);
  });
}

/// Those of the first `size` images that can be decoded. Tells how many they are, how large their
/// files are, and which ones are left out.
std::shared_ptr<const Dataset> readable_images(const std::shared_ptr<const Dataset>& all,
                                               std::int64_t size, int threads,
                                               DataPipelineTiming& timing) {
  std::vector<std::string> faults(size);
  std::atomic<std::uint64_t> bytes = 0;
  for_each_index(size, threads, [&](std::int64_t i, SourceImage& image) {
    try {
      all->fetch(i, image);
      image.whole();
      bytes += image.encoded_bytes();
    } catch (const UnreadableImage& error) {
      faults[i] = error.what();
    }
  });
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < size; ++i) {
    if (faults[i].empty()) {
      places.push_back(i);
    } else {
      timing.skipped.add(std::move(faults[i]), all->name(i));
    }
  }
  if (places.empty()) {
    fail("bench data: none of {} images could be read; the first: {}", size,
         timing.skipped.named.front().message);
  }
  timing.images = std::ssize(places);
  timing.mean_bytes = static_cast<double>(bytes) / static_cast<double>(timing.images);
  return std::make_shared<SomeImages>(all, std::move(places));
}

void decode_all(const Dataset& images, int threads) {
  for_each_image(images, threads, [](std::int64_t, SourceImage& image) { image.whole(); });
}

/// What a loader's transform takes of each image in epoch 0.
std::vector<PixelRegion> regions_of(const Dataset& images, const Transform& transform,
                                    int threads) {
  std::vector<PixelRegion> regions(images.size());
  for_each_image(images, threads, [&](std::int64_t i, SourceImage& image) {
    std::vector<std::uint8_t> pixels(transform.image_shape().elements());
    Rng rng(LoaderOptions{}.seed, RngPurpose::augmentation, /*epoch=*/0, i);
    transform.prepare(image, rng, pixels);
    regions[i] = image.last_region();
  });
  return regions;
}

void decode_regions(const Dataset& images, const std::vector<PixelRegion>& regions, int threads) {
  for_each_image(images, threads,
                 [&](std::int64_t i, SourceImage& image) { image.part(regions[i]); });
}

/// A way to batches, and what it decodes for them.
struct TimedPath {
  std::unique_ptr<Loader> loader;
  std::vector<PixelRegion> regions;
  std::vector<double> rates, region_rates, shares, region_shares;  // in each round
};

void call(const std::function<void()>& meanwhile) {
  if (meanwhile) meanwhile();
}

/// Always the same epoch, whose regions are known.
void prepare_all(Loader& loader, const std::function<void()>& meanwhile) {
  loader.start(/*epoch=*/0);
  while (loader.next()) call(meanwhile);
  if (loader.skipped().count > 0) fail("bench data: {}", loader.skipped().named.front().message);
}

}  // namespace

DataPipelineTiming time_data_pipeline(const std::shared_ptr<const Dataset>& images,
                                      const std::vector<DataPath>& paths,
                                      const DataPipelineOptions& options) {
  check(options.images >= 1 && options.threads >= 1 && options.rounds >= 1,
        "bench data: images, threads and rounds have to be 1 or more");
  DataPipelineTiming timing;
  const int threads = options.threads;
  const std::shared_ptr<const Dataset> first =
      readable_images(images, std::min(options.images, images->size()), threads, timing);
  call(options.meanwhile);

  std::vector<TimedPath> timed;
  for (const DataPath& path : paths) {
    // The consumer works, too, while it waits for a batch.
    timed.push_back(
        {.loader = std::make_unique<Loader>(
             first, path.transform,
             LoaderOptions{.batch = options.batch, .threads = threads - 1, .shuffle = true}),
         .regions = regions_of(*first, *path.transform, threads)});
    call(options.meanwhile);
  }
  const auto rate_of = [&](auto&& action) {
    return static_cast<double>(first->size()) / seconds_of(action);
  };
  std::vector<double> decoding;
  for (int round = 0; round < options.rounds; ++round) {
    decoding.push_back(rate_of([&] { decode_all(*first, threads); }));
    call(options.meanwhile);
    for (TimedPath& path : timed) {
      path.region_rates.push_back(rate_of([&] { decode_regions(*first, path.regions, threads); }));
      call(options.meanwhile);
      path.rates.push_back(rate_of([&] { prepare_all(*path.loader, options.meanwhile); }));
      path.shares.push_back(path.rates.back() / decoding.back());
      path.region_shares.push_back(path.rates.back() / path.region_rates.back());
    }
  }
  timing.decoding_rate = median(decoding);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    timing.paths.push_back({.name = paths[i].name,
                            .images_per_s = median(timed[i].rates),
                            .region_decoding_rate = median(timed[i].region_rates),
                            .of_decoding = median(timed[i].shares),
                            .of_region_decoding = median(timed[i].region_shares)});
  }
  return timing;
}

}  // namespace lq::bench
