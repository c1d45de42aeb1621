// Statistics of a batch, and the running ones.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/kernels/batch_norm_problem.h"
#include "tests/support/compare.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

/// By the formulas of the header.
struct Moments {
  std::vector<Exact> mean, variance;
};

Moments exact_moments(const Tensor& x) {
  const std::int64_t rows = x.shape()[0], channels = x.shape()[1];
  Moments moments{std::vector<Exact>(channels), std::vector<Exact>(channels)};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    moments.mean[i % channels] += x.data<float>()[i];
  }
  for (Exact& mean : moments.mean) mean /= static_cast<Exact>(rows);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const Exact difference = x.data<float>()[i] - moments.mean[i % channels];
    moments.variance[i % channels] += difference * difference / static_cast<Exact>(rows);
  }
  return moments;
}

class BatchNormStatisticsTest : public BatchNormBackendTest {
 protected:
  void expect_statistics(const Tensor& x);
};

void BatchNormStatisticsTest::expect_statistics(const Tensor& x) {
  SCOPED_TRACE(x.shape().to_string());
  const std::int64_t channels = x.shape()[1];
  Tensor mean = Tensor::full({channels}, infinity), variance = Tensor::full({channels}, infinity);
  kernels::batch_norm_statistics(stream, on(stream, x), on(stream, mean), on(stream, variance));
  const Moments exact = exact_moments(x);
  for (std::int64_t c = 0; c < channels; ++c) {
    // Differences from about the mean are added up, and their squares: no error depends on how far
    // the mean or a single value is from anything.
    const Exact sums = rounding * (longest_float_sum + 2);
    ASSERT_TRUE(is_near(mean.data<float>()[c], exact.mean[c],
                        rounding * std::abs(exact.mean[c]) + sums * std::sqrt(exact.variance[c])))
        << "channel " << c;
    ASSERT_TRUE(is_near(variance.data<float>()[c], exact.variance[c], 2 * sums * exact.variance[c]))
        << "channel " << c;
  }
}

TEST_P(BatchNormStatisticsTest, StatisticsOfAnyShape) {
  for (const std::int64_t channels : channel_counts) {
    for (const std::int64_t rows : {1, 2, 5, 333}) {
      expect_statistics(random_normal({rows, channels}, 61, 0.3, 1.5));
    }
  }
  expect_statistics(random_normal({30'000, 7}, 62));  // several chunks
  expect_statistics(random_normal({100'000, 1}, 63));
  expect_statistics(random_normal({3, 70'000}, 64));    // rows longer than a chunk
  expect_statistics(random_normal({4'096, 64}, 67));    // the smallest chunks, and many
  expect_statistics(random_normal({16'500, 256}, 70));  // so many that chunks grow
}

TEST_P(BatchNormStatisticsTest, StatisticsOfLargeMeanAndSmallVariance) {
  for (const std::int64_t channels : {1, 3, 64}) {
    expect_statistics(random_normal({5000, channels}, 65, 1e4, 1.0));
    expect_statistics(random_normal({5000, channels}, 66, -1e4, 0.01));
  }
}

TEST_P(BatchNormStatisticsTest, OutliersCostNoPrecisionWhereverTheyAre) {
  // A channel that is nearly constant but for single pixels, as padding makes of corners.
  const Shape shapes[] = {{333, 17}, {100'000, 1}, {65'536, 3}, {4'096, 64}};
  for (const Shape& shape : shapes) {
    const std::int64_t rows = shape[0], channels = shape[1];
    const Tensor nearly_constant = random_normal(shape, 68, 3.0, 0.1);
    const auto expect_with_outliers = [&](std::int64_t first, std::int64_t every) {
      SCOPED_TRACE("outliers at " + std::to_string(first) + " and every " + std::to_string(every));
      Tensor x = nearly_constant.clone();
      for (std::int64_t row = first; row < rows; row += every) {
        for (std::int64_t c = 0; c < channels; ++c)
          x.data<float>()[row * channels + c] -= 1234.567F;
      }
      expect_statistics(x);
    };
    expect_with_outliers(0, rows);
    expect_with_outliers(rows - 1, rows);
    expect_with_outliers(rows / 2, rows);
    expect_with_outliers(0, 64);
    expect_with_outliers(0, 1024);
  }
}

TEST_P(BatchNormStatisticsTest, NonFiniteValuesShowInTheirChannelOnly) {
  const float bad_values[] = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  for (const float bad : bad_values) {
    for (const std::int64_t row : {0, 250, 499}) {
      Tensor x = random_normal({500, 3}, 69), mean({3}), variance({3});
      x.data<float>()[row * 3 + 1] = bad;
      kernels::batch_norm_statistics(stream, on(stream, std::as_const(x)), on(stream, mean),
                                     on(stream, variance));
      for (std::int64_t c = 0; c < 3; ++c) {
        EXPECT_EQ(std::isfinite(mean.data<float>()[c]), c != 1) << bad << " in row " << row;
        EXPECT_EQ(std::isfinite(variance.data<float>()[c]), c != 1) << bad << " in row " << row;
      }
    }
  }
}

TEST_P(BatchNormStatisticsTest, ConstantChannelsHaveNoVariance) {
  Tensor x({777, 3});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    x.data<float>()[i] = static_cast<float>(i % 3) * 1e4F + 0.1F;
  }
  Tensor mean({3}), variance({3});
  kernels::batch_norm_statistics(stream, on(stream, std::as_const(x)), on(stream, mean),
                                 on(stream, variance));
  EXPECT_TRUE(all_close(mean.span<float>(), x.slice(0, 1).span<float>(), 2 * rounding, 0));
  // The mean itself is rounded at most.
  EXPECT_TRUE(all_close(variance.span<float>(), std::vector{0.0, 0.0, 0.0}, 0, 1e-12));
}

TEST_P(BatchNormStatisticsTest, RunningStatisticsUseTheUnbiasedVariance) {
  const Tensor mean = Tensor::from(std::vector{2.0F, -4.0F}, {2});
  const Tensor variance = Tensor::from(std::vector{3.0F, 8.0F}, {2});
  Tensor running_mean = Tensor::zeros({2}), running_variance = Tensor::full({2}, 1.0F);
  const auto update = [&](double decay, std::int64_t values) {
    kernels::batch_norm_update_running(stream, on(stream, mean), on(stream, variance),
                                       {.mean = on(stream, running_mean),
                                        .variance = on(stream, running_variance),
                                        .decay = decay,
                                        .values = values});
  };
  update(0.9, 4);  // 3 * 4 / 3 = 4 and 8 * 4 / 3
  EXPECT_TRUE(all_close(running_mean.span<float>(), std::vector{0.2, -0.4}, 2 * rounding, 0));
  EXPECT_TRUE(all_close(running_variance.span<float>(), std::vector{0.9 + 0.4, 0.9 + 3.2 / 3.0},
                        2 * rounding, 0));
  update(0.9, 4);
  EXPECT_TRUE(all_close(running_mean.span<float>(), std::vector{0.38, -0.76}, 4 * rounding, 0));
  // A batch of one value has no unbiased variance: the biased one, which is 0, stands in.
  update(0.0, 1);
  EXPECT_TRUE(all_close(running_variance.span<float>(), std::vector{3.0, 8.0}, 2 * rounding, 0));
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchNormStatisticsTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
