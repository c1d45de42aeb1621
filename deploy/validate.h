// Whether a packed model is sound: all that its parts must have in common.
#pragma once

#include <cstdint>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Far above any network, and low enough that no product of extents overflows.
inline constexpr std::int64_t max_extent = std::int64_t{1} << 20;          ///< h, w or c
inline constexpr std::int64_t max_value_elements = std::int64_t{1} << 26;  ///< of one image
inline constexpr std::int64_t max_window = 1024;                    ///< kernel, stride or padding
inline constexpr std::int64_t max_weights = std::int64_t{1} << 40;  ///< of one layer
inline constexpr std::int64_t max_total_channels = std::int64_t{1} << 24;  ///< of all layers
inline constexpr std::int64_t max_total_rows = std::int64_t{1} << 20;      ///< of their results
inline constexpr std::size_t max_parts = 16384;  ///< values, or operations
inline constexpr std::size_t max_name_bytes = 256;

/// Throws Error, in one line that names the operation, unless
/// - every value but the input is written by exactly one operation, before it is read;
/// - kinds and extents of values are those that their operations have by geometry, weights and
///   window, and every window of a pooling operation contains a pixel;
/// - descriptions of convolutions hold what kernels::check_description() wants, their short forms
///   agree with them, and sums on the integer grid fit 32 bits;
/// - input and output are floats, and mean and class names fit them.
/// A model that passes can be run without reading or writing out of bounds.
void validate(const PackedModel& model);

/// The same for one value.
void validate(const Value& value);

}  // namespace lq::deploy
