#include "bench/cuda/contestant.h"

#include <optional>

#include "bench/median.h"
#include "core/cuda/check.h"
#include "core/error.h"

namespace lq::bench {

namespace {

/// What is done once, such as loading the code, must not be recorded.
std::function<void()> repeated(Repetition& repetition, const std::function<void()>& queue) {
  queue();
  device_backend(DeviceType::cuda).synchronize(repetition.stream());
  return [&repetition, &queue] {
    for (int i = 0; i < repetition.times(); ++i) {
      repetition.fill_cache();
      queue();
    }
  };
}

}  // namespace

Repetition::Repetition(Stream& stream, int times, bool cold) : stream_(stream), times_(times) {
  if (!cold) return;
  int bytes = 0;
  check_cuda(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, stream.device().index),
             "cudaDeviceGetAttribute");
  memory_ = Tensor({std::int64_t{2} * bytes}, DType::u8, stream.device());
}

CudaContestant::CudaContestant(Repetition& repetition, const std::function<void()>& queue)
    : stream_(repetition.stream()),
      times_(repetition.times()),
      graph_(stream_, repeated(repetition, queue)) {}

double CudaContestant::run() {
  graph_.launch(stream_);
  timeline_.mark(0, stream_);
  graph_.launch(stream_);
  timeline_.mark(1, stream_);
  device_backend(DeviceType::cuda).synchronize(stream_);
  return 1e6 * timeline_.seconds_after(0) / times_;
}

std::vector<double> median_us_in_turns(std::span<CudaContestant* const> contestants, int rounds,
                                       Repetition& repetition) {
  std::vector<CudaContestant*> all(contestants.begin(), contestants.end());
  std::optional<CudaContestant> filling;
  if (repetition.is_cold()) all.push_back(&filling.emplace(repetition, [] {}));
  std::vector<std::vector<double>> times(all.size());
  constexpr int warm_up = 1;
  for (int round = -warm_up; round < rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double us = all[i]->run();
      if (round >= 0) times[i].push_back(us);
    }
  }
  std::vector<double> of_filling;
  if (filling) {
    of_filling = std::move(times.back());
    times.pop_back();
  }
  return medians_beyond(times, of_filling);
}

std::vector<double> medians_beyond(std::span<const std::vector<double>> times,
                                   const std::vector<double>& of_filling) {
  const double filling_us = of_filling.empty() ? 0 : median(of_filling);
  std::vector<double> medians;
  for (const std::vector<double>& of_one : times) {
    medians.push_back(median(of_one) - filling_us);
    check(
        medians.back() > 0,
        "bench: of {:.2f} us with a cold cache, emptying it takes {:.2f} us, which leaves no time "
        "for the layer; more rounds or repeats may do",
        medians.back() + filling_us, filling_us);
  }
  return medians;
}

}  // namespace lq::bench
