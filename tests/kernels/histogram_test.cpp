#include "kernels/histogram/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using Counts = std::vector<std::int32_t>;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float largest = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::denorm_min();
const float nan = std::numeric_limits<float>::quiet_NaN();

class HistogramKernelTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Counts count(const Tensor& values, const std::vector<float>& edges) {
    Tensor counts = Tensor::from(Counts(edges.size() + 2, -7), {std::ssize(edges) + 2});
    kernels::histogram(stream, on(stream, values), edges, on<std::int32_t>(stream, counts));
    const auto span = std::as_const(counts).span<std::int32_t>();
    return {span.begin(), span.end()};
  }
  Counts count(const std::vector<float>& values, const std::vector<float>& edges) {
    return count(Tensor::from(values, {std::ssize(values)}), edges);
  }

  Stream& stream = stream_of(GetParam());
};

/// By sorting: how many values lie below or at each edge.
Counts sorted_counts(const Tensor& values, const std::vector<float>& edges) {
  const auto span = values.span<float>();
  std::vector<float> sorted(span.begin(), span.end());
  const auto numbers =
      std::partition(sorted.begin(), sorted.end(), [](float v) { return !std::isnan(v); });
  std::sort(sorted.begin(), numbers);
  Counts counts;
  auto from = sorted.begin();
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const auto to = e + 1 < edges.size() ? std::lower_bound(from, numbers, edges[e])
                                         : std::upper_bound(from, numbers, edges[e]);
    counts.push_back(static_cast<std::int32_t>(to - from));
    from = to;
  }
  counts.push_back(static_cast<std::int32_t>(numbers - from));
  counts.push_back(static_cast<std::int32_t>(sorted.end() - numbers));
  return counts;
}

TEST_P(HistogramKernelTest, EveryValueHasAPlace) {
  const std::vector<float> values{-2, -1, -0.5F, 0, 0.5F, 1, 1.5F, 2, 3, nan, -nan};
  EXPECT_EQ(count(values, {-1, 0, 2}), (Counts{1, 2, 5, 1, 2}));
  EXPECT_EQ(count(values, {1, 1.5F}), (Counts{5, 2, 2, 2}));
}

TEST_P(HistogramKernelTest, NeighboursOfAnEdgeAreToldApart) {
  for (const float edge : {1.0F, -1.0F, 0.0F, smallest, -smallest, 3e38F, 1e-40F}) {
    const float before = std::nextafter(edge, -infinity), behind = std::nextafter(edge, infinity);
    EXPECT_EQ(count({before, edge, behind}, {edge, infinity}), (Counts{1, 2, 0, 0})) << edge;
    EXPECT_EQ(count({before, edge, behind}, {-infinity, edge}), (Counts{0, 2, 1, 0})) << edge;
    EXPECT_EQ(count({before, edge, behind}, {-infinity, edge, infinity}), (Counts{0, 1, 2, 0, 0}))
        << edge;
  }
}

TEST_P(HistogramKernelTest, ZeroHasNoSign) {
  EXPECT_EQ(count({-0.0F, 0.0F, -smallest, smallest}, {0, 1}), (Counts{1, 3, 0, 0}));
  EXPECT_EQ(count({-0.0F, 0.0F, -smallest, smallest}, {-0.0F, 1}), (Counts{1, 3, 0, 0}));
  EXPECT_EQ(count({-0.0F, 0.0F, -smallest, smallest}, {-1, -0.0F}), (Counts{0, 3, 1, 0}));
}

TEST_P(HistogramKernelTest, InfinitiesAreNumbers) {
  const std::vector<float> values{-infinity, infinity, -largest, largest, nan, 0};
  EXPECT_EQ(count(values, {-1, 1}), (Counts{2, 1, 2, 1}));
  EXPECT_EQ(count(values, {-largest, largest}), (Counts{1, 3, 1, 1}));
  EXPECT_EQ(count(values, {-infinity, infinity}), (Counts{0, 5, 0, 1}));
  EXPECT_EQ(count(values, {infinity, infinity}), (Counts{4, 1, 0, 1}));
}

TEST_P(HistogramKernelTest, BinsBetweenEqualEdgesAreEmpty) {
  const std::vector<float> values{-1, 0, 0, 1, 2};
  EXPECT_EQ(count(values, {0, 0, 0, 1}), (Counts{1, 0, 0, 3, 1, 0}));
  EXPECT_EQ(count(values, {-1, 0, 0}), (Counts{0, 1, 2, 2, 0}));
  EXPECT_EQ(count(values, {0, 0}), (Counts{1, 2, 2, 0}));
}

TEST_P(HistogramKernelTest, NoValuesAreNoTrouble) {
  EXPECT_EQ(count(Tensor({0}), {0, 1, 2}), (Counts{0, 0, 0, 0, 0}));
}

TEST_P(HistogramKernelTest, MatchesSortingOnRandomValues) {
  Rng rng(3, RngPurpose::test);
  // CUB keeps up to 256 bins of its own in shared memory, and more in global memory.
  for (const std::int64_t bins : {1, 2, 7, 60, 253, 254, 1000, 2048}) {
    for (const Shape& shape : {Shape{1}, Shape{31}, Shape{3, 5, 7}, Shape{4, 33, 33, 17}}) {
      Tensor values = random_normal(shape, static_cast<std::uint64_t>(bins));
      for (float& value : values.span<float>()) {
        if (rng.below(50) == 0) value = nan;
        if (rng.below(50) == 0) value = rng.below(2) == 0 ? infinity : -infinity;
      }
      // Edges that are values, and some that are equal.
      std::vector<float> edges;
      while (std::ssize(edges) <= bins) {
        const float value =
            values.span<float>()[rng.below(static_cast<std::uint32_t>(values.elements()))];
        edges.push_back(std::isnan(value) ? 0.25F : value);
        if (rng.below(3) == 0) edges.back() = rng.uniform(-2.0F, 2.0F);
      }
      std::ranges::sort(edges);
      EXPECT_EQ(count(values, edges), sorted_counts(values, edges))
          << bins << " of " << shape.to_string();
    }
  }
}

TEST_P(HistogramKernelTest, TakesAsManyBinsAsItSays) {
  std::vector<float> edges;
  for (int i = 0; i <= kernels::max_histogram_bins; ++i) edges.push_back(static_cast<float>(i));
  const Tensor values = Tensor::from(edges, {std::ssize(edges)});
  EXPECT_EQ(count(values, edges), sorted_counts(values, edges));
}

TEST_P(HistogramKernelTest, ManyEqualValuesAreAllCounted) {
  constexpr std::int64_t many = 300'007;
  EXPECT_EQ(count(Tensor::full({many}, 0.5F), {0, 0.5F, 1}), (Counts{0, 0, many, 0, 0}));
}

TEST_P(HistogramKernelTest, WorksForAnyNumberOfThreads) {
  const int threads = num_threads();
  const Tensor values = random_normal({700'001}, 9);
  const std::vector<float> edges{-1, 0, 0.5F, 2};
  const Counts expected = sorted_counts(values, edges);
  for (const int several : {1, 2, 3}) {
    set_num_threads(several);
    EXPECT_EQ(count(values, edges), expected);
  }
  set_num_threads(threads);
}

TEST_P(HistogramKernelTest, ViewsNeedNoAlignment) {
  const Tensor values = random_normal({3, 1001}, 1);
  const std::vector<float> edges{-1, 0, 1};
  Tensor counts({5}, DType::i32);
  kernels::histogram(stream, Unaligned(stream, values).view(), edges,
                     on<std::int32_t>(stream, counts));
  const auto found = std::as_const(counts).span<std::int32_t>();
  EXPECT_EQ(Counts(found.begin(), found.end()), sorted_counts(values, edges));
}

TEST_P(HistogramKernelTest, RefusesWhatDoesNotFit) {
  const Device here = stream.device();
  const Tensor input = Tensor::zeros({4}, DType::f32, here);
  Tensor output({4}, DType::i32, here);
  const ConstView<float> values = input.view<float>();
  const View<std::int32_t> counts = output.view<std::int32_t>();
  const auto refuses = [this](ConstView<float> from, const std::vector<float>& edges,
                              View<std::int32_t> to, std::string_view message) {
    return throws_error([&] { kernels::histogram(stream, from, edges, to); }, message);
  };
  EXPECT_TRUE(refuses(values, {}, counts, "histogram: 0 edges, expected 2 to 16385"));
  EXPECT_TRUE(refuses(values, {1}, counts, "histogram: 1 edges, expected 2 to 16385"));
  EXPECT_TRUE(refuses(values, std::vector<float>(16386), counts, "histogram: 16386 edges"));
  EXPECT_TRUE(refuses(values, {1, 0}, counts,
                      "histogram: edges 0 and 1 are 1 and 0, expected none that descend"));
  EXPECT_TRUE(refuses(values, {0, 1, nan}, counts, "histogram: edges 1 and 2 are 1 and nan"));
  EXPECT_TRUE(refuses(values, {nan, 1}, counts, "histogram: edges 0 and 1 are nan and 1"));
  EXPECT_TRUE(refuses({}, {0, 1}, counts, "histogram: values is absent"));
  EXPECT_TRUE(refuses(elsewhere(values), {0, 1}, counts, "histogram: values is on cuda:7"));
  EXPECT_TRUE(refuses(values, {0, 1}, {}, "histogram: counts is absent, expected 4"));
  EXPECT_TRUE(refuses(values, {0, 1, 2}, counts, "histogram: counts is 4, expected 5"));
  EXPECT_TRUE(refuses(values, {0, 1}, elsewhere(counts), "histogram: counts is on cuda:7"));
  const ConstView<float> many{values.data, {std::int64_t{1} << 31}, here};
  EXPECT_TRUE(
      refuses(many, {0, 1}, counts, "histogram: 2147483648 values, expected at most 2147483647"));
}

INSTANTIATE_TEST_SUITE_P(Backends, HistogramKernelTest,
                         ::testing::ValuesIn(uncapped(all_backends())), backend_case_name);

}  // namespace
}  // namespace lq::testing
