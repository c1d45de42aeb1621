// How well a network classifies.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"
#include "train/device_batches.h"

namespace lq {

/// Sums over the batches seen so far; they survive a checkpoint bit for bit.
struct ClassificationSums {
  double loss = 0.0;         ///< sum over images of the cross-entropy
  std::int64_t correct = 0;  ///< images whose largest logit is at their label
  /// Images whose label is among the five largest logits: counted in evaluation only.
  std::int64_t correct_top5 = 0;
  std::int64_t images = 0;

  void add(double mean_loss, std::int64_t batch_correct, std::int64_t batch_images) {
    loss += mean_loss * static_cast<double>(batch_images);
    correct += batch_correct;
    images += batch_images;
  }
  ClassificationSums& operator+=(const ClassificationSums& other) {
    loss += other.loss;
    correct += other.correct;
    correct_top5 += other.correct_top5;
    images += other.images;
    return *this;
  }
  /// Mean cross-entropy in nats and fractions of correct images; 0 before the first image.
  double mean_loss() const { return images == 0 ? 0.0 : loss / static_cast<double>(images); }
  double accuracy() const { return share(correct); }
  double top5_accuracy() const { return share(correct_top5); }

  friend bool operator==(const ClassificationSums&, const ClassificationSums&) = default;

 private:
  double share(std::int64_t count) const {
    return images == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(images);
  }
};

/// `top` numbers, top in [1, K]: the one at t counts the rows of logits N K whose label is among
/// the t + 1 largest values. Labels N (i32); any device, on which the counts (i64) stay: nobody
/// waits for them.
Tensor count_correct(const Tensor& logits, const Tensor& labels, std::int64_t top);

/// What count_correct() gives, on the host.
std::vector<std::int64_t> counts_on_host(const Tensor& counts);

/// The scalar `value`, f32 on any device, as a number.
double scalar(const Tensor& value);

/// Where the module's parameters live; the CPU for a module that has none.
Device device_of(const Module& model);

/// Runs one epoch of the loader through the model in evaluation mode, without a tape, and returns
/// the sums; the model gets its mode back. `on_batch` is called after each batch. Then
/// `stop_requested` is asked: true ends the evaluation with the sums so far.
ClassificationSums evaluate(Module& model, Loader& loader,
                            const std::function<void(const ClassificationSums&)>& on_batch = {},
                            const std::function<bool()>& stop_requested = {});

/// The same for one batch, which lies on the model's device. `meanwhile` is called when all work is
/// queued there, before the host waits for it.
ClassificationSums evaluate(Module& model, const Batch& batch,
                            const std::function<void()>& meanwhile = {});

}  // namespace lq
