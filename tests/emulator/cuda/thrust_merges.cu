// What CUB and Thrust do by merging and by key, against the host. Their merge sort reads one word
// of shared memory behind what it has written, and drops it: runs with LQNET_EMULATED_UNWRITTEN=1.

#include <thrust/device_vector.h>
#include <thrust/host_vector.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/merge.h>
#include <thrust/partition.h>
#include <thrust/random.h>
#include <thrust/reduce.h>
#include <thrust/scan.h>
#include <thrust/set_operations.h>
#include <thrust/sort.h>
#include <thrust/transform.h>

#include <algorithm>
#include <random>

#include "check.h"

std::mt19937 generator(1);

std::vector<int> random_integers(std::size_t count) {
  std::vector<int> values(count);
  for (int& value : values) value = static_cast<int>(generator() % 5000);
  return values;
}

template <typename T>
bool starts_with(const thrust::device_vector<T>& device, const std::vector<T>& expected) {
  const thrust::host_vector<T> values = device;
  return values.size() >= expected.size() &&
         std::equal(expected.begin(), expected.end(), values.begin());
}

struct ByLastDigit {
  __host__ __device__ bool operator()(int a, int b) const {
    return a % 10 < b % 10 || (a % 10 == b % 10 && a < b);
  }
};
struct IsMultipleOf3 {
  __host__ __device__ bool operator()(int a) const { return a % 3 == 0; }
};
struct RandomNumber {
  __host__ __device__ double operator()(int i) const {
    thrust::default_random_engine engine(i + 1);
    thrust::uniform_real_distribution<double> distribution(-1, 1);
    return distribution(engine);
  }
};

void test_sorts() {
  auto integers = random_integers(7001);
  thrust::device_vector<int> device(integers.begin(), integers.end());
  thrust::sort(device.begin(), device.end(), ByLastDigit{});
  std::sort(integers.begin(), integers.end(), ByLastDigit{});
  expect(starts_with(device, integers), "sort by a comparison");
  std::vector<float> floats;
  for (const int value : random_integers(5001)) floats.push_back((value - 2500) / 7.0F);
  thrust::device_vector<float> device_floats(floats.begin(), floats.end());
  thrust::sort(device_floats.begin(), device_floats.end(), thrust::greater<float>());
  std::sort(floats.begin(), floats.end(), std::greater<float>());
  expect(starts_with(device_floats, floats), "floats in descending order");
}

void test_merges() {
  auto a = random_integers(3000), b = random_integers(4500);
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const thrust::device_vector<int> device_a(a.begin(), a.end()), device_b(b.begin(), b.end());
  thrust::device_vector<int> out(a.size() + b.size());
  thrust::merge(device_a.begin(), device_a.end(), device_b.begin(), device_b.end(), out.begin());
  std::vector<int> expected(out.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), expected.begin());
  expect(starts_with(out, expected), "merge");
  const auto end = thrust::set_intersection(device_a.begin(), device_a.end(), device_b.begin(),
                                            device_b.end(), out.begin());
  expected.clear();
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(expected));
  expect(end - out.begin() == static_cast<std::ptrdiff_t>(expected.size()), "common elements");
  expect(starts_with(out, expected), "set_intersection");
}

void test_keys() {
  constexpr int count = 4000;
  const auto x = random_integers(count);
  std::vector<int> keys, sums, last, firsts;
  for (int i = 0; i < count; ++i) {
    const bool is_new = i == 0 || i / 13 % 5 != keys.back();
    keys.push_back(i / 13 % 5);
    sums.push_back(x[i] + (is_new ? 0 : sums.back()));
    if (is_new) {
      firsts.push_back(keys.back());
      last.push_back(0);
    }
    last.back() = sums.back();
  }
  const thrust::device_vector<int> device_keys(keys.begin(), keys.end()),
      device_x(x.begin(), x.end());
  thrust::device_vector<int> out(count), out_keys(count);
  thrust::inclusive_scan_by_key(device_keys.begin(), device_keys.end(), device_x.begin(),
                                out.begin());
  expect(starts_with(out, sums), "inclusive_scan_by_key");
  const auto ends = thrust::reduce_by_key(device_keys.begin(), device_keys.end(), device_x.begin(),
                                          out_keys.begin(), out.begin());
  expect(ends.first - out_keys.begin() == static_cast<std::ptrdiff_t>(last.size()), "runs of keys");
  expect(starts_with(out_keys, firsts) && starts_with(out, last), "reduce_by_key");
}

void test_others() {
  auto x = random_integers(5003);
  thrust::device_vector<int> device(x.begin(), x.end());
  thrust::stable_partition(device.begin(), device.end(), IsMultipleOf3{});
  std::stable_partition(x.begin(), x.end(), IsMultipleOf3{});
  expect(starts_with(device, x), "stable_partition");
  thrust::device_vector<double> random(1000);
  const thrust::counting_iterator<int> first(0);
  thrust::transform(first, first + 1000, random.begin(), RandomNumber{});
  const thrust::host_vector<double> numbers = random;
  for (int i = 0; i < 1000; ++i) {
    // The same steps on the host, of which compilers may contract a product and a sum.
    expect(std::abs(numbers[i] - RandomNumber{}(i)) < 1e-15, "random numbers");
  }
}

int main() {
  test_sorts();
  test_merges();
  test_keys();
  test_others();
  return finish();
}
