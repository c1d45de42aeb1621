#include "data/loader.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace lq {
namespace {

// Images that a thread takes at a time: few, so that a batch that is waited for is shared among
// all threads; enough, so that the lock is taken rarely (small images take some 2 us each).
constexpr std::int64_t images_per_chunk = 8;

// Images ahead of the consumer that a thread needs: a chunk in work, and as much for it to go on
// with while an image that takes long holds the front batch up.
constexpr std::int64_t images_per_thread = 2 * images_per_chunk;

// Epochs that Rng keeps apart.
constexpr std::int64_t max_epochs = 1 << 24;

void check_options(const LoaderOptions& options, std::int64_t size) {
  check(options.batch >= 1, "loader: batch is {}, expected 1 or more", options.batch);
  check(options.threads >= 0 && options.threads <= most_loader_threads,
        "loader: threads is {}, expected 0 to {}", options.threads, most_loader_threads);
  check(options.prefetch >= 1, "loader: prefetch is {}, expected 1 or more batches",
        options.prefetch);
  check(size >= 1, "loader: the data set is empty");
  check(!options.drop_last || size >= options.batch,
        "loader: the data set has {} images, expected at least one full batch of {}", size,
        options.batch);
}

std::int64_t count_batches(const LoaderOptions& options, std::int64_t size) {
  return options.drop_last ? size / options.batch : (size - 1) / options.batch + 1;
}

std::int64_t count_batches_ahead(const LoaderOptions& options) {
  // Without workers a batch is prepared when it is asked for, and needs no room before.
  if (options.threads == 0) return 1;
  const std::int64_t images = images_per_thread * options.threads;
  return std::max<std::int64_t>(options.prefetch, (images - 1) / options.batch + 1);
}

std::vector<std::int64_t> ascending_order(std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

void move_row(Tensor& tensor, std::int64_t from, std::int64_t to) {
  const std::size_t row = tensor.bytes() / static_cast<std::size_t>(tensor.shape()[0]);
  auto* bytes = static_cast<std::byte*>(tensor.raw());
  std::memmove(bytes + to * row, bytes + from * row, row);
}

void move_row(RawBatch& batch, std::int64_t from, std::int64_t to) {
  if (from == to) return;
  for (Tensor* tensor : {&batch.images, &batch.windows, &batch.labels}) {
    move_row(*tensor, from, to);
  }
}

}  // namespace

std::vector<std::int64_t> shuffled_order(std::int64_t size, std::uint64_t seed,
                                         std::uint64_t epoch) {
  std::vector<std::int64_t> order = ascending_order(size);
  Rng rng(seed, RngPurpose::shuffle, epoch);
  for (std::int64_t i = size - 1; i > 0; --i) {
    std::swap(order[i], order[rng.below(static_cast<std::uint32_t>(i + 1))]);
  }
  return order;
}

// The queue of batches ahead of the consumer. The consumer alone opens batches, at the back, and
// takes them from the front; it and the workers fill them in order, chunk by chunk. One mutex
// guards all state that changes; images are prepared outside it.
class Loader::Pipeline {
 public:
  Pipeline(std::shared_ptr<const Dataset> dataset, std::shared_ptr<const Transform> transform,
           const LoaderOptions& options);

  const Transform& transform() const { return *transform_; }
  std::int64_t batches() const { return batches_; }
  std::int64_t images() const { return std::min(dataset_->size(), batches_ * options_.batch); }
  void start(std::int64_t epoch, std::int64_t first_batch);
  std::optional<RawBatch> next();
  const SkippedImages& skipped() const { return skipped_; }

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Failure {
    std::int64_t row;  // in the batch
    std::string message;
  };

  struct Slot {
    RawBatch batch;
    std::int64_t claimed = 0;         // images that some thread has taken on
    std::int64_t finished = 0;        // images that are done
    std::optional<Failure> failure;   // the first of the batch, whichever thread met one first
    std::vector<Failure> unreadable;  // in no order

    bool has_work() const { return claimed < batch.size(); }
    bool ready() const { return finished == batch.size(); }
  };

  struct Filled {
    std::optional<Failure> failure;
    std::vector<Failure> unreadable;
  };

  struct Chunk {
    Slot& slot;
    std::int64_t begin;
    std::int64_t end;
  };

  // For the consumer, with the mutex held.
  void open_batch();
  void abandon_epoch(Lock& lock);
  void leave_out(Slot& slot);
  void check_images_were_readable(bool epoch_has_ended) const;

  // For all threads, with the mutex held.
  bool has_work() const { return !ahead_.empty() && ahead_.back().has_work(); }
  void run_chunk(Lock& lock);
  Chunk claim();
  void finish(const Chunk& chunk, Filled filled);

  // For all threads, without the mutex.
  void work(const std::stop_token& stop);
  Filled fill(const Chunk& chunk) const;
  void prepare(std::int64_t index, RawBatch& batch, std::int64_t row, SourceImage& image) const;

  const std::shared_ptr<const Dataset> dataset_;
  const std::shared_ptr<const Transform> transform_;
  const LoaderOptions options_;
  const std::int64_t batches_;

  std::mutex mutex_;
  std::condition_variable_any work_available_;
  std::condition_variable chunk_finished_;
  std::vector<std::int64_t> order_;  // read without the mutex: changes only while nobody fills
  std::int64_t epoch_ = 0;
  std::int64_t first_batch_ = 0;
  std::int64_t images_taken_ = 0;         // since start()
  SkippedImages skipped_;                 // the same
  std::string last_unreadable_;           // message, which those of skipped_ may lack: they end
  std::int64_t unreadable_in_a_row_ = 0;  // images of the last batches taken, all of them empty
  std::int64_t next_to_open_;
  std::deque<Slot> ahead_;  // a slot keeps its address until it is taken
  int chunks_in_work_ = 0;
  std::vector<std::jthread> threads_;  // last: joined before what they use is destroyed
};

Loader::Pipeline::Pipeline(std::shared_ptr<const Dataset> dataset,
                           std::shared_ptr<const Transform> transform, const LoaderOptions& options)
    : dataset_(std::move(dataset)),
      transform_(std::move(transform)),
      options_(options),
      batches_(count_batches(options, dataset_->size())),
      next_to_open_(batches_) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

void Loader::Pipeline::start(std::int64_t epoch, std::int64_t first_batch) {
  check(epoch >= 0 && epoch < max_epochs, "loader: epoch is {}, expected 0 to {}", epoch,
        max_epochs - 1);
  check(first_batch >= 0 && first_batch <= batches_, "loader: first batch is {}, expected 0 to {}",
        first_batch, batches_);
  std::vector<std::int64_t> order = options_.shuffle
                                        ? shuffled_order(dataset_->size(), options_.seed, epoch)
                                        : ascending_order(dataset_->size());
  Lock lock(mutex_);
  abandon_epoch(lock);
  order_ = std::move(order);
  epoch_ = epoch;
  first_batch_ = first_batch;
  images_taken_ = 0;
  skipped_ = {};
  unreadable_in_a_row_ = 0;
  next_to_open_ = first_batch;
  for (std::int64_t i = count_batches_ahead(options_); i > 0; --i) open_batch();
}

std::optional<RawBatch> Loader::Pipeline::next() {
  Lock lock(mutex_);
  if (ahead_.empty()) return std::nullopt;
  const Slot& front = ahead_.front();
  while (!front.ready()) {
    if (front.has_work()) {
      run_chunk(lock);
    } else {
      chunk_finished_.wait(lock);
    }
  }
  open_batch();
  Slot taken = std::move(ahead_.front());
  ahead_.pop_front();
  if (taken.failure) throw Error(std::move(taken.failure->message));
  const std::int64_t images = taken.batch.size();
  leave_out(taken);
  images_taken_ += taken.batch.size();
  unreadable_in_a_row_ = taken.batch.size() == 0 ? unreadable_in_a_row_ + images : 0;
  check_images_were_readable(taken.batch.index == batches_ - 1);
  return std::move(taken.batch);
}

void Loader::Pipeline::leave_out(Slot& slot) {
  if (slot.unreadable.empty()) return;
  std::ranges::sort(slot.unreadable, {}, &Failure::row);
  last_unreadable_ = slot.unreadable.back().message;
  RawBatch& batch = slot.batch;
  for (Failure& failure : slot.unreadable) {
    skipped_.add(std::move(failure.message),
                 dataset_->name(order_[batch.first_position + failure.row]));
  }
  std::int64_t kept = 0;
  auto next_unreadable = slot.unreadable.begin();
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    if (next_unreadable != slot.unreadable.end() && next_unreadable->row == row) {
      ++next_unreadable;
    } else {
      move_row(batch, row, kept++);
    }
  }
  batch.images = batch.images.slice(0, kept);
  batch.windows = batch.windows.slice(0, kept);
  batch.labels = batch.labels.slice(0, kept);
}

void Loader::Pipeline::check_images_were_readable(bool epoch_has_ended) const {
  check(unreadable_in_a_row_ < SkippedImages::most_in_a_row,
        "loader: none of {} images in a row could be read (is the data set still there?); the "
        "last: {}",
        unreadable_in_a_row_, last_unreadable_);
  if (!epoch_has_ended || first_batch_ > 0 || images_taken_ > 0) return;
  fail("loader: none of {} images could be read; the first: {}", skipped_.count,
       skipped_.named.front().message);
}

void Loader::Pipeline::open_batch() {
  if (next_to_open_ == batches_) return;
  const std::int64_t first = next_to_open_ * options_.batch;
  const std::int64_t rows = std::min(options_.batch, dataset_->size() - first);
  const Shape& image = transform_->image_shape();
  Slot slot;
  slot.batch = {.images = Tensor({rows, image[0], image[1], image[2]}, DType::u8),
                .windows = Tensor({rows, 3}, DType::i32),
                .labels = Tensor({rows}, DType::i32),
                .epoch = epoch_,
                .index = next_to_open_,
                .first_position = first};
  ahead_.push_back(std::move(slot));
  ++next_to_open_;
  work_available_.notify_all();
}

void Loader::Pipeline::abandon_epoch(Lock& lock) {
  next_to_open_ = batches_;
  for (Slot& slot : ahead_) slot.claimed = slot.batch.size();
  chunk_finished_.wait(lock, [this] { return chunks_in_work_ == 0; });
  ahead_.clear();
}

void Loader::Pipeline::work(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (work_available_.wait(lock, stop, [this] { return has_work(); }) &&
         !stop.stop_requested()) {
    run_chunk(lock);
  }
}

void Loader::Pipeline::run_chunk(Lock& lock) {
  const Chunk chunk = claim();
  lock.unlock();
  Filled filled = fill(chunk);
  lock.lock();
  finish(chunk, std::move(filled));
}

Loader::Pipeline::Chunk Loader::Pipeline::claim() {
  // Those that are claimed come first, and may be many.
  Slot& slot = *std::ranges::partition_point(ahead_, std::not_fn(&Slot::has_work));
  const std::int64_t begin = slot.claimed;
  slot.claimed = std::min(begin + images_per_chunk, slot.batch.size());
  ++chunks_in_work_;
  return {slot, begin, slot.claimed};
}

void Loader::Pipeline::finish(const Chunk& chunk, Filled filled) {
  Slot& slot = chunk.slot;
  slot.finished += chunk.end - chunk.begin;
  if (filled.failure && (!slot.failure || filled.failure->row < slot.failure->row)) {
    slot.failure = std::move(filled.failure);
  }
  std::ranges::move(filled.unreadable, std::back_inserter(slot.unreadable));
  --chunks_in_work_;
  if (slot.ready() || chunks_in_work_ == 0) chunk_finished_.notify_one();
}

// Never throws: what goes wrong in a worker waits in the slot for the consumer.
Loader::Pipeline::Filled Loader::Pipeline::fill(const Chunk& chunk) const {
  RawBatch& batch = chunk.slot.batch;
  Filled filled;
  thread_local SourceImage image;  // for its memory
  for (std::int64_t row = chunk.begin; row < chunk.end; ++row) {
    const std::int64_t index = order_[batch.first_position + row];
    try {
      prepare(index, batch, row, image);
    } catch (const UnreadableImage& error) {
      filled.unreadable.push_back({row, error.what()});
    } catch (const std::exception& error) {
      filled.failure = Failure{row, fmt::format("image {}: {}", index, error.what())};
      return filled;
    }
  }
  return filled;
}

void Loader::Pipeline::prepare(std::int64_t index, RawBatch& batch, std::int64_t row,
                               SourceImage& image) const {
  dataset_->fetch(index, image);
  Rng rng(options_.seed, RngPurpose::augmentation, batch.epoch, index);
  const auto bytes = static_cast<std::size_t>(transform_->image_shape().elements());
  const auto pixels = batch.images.span<std::uint8_t>().subspan(row * bytes, bytes);
  const CropWindow window =
      image.within_memory([&] { return transform_->prepare(image, rng, pixels); });
  std::ranges::copy(std::array{window.top, window.left, window.mirrored ? 1 : 0},
                    batch.windows.data<std::int32_t>() + 3 * row);
  batch.labels.data<std::int32_t>()[row] = dataset_->label(index);
}

Loader::Loader(std::shared_ptr<const Dataset> dataset, std::shared_ptr<const Transform> transform,
               const LoaderOptions& options) {
  check_options(options, dataset->size());
  pipeline_ = std::make_unique<Pipeline>(std::move(dataset), std::move(transform), options);
}

Loader::~Loader() = default;

const Transform& Loader::transform() const { return pipeline_->transform(); }
std::int64_t Loader::batches() const { return pipeline_->batches(); }
std::int64_t Loader::images() const { return pipeline_->images(); }
void Loader::start(std::int64_t epoch, std::int64_t first_batch) {
  pipeline_->start(epoch, first_batch);
}
std::optional<RawBatch> Loader::next() { return pipeline_->next(); }
const SkippedImages& Loader::skipped() const { return pipeline_->skipped(); }

}  // namespace lq
