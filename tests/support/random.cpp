#include "tests/support/random.h"

namespace lq::testing {

Tensor random_normal(const Shape& shape, std::uint64_t seed, double mean, double stddev) {
  Rng rng(seed, RngPurpose::test);
  Tensor tensor(shape);
  for (float& value : tensor.span<float>()) {
    value = static_cast<float>(mean + stddev * rng.normal());
  }
  return tensor;
}

Tensor random_uniform(const Shape& shape, std::uint64_t seed, float low, float high) {
  Rng rng(seed, RngPurpose::test);
  Tensor tensor(shape);
  for (float& value : tensor.span<float>()) value = rng.uniform(low, high);
  return tensor;
}

Tensor random_bits(const Shape& shape, DType dtype, Rng& rng) {
  Tensor tensor(shape, dtype);
  const std::span bytes(static_cast<unsigned char*>(tensor.raw()), tensor.bytes());
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(rng.next_u32());
  return tensor;
}

std::int64_t random_integer(Rng& rng, std::int64_t low, std::int64_t high) {
  return low + rng.below(static_cast<std::uint32_t>(high - low + 1));
}

std::vector<double> to_double(const Tensor& tensor) {
  const auto values = tensor.span<float>();
  return {values.begin(), values.end()};
}

}  // namespace lq::testing
