// CUB's algorithms over whole arrays, from the toolkit's headers, against the host, with sizes that
// are empty, single, and no multiple of any tile.

#include <cub/device/device_histogram.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_run_length_encode.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_segmented_reduce.cuh>
#include <cub/device/device_select.cuh>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>

#include "check.h"

std::mt19937 generator(3);

std::vector<int> random_integers(std::size_t count, int most) {
  std::vector<int> values(count);
  for (int& value : values) value = static_cast<int>(generator() % (2 * most + 1)) - most;
  return values;
}

/// Calls the algorithm for the size of its memory, and then with it.
template <typename Algorithm>
void run(Algorithm&& algorithm) {
  std::size_t bytes = 0;
  require(algorithm(nullptr, bytes), "size of temporary storage");
  Buffer<char> storage(std::max<std::size_t>(bytes, 1));
  require(algorithm(storage.get(), bytes), "algorithm");
}

template <typename T>
std::vector<T> first(std::vector<T> values, std::size_t count) {
  values.resize(count);
  return values;
}

/// Empty arrays still need an address.
template <typename T>
std::vector<T> not_empty(std::vector<T> values) {
  if (values.empty()) values.resize(1);
  return values;
}

struct Maximum {
  __host__ __device__ int operator()(int a, int b) const { return a < b ? b : a; }
};

void test_histograms(std::size_t count) {
  const auto x = random_integers(count, 150);
  const std::vector<int> bounds{-150, -100, -3, 0, 50, 51, 140};
  Buffer<int> device_x(not_empty(x)), even(std::vector<int>(10)), ranges(std::vector<int>(6)),
      device_bounds(bounds);
  const int n = static_cast<int>(count);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceHistogram::HistogramEven(storage, bytes, device_x.get(), even.get(), 11, -100,
                                               100, n);
  });
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceHistogram::HistogramRange(storage, bytes, device_x.get(), ranges.get(), 7,
                                                device_bounds.get(), n);
  });
  std::vector<int> expected_even(10), expected_ranges(6);
  for (const int value : x) {
    if (value >= -100 && value < 100) ++expected_even[(value + 100) / 20];
    for (int bin = 0; bin < 6; ++bin) {
      expected_ranges[bin] += value >= bounds[bin] && value < bounds[bin + 1];
    }
  }
  expect(even.download() == expected_even, "HistogramEven");
  expect(ranges.download() == expected_ranges, "HistogramRange");
}

void test_sorts(std::size_t count) {
  const auto keys = random_integers(count, 1000);
  std::vector<int> places(count);
  std::iota(places.begin(), places.end(), 0);
  Buffer<int> in(not_empty(keys)), values_in(not_empty(places)), out(std::vector<int>(count + 1)),
      values(std::vector<int>(count + 1));
  const int n = static_cast<int>(count);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, in.get(), out.get(), values_in.get(),
                                           values.get(), n);
  });
  auto order = places;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
  auto sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  expect(first(out.download(), count) == sorted, "SortPairs: keys");
  expect(first(values.download(), count) == order, "SortPairs: values");
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortKeysDescending(storage, bytes, in.get(), out.get(), n);
  });
  std::reverse(sorted.begin(), sorted.end());
  expect(first(out.download(), count) == sorted, "SortKeysDescending");
}

void test_reductions(std::size_t count) {
  const auto x = random_integers(count, 1000000);
  Buffer<int> device_x(not_empty(x));
  Buffer<int> sum(1);
  Buffer<int> least(1);
  Buffer<std::int64_t> place(1);
  const int n = static_cast<int>(count);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::Sum(storage, bytes, device_x.get(), sum.get(), n);
  });
  const auto expected = static_cast<int>(std::accumulate(x.begin(), x.end(), 0L));
  expect(sum.download()[0] == expected, "DeviceReduce::Sum");
  if (count == 0) return;
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceReduce::ArgMin(storage, bytes, device_x.get(), least.get(), place.get(), n);
  });
  const auto at = std::min_element(x.begin(), x.end());
  expect(least.download()[0] == *at && place.download()[0] == at - x.begin(),
         "DeviceReduce::ArgMin");
}

void test_scans(std::size_t count) {
  const auto x = random_integers(count, 1000);
  Buffer<int> device_x(not_empty(x)), out(std::vector<int>(count + 1));
  const int n = static_cast<int>(count);
  std::vector<int> expected(count);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(storage, bytes, device_x.get(), out.get(), n);
  });
  std::inclusive_scan(x.begin(), x.end(), expected.begin());
  expect(first(out.download(), count) == expected, "InclusiveSum");
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveScan(storage, bytes, device_x.get(), out.get(), Maximum{},
                                          -2000, n);
  });
  std::exclusive_scan(x.begin(), x.end(), expected.begin(), -2000, Maximum{});
  expect(first(out.download(), count) == expected, "ExclusiveScan with an operator");
}

void test_selections(std::size_t count) {
  const auto x = random_integers(count, 2);
  std::vector<char> flags(count);
  for (char& flag : flags) flag = generator() % 3 == 0;
  Buffer<int> device_x(not_empty(x)), out(std::vector<int>(count + 1)),
      lengths(std::vector<int>(count + 1)), found(std::vector<int>(1));
  Buffer<char> device_flags(not_empty(flags));
  const int n = static_cast<int>(count);
  const auto same = [&](const std::vector<int>& expected) {
    return found.download()[0] == static_cast<int>(expected.size()) &&
           first(out.download(), expected.size()) == expected;
  };
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::Flagged(storage, bytes, device_x.get(), device_flags.get(), out.get(),
                                      found.get(), n);
  });
  std::vector<int> flagged, unique, runs;
  for (std::size_t i = 0; i < count; ++i) {
    if (flags[i] != 0) flagged.push_back(x[i]);
    if (i == 0 || x[i] != x[i - 1]) {
      unique.push_back(x[i]);
      runs.push_back(0);
    }
    ++runs.back();
  }
  expect(same(flagged), "DeviceSelect::Flagged");
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceSelect::Unique(storage, bytes, device_x.get(), out.get(), found.get(), n);
  });
  expect(same(unique), "DeviceSelect::Unique");
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceRunLengthEncode::Encode(storage, bytes, device_x.get(), out.get(),
                                              lengths.get(), found.get(), n);
  });
  expect(same(unique) && first(lengths.download(), runs.size()) == runs, "DeviceRunLengthEncode");
}

void test_segments() {
  const std::vector<int> offsets{0, 1, 1, 300, 1000, 2501};
  const auto x = random_integers(2501, 1000);
  Buffer<int> device_x(x), device_offsets(offsets), out(5);
  run([&](void* storage, std::size_t& bytes) {
    return cub::DeviceSegmentedReduce::Sum(storage, bytes, device_x.get(), out.get(), 5,
                                           device_offsets.get(), device_offsets.get() + 1);
  });
  std::vector<int> expected;
  for (int i = 0; i < 5; ++i) {
    expected.push_back(std::accumulate(x.begin() + offsets[i], x.begin() + offsets[i + 1], 0));
  }
  expect(out.download() == expected, "DeviceSegmentedReduce::Sum");
}

int main() {
  for (const std::size_t count : {0, 1, 100, 4096, 10007}) {
    test_histograms(count);
    test_sorts(count);
    test_reductions(count);
    test_scans(count);
    test_selections(count);
  }
  test_segments();
  return finish();
}
