#include <algorithm>
#include <chrono>

#include "deploy/executor.h"
#include "deploy/worker_pool.h"
#include "kernels/common/aligned_vector.h"

namespace lq::deploy {

namespace {

/// All operations of a batch in one parallel region of threads of its own.
class CpuExecutor final : public Executor {
 public:
  CpuExecutor(const PackedModel& model, const PackedNetworkOptions& options)
      : Executor(model, options, current_stream(Device{})), pool_(options.threads) {
    check_memory();
    buffers_.resize(storage().bytes);
    scratch_.resize(scratch_bytes() * options.threads);
    place_values(buffers_.data());
    if (options.measure) worker_seconds_.resize(operators().size() * options.threads);
  }

  std::size_t buffer_bytes() const override { return buffers_.size() + scratch_.size(); }

  void run(const float* images, float* scores, std::int64_t count) override {
    for_each_batch(images, scores, count, [this](const float* from, float* to, std::int64_t batch) {
      run_batch(from, to, batch);
    });
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run_batch(const float* images, float* scores, std::int64_t batch) {
    // The input is never written to.
    place_ends(reinterpret_cast<std::byte*>(const_cast<float*>(images)),
               reinterpret_cast<std::byte*>(scores));
    bind(batch);
    pool_.run([this](int worker) { run_operators(worker); });
    if (options().measure) add_times();
  }

  void run_operators(int worker) {
    const kernels::Slice slice = {worker, pool_.workers()};
    const std::span<std::byte> scratch(scratch_.data() + worker * scratch_bytes(), scratch_bytes());
    for (std::size_t i = 0; i < operators().size(); ++i) {
      // What an operation reads must be complete, and what it overwrites no longer needed.
      if (i > 0) pool_.barrier();
      if (options().measure) {
        const Clock::time_point start = Clock::now();
        operators()[i]->run(slice, scratch);
        seconds_of(worker, i) = std::chrono::duration<double>(Clock::now() - start).count();
      } else {
        operators()[i]->run(slice, scratch);
      }
    }
  }

  double& seconds_of(int worker, std::size_t operation) {
    return worker_seconds_[worker * operators().size() + operation];
  }

  /// An operation takes as long as its slowest worker; what the others wait at the barrier belongs
  /// to it.
  void add_times() {
    for (std::size_t i = 0; i < operators().size(); ++i) {
      double slowest = 0;
      for (int worker = 0; worker < options().threads; ++worker) {
        slowest = std::max(slowest, seconds_of(worker, i));
      }
      measured_seconds()[i] += slowest;
    }
  }

  std::vector<std::byte> bytes_of_value(std::size_t index) const override {
    const std::byte* const data = place(index).data;
    return {data, data + bytes_of(values()[index], options().max_batch)};
  }

  kernels::AlignedVector<std::byte> buffers_;
  kernels::AlignedVector<std::byte> scratch_;
  std::vector<double> worker_seconds_;  // of the last batch, of one worker after the other
  WorkerPool pool_;                     // last: its threads end before what they use
};

}  // namespace

std::unique_ptr<Executor> make_cpu_executor(const PackedModel& model,
                                            const PackedNetworkOptions& options) {
  return std::make_unique<CpuExecutor>(model, options);
}

}  // namespace lq::deploy
