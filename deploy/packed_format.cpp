#include "deploy/packed_format.h"

#include <fmt/format.h>

#include <utility>

namespace lq::deploy::packed_format {

bool has_channel_mean(const PackedModel& model) {
  const Value& input = model.values[model.input];
  return std::cmp_equal(model.preprocessing.mean.size(), input.c) && input.h * input.w > 1;
}

bool fits_version_1(const PackedModel& model) {
  const Preprocessing& preprocessing = model.preprocessing;
  return preprocessing.scale.size() == 1 && !has_channel_mean(model) &&
         preprocessing.shorter_side == 0 && !preprocessing.bgr;
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
