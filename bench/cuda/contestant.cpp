#include "bench/cuda/contestant.h"

#include "bench/median.h"
#include "core/cuda/check.h"

namespace lq::bench {

namespace {

/// What is done once, such as loading the code, must not be recorded.
const std::function<void()>& done_once(Stream& stream, const std::function<void()>& queue) {
  queue();
  device_backend(DeviceType::cuda).synchronize(stream);
  return queue;
}

}  // namespace

CudaContestant::CudaContestant(Stream& stream, const std::function<void()>& queue)
    : stream_(stream), graph_(stream, done_once(stream, queue)) {}

double CudaContestant::run() {
  timeline_.mark(0, stream_);
  graph_.launch(stream_);
  timeline_.mark(1, stream_);
  device_backend(DeviceType::cuda).synchronize(stream_);
  return 1e6 * timeline_.seconds_after(0);
}

CacheFiller::CacheFiller(Device device, bool cold) {
  if (!cold) return;
  int bytes = 0;
  check_cuda(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device.index),
             "cudaDeviceGetAttribute");
  memory_ = Tensor({std::int64_t{2} * bytes}, DType::u8, device);
}

std::vector<double> median_us_in_turns(std::span<CudaContestant* const> contestants, int rounds,
                                       int warm_up, CacheFiller& filler) {
  std::vector<std::vector<double>> times(contestants.size());
  for (int round = -warm_up; round < rounds; ++round) {
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      filler.fill();
      const double us = contestants[i]->run();
      if (round >= 0) times[i].push_back(us);
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& of_one : times) medians.push_back(median(of_one));
  return medians;
}

}  // namespace lq::bench
