#include "bench/data_pipeline.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/median.h"
#include "core/error.h"
#include "data/loader.h"

namespace lq::bench {

namespace {

/// The first images of a data set.
class FirstImages final : public Dataset {
 public:
  FirstImages(std::shared_ptr<const Dataset> all, std::int64_t size)
      : all_(std::move(all)), size_(size) {}

  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return all_->image_shape(); }
  std::span<const std::string> classes() const override { return all_->classes(); }
  std::int32_t label(std::int64_t index) const override { return all_->label(index); }
  void load(std::int64_t index, Image& image) const override { all_->load(index, image); }
  void fetch(std::int64_t index, SourceImage& image) const override { all_->fetch(index, image); }

 private:
  std::shared_ptr<const Dataset> all_;
  std::int64_t size_;
};

/// Seconds that an action takes.
template <typename Action>
double seconds_of(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// An image that cannot be read is an error of the benchmark's data, found before threads start.
double mean_file_bytes(const Dataset& images) {
  SourceImage image;
  double sum = 0;
  for (std::int64_t i = 0; i < images.size(); ++i) {
    images.fetch(i, image);
    image.whole();
    sum += static_cast<double>(image.encoded_bytes());
  }
  return sum / static_cast<double>(images.size());
}

void decode_all(const Dataset& images, int threads) {
  std::vector<std::jthread> workers;
  for (int thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&images, thread, threads] {
      SourceImage image;
      for (std::int64_t i = thread; i < images.size(); i += threads) {
        images.fetch(i, image);
        image.whole();
      }
    });
  }
}

void prepare_all(Loader& loader, std::int64_t epoch) {
  loader.start(epoch);
  while (loader.next()) {
  }
}

}  // namespace

DataPipelineTiming time_data_pipeline(const std::shared_ptr<const Dataset>& images,
                                      const std::vector<DataPath>& paths,
                                      const DataPipelineOptions& options) {
  check(options.images >= 1 && options.threads >= 1 && options.rounds >= 1,
        "bench data: images, threads and rounds have to be 1 or more");
  const auto first =
      std::make_shared<FirstImages>(images, std::min(options.images, images->size()));
  const auto count = static_cast<double>(first->size());
  DataPipelineTiming timing{.images = first->size(), .mean_bytes = mean_file_bytes(*first)};

  std::vector<std::unique_ptr<Loader>> loaders;
  for (const DataPath& path : paths) {
    // The consumer works, too, while it waits for a batch.
    loaders.push_back(std::make_unique<Loader>(
        first, path.transform,
        LoaderOptions{.batch = options.batch, .threads = options.threads - 1, .shuffle = true}));
  }
  std::vector<double> decoding;
  std::vector<std::vector<double>> rates(paths.size()), shares(paths.size());
  for (int round = 0; round < options.rounds; ++round) {
    decoding.push_back(count / seconds_of([&] { decode_all(*first, options.threads); }));
    for (std::size_t i = 0; i < paths.size(); ++i) {
      rates[i].push_back(count / seconds_of([&] { prepare_all(*loaders[i], round); }));
      shares[i].push_back(rates[i].back() / decoding.back());
    }
  }
  timing.decoding_rate = median(decoding);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    timing.paths.push_back({paths[i].name, median(rates[i]), median(shares[i])});
  }
  return timing;
}

}  // namespace lq::bench
