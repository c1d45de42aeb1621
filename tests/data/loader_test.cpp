#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/io/file.h"
#include "data/encoded_dataset.h"
#include "data/synthetic.h"
#include "tests/data/files.h"
#include "tests/support/random.h"

namespace lq {
namespace {

using testing::error_of;
using testing::expect_contains;

constexpr std::int64_t image_count = 103;

struct Fixture {
  DatasetSplits splits = make_synthetic(
      {.train_images = image_count, .test_images = 1, .height = 8, .width = 7, .channels = 3});
  std::shared_ptr<const Transform> transform =
      std::make_shared<PadCropFlipTransform>(per_pixel_normalization(splits));
};

const Fixture& fixture() {
  static const Fixture instance;
  return instance;
}

Loader make_loader(const LoaderOptions& options) {
  return {fixture().splits.train, fixture().transform, options};
}

std::vector<RawBatch> remaining(Loader& loader) {
  std::vector<RawBatch> batches;
  while (std::optional<RawBatch> batch = loader.next()) batches.push_back(std::move(*batch));
  return batches;
}

std::vector<RawBatch> epoch_of(Loader& loader, std::int64_t epoch, std::int64_t first_batch = 0) {
  loader.start(epoch, first_batch);
  return remaining(loader);
}

template <typename T>
bool same_values(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::ranges::equal(a.span<T>(), b.span<T>());
}

void expect_same(const RawBatch& actual, const RawBatch& expected) {
  EXPECT_EQ(actual.epoch, expected.epoch);
  EXPECT_EQ(actual.index, expected.index);
  EXPECT_EQ(actual.first_position, expected.first_position);
  EXPECT_TRUE(same_values<std::uint8_t>(actual.images, expected.images))
      << "batch " << expected.index;
  EXPECT_TRUE(same_values<std::int32_t>(actual.windows, expected.windows))
      << "batch " << expected.index;
  EXPECT_TRUE(same_values<std::int32_t>(actual.labels, expected.labels))
      << "batch " << expected.index;
}

void expect_same(std::span<const RawBatch> actual, std::span<const RawBatch> expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) expect_same(actual[i], expected[i]);
}

// --- The order of an epoch

TEST(ShuffledOrder, IsAPermutation) {
  for (const std::int64_t size : {0, 1, 2, 1000}) {
    std::vector<std::int64_t> order = shuffled_order(size, 1, 2);
    std::ranges::sort(order);
    std::vector<std::int64_t> expected(static_cast<std::size_t>(size));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(order, expected);
  }
}

TEST(ShuffledOrder, DiffersByEpochAndSeed) {
  const std::vector<std::int64_t> order = shuffled_order(100, 1, 0);
  EXPECT_EQ(order, shuffled_order(100, 1, 0));
  EXPECT_NE(order, shuffled_order(100, 1, 1));
  EXPECT_NE(order, shuffled_order(100, 2, 0));
}

TEST(ShuffledOrder, GivesEveryPermutationEquallyOften) {
  constexpr int permutations = 24;
  constexpr int expected = 200;
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::uint64_t epoch = 0; epoch < permutations * expected; ++epoch) {
    ++counts[shuffled_order(4, 7, epoch)];
  }
  EXPECT_EQ(counts.size(), static_cast<std::size_t>(permutations));
  double chi_square = 0.0;
  for (const auto& [order, count] : counts) {
    chi_square += (count - expected) * (count - expected) / static_cast<double>(expected);
  }
  // Mean 23 and standard deviation 6.8 for 23 degrees of freedom: five deviations.
  EXPECT_LT(chi_square, 23 + 5 * 6.8);
}

// --- What batches hold

TEST(Loader, BatchesHoldTheTransformedImagesInOrder) {
  const LoaderOptions options{.batch = 16, .threads = 2, .shuffle = true, .seed = 5};
  Loader loader = make_loader(options);
  const Dataset& dataset = *fixture().splits.train;
  for (const std::int64_t epoch : {0, 3}) {
    const std::vector<std::int64_t> order = shuffled_order(image_count, 5, epoch);
    std::int64_t position = 0;
    for (const RawBatch& batch : epoch_of(loader, epoch)) {
      EXPECT_EQ(batch.first_position, position);
      EXPECT_EQ(batch.images.shape(), (Shape{batch.size(), 8, 7, 3}));
      for (std::int64_t row = 0; row < batch.size(); ++row, ++position) {
        SourceImage image;
        dataset.fetch(order[position], image);
        Rng rng(5, RngPurpose::augmentation, epoch, order[position]);
        std::vector<std::uint8_t> expected(8 * 7 * 3);
        const CropWindow window = fixture().transform->prepare(image, rng, expected);
        const Tensor actual = batch.images.slice(row, row + 1);
        ASSERT_TRUE(std::ranges::equal(actual.span<std::uint8_t>(), expected)) << position;
        const auto windows = batch.windows.span<std::int32_t>().subspan(3 * row, 3);
        ASSERT_EQ(windows[0], window.top);
        ASSERT_EQ(windows[1], window.left);
        ASSERT_EQ(windows[2], window.mirrored ? 1 : 0);
        ASSERT_EQ(batch.labels.span<std::int32_t>()[row], dataset.label(order[position]));
      }
    }
    EXPECT_EQ(position, image_count);
  }
}

TEST(Loader, KeepsTheOrderOfTheDataWithoutShuffle) {
  Loader loader = make_loader({.batch = 10});
  for (const RawBatch& batch : epoch_of(loader, 4)) {
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      ASSERT_EQ(batch.labels.span<std::int32_t>()[row], (batch.first_position + row) % 10);
    }
  }
}

TEST(Loader, KeepsOrDropsTheLastPartialBatch) {
  Loader keeping = make_loader({.batch = 20});
  EXPECT_EQ(keeping.batches(), 6);
  EXPECT_EQ(keeping.images(), image_count);
  const std::vector<RawBatch> kept = epoch_of(keeping, 0);
  ASSERT_EQ(kept.size(), 6U);
  EXPECT_EQ(kept.back().size(), 3);
  EXPECT_EQ(kept.back().index, 5);

  Loader dropping = make_loader({.batch = 20, .drop_last = true});
  EXPECT_EQ(dropping.batches(), 5);
  EXPECT_EQ(dropping.images(), 100);
  expect_same(epoch_of(dropping, 0), std::span(kept).first(5));

  Loader whole = make_loader({.batch = image_count, .drop_last = true});
  EXPECT_EQ(epoch_of(whole, 0).size(), 1U);
}

TEST(Loader, HasNoBatchesOutsideAnEpoch) {
  for (const int threads : {0, 2}) {
    Loader loader = make_loader({.batch = 50, .threads = threads});
    EXPECT_FALSE(loader.next().has_value());
    EXPECT_EQ(epoch_of(loader, 0).size(), 3U);
    EXPECT_FALSE(loader.next().has_value());
    EXPECT_TRUE(epoch_of(loader, 0, 3).empty());
    EXPECT_EQ(epoch_of(loader, 0, 2).size(), 1U);
  }
}

// --- Independence of threads and of where a run begins

TEST(Loader, GivesTheSameBatchesForAnyNumberOfThreads) {
  LoaderOptions options{.batch = 16, .threads = 0, .shuffle = true, .seed = 9};
  Loader reference = make_loader(options);
  for (const std::int64_t epoch : {0, 1}) {
    const std::vector<RawBatch> expected = epoch_of(reference, epoch);
    for (const int threads : {0, 1, 2, 5}) {
      for (const int prefetch : {1, 3, 20}) {
        options.threads = threads;
        options.prefetch = prefetch;
        Loader loader = make_loader(options);
        expect_same(epoch_of(loader, epoch), expected);
      }
    }
  }
}

TEST(Loader, ContinuesInTheMiddleOfAnEpoch) {
  for (const int threads : {0, 1, 2, 5}) {
    const LoaderOptions options{.batch = 16, .threads = threads, .shuffle = true, .seed = 9};
    Loader unbroken = make_loader(options);
    const std::vector<RawBatch> expected = epoch_of(unbroken, 2);
    for (std::int64_t first = 0; first <= unbroken.batches(); ++first) {
      Loader resumed = make_loader(options);
      expect_same(epoch_of(resumed, 2, first), std::span(expected).subspan(first));
    }
  }
}

TEST(Loader, DiffersByEpochAndSeed) {
  Loader loader = make_loader({.batch = 100, .shuffle = true, .seed = 1});
  Loader reseeded = make_loader({.batch = 100, .shuffle = true, .seed = 2});
  const RawBatch first = epoch_of(loader, 0)[0];
  for (const RawBatch& other : {epoch_of(loader, 1)[0], epoch_of(reseeded, 0)[0]}) {
    EXPECT_FALSE(same_values<std::uint8_t>(other.images, first.images));
    EXPECT_FALSE(same_values<std::int32_t>(other.windows, first.windows));
  }
}

// Batches are started, abandoned, started again and destroyed at random places.
TEST(Loader, SurvivesManyStartsAndStops) {
  LoaderOptions options{.batch = 8, .threads = 0, .shuffle = true, .seed = 3};
  Loader reference = make_loader(options);
  std::vector<std::vector<RawBatch>> expected;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) expected.push_back(epoch_of(reference, epoch));

  Rng rng(1, RngPurpose::test);
  for (int round = 0; round < 60; ++round) {
    options.threads = static_cast<int>(rng.below(6));
    options.prefetch = 1 + static_cast<int>(rng.below(6));
    Loader loader = make_loader(options);
    for (std::uint32_t starts = rng.below(6); starts > 0; --starts) {
      const std::int64_t epoch = rng.below(3);
      const std::int64_t first = rng.below(static_cast<std::uint32_t>(loader.batches() + 1));
      const std::int64_t taken = rng.below(static_cast<std::uint32_t>(loader.batches() + 1));
      loader.start(epoch, first);
      for (std::int64_t i = first; i < std::min(first + taken, loader.batches()); ++i) {
        std::optional<RawBatch> batch = loader.next();
        ASSERT_TRUE(batch.has_value());
        expect_same(*batch, expected[epoch][i]);
      }
    }
  }
}

// --- Who does the work, and how much of it is done ahead

/// Counts loads and notes who asks for them; can be slow, and can fail.
class ProbeDataset final : public Dataset {
 public:
  std::int64_t size() const override { return image_count; }
  Shape image_shape() const override { return {2, 2, 1}; }
  std::span<const std::string> classes() const override { return classes_; }
  std::int32_t label(std::int64_t /*index*/) const override { return 0; }
  void load(std::int64_t index, Image& image) const override {
    if (std::this_thread::get_id() != consumer_) ++loads_by_workers;
    ++loads;
    if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (damaged.contains(index)) throw Error(fmt::format("file {} is damaged", index));
    if (unreadable.contains(index)) throw std::runtime_error("the disk is gone");
    image.resize(2, 2, 1);
  }

  mutable std::atomic<std::int64_t> loads = 0;
  mutable std::atomic<std::int64_t> loads_by_workers = 0;
  bool slow = false;
  std::set<std::int64_t> damaged;
  std::set<std::int64_t> unreadable;

 private:
  std::vector<std::string> classes_{"only"};
  std::thread::id consumer_ = std::this_thread::get_id();
};

std::shared_ptr<const Transform> probe_transform() {
  return std::make_shared<NormalizeTransform>(Normalization{.mean = Tensor::zeros({2, 2, 1})});
}

TEST(Loader, WorksInTheCallerWithoutThreads) {
  const auto dataset = std::make_shared<ProbeDataset>();
  Loader loader(dataset, probe_transform(), {.batch = 10, .threads = 0, .prefetch = 4});
  loader.start(0);
  EXPECT_EQ(dataset->loads, 0);
  EXPECT_TRUE(loader.next().has_value());
  EXPECT_EQ(dataset->loads, 10);
  EXPECT_EQ(remaining(loader).size(), 10U);
  EXPECT_EQ(dataset->loads, image_count);
  EXPECT_EQ(dataset->loads_by_workers, 0);
}

TEST(Loader, PreparesAheadUpToItsLimit) {
  struct Case {
    LoaderOptions options;
    std::int64_t images_ahead;
  };
  // Small batches are more than the options say, but no more than 16 images for each thread.
  for (const auto& [options, images_ahead] :
       {Case{{.batch = 10, .threads = 2, .prefetch = 5}, 50},
        Case{{.batch = 10, .threads = 2, .prefetch = 3}, 40},
        Case{{.batch = 1, .threads = 2, .prefetch = 3}, 32}}) {
    const auto dataset = std::make_shared<ProbeDataset>();
    Loader loader(dataset, probe_transform(), options);
    const auto settle = [&](std::int64_t expected) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (dataset->loads < expected && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_EQ(dataset->loads, expected);
    };
    loader.start(0);
    settle(images_ahead);
    EXPECT_EQ(dataset->loads_by_workers, images_ahead);
    EXPECT_TRUE(loader.next().has_value());
    settle(images_ahead + options.batch);
    EXPECT_EQ(std::ssize(remaining(loader)), loader.batches() - 1);
    EXPECT_EQ(dataset->loads, image_count);
  }
}

/// Holds every thread that loads until so many of them do.
class GatheringDataset final : public Dataset {
 public:
  explicit GatheringDataset(int expected) : expected_(expected) {}

  std::int64_t size() const override { return image_count; }
  Shape image_shape() const override { return {2, 2, 1}; }
  std::span<const std::string> classes() const override { return classes_; }
  std::int32_t label(std::int64_t /*index*/) const override { return 0; }
  void load(std::int64_t /*index*/, Image& image) const override {
    std::unique_lock lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    changed_.notify_all();
    changed_.wait(lock, [this] { return opened_ || std::ssize(threads_) >= expected_; });
    image.resize(2, 2, 1);
  }

  /// Lets all go on. Returns how many threads there were at once, after some time if they are too
  /// few.
  std::int64_t open() const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20),
                      [this] { return std::ssize(threads_) >= expected_; });
    opened_ = true;
    changed_.notify_all();
    return std::ssize(threads_);
  }

 private:
  int expected_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::set<std::thread::id> threads_;
  mutable bool opened_ = false;
  std::vector<std::string> classes_{"only"};
};

TEST(Loader, AllThreadsHaveWorkHoweverSmallBatchesAre) {
  constexpr int threads = 16;
  for (const std::int64_t batch : {1, 2, 9}) {
    const auto dataset = std::make_shared<GatheringDataset>(threads);
    Loader loader(dataset, probe_transform(), {.batch = batch, .threads = threads});
    loader.start(0);
    EXPECT_EQ(dataset->open(), threads) << "batches of " << batch;
    EXPECT_EQ(std::ssize(remaining(loader)), loader.batches());
  }
}

TEST(Loader, StopsWhileWorkersAreBusy) {
  const auto dataset = std::make_shared<ProbeDataset>();
  dataset->slow = true;
  // Returns when the workers are in the middle of a batch.
  const auto wait_for_work = [&dataset] {
    const std::int64_t known = dataset->loads;
    while (dataset->loads < known + 4) std::this_thread::yield();
  };
  for (int round = 0; round < 2; ++round) {
    Loader loader(dataset, probe_transform(), {.batch = 50, .threads = 3});
    loader.start(0);
    wait_for_work();
    loader.start(1, 2);
    EXPECT_EQ(loader.next()->index, 2);
    loader.start(2);
    wait_for_work();
  }
  // Chunks in work are ended and no more is begun: without that, each round loads a whole epoch, 3
  // images of the second one and at least 4 of the third. The slow loads leave room for delays.
  EXPECT_LT(dataset->loads, 2 * (image_count + 3));
}

// --- Failures

TEST(Loader, NamesTheImageThatFailedAndGoesOn) {
  const auto dataset = std::make_shared<ProbeDataset>();
  // Rows 7 and 9 are in different chunks of batch 1: the first one is named, whoever meets it.
  dataset->damaged = {37, 39, 59};
  dataset->unreadable = {60};
  for (const int threads : {0, 1, 2, 5}) {
    Loader loader(dataset, probe_transform(), {.batch = 30, .threads = threads});
    loader.start(0);
    EXPECT_EQ(loader.next()->index, 0);
    EXPECT_EQ(error_of([&] { loader.next(); }), "image 37: file 37 is damaged");
    EXPECT_EQ(error_of([&] { loader.next(); }), "image 60: the disk is gone");
    EXPECT_EQ(loader.next()->index, 3);
    EXPECT_FALSE(loader.next().has_value());
    loader.start(0);
    EXPECT_EQ(loader.next()->index, 0);
  }
}

TEST(Loader, DropsTheFailuresOfAnAbandonedEpoch) {
  const auto dataset = std::make_shared<ProbeDataset>();
  dataset->damaged = {0};
  Loader loader(dataset, probe_transform(), {.batch = 10, .threads = 2});
  for (int round = 0; round < 20; ++round) {
    loader.start(0);
    loader.start(0, 1);
    EXPECT_EQ(loader.next()->index, 1);
  }
}

// --- Images that cannot be read

/// Some of its images are not there.
class GappyDataset final : public Dataset {
 public:
  explicit GappyDataset(std::set<std::int64_t> gaps, std::int64_t size = image_count)
      : gaps_(std::move(gaps)), size_(size) {}

  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return {2, 2, 1}; }
  std::span<const std::string> classes() const override { return classes_; }
  std::int32_t label(std::int64_t index) const override { return static_cast<std::int32_t>(index); }
  void load(std::int64_t index, Image& image) const override {
    if (gaps_.contains(index)) throw UnreadableImage(fmt::format("{}.JPEG: it is a gap", index));
    image.resize(2, 2, 1);
    std::ranges::fill(image.pixels, static_cast<std::uint8_t>(index));
  }

 private:
  std::set<std::int64_t> gaps_;
  std::int64_t size_;
  std::vector<std::string> classes_ = std::vector<std::string>(size_, "class");
};

Loader gappy_loader(std::set<std::int64_t> gaps, LoaderOptions options) {
  return {std::make_shared<GappyDataset>(std::move(gaps)), probe_transform(), options};
}

TEST(Loader, LeavesOutWhatCannotBeRead) {
  const std::set<std::int64_t> gaps{0, 1, 17, 40, 59, 102};
  for (const bool shuffle : {false, true}) {
    for (const int threads : {0, 1, 5}) {
      Loader loader = gappy_loader(gaps, {.batch = 20, .threads = threads, .shuffle = shuffle});
      for (const std::int64_t epoch : {0, 1}) {
        std::vector<std::int64_t> order = shuffled_order(image_count, 0, epoch);
        if (!shuffle) std::ranges::sort(order);
        std::vector<std::string> messages;
        const std::vector<RawBatch> batches = epoch_of(loader, epoch);
        ASSERT_EQ(batches.size(), 6U);
        for (const RawBatch& batch : batches) {
          EXPECT_EQ(batch.first_position, 20 * batch.index);
          std::vector<std::int32_t> expected;
          for (std::int64_t i = batch.first_position;
               i < std::min(batch.first_position + 20, image_count); ++i) {
            if (gaps.contains(order[i])) {
              messages.push_back(fmt::format("{}.JPEG: it is a gap", order[i]));
            } else {
              expected.push_back(static_cast<std::int32_t>(order[i]));
            }
          }
          ASSERT_TRUE(std::ranges::equal(batch.labels.span<std::int32_t>(), expected));
          ASSERT_EQ(batch.images.shape(), (Shape{batch.size(), 2, 2, 1}));
          ASSERT_EQ(batch.windows.shape(), (Shape{batch.size(), 3}));
          for (std::int64_t row = 0; row < batch.size(); ++row) {
            ASSERT_EQ(batch.images.span<std::uint8_t>()[4 * row + 3], expected[row]);
          }
        }
        EXPECT_EQ(loader.skipped().count, 6);
        std::vector<std::string> named;
        for (const SkippedImage& one : loader.skipped().named) named.push_back(one.message);
        EXPECT_EQ(named, messages);
      }
    }
  }
}

/// Tiny files, of which the one that is called as white is too large for its transform.
class FileStore final : public ImageStore {
 public:
  std::int64_t size() const override { return 3; }
  std::string_view name(std::int64_t index) const override { return names_[index]; }
  std::string path(std::int64_t index) const override { return "folder/" + names_[index]; }
  std::int32_t label(std::int64_t) const override { return 0; }
  void read(std::int64_t index, std::vector<std::byte>& bytes) const override {
    const auto file = as_bytes(index == 1 ? "P5 1 1 255\n\xff" : "P5 1 1 255\n\x01");
    bytes.assign(file.begin(), file.end());
  }

 private:
  std::vector<std::string> names_{"a.pgm", "white.pgm", "c.pgm"};
};

class ShortOfMemory final : public Transform {
 public:
  ShortOfMemory() : Transform(Normalization{.mean = Tensor::zeros({1, 1, 1})}) {}
  CropWindow prepare(SourceImage& image, Rng&, std::span<std::uint8_t> pixels) const override {
    pixels[0] = image.whole().pixels[0];
    if (pixels[0] == 255) throw std::bad_alloc();
    return {};
  }
};

TEST(Loader, LeavesOutWhatMemoryIsTooShortFor) {
  for (const int threads : {0, 2}) {
    Loader loader(std::make_shared<EncodedDataset>(std::make_shared<FileStore>(),
                                                   std::vector<std::string>{"class"}),
                  std::make_shared<ShortOfMemory>(), {.batch = 3, .threads = threads});
    const std::vector<RawBatch> batches = epoch_of(loader, 0);
    EXPECT_EQ(batches.at(0).size(), 2);
    const SkippedImage white{.message = "folder/white.pgm: cannot be read: out of memory",
                             .image = "white.pgm"};
    EXPECT_EQ(loader.skipped().named, std::vector{white});
  }
}

TEST(Loader, BatchesOfUnreadableImagesAreEmpty) {
  std::set<std::int64_t> gaps;
  for (std::int64_t i = 20; i < 60; ++i) gaps.insert(i);
  for (const int threads : {0, 2}) {
    Loader loader = gappy_loader(gaps, {.batch = 20, .threads = threads});
    const std::vector<RawBatch> batches = epoch_of(loader, 0);
    ASSERT_EQ(batches.size(), 6U);
    EXPECT_EQ(batches[1].size(), 0);
    EXPECT_EQ(batches[2].size(), 0);
    EXPECT_EQ(batches[3].size(), 20);
    EXPECT_EQ(loader.skipped().count, 40);
    EXPECT_EQ(loader.skipped().named.size(), 40U);
  }
}

TEST(Loader, AnEpochWithoutAReadableImageIsAnError) {
  std::set<std::int64_t> gaps;
  for (std::int64_t i = 0; i < image_count; ++i) gaps.insert(i);
  for (const int threads : {0, 2}) {
    Loader loader = gappy_loader(gaps, {.batch = 60, .threads = threads});
    loader.start(0);
    EXPECT_EQ(loader.next()->size(), 0);
    EXPECT_EQ(error_of([&] { loader.next(); }),
              "loader: none of 103 images could be read; the first: 0.JPEG: it is a gap");
    EXPECT_FALSE(loader.next().has_value());
  }
}

TEST(Loader, ADataSetThatIsGoneIsAnErrorBeforeTheEpochEnds) {
  std::set<std::int64_t> gaps;
  for (std::int64_t i = 100; i < 1200; ++i) gaps.insert(i);
  for (const int threads : {0, 2}) {
    Loader loader(std::make_shared<GappyDataset>(gaps, 5000), probe_transform(),
                  {.batch = 100, .threads = threads});
    loader.start(0);
    EXPECT_EQ(loader.next()->size(), 100);
    for (int batch = 1; batch < 10; ++batch) EXPECT_EQ(loader.next()->size(), 0);
    EXPECT_EQ(error_of([&] { loader.next(); }),
              "loader: none of 1000 images in a row could be read (is the data set still there?); "
              "the last: 1099.JPEG: it is a gap");
    // Fewer are damaged images.
    loader.start(0, 3);
    for (int batch = 3; batch < 12; ++batch) EXPECT_EQ(loader.next()->size(), 0);
    EXPECT_EQ(loader.next()->size(), 100);
  }
}

TEST(Loader, RefusesOptionsOutOfRange) {
  expect_contains(error_of([] { make_loader({.batch = 0}); }), {"batch is 0"});
  expect_contains(error_of([] { make_loader({.threads = -1}); }), {"threads is -1", "0 to 256"});
  expect_contains(error_of([] { make_loader({.prefetch = 0}); }), {"prefetch is 0"});
  expect_contains(error_of([] { make_loader({.batch = 104, .drop_last = true}); }),
                  {"103 images", "one full batch of 104"});
}

TEST(Loader, RefusesBadStartsAndKeepsTheEpoch) {
  Loader loader = make_loader({.batch = 50, .threads = 2});
  loader.start(0);
  EXPECT_EQ(loader.next()->index, 0);
  expect_contains(error_of([&] { loader.start(0, 4); }), {"first batch is 4", "0 to 3"});
  expect_contains(error_of([&] { loader.start(0, -1); }), {"first batch is -1"});
  expect_contains(error_of([&] { loader.start(-1); }), {"epoch is -1"});
  expect_contains(error_of([&] { loader.start(1 << 24); }), {"epoch is 16777216"});
  EXPECT_EQ(loader.next()->index, 1);
}

}  // namespace
}  // namespace lq
