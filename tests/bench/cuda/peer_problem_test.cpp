// That wrong results of libraries are seen.
#if defined(LQNET_WITH_CUDA)

#include "bench/cuda/peer_problem.h"

#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/backends.h"

namespace lq::testing {
namespace {

using bench::PeerLayer;
using bench::PeerNumbers;
using bench::PeerProblem;
using bench::PeerResults;

class PeerProblemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
    problem_.emplace(geometry_, current_stream({DeviceType::cuda, 0}));
    const PeerLayer layer = problem_->layer(PeerNumbers::int8);
    y_ = layer.y;
    // Every product by its indices.
    const auto x = download<std::int8_t>(layer.x, geometry_.x_shape().elements());
    const auto weight = download<std::int8_t>(layer.weight, geometry_.weight_shape().elements());
    for (std::int64_t p = 0; p < geometry_.out_h; ++p) {
      for (std::int64_t q = 0; q < geometry_.out_w; ++q) {
        for (std::int64_t o = 0; o < geometry_.c_out; ++o) {
          int sum = 0;
          for (std::int64_t r = 0; r < 3; ++r) {
            for (std::int64_t s = 0; s < 3; ++s) {
              const std::int64_t h = p + r - geometry_.pad_top, w = q + s - geometry_.pad_left;
              if (h < 0 || h >= geometry_.h || w < 0 || w >= geometry_.w) continue;
              for (std::int64_t c = 0; c < geometry_.c_in; ++c) {
                sum += x[(h * geometry_.w + w) * geometry_.c_in + c] *
                       weight[((o * 3 + r) * 3 + s) * geometry_.c_in + c];
              }
            }
          }
          sums_.push_back(sum);
        }
      }
    }
  }

  template <typename T>
  static std::vector<T> download(const void* from, std::int64_t count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    cudaMemcpy(values.data(), from, values.size() * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }
  /// The complaint about these results.
  template <typename T>
  std::string complaint(PeerResults results, const std::vector<T>& values) {
    cudaMemcpy(y_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
    return problem_->complaint(results);
  }
  /// The sums as another type, with that one at `index` changed by `change`.
  template <typename T>
  std::vector<T> sums_as(int change) const {
    std::vector<T> values;
    for (const int sum : sums_) values.push_back(static_cast<T>(std::clamp(sum, -128, 127)));
    values[17] = static_cast<T>(static_cast<float>(values[17]) + static_cast<float>(change));
    return values;
  }

  kernels::Conv2dGeometry geometry_ = kernels::conv2d_geometry({1, 5, 6, 32}, {8, 3, 3, 32}, {});
  std::optional<PeerProblem> problem_;
  void* y_ = nullptr;
  std::vector<int> sums_;
};

TEST_F(PeerProblemTest, cuda_IntegersHaveToBeEqual) {
  EXPECT_EQ(complaint(PeerResults::int32, sums_as<std::int32_t>(0)), "");
  EXPECT_NE(complaint(PeerResults::int32, sums_as<std::int32_t>(1)), "");
  EXPECT_EQ(complaint(PeerResults::int8, sums_as<std::int8_t>(0)), "");
  EXPECT_NE(complaint(PeerResults::int8, sums_as<std::int8_t>(-1)), "");
}

TEST_F(PeerProblemTest, cuda_HalvesMayBeRounded) {
  std::vector<__half> halves = sums_as<__half>(0);
  EXPECT_EQ(complaint(PeerResults::fp16, halves), "");
  for (__half& value : halves) value = __half(static_cast<float>(value) * (1 + 0x1p-11F));
  EXPECT_EQ(complaint(PeerResults::fp16, halves), "");
  EXPECT_NE(complaint(PeerResults::fp16, sums_as<__half>(1)), "");
  halves[3] = __half(NAN);
  EXPECT_NE(complaint(PeerResults::fp16, halves), "");
}

TEST_F(PeerProblemTest, cuda_NothingIsNoResult) {
  problem_->clear();
  for (const PeerResults results : {PeerResults::fp16, PeerResults::int8, PeerResults::int32}) {
    EXPECT_NE(problem_->complaint(results), "");
  }
}

}  // namespace
}  // namespace lq::testing

#endif
