#include "layers/quantizers/basis_health.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lq {

namespace {

/// What a step did with one row of the table.
struct Row {
  std::span<const float> levels;         // 2^K, sorted
  std::span<const std::uint8_t> codes;   // of the levels
  std::span<const std::int64_t> counts;  // at the levels
  int bits;
};

std::int64_t levels_in_use(const Row& row) {
  return std::ranges::count_if(row.counts, [](std::int64_t count) { return count > 0; });
}

std::int64_t distinct_levels(const Row& row) {
  constexpr double share_of_even_spacing = 0.01;
  const auto gap = [&](std::size_t low, std::size_t high) {
    return static_cast<double>(row.levels[high]) - static_cast<double>(row.levels[low]);
  };
  const std::size_t top = row.levels.size() - 1;
  const double closest = share_of_even_spacing * gap(0, top) / static_cast<double>(top);
  std::int64_t distinct = 1;
  for (std::size_t l = 0; l < top; ++l) distinct += gap(l, l + 1) > closest ? 1 : 0;
  return distinct;
}

/// B^T B of the codes in use, without any ridge; row-major, K x K.
class Normal {
 public:
  Normal(const Row& row, kernels::CodeAlphabet alphabet) : bits_(row.bits) {
    const double clear = alphabet == kernels::CodeAlphabet::zero_one ? 0.0 : -1.0;
    for (std::size_t l = 0; l < row.codes.size(); ++l) {
      const auto bit = [&](int j) { return (row.codes[l] >> j & 1) != 0 ? 1.0 : clear; };
      for (int i = 0; i < bits_; ++i) {
        for (int j = 0; j < bits_; ++j) {
          at(i, j) += bit(i) * bit(j) * static_cast<double>(row.counts[l]);
        }
      }
    }
  }

  /// Number of pivots above `ridge`, largest first: the directions in which data outweighs it.
  std::int64_t rank_above(double ridge) {
    for (int done = 0; done < bits_; ++done) {
      int pivot = done;
      for (int i = done + 1; i < bits_; ++i) {
        if (at(i, i) > at(pivot, pivot)) pivot = i;
      }
      if (!(at(pivot, pivot) > ridge)) return done;
      exchange(done, pivot);
      eliminate(done);
    }
    return bits_;
  }

 private:
  double& at(int i, int j) { return values_[i * bits_ + j]; }

  void exchange(int a, int b) {
    for (int j = 0; j < bits_; ++j) std::swap(at(a, j), at(b, j));
    for (int i = 0; i < bits_; ++i) std::swap(at(i, a), at(i, b));
  }

  void eliminate(int pivot) {
    for (int i = pivot + 1; i < bits_; ++i) {
      const double factor = at(i, pivot) / at(pivot, pivot);
      for (int j = pivot; j < bits_; ++j) at(i, j) -= factor * at(pivot, j);
    }
  }

  int bits_;
  std::array<double, kernels::max_bits * kernels::max_bits> values_{};
};

std::int64_t determined_elements(const Row& row, const kernels::QemOptions& options) {
  double values = 0;
  for (const std::int64_t count : row.counts) values += static_cast<double>(count);
  // What elimination leaves of a zero.
  constexpr double rounding = 1e-12;
  const double ridge = options.ridge + (options.ridge_per_value + rounding) * values;
  return Normal(row, options.alphabet).rank_above(ridge);
}

/// "only 3 of 4 <what>", or nothing when all rows have all of them.
std::string finding(const std::vector<std::int64_t>& of_rows, std::int64_t all,
                    std::string_view what) {
  const std::int64_t worst = *std::ranges::min_element(of_rows);
  if (worst == all) return {};
  if (of_rows.size() == 1) return fmt::format("only {} of {} {}", worst, all, what);
  const auto concerned = std::ranges::count_if(of_rows, [&](std::int64_t n) { return n < all; });
  return fmt::format("down to {} of {} {} in {} of {} channels", worst, all, what, concerned,
                     of_rows.size());
}

}  // namespace

std::string basis_health(const autograd::LevelTable& table, const Tensor& counts,
                         const kernels::QemOptions& options) {
  const Tensor levels = table.levels.to(Device{});
  const Tensor codes = table.codes.to(Device{});
  const Tensor host_counts = counts.to(Device{});
  const std::int64_t rows = levels.shape()[0];
  const std::int64_t size = levels.shape()[1];
  const int bits = std::countr_zero(static_cast<std::uint64_t>(size));
  std::vector<std::int64_t> in_use;
  std::vector<std::int64_t> distinct;
  std::vector<std::int64_t> determined;
  for (std::int64_t r = 0; r < rows; ++r) {
    const Row row{.levels = levels.span<float>().subspan(r * size, size),
                  .codes = codes.span<std::uint8_t>().subspan(r * size, size),
                  .counts = host_counts.span<std::int64_t>().subspan(r * size, size),
                  .bits = bits};
    in_use.push_back(levels_in_use(row));
    distinct.push_back(distinct_levels(row));
    determined.push_back(determined_elements(row, options));
  }
  std::vector<std::string> findings = {
      finding(in_use, size, "levels in use"), finding(distinct, size, "levels distinct"),
      finding(determined, bits, "basis elements determined by the data")};
  std::erase(findings, "");
  return fmt::format("{}", fmt::join(findings, "; "));
}

}  // namespace lq
