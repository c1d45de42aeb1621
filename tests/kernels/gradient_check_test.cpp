#include "tests/support/gradient_check.h"

#include <limits>

namespace lq::testing {
namespace {

// f(x) = x0^2 x1 + sin(x2), gradient (2 x0 x1, x0^2, cos(x2)).
double example(const std::vector<double>& x) { return x[0] * x[0] * x[1] + std::sin(x[2]); }

const std::vector<double> point = {1.5, -0.75, 40.0};
const std::vector<double> gradient = {2 * 1.5 * -0.75, 1.5 * 1.5, std::cos(40.0)};

TEST(GradientCheckTest, AcceptsTheGradient) {
  EXPECT_TRUE(gradient_matches(example, point, gradient));
}

TEST(GradientCheckTest, NamesTheWorstElement) {
  std::vector<double> wrong = gradient;
  wrong[0] += 1e-5;
  wrong[1] += 1e-3;
  const auto result = gradient_matches(example, point, wrong);
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("element 1"), std::string::npos) << result.message();
}

TEST(GradientCheckTest, RefusesNanAndMissingElements) {
  std::vector<double> wrong = gradient;
  wrong[2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(gradient_matches(example, point, wrong));
  EXPECT_FALSE(gradient_matches(example, point, {gradient[0], gradient[1]}));
  EXPECT_FALSE(gradient_matches([](const std::vector<double>&) { return 0.0; }, {}, {}));
}

TEST(GradientCheckTest, SeparatedValuesAreSeparated) {
  const Tensor tensor = well_separated({5, 7}, 3);
  std::vector<double> values = to_double(tensor);
  EXPECT_FALSE(std::ranges::is_sorted(values));
  std::ranges::sort(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_GE(std::abs(values[i]), 0.0625);
    if (i > 0) {
      EXPECT_GE(values[i] - values[i - 1], 0.125);
    }
  }
}

}  // namespace
}  // namespace lq::testing
