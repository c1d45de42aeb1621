#include <cstring>
#include <cub/device/device_histogram.cuh>
#include <limits>
#include <vector>

#include "kernels/common/cuda/launch.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/histogram/histogram.h"

namespace lq::kernels::cuda {

namespace {

/// A float's place among all floats: integers that are ordered as floats are, with one place for 0
/// and -0, and one behind all others for NaN. CUB compares by them, so that every value has a bin.
class Place {
 public:
  Place() = default;
  explicit __host__ __device__ Place(float value) {
    std::int32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    const std::int32_t magnitude = bits & magnitude_mask;
    number_ = magnitude > infinity ? infinity + 1 : bits < 0 ? -magnitude : magnitude;
  }

  static Place first() { return at(std::numeric_limits<std::int32_t>::min()); }
  static Place of_nan() { return at(infinity + 1); }
  Place next() const { return at(number_ + 1); }

  friend __host__ __device__ bool operator<(Place a, Place b) { return a.number_ < b.number_; }

 private:
  static constexpr std::int32_t magnitude_mask = 0x7FFFFFFF;
  static constexpr std::int32_t infinity = 0x7F800000;

  static Place at(std::int32_t number) {
    Place place;
    place.number_ = number;
    return place;
  }

  std::int32_t number_;
};

/// Where the bins begin: what is below the edges, those between them, above them, NaN; and the end.
std::vector<Place> bounds_of(std::span<const float> edges) {
  std::vector<Place> bounds{Place::first()};
  for (const float edge : edges.first(edges.size() - 1)) bounds.emplace_back(edge);
  bounds.push_back(Place(edges.back()).next());
  bounds.push_back(Place::of_nan());
  bounds.push_back(Place::of_nan().next());
  return bounds;
}

}  // namespace

void histogram(Stream& stream, ConstView<float> values, std::span<const float> edges,
               View<std::int32_t> counts) {
  constexpr std::string_view operation = "histogram";
  const CudaDeviceScope device(stream.device().index);
  const std::vector<Place> host_bounds = bounds_of(edges);
  Scratch<Place> bounds(stream, std::ssize(host_bounds));
  device_memory(stream.device())
      .copy(bounds.data(), stream.device(), host_bounds.data(), Device{},
            host_bounds.size() * sizeof(Place), stream);
  // Asks for the bytes that it wants when it is given none.
  std::size_t bytes = 0;
  const auto run = [&](void* memory) {
    check_cuda(cub::DeviceHistogram::HistogramRange(
                   memory, bytes, values.data, counts.data, static_cast<int>(host_bounds.size()),
                   static_cast<const Place*>(bounds.data()), static_cast<int>(values.elements()),
                   native(stream)),
               operation);
  };
  run(nullptr);
  Scratch<std::byte> memory(stream, static_cast<std::int64_t>(bytes));
  run(memory.data());
}

}  // namespace lq::kernels::cuda
