// The main function of the test programs. LQNET_REQUIRE_CUDA=1 is for runs that are about a CUDA
// device: cases skip themselves without one, or are not even instantiated, and nothing of that is a
// failure to GoogleTest.

#include <gtest/gtest.h>

#include <cstdio>

#include "core/environment.h"
#include "core/error.h"
#include "tests/support/backends.h"

namespace {

constexpr const char* variable = "LQNET_REQUIRE_CUDA";

bool requires_cuda() { return lq::switched_by_environment(variable, false); }

/// Runs the cases on the device that has to be there.
int run_on_device() {
  std::string missing;
  try {
    lq::device_backend(lq::DeviceType::cuda).describe(0);
  } catch (const lq::Error& error) {
    missing = error.what();
  }
  if (missing.empty()) {
    if (const int status = RUN_ALL_TESTS(); status != 0) return status;
    const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
    if (all.test_to_run_count() == 0) {
      missing = "no case was selected, expected one to run";
    } else if (all.successful_test_count() == 0) {
      missing = "every selected case was skipped, expected one to run";
    }
  }
  if (missing.empty()) return 0;
  fmt::print(stderr, "{}=1: {}\n", variable, missing);
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    ::testing::InitGoogleTest(&count, arguments);
    return requires_cuda() ? run_on_device() : RUN_ALL_TESTS();
  } catch (const lq::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
