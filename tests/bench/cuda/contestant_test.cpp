// What counts as the time of a contestant.
#if defined(LQNET_WITH_CUDA)

#include "bench/cuda/contestant.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/error.h"
#include "core/tensor.h"
#include "kernels/add/add.h"
#include "tests/support/backends.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using bench::CudaContestant;
using bench::Repetition;

/// Counts how often it was done, in an element of the device's memory.
class CudaContestantTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
    count_ = Tensor::zeros({1}, DType::f32, device_);
    const float one = 1;
    one_ = Tensor::from(std::span(&one, 1), {1}, device_);
  }

  Stream& stream() const { return current_stream(device_); }
  void work() { kernels::add_into(stream(), count_.view<float>(), one_.view<float>()); }
  float times_done() const { return count_.to(Device{}).span<float>()[0]; }

  const Device device_{DeviceType::cuda, 0};
  Tensor count_, one_;
};

TEST_F(CudaContestantTest, cuda_ARunDoesTheWorkInTwoGraphsOfAllRepetitions) {
  for (const bool cold : {false, true}) {
    Repetition repetition(stream(), 3, cold);
    count_.fill_zero();
    CudaContestant contestant(repetition, [this] { work(); });
    EXPECT_EQ(times_done(), 1.0F) << "to load the code";
    contestant.run();
    EXPECT_EQ(times_done(), 1.0F + 2 * 3);
  }
}

TEST_F(CudaContestantTest, cuda_TheTimeIsThatOfOneRepetition) {
  constexpr int times = 40;
  Repetition repetition(stream(), times, /*cold=*/false);
  CudaContestant contestant(repetition, [this] { work(); });
  const auto start = std::chrono::steady_clock::now();
  const double us = contestant.run();
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - start;
  EXPECT_GT(us, 0);
  EXPECT_LT(us * times, wall.count());
}

TEST_F(CudaContestantTest, cuda_ContestantsTakeTurns) {
  for (const bool cold : {false, true}) {
    Repetition repetition(stream(), 2, cold);
    // The first one forgets what the second has counted.
    CudaContestant first(repetition, [this] { count_.fill_zero(); });
    CudaContestant second(repetition, [this] {
      for (int i = 0; i < 100; ++i) work();
    });
    CudaContestant* const both[] = {&first, &second};
    try {
      const std::vector<double> us = bench::median_us_in_turns(both, 3, repetition);
      ASSERT_EQ(us.size(), 2U);
      EXPECT_GT(us[1], 0);
    } catch (const Error&) {
      EXPECT_TRUE(cold) << "a fill of a few bytes beside one of the cache";
    }
    EXPECT_EQ(times_done(), 2 * 2 * 100.0F);
  }
}

TEST(MediansTest, FillingTheCacheDoesNotCount) {
  const std::vector<std::vector<double>> times{{10, 12, 11}, {7, 5, 5, 5}};
  EXPECT_EQ(bench::medians_beyond(times, {}), (std::vector<double>{11, 5}));
  EXPECT_EQ(bench::medians_beyond(times, {4, 2, 3}), (std::vector<double>{8, 2}));
  EXPECT_TRUE(throws_error([&] { bench::medians_beyond(times, {5}); }, "leaves no time"));
}

}  // namespace
}  // namespace lq::testing

#endif
