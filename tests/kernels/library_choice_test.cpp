#if defined(LQNET_WITH_CUDA)

#include "kernels/common/cuda/library_choice.h"

#include <gtest/gtest.h>

#include "kernels/common/cuda/shared_library.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::cuda::FloatLibrary;
using kernels::cuda::FloatPrecision;

constexpr const char* name = "LQNET_TEST_LIBRARY";
constexpr kernels::cuda::LibraryVariable variable{name, "fast"};

const FloatLibrary& present() {
  static const FloatLibrary library{.version = "Fast 1.2.3", .failure = ""};
  return library;
}

const FloatLibrary& missing() {
  static const FloatLibrary library{.version = "", .failure = "libfast.so.1: not here"};
  return library;
}

const FloatLibrary& untouchable() { fail("it was loaded"); }

TEST(LibraryChoiceTest, TakesWhatCanBeUsed) {
  const EnvironmentScope nothing(name, nullptr);
  EXPECT_EQ(choose_library(variable, present), &present());
  EXPECT_EQ(choose_library(variable, missing), nullptr);
  EXPECT_EQ(describe_choice(variable, present), "Fast 1.2.3 in fp32");
  EXPECT_EQ(describe_choice(variable, missing), "own kernels (libfast.so.1: not here)");
}

TEST(LibraryChoiceTest, OwnKernelsNeedNoLibrary) {
  const EnvironmentScope own(name, "own");
  EXPECT_EQ(choose_library(variable, untouchable), nullptr);
  EXPECT_EQ(describe_choice(variable, untouchable), "own kernels");
}

TEST(LibraryChoiceTest, ALibraryThatIsAskedForHasToBeThere) {
  const EnvironmentScope library(name, "fast");
  EXPECT_EQ(choose_library(variable, present), &present());
  EXPECT_TRUE(throws_error([] { choose_library(variable, missing); },
                           "LQNET_TEST_LIBRARY is fast: libfast.so.1: not here"));
}

TEST(LibraryChoiceTest, OtherValuesAreRefused) {
  const EnvironmentScope other(name, "fastest");
  EXPECT_TRUE(throws_error([] { choose_library(variable, present); },
                           "LQNET_TEST_LIBRARY is 'fastest', expected own or fast"));
}

TEST(LibraryChoiceTest, PrecisionIsReadFromTheEnvironment) {
  const auto with = [](const char* value) {
    const EnvironmentScope scope("LQNET_CUDA_PRECISION", value);
    return kernels::cuda::wanted_precision();
  };
  EXPECT_EQ(with(nullptr), FloatPrecision::fp32);
  EXPECT_EQ(with("fp32"), FloatPrecision::fp32);
  EXPECT_EQ(with("tf32"), FloatPrecision::tf32);
  EXPECT_EQ(with("fp16"), FloatPrecision::fp16);
  EXPECT_TRUE(throws_error([&] { with("fp8"); },
                           "LQNET_CUDA_PRECISION is 'fp8', expected fp32, tf32 or fp16"));
}

TEST(LibraryChoiceTest, WhatLibrariesMayRoundToIsSaid) {
  const EnvironmentScope nothing(name, nullptr);
  for (const std::string precision : {"fp32", "tf32", "fp16"}) {
    const EnvironmentScope scope("LQNET_CUDA_PRECISION", precision.c_str());
    EXPECT_EQ(describe_choice(variable, present), "Fast 1.2.3 in " + precision);
    EXPECT_EQ(describe_choice(variable, missing), "own kernels (libfast.so.1: not here)");
  }
  // Own kernels do not read it, but a benchmark that names them shall not run under a wrong one.
  const EnvironmentScope other("LQNET_CUDA_PRECISION", "fp8");
  EXPECT_TRUE(throws_error([] { describe_choice(variable, missing); },
                           "LQNET_CUDA_PRECISION is 'fp8', expected fp32, tf32 or fp16"));
}

TEST(SharedLibraryTest, FindsFunctions) {
  double (*cosine)(double) = nullptr;
  kernels::cuda::SharedLibrary("libm.so.6").find(cosine, "cos");
  EXPECT_EQ(cosine(0), 1);
}

TEST(SharedLibraryTest, NamesWhatIsMissing) {
  EXPECT_TRUE(throws_error([] { kernels::cuda::SharedLibrary("liblqnet_none.so.1"); },
                           "liblqnet_none.so.1: cannot open shared object file"));
  void (*function)() = nullptr;
  EXPECT_TRUE(
      throws_error([&] { kernels::cuda::SharedLibrary("libm.so.6").find(function, "no_function"); },
                   "libm.so.6: it has no function no_function"));
}

}  // namespace
}  // namespace lq::testing

#endif
