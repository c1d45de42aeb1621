#include "convert/quantizer_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "convert/layer_nodes.h"
#include "kernels/common/level_table_view.h"

namespace lq::convert {

namespace {

void check_codes(const QuantizerTable& table) {
  for (std::int64_t row = 0; row < table.rows; ++row) {
    std::vector<bool> seen(table.size(), false);
    for (std::int64_t position = 0; position < table.size(); ++position) {
      const std::uint8_t code = table.codes[row * table.size() + position];
      check(code < table.size() && !seen[code],
            "pack: quantizer '{}' has code {} twice or beyond its {} bits", table.scope, code,
            table.bits);
      seen[code] = true;
    }
  }
}

/// Checks one row against the sums of `basis`, whose elements count from `clear` to 1 times.
void check_sums(const QuantizerTable& table, std::int64_t row, double offset,
                std::span<const float> basis, double clear) {
  double magnitude = std::abs(offset);
  for (const float element : basis) magnitude += std::abs(static_cast<double>(element));
  // Each element comes from two rounded levels, and the level under test is rounded as well.
  const double tolerance =
      4 * static_cast<double>(basis.size() + 1) * std::numeric_limits<float>::epsilon() * magnitude;
  for (int code = 0; code < table.size(); ++code) {
    double sum = offset;
    for (std::size_t i = 0; i < basis.size(); ++i) {
      sum += basis[i] * (((code >> i) & 1) != 0 ? 1.0 : clear);
    }
    const double level = table.level(row, code);
    check(std::abs(level - sum) <= tolerance,
          "pack: quantizer '{}' has level {} at code {}, expected {}: levels must be sums of a "
          "basis",
          table.scope, level, code, sum);
  }
}

}  // namespace

float QuantizerTable::level(std::int64_t row, int code) const {
  const auto first = codes.begin() + row * size();
  return levels[row * size() + (std::find(first, first + size(), code) - first)];
}

QuantizerTable quantizer_table(const Node& quantizer) {
  QuantizerTable table{.scope = quantizer.scope,
                       .bits = quantizer_bits(quantizer),
                       .rows = quantizer.constant("levels").shape()[0],
                       .levels = host_elements<float>(quantizer.constant("levels")),
                       .thresholds = host_elements<float>(quantizer.constant("thresholds")),
                       .codes = host_elements<std::uint8_t>(quantizer.constant("codes"))};
  check(table.bits >= 1 && table.bits <= kernels::max_bits &&
            std::ssize(table.levels) == table.rows * table.size(),
        "pack: quantizer '{}' has {} levels in {} bits", table.scope,
        std::ssize(table.levels) / table.rows, table.bits);
  check_codes(table);
  return table;
}

std::vector<float> signed_basis(const QuantizerTable& table) {
  std::vector<float> basis;
  for (std::int64_t row = 0; row < table.rows; ++row) {
    const double lowest = table.level(row, 0);
    for (int i = 0; i < table.bits; ++i) {
      basis.push_back(static_cast<float>((table.level(row, 1 << i) - lowest) / 2));
    }
    check_sums(table, row, 0.0, std::span(basis).last(table.bits), -1.0);
  }
  return basis;
}

UnsignedBasis unsigned_basis(const QuantizerTable& table) {
  check(table.rows == 1, "pack: quantizer '{}' has {} tables, expected one for the whole layer",
        table.scope, table.rows);
  UnsignedBasis basis{.offset = table.level(0, 0)};
  for (int i = 0; i < table.bits; ++i) {
    basis.elements.push_back(table.level(0, 1 << i) - basis.offset);
  }
  check_sums(table, 0, basis.offset, basis.elements, 0.0);
  return basis;
}

std::vector<std::uint8_t> assign_codes(const QuantizerTable& table, std::span<const float> values) {
  const std::int64_t per_row = std::ssize(values) / table.rows;
  std::vector<std::uint8_t> codes;
  codes.reserve(values.size());
  for (std::int64_t index = 0; index < std::ssize(values); ++index) {
    const std::int64_t row = index / per_row;
    const auto first = table.thresholds.begin() + row * (table.size() - 1);
    // A value equal to a threshold stays below it.
    const auto position = std::lower_bound(first, first + table.size() - 1, values[index]) - first;
    codes.push_back(table.codes[row * table.size() + position]);
  }
  return codes;
}

}  // namespace lq::convert
