// A library that nobody here wrote: Thrust (on CUB) from the toolkit's headers, against the host.

#include <thrust/adjacent_difference.h>
#include <thrust/binary_search.h>
#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/reduce.h>
#include <thrust/scan.h>
#include <thrust/sort.h>
#include <thrust/transform_reduce.h>
#include <thrust/unique.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "check.h"

std::mt19937 generator(11);

template <typename T>
bool equal(const thrust::device_vector<T>& device, const std::vector<T>& expected) {
  std::vector<T> values(device.size());
  thrust::copy(device.begin(), device.end(), values.begin());
  return values == expected;
}

std::vector<int> random_integers(std::size_t count, unsigned limit) {
  std::vector<int> values(count);
  for (int& value : values) value = static_cast<int>(generator() % limit);
  return values;
}

void test_integers() {
  auto host = random_integers(5000, 10000);
  thrust::device_vector<int> device(host.begin(), host.end());
  expect(thrust::reduce(device.begin(), device.end(), 0L) ==
             std::accumulate(host.begin(), host.end(), 0L),
         "reduce");
  thrust::device_vector<int> sums(host.size());
  std::vector<int> host_sums(host.size());
  thrust::exclusive_scan(device.begin(), device.end(), sums.begin());
  std::exclusive_scan(host.begin(), host.end(), host_sums.begin(), 0);
  expect(equal(sums, host_sums), "exclusive_scan");
  thrust::sort(device.begin(), device.end());
  std::sort(host.begin(), host.end());
  expect(equal(device, host), "sort");
  device.erase(thrust::unique(device.begin(), device.end()), device.end());
  host.erase(std::unique(host.begin(), host.end()), host.end());
  expect(equal(device, host), "unique");
}

template <typename T>
void test_sort_by_key() {
  const auto random = random_integers(3001, 1000);
  std::vector<T> keys;
  for (const int value : random) keys.push_back(static_cast<T>(value - 500) / 8);
  std::vector<int> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  thrust::device_vector<T> device_keys(keys.begin(), keys.end());
  thrust::device_vector<int> values(order.begin(), order.end());
  thrust::stable_sort_by_key(device_keys.begin(), device_keys.end(), values.begin());
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
  std::sort(keys.begin(), keys.end());
  expect(equal(device_keys, keys), "sort_by_key: keys");
  expect(equal(values, order), "sort_by_key: values");
}

struct Square {
  __host__ __device__ double operator()(double x) const { return x * x; }
};

/// Eighths up to 125: all sums of squares are exact in both types.
template <typename T>
void test_transform_reduce() {
  std::vector<T> x;
  for (const int value : random_integers(1000, 1000)) x.push_back(static_cast<T>(value) / 8);
  thrust::device_vector<T> device(x.begin(), x.end());
  double expected = 0;
  for (const T value : x) expected += static_cast<double>(value) * value;
  const double result =
      thrust::transform_reduce(device.begin(), device.end(), Square{}, 0.0, thrust::plus<double>{});
  expect(result == expected, "transform_reduce");
}

/// Sorted values, the end of each bin among them, and differences of these.
void test_histogram() {
  constexpr int bins = 17;
  const auto x = random_integers(4000, bins);
  thrust::device_vector<int> device(x.begin(), x.end()), counts(bins);
  thrust::sort(device.begin(), device.end());
  const thrust::counting_iterator<int> bin(0);
  thrust::upper_bound(device.begin(), device.end(), bin, bin + bins, counts.begin());
  thrust::adjacent_difference(counts.begin(), counts.end(), counts.begin());
  std::vector<int> expected(bins);
  for (const int value : x) ++expected[value];
  expect(equal(counts, expected), "histogram");
}

int main() {
  test_integers();
  test_sort_by_key<float>();
  test_sort_by_key<double>();
  test_transform_reduce<float>();
  test_transform_reduce<double>();
  test_histogram();
  return finish();
}
