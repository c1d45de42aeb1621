// What the writer and the reader of packed files share. Internal to deploy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy::packed_format {

inline constexpr std::string_view format_key = "format";
inline constexpr std::string_view version_key = "version";
inline constexpr std::string_view program_key = "program";

inline constexpr std::string_view floats_name = "floats";
inline constexpr std::string_view bytes_name = "bytes";
inline constexpr std::string_view mean_name = "mean";

/// Key of the program for the variant, which older files and models without variants do not have.
inline constexpr std::string_view variant_key = "variant";

// Keys of the program for the preprocessing that version 2 has.
inline constexpr std::string_view shorter_side_key = "shorter_side";
inline constexpr std::string_view resampling_key = "resampling";
inline constexpr std::string_view order_key = "order";
inline constexpr std::array resampling_names = {
    std::pair{Resampling::bicubic, "bicubic"},
    std::pair{Resampling::bicubic_opencv, "bicubic_opencv"}};

/// Whether all numbers of the mean are for the channels of a pixel, not for an image.
bool has_channel_mean(const PackedModel& model);
/// Whether version 1 has words for the preprocessing.
bool fits_version_1(const PackedModel& model);

/// The basis of a segment's weights, as the file has it.
struct BasisView {
  int bits = 0;                     ///< 0: the segment has none
  std::span<const float> elements;  ///< O x bits
  std::span<const float> scale;     ///< O, where the elements are whole numbers; otherwise empty
};

/// Whether both are the same bit by bit.
bool is_same(const BasisView& a, const BasisView& b);
/// Refers to the operation, which must have the segment.
BasisView basis_of(const Convolution& operation, std::size_t segment);

/// Name of the tensor with the weights of a segment.
std::string weights_name(std::size_t operation, std::size_t segment);

// Names of operations.
inline constexpr std::string_view convolution = "conv";
inline constexpr std::string_view max_pool = "max_pool";
inline constexpr std::string_view average_pool = "average_pool";
inline constexpr std::string_view global_average_pool = "global_average_pool";
inline constexpr std::string_view dequantize = "dequantize";
inline constexpr std::string_view channel_pad = "channel_pad";
inline constexpr std::string_view concat = "concat";

/// Whether an affine map has a scale or a shift in the file: a sum of these.
inline constexpr int has_scale = 1;
inline constexpr int has_shift = 2;
/// Whether a float result has both of them, and ReLU: a sum of these.
inline constexpr int has_affine = 1;
inline constexpr int has_relu = 2;

/// How the thresholds of a symbol result are stored.
enum class ThresholdForm : unsigned char {
  plain,   ///< count x O thresholds, all signs +1
  signs,   ///< the same, and a bit for every sign
  folded,  ///< levels, and scale and shift of every channel
};

/// Bytes of `count` codes of `bits` bits.
std::int64_t packed_bytes(std::int64_t count, int bits);

/// Planes of bits without gaps: bit `k` of the result, counted from the lowest bit of the first
/// byte, is bit k / count of code k % count.
std::vector<std::uint8_t> pack_codes(std::span<const std::uint8_t> codes, int bits);

/// The inverse; `packed` has packed_bytes(count, bits) bytes.
std::vector<std::uint8_t> unpack_codes(std::span<const std::uint8_t> packed, std::int64_t count,
                                       int bits);

}  // namespace lq::deploy::packed_format
