// The comparison of operations on a GPU with the CPU: that it sees what is wrong, and leaves no
// operation out.
#if defined(LQNET_WITH_CUDA)

#include "bench/cuda/trial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "tests/support/backends.h"

namespace lq::testing {
namespace {

using bench::CudaVerification;
using bench::Tolerance;
using bench::Trial;

class TrialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  }

  /// Of an operation whose last result is off by `error` on the device.
  CudaVerification verify_with(float error, Tolerance tolerance) const {
    return bench::verify({"made up",
                          [&](Trial& trial) {
                            Tensor values = trial.normal({5}).to(Device{});
                            values.span<float>()[4] = 2;
                            if (trial.stream().backend() == Backend::cuda) {
                              values.span<float>()[4] += error;
                            }
                            trial.result(trial.on_device(values), tolerance);
                          }},
                         device_);
  }

  const Device device_{DeviceType::cuda, 0};
};

TEST_F(TrialTest, cuda_EqualValuesAreRight) {
  const CudaVerification of = verify_with(0, {});
  EXPECT_TRUE(of.is_right());
  EXPECT_EQ(of.values, 5);
  EXPECT_EQ(of.worst_percent, 0);
}

TEST_F(TrialTest, cuda_DifferencesAreJudgedByTheTolerance) {
  const Tolerance quarter{.relative = 0.0625, .absolute = 0.125};  // of 2: 0.25
  EXPECT_DOUBLE_EQ(verify_with(0.125F, quarter).worst_percent, 50);
  EXPECT_TRUE(verify_with(-0.25F, quarter).is_right());
  EXPECT_FALSE(verify_with(0.26F, quarter).is_right());
  EXPECT_FALSE(verify_with(0.001F, {}).is_right());
  EXPECT_FALSE(verify_with(NAN, quarter).is_right());
}

TEST_F(TrialTest, cuda_ErrorsAreWrong) {
  const CudaVerification of = bench::verify(
      {"made up",
       [](Trial& trial) { check(trial.stream().backend() != Backend::cuda, "not on a device"); }},
      device_);
  EXPECT_FALSE(of.is_right());
  EXPECT_EQ(of.failure, "not on a device");
}

/// Each folder of kernels/ that has one of its own for devices.
TEST(VerifiedOperationsTest, AreThoseThatHaveKernels) {
  const std::vector<bench::Operation> operations = bench::all_operations(Device{});
  int folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(LQNET_SOURCE_FOLDER "/kernels")) {
    const std::string name = folder.path().filename();
    if (!folder.is_directory() || name == "common") continue;
    const auto files = std::filesystem::directory_iterator(folder);
    const bool has_kernels =
        std::any_of(begin(files), end(files), [](const std::filesystem::directory_entry& file) {
          return file.path().stem().string().find("_cuda") != std::string::npos;
        });
    if (!has_kernels) continue;
    ++folders;
    EXPECT_TRUE(std::ranges::any_of(operations, [&](const bench::Operation& operation) {
      return operation.name == name;
    })) << name;
  }
  EXPECT_GE(folders, 18);
}

}  // namespace
}  // namespace lq::testing

#endif
