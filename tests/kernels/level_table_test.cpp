#include "kernels/level_table/level_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/level_tables.h"
#include "tests/support/quantizer_oracle.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using Codes = std::vector<std::uint8_t>;

constexpr float infinity = std::numeric_limits<float>::infinity();
/// Half a unit in the last place: what one rounding to float costs.
constexpr double rounding = std::numeric_limits<float>::epsilon() / 2;

template <typename T>
std::vector<T> values(const Tensor& tensor) {
  const auto span = tensor.span<T>();
  return {span.begin(), span.end()};
}

class LevelTableTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  TableTensors make(const Tensor& basis, CodeAlphabet alphabet) {
    TableTensors table(basis.shape()[0], std::int64_t{1} << basis.shape()[1]);
    TableTensors there = table.to(stream.device());
    kernels::make_level_table(stream, on(stream, basis), alphabet, there.outputs());
    table = there.to(Device{});
    return table;
  }
  TableTensors make(const std::vector<float>& basis, CodeAlphabet alphabet) {
    return make(Tensor::from(basis, {1, std::ssize(basis)}), alphabet);
  }

  Stream& stream = stream_of(GetParam());
};

TEST_P(LevelTableTest, GoldenWeights) {
  const TableTensors table = make({0.2F, 0.5F}, CodeAlphabet::minus_plus_one);
  EXPECT_TRUE(all_close(values<float>(table.levels), std::vector{-0.7, -0.3, 0.3, 0.7}, 1e-7, 0));
  EXPECT_TRUE(all_close(values<float>(table.thresholds), std::vector{-0.5, 0.0, 0.5}, 1e-7, 0));
  EXPECT_EQ(values<std::uint8_t>(table.codes), (Codes{0, 1, 2, 3}));
  EXPECT_EQ(values<float>(table.pass_range), (std::vector{-infinity, infinity}));
}

TEST_P(LevelTableTest, GoldenActivations) {
  // The initial basis for two bits: 2 * 0.6745 / 3, doubled.
  const TableTensors table = make({0.4496667F, 0.8993333F}, CodeAlphabet::zero_one);
  EXPECT_TRUE(all_close(values<float>(table.levels), std::vector{0.0, 0.4496667, 0.8993333, 1.349},
                        1e-7, 0));
  EXPECT_TRUE(
      all_close(values<float>(table.thresholds), std::vector{0.224833, 0.6745, 1.124167}, 0, 1e-6));
  EXPECT_EQ(values<std::uint8_t>(table.codes), (Codes{0, 1, 2, 3}));
  EXPECT_EQ(values<float>(table.pass_range),
            (std::vector{-infinity, values<float>(table.levels).back()}));
}

TEST_P(LevelTableTest, LowestLevelOfANegativeBasisHasItsOwnCode) {
  const TableTensors weights = make({-0.2F, 0.5F}, CodeAlphabet::minus_plus_one);
  EXPECT_TRUE(all_close(values<float>(weights.levels), std::vector{-0.7, -0.3, 0.3, 0.7}, 1e-7, 0));
  EXPECT_EQ(values<std::uint8_t>(weights.codes), (Codes{1, 0, 3, 2}));

  const TableTensors activations = make({-0.25F, -0.5F}, CodeAlphabet::zero_one);
  EXPECT_EQ(values<float>(activations.levels), (std::vector{-0.75F, -0.5F, -0.25F, 0.0F}));
  EXPECT_EQ(values<std::uint8_t>(activations.codes), (Codes{3, 2, 1, 0}));
  EXPECT_EQ(values<float>(activations.pass_range), (std::vector{-infinity, 0.0F}));
}

TEST_P(LevelTableTest, DecreasingBasisPermutesTheCodes) {
  const TableTensors table = make({4.0F, 1.0F, 2.0F}, CodeAlphabet::zero_one);
  EXPECT_EQ(values<float>(table.levels), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(values<std::uint8_t>(table.codes), (Codes{0, 2, 4, 6, 1, 3, 5, 7}));
}

TEST_P(LevelTableTest, EqualLevelsAreInTheOrderOfTheirCodes) {
  EXPECT_EQ(values<std::uint8_t>(make({0.0F, 0.0F, 0.0F}, CodeAlphabet::minus_plus_one).codes),
            (Codes{0, 1, 2, 3, 4, 5, 6, 7}));
  const TableTensors twins = make({0.5F, 0.5F}, CodeAlphabet::minus_plus_one);
  EXPECT_EQ(values<float>(twins.levels), (std::vector{-1.0F, 0.0F, 0.0F, 1.0F}));
  EXPECT_EQ(values<float>(twins.thresholds), (std::vector{-0.5F, 0.0F, 0.5F}));
  EXPECT_EQ(values<std::uint8_t>(twins.codes), (Codes{0, 1, 2, 3}));
}

void expect_row_is_right(const TableTensors& table, std::int64_t r, const QuantizerOracle& oracle) {
  const std::int64_t size = oracle.codes();
  std::vector<long double> exact;
  for (int code = 0; code < size; ++code) exact.push_back(oracle.level(code));
  std::ranges::sort(exact);
  const auto level = [&](std::int64_t l) { return table.levels.data<float>()[r * size + l]; };
  const auto magnitude =
      std::accumulate(oracle.basis.begin(), oracle.basis.end(), 0.0L,
                      [](long double sum, long double element) { return sum + std::abs(element); });
  // The sums are in double: only then comes the rounding to float.
  const long double summation = static_cast<long double>(oracle.basis.size()) *
                                std::numeric_limits<double>::epsilon() * magnitude;
  std::vector<bool> seen(size, false);
  for (std::int64_t l = 0; l < size; ++l) {
    EXPECT_LE(std::abs(level(l) - exact[l]), rounding * std::abs(exact[l]) + summation);
    const int code = table.codes.data<std::uint8_t>()[r * size + l];
    EXPECT_FALSE(seen[code]) << "code " << code << " twice";
    seen[code] = true;
    EXPECT_LE(std::abs(level(l) - oracle.level(code)), rounding * std::abs(exact[l]) + summation);
    if (l == 0) continue;
    EXPECT_LE(level(l - 1), level(l));
    const long double middle = (exact[l - 1] + exact[l]) / 2;
    const float threshold = table.thresholds.data<float>()[r * (size - 1) + l - 1];
    EXPECT_LE(std::abs(threshold - middle), rounding * std::abs(middle) + summation);
  }
  const bool one_sided = oracle.alphabet == CodeAlphabet::zero_one;
  EXPECT_EQ(table.pass_range.data<float>()[2 * r], -infinity);
  EXPECT_EQ(table.pass_range.data<float>()[2 * r + 1], one_sided ? level(size - 1) : infinity);
}

TEST_P(LevelTableTest, MatchesExhaustiveSearchForAnyBasis) {
  Rng rng(11, RngPurpose::test);
  for (const CodeAlphabet alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const std::int64_t rows : {1, 3, 17}) {
        const Tensor basis = random_basis(rows, bits, rng);
        const TableTensors table = make(basis, alphabet);
        for (std::int64_t r = 0; r < rows; ++r) {
          SCOPED_TRACE(::testing::Message() << bits << " bits, row " << r << " of " << rows);
          expect_row_is_right(table, r, {basis.slice(r, r + 1).span<float>(), alphabet});
        }
      }
    }
  }
}

TEST_P(LevelTableTest, RefusesABasisThatIsNotFinite) {
  if (is_elsewhere(stream)) GTEST_SKIP() << "the host does not see it";
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity};
  for (const float element : bad) {
    EXPECT_TRUE(throws_error(
        [&] {
          make({1.0F, element}, CodeAlphabet::zero_one);
        },
        "make_level_table: basis element 1 of row 0 is"));
  }
}

TEST_P(LevelTableTest, ABasisThatIsNotFiniteHasNoLevelsOnADevice) {
  if (!is_elsewhere(stream)) GTEST_SKIP() << "it is refused";
  for (const float element : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    const TableTensors table = make({1.0F, element}, CodeAlphabet::zero_one);
    for (const float level : values<float>(table.levels)) EXPECT_TRUE(std::isnan(level));
    EXPECT_EQ(values<std::uint8_t>(table.codes), (Codes{0, 1, 2, 3}));
  }
}

TEST_P(LevelTableTest, RefusesViewsThatDoNotFit) {
  const auto refused = [this](ConstView<float> basis, const kernels::LevelTableOutputs& table,
                              std::string_view message) {
    return throws_error(
        [&] { kernels::make_level_table(stream, basis, CodeAlphabet::zero_one, table); }, message);
  };
  const Device device = stream.device();
  const Tensor good({2, 2}, DType::f32, device), nine({1, 9}, DType::f32, device),
      flat({4}, DType::f32, device);
  const ConstView<float> basis = good.view<float>();
  TableTensors tensors = TableTensors(2, 4).to(device);
  TableTensors other_rows = TableTensors(1, 4).to(device);
  TableTensors other_bits = TableTensors(2, 8).to(device);
  const kernels::LevelTableOutputs table = tensors.outputs();
  EXPECT_TRUE(refused(nine.view<float>(), table,
                      "make_level_table: basis is 1x9, expected R x K with K from 1 to 8"));
  EXPECT_TRUE(refused(flat.view<float>(), table, "make_level_table: basis is 4, expected R x K"));
  EXPECT_TRUE(refused({nullptr, {2, 2}}, table, "make_level_table: basis is absent, expected 2x2"));
  EXPECT_TRUE(refused(elsewhere(basis), table, "make_level_table: basis is on cuda:7"));
  EXPECT_TRUE(refused(basis, other_rows.outputs(), "levels is 1x4, expected 2x4"));
  EXPECT_TRUE(refused(basis, other_bits.outputs(), "levels is 2x8, expected 2x4"));

  const auto expect_checked = [&](auto member, const std::string& name) {
    kernels::LevelTableOutputs views = table;
    views.*member = {};
    EXPECT_TRUE(refused(basis, views, "make_level_table: " + name + " is absent"));
    views.*member = elsewhere(table.*member);
    EXPECT_TRUE(refused(basis, views, "make_level_table: " + name + " is on cuda:7"));
  };
  expect_checked(&kernels::LevelTableOutputs::levels, "levels");
  expect_checked(&kernels::LevelTableOutputs::thresholds, "thresholds");
  expect_checked(&kernels::LevelTableOutputs::codes, "codes");
  expect_checked(&kernels::LevelTableOutputs::pass_range, "pass_range");
}

INSTANTIATE_TEST_SUITE_P(Backends, LevelTableTest, ::testing::ValuesIn(uncapped(all_backends())),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
