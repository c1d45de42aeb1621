// The table of a quantizer, and the basis that its levels are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "convert/graph.h"

namespace lq::convert {

/// What a "quantize" node compares and maps, in host memory (see kernels::LevelTableView).
struct QuantizerTable {
  std::string scope;  ///< of the node
  int bits = 0;
  std::int64_t rows = 0;
  std::vector<float> levels;        ///< rows x 2^bits, ascending
  std::vector<float> thresholds;    ///< rows x (2^bits - 1), ascending
  std::vector<std::uint8_t> codes;  ///< rows x 2^bits, each code once per row

  std::int64_t size() const { return std::int64_t{1} << bits; }
  /// The level of `code`.
  float level(std::int64_t row, int code) const;
};

/// Throws Error, naming the node's module, when the node does not say a table in which every code
/// of its bits occurs once.
QuantizerTable quantizer_table(const Node& quantizer);

/// rows x bits: v, so that the level of a code is the sum of +v_i over its set and -v_i over its
/// clear bits. Throws Error when the levels are no such sums, but for float rounding.
std::vector<float> signed_basis(const QuantizerTable& table);

/// Levels as an offset, the level of code 0, plus the sum of the elements at set bits.
struct UnsignedBasis {
  float offset = 0.0F;
  std::vector<float> elements;
};

/// Of a table of one row. Throws Error when the levels are no such sums, but for float rounding.
UnsignedBasis unsigned_basis(const QuantizerTable& table);

/// The code of every value: an equal number of values for each row.
std::vector<std::uint8_t> assign_codes(const QuantizerTable& table, std::span<const float> values);

/// The elements of a tensor in host memory.
template <typename T>
std::vector<T> host_elements(const Tensor& tensor) {
  const Tensor host = tensor.to(Device{});
  const std::span<const T> elements = host.span<T>();
  return {elements.begin(), elements.end()};
}

}  // namespace lq::convert
