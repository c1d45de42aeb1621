#include "core/bit_tensor.h"

namespace lq {

BitTensor::BitTensor(const Shape& shape, int planes, Device device)
    : shape_(shape), planes_(planes) {
  check(shape.rank() == 4, "BitTensor: shape {} given, expected N H W C", shape);
  check(planes >= 1 && planes <= 8, "BitTensor: {} planes given, expected 1 to 8", planes);
  words_ = Tensor::zeros({planes, shape[0], shape[1], shape[2], packed::words(shape[3])},
                         DType::i32, device);
}

std::uint32_t* BitTensor::plane(int j) {
  return reinterpret_cast<std::uint32_t*>(words_.data<std::int32_t>()) + j * words_per_plane();
}

const std::uint32_t* BitTensor::plane(int j) const {
  return const_cast<BitTensor*>(this)->plane(j);
}

void BitTensor::expect_host() const {
  check(device().type == DeviceType::cpu, "BitTensor: codes on {} are not readable from the host",
        device());
}

std::int64_t BitTensor::word_index(std::int64_t n, std::int64_t h, std::int64_t w,
                                   std::int64_t c) const {
  expect_host();
  const auto inside = [this](int axis, std::int64_t i) { return 0 <= i && i < shape_[axis]; };
  check(inside(0, n) && inside(1, h) && inside(2, w) && inside(3, c),
        "BitTensor: element ({}, {}, {}, {}) of {}", n, h, w, c, shape_);
  return ((n * shape_[1] + h) * shape_[2] + w) * words_per_pixel() + packed::word_of(c);
}

int BitTensor::code(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
  const std::int64_t index = word_index(n, h, w, c);
  int code = 0;
  for (int j = 0; j < planes_; ++j) {
    code |= static_cast<int>(plane(j)[index] >> packed::bit_of(c) & 1U) << j;
  }
  return code;
}

void BitTensor::set_code(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c, int code) {
  check(code >= 0 && code < 1 << planes_, "BitTensor: code {} does not fit {} planes", code,
        planes_);
  const std::int64_t index = word_index(n, h, w, c);
  const std::uint32_t mask = 1U << packed::bit_of(c);
  for (int j = 0; j < planes_; ++j) {
    std::uint32_t& word = plane(j)[index];
    word = (code >> j & 1) != 0 ? word | mask : word & ~mask;
  }
}

bool BitTensor::pad_bits_are_zero() const {
  expect_host();
  if (words_.elements() == 0) return true;
  const std::uint32_t outside = ~packed::tail_mask(shape_[3]);
  const std::int64_t step = words_per_pixel();
  for (int j = 0; j < planes_; ++j) {
    for (std::int64_t last = step - 1; last < words_per_plane(); last += step) {
      if ((plane(j)[last] & outside) != 0) return false;
    }
  }
  return true;
}

}  // namespace lq
