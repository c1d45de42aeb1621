#include "deploy/packed_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace lq::deploy::packed_format {

namespace {

bool is_same(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

bool has_channel_mean(const PackedModel& model) {
  const Value& input = model.values[model.input];
  return std::cmp_equal(model.preprocessing.mean.size(), input.c) && input.h * input.w > 1;
}

bool fits_version_1(const PackedModel& model) {
  const Preprocessing& preprocessing = model.preprocessing;
  return preprocessing.scale.size() == 1 && !has_channel_mean(model) &&
         preprocessing.shorter_side == 0 && !preprocessing.bgr;
}

bool is_same(const BasisView& a, const BasisView& b) {
  return a.bits == b.bits && is_same(a.elements, b.elements) && is_same(a.scale, b.scale);
}

BasisView basis_of(const Convolution& operation, std::size_t segment) {
  const kernels::BitconvSegment& kind = operation.description.segments[segment];
  if (const auto* bits = std::get_if<kernels::BitSegment>(&kind)) {
    return {.bits = bits->weight_bits, .elements = bits->weight_basis, .scale = {}};
  }
  if (const auto* floats = std::get_if<kernels::CodedFloatSegment>(&kind)) {
    return {.bits = floats->weight_bits, .elements = floats->weight_basis, .scale = {}};
  }
  const auto* grid = std::get_if<kernels::GridSegment>(&kind);
  if (grid == nullptr || operation.coded_weights.empty()) return {};
  const CodedWeights& coded = operation.coded_weights[segment];
  if (coded.bits == 0) return {};
  return {.bits = coded.bits, .elements = coded.basis, .scale = grid->weight_scale};
}

std::string weights_name(std::size_t operation, std::size_t segment) {
  return fmt::format("w{}.{}", operation, segment);
}

std::int64_t packed_bytes(std::int64_t count, int bits) { return (count * bits + 7) / 8; }

std::vector<std::uint8_t> pack_codes(std::span<const std::uint8_t> codes, int bits) {
  std::vector<std::uint8_t> packed(packed_bytes(std::ssize(codes), bits), 0);
  std::size_t k = 0;
  for (int i = 0; i < bits; ++i) {
    for (const std::uint8_t code : codes) {
      packed[k / 8] = static_cast<std::uint8_t>(packed[k / 8] | ((code >> i) & 1) << k % 8);
      ++k;
    }
  }
  return packed;
}

std::vector<std::uint8_t> unpack_codes(std::span<const std::uint8_t> packed, std::int64_t count,
                                       int bits) {
  std::vector<std::uint8_t> codes(count, 0);
  std::size_t k = 0;
  for (int i = 0; i < bits; ++i) {
    for (std::uint8_t& code : codes) {
      code = static_cast<std::uint8_t>(code | ((packed[k / 8] >> k % 8) & 1) << i);
      ++k;
    }
  }
  return codes;
}

}  // namespace lq::deploy::packed_format
