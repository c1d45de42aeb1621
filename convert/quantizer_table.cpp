#include "convert/quantizer_table.h"

#include <algorithm>

#include "convert/layer_nodes.h"
#include "kernels/common/level_basis.h"

namespace lq::convert {

namespace {

using kernels::CodeAlphabet;

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

std::vector<double> levels_by_code(const QuantizerTable& table, std::int64_t row) {
  std::vector<double> levels;
  for (int code = 0; code < table.size(); ++code) levels.push_back(table.level(row, code));
  return levels;
}

void check_sums(const QuantizerTable& table, std::span<const double> by_code, double offset,
                std::span<const float> basis, CodeAlphabet alphabet) {
  const auto misfit = kernels::find_misfit(by_code, offset, basis, alphabet);
  if (!misfit) return;
  fail("pack: quantizer '{}' has level {} at code {}, expected {}: levels must be sums of a basis",
       table.scope, by_code[misfit->code], misfit->code, misfit->sum);
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
  constexpr auto alphabet = CodeAlphabet::minus_plus_one;
  std::vector<float> basis;
  for (std::int64_t row = 0; row < table.rows; ++row) {
    const std::vector<double> levels = levels_by_code(table, row);
    const std::vector<float> own = kernels::basis_of_levels(levels, alphabet);
    check_sums(table, levels, 0.0, own, alphabet);
    basis.insert(basis.end(), own.begin(), own.end());
  }
  return basis;
}

UnsignedBasis unsigned_basis(const QuantizerTable& table) {
  check(table.rows == 1, "pack: quantizer '{}' has {} tables, expected one for the whole layer",
        table.scope, table.rows);
  constexpr auto alphabet = CodeAlphabet::zero_one;
  const std::vector<double> levels = levels_by_code(table, 0);
  UnsignedBasis basis{.offset = table.level(0, 0),
                      .elements = kernels::basis_of_levels(levels, alphabet)};
  check_sums(table, levels, basis.offset, basis.elements, alphabet);
  return basis;
}

std::vector<std::uint8_t> assign_codes(const QuantizerTable& table, std::span<const float> values) {
  const std::int64_t per_row = std::ssize(values) / table.rows;
  std::vector<std::uint8_t> codes;
  codes.reserve(values.size());
  for (std::int64_t row = 0; row < table.rows; ++row) {
    const auto first = table.thresholds.begin() + row * (table.size() - 1);
    const auto last = first + table.size() - 1;
    for (const float value : values.subspan(row * per_row, per_row)) {
      // A value equal to a threshold stays below it.
      const auto position = std::lower_bound(first, last, value) - first;
      codes.push_back(table.codes[row * table.size() + position]);
    }
  }
  return codes;
}

}  // namespace lq::convert
