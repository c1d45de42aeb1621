// A library that nobody here wrote: Thrust (on CUB) from the toolkit's headers, against the host.

#include <thrust/copy.h>
#include <thrust/device_vector.h>
#include <thrust/reduce.h>
#include <thrust/scan.h>
#include <thrust/sort.h>
#include <thrust/unique.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "check.h"

int main() {
  std::mt19937 generator(11);
  std::vector<int> host(5000);
  for (int& value : host) value = static_cast<int>(generator() % 10000);
  const auto equal = [](const thrust::device_vector<int>& device,
                        const std::vector<int>& expected) {
    std::vector<int> values(device.size());
    thrust::copy(device.begin(), device.end(), values.begin());
    return values == expected;
  };
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
  return finish();
}
