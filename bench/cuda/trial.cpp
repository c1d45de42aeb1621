#include "bench/cuda/trial.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace lq::bench {

namespace {

template <typename T>
std::vector<double> as_doubles(const Tensor& tensor) {
  const auto values = tensor.span<T>();
  return {values.begin(), values.end()};
}

std::vector<double> values_of(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f32:
      return as_doubles<float>(tensor);
    case DType::f64:
      return as_doubles<double>(tensor);
    case DType::i32:
      return as_doubles<std::int32_t>(tensor);
    case DType::i64:
      return as_doubles<std::int64_t>(tensor);
    case DType::u8:
      return as_doubles<std::uint8_t>(tensor);
  }
  fail("bench: a result of {}", name_of(tensor.dtype()));
}

double percent_of_allowed(double actual, double expected, Tolerance tolerance) {
  if (actual == expected) return 0;
  const double difference = std::abs(actual - expected);
  const double allowed = tolerance.relative * std::abs(expected) + tolerance.absolute;
  const double percent = 100 * difference / allowed;
  return std::isfinite(percent) ? percent : std::numeric_limits<double>::infinity();
}

}  // namespace

Trial::Trial(Device device)
    : stream_(device.type == DeviceType::cpu ? reference_ : current_stream(device)),
      rng_(1, RngPurpose::synthetic) {}

Tensor Trial::normal(const Shape& shape) {
  return drawn(shape, [this] { return static_cast<float>(rng_.normal()); });
}

void Trial::result(const Tensor& values, Tolerance tolerance) {
  results_.push_back({values_of(values.to(Device{})), tolerance});
}

CudaVerification verify(const Operation& operation, Device device) {
  CudaVerification verification{.operation = operation.name};
  try {
    Trial expected{Device{}}, actual{device};
    operation.run(expected);
    operation.run(actual);
    check(actual.results().size() == expected.results().size(),
          "bench: {} has {} results on the device, {} on the CPU", operation.name,
          actual.results().size(), expected.results().size());
    for (std::size_t i = 0; i < expected.results().size(); ++i) {
      const Trial::Result& should = expected.results()[i];
      const Trial::Result& is = actual.results()[i];
      for (std::size_t j = 0; j < should.values.size(); ++j) {
        verification.worst_percent =
            std::max(verification.worst_percent,
                     percent_of_allowed(is.values[j], should.values[j], should.tolerance));
      }
      verification.values += std::ssize(should.values);
    }
  } catch (const Error& error) {
    verification.failure = error.what();
  }
  return verification;
}

std::vector<CudaVerification> verify_cuda(Device device) {
  device_memory(device);
  std::vector<CudaVerification> verifications;
  for (const Operation& operation : all_operations(device)) {
    verifications.push_back(verify(operation, device));
  }
  return verifications;
}

}  // namespace lq::bench
