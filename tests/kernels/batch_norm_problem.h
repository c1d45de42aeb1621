// What the tests of batch normalization share: one problem, and its formulas in long double.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "kernels/batch_norm/batch_norm.h"
#include "tests/support/backends.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {

using kernels::BatchNormActivation;
using kernels::BatchNormBackwardOptions;
using kernels::BatchNormGradients;
using kernels::BatchNormParameters;
using kernels::GradientMode;
using Exact = long double;

inline constexpr float infinity = std::numeric_limits<float>::infinity();
/// Half a unit in the last place: what one rounding to float costs.
inline constexpr double rounding = std::numeric_limits<float>::epsilon() / 2;
/// Values that are added in single precision before a kernel turns to double (per channel).
inline constexpr double longest_float_sum = 64;

inline constexpr std::int64_t channel_counts[] = {1, 3, 7, 16, 17, 64, 1500};
/// Enough for every kind of tail; more only costs time in the oracle.
inline constexpr std::int64_t most_elements = 10'000;

inline ::testing::AssertionResult is_near(float actual, Exact expected, Exact tolerance) {
  if (std::abs(actual - expected) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << actual << ", expected " << expected << " within " << tolerance;
}

/// One normalization with given statistics.
struct Problem {
  Tensor x;
  Tensor mean, variance, gamma, beta;
  bool affine = true;
  double epsilon = 1e-5;

  Problem(const Shape& shape, std::uint64_t seed, bool affine_ = true)
      : x(random_normal(shape, seed, 0.5, 2.0)),
        mean(random_normal({shape[1]}, seed + 1)),
        variance(random_uniform({shape[1]}, seed + 2, 0.5F, 4.0F)),
        gamma(random_normal({shape[1]}, seed + 3, 1.0, 0.5)),
        beta(random_normal({shape[1]}, seed + 4)),
        affine(affine_) {}

  /// As training does it.
  void use_batch_statistics(Stream& stream) {
    kernels::batch_norm_statistics(stream, on(stream, std::as_const(x)), on(stream, mean),
                                   on(stream, variance));
  }

  Problem to(Device device) const {
    Problem problem = *this;
    for (Tensor* tensor :
         {&problem.x, &problem.mean, &problem.variance, &problem.gamma, &problem.beta}) {
      *tensor = tensor->to(device);
    }
    return problem;
  }

  std::int64_t channels() const { return x.shape()[1]; }
  std::int64_t rows() const { return x.shape()[0]; }

  BatchNormParameters parameters() const {
    BatchNormParameters views{
        .mean = mean.view<float>(), .variance = variance.view<float>(), .epsilon = epsilon};
    if (affine) {
      views.gamma = gamma.view<float>();
      views.beta = beta.view<float>();
    }
    return views;
  }

  Exact inverse_deviation(std::int64_t c) const {
    return 1 / std::sqrt(static_cast<Exact>(variance.data<float>()[c]) + epsilon);
  }
  Exact normal(std::int64_t i) const {
    const std::int64_t c = i % channels();
    return (static_cast<Exact>(x.data<float>()[i]) - mean.data<float>()[c]) * inverse_deviation(c);
  }
  Exact gamma_of(std::int64_t c) const { return affine ? gamma.data<float>()[c] : 1.0F; }
  Exact z(std::int64_t i) const {
    const std::int64_t c = i % channels();
    return gamma_of(c) * normal(i) + (affine ? beta.data<float>()[c] : 0.0F);
  }
  /// How far a value computed in single precision may be from z: a rounding for each of scale,
  /// offset, product, difference and sum, relative to the largest term.
  Exact slack(std::int64_t i) const {
    const std::int64_t c = i % channels();
    const Exact scale = std::abs(gamma_of(c) * inverse_deviation(c));
    const Exact terms = scale * (std::abs(x.data<float>()[i]) + std::abs(mean.data<float>()[c])) +
                        (affine ? std::abs(beta.data<float>()[c]) : 0.0F);
    return 6 * rounding * terms;
  }
};

struct Activation {
  bool relu;
  bool table;

  std::string name() const {
    return std::string(relu ? "relu " : "") + (table ? "table " : "") + "activation";
  }
};
inline constexpr Activation activations[] = {
    {false, false}, {true, false}, {false, true}, {true, true}};

/// Of 1 to 5 bits.
inline TableTensors activation_table(int bits = 2) {
  // Negative elements, so that code and position differ.
  std::vector<float> basis{0.9F, -0.3F, 0.4F, 0.17F, -0.11F};
  basis.resize(bits);
  return table_of(Tensor::from(basis, {1, bits}), kernels::CodeAlphabet::zero_one);
}

/// Gradients of one problem from kernels, all overwritten.
struct Gradients {
  Tensor x, gamma, beta;

  explicit Gradients(const Problem& problem)
      : x(Tensor::full(problem.x.shape(), infinity)),
        gamma(Tensor::full({problem.channels()}, infinity)),
        beta(Tensor::full({problem.channels()}, infinity)) {}

  BatchNormGradients views(GradientMode mode) {
    return {x.view<float>(), mode, gamma.view<float>(), mode, beta.view<float>(), mode};
  }
};

/// The parameters of a problem on the stream's device.
class StagedParameters {
 public:
  StagedParameters(Stream& stream, const Problem& problem)
      : problem_(problem.to(stream.device())) {}
  operator BatchNormParameters() const { return problem_.parameters(); }  // NOLINT: on purpose

 private:
  Problem problem_;
};

inline StagedParameters on(Stream& stream, const Problem& problem) { return {stream, problem}; }

/// Moves the gradients to the stream's device and back.
class StagedGradients {
 public:
  StagedGradients(Stream& stream, Gradients& host, GradientMode mode) : host_(host), mode_(mode) {
    move_to(stream.device());
  }
  ~StagedGradients() { move_to(Device{}); }
  StagedGradients(const StagedGradients&) = delete;
  StagedGradients& operator=(const StagedGradients&) = delete;

  BatchNormGradients views() { return host_.views(mode_); }
  operator BatchNormGradients() { return views(); }  // NOLINT: on purpose

 private:
  void move_to(Device device) {
    for (Tensor* tensor : {&host_.x, &host_.gamma, &host_.beta}) tensor->move_to(device);
  }

  Gradients& host_;
  GradientMode mode_;
};

inline StagedGradients on(Stream& stream, Gradients& gradients, GradientMode mode) {
  return {stream, gradients, mode};
}

/// Runs on every backend of this machine.
class BatchNormBackendTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

}  // namespace lq::testing
