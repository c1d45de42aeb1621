// The device seam, on every device that this machine has.

#include <cstring>
#include <numeric>
#include <vector>

#include "core/stream.h"
#include "core/tensor.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

std::vector<float> counting(std::int64_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

class DeviceMemoryTest : public ::testing::TestWithParam<Device> {
 protected:
  Device device = GetParam();
  DeviceBackend& backend = device_backend(device.type);
  Stream& stream = current_stream(device);
};

TEST_P(DeviceMemoryTest, ValuesGoThereAndBack) {
  const std::vector<float> values = counting(1001);
  const Tensor there = Tensor::from(values, {7, 143}, device);
  EXPECT_EQ(there.device(), device);
  const Tensor copy = there.clone();
  EXPECT_EQ(copy.device(), device);
  EXPECT_TRUE(all_close(copy.to(Device{}).span<float>(), values, 0, 0));
  EXPECT_TRUE(all_close(there.slice(3, 5).to(Device{}).span<float>(),
                        std::vector(values.begin() + 3 * 143, values.begin() + 5 * 143), 0, 0));
}

TEST_P(DeviceMemoryTest, ZerosAndFillsAreWhatTheySay) {
  const Tensor zeros = Tensor::zeros({5, 3}, DType::f64, device).to(Device{});
  for (const double value : zeros.span<double>()) EXPECT_EQ(value, 0.0);
  const Tensor sevens = Tensor::full({2, 2}, 7.0F, device).to(Device{});
  for (const float value : sevens.span<float>()) EXPECT_EQ(value, 7.0F);
  EXPECT_EQ(Tensor::zeros({0}, DType::f32, device).elements(), 0);
}

TEST_P(DeviceMemoryTest, MovingTakesEveryHandleAlong) {
  const std::vector<float> values = counting(12);
  Tensor tensor = Tensor::from(values, {4, 3});
  const Tensor handle = tensor;
  const Tensor slice = tensor.slice(1, 2);
  tensor.move_to(device);
  for (const Tensor& each : {tensor, handle, slice}) EXPECT_EQ(each.device(), device);
  EXPECT_TRUE(all_close(slice.to(Device{}).span<float>(), std::vector{4.0F, 5.0F, 6.0F}, 0, 0));
  tensor.move_to(Device{});
  EXPECT_TRUE(all_close(handle.span<float>(), values, 0, 0));
}

TEST_P(DeviceMemoryTest, CountsWhatIsInUse) {
  DeviceMemory& memory = device_memory(device);
  const std::size_t before = memory.use().bytes;
  memory.reset_peak();
  EXPECT_EQ(memory.use().peak_bytes, before);
  constexpr std::size_t bytes = 1 << 20;
  {
    const Tensor one({bytes / 4}, DType::f32, device);
    const Tensor another({bytes / 4}, DType::f32, device);
    EXPECT_EQ(memory.use().bytes, before + 2 * bytes);
  }
  EXPECT_EQ(memory.use().bytes, before);
  EXPECT_EQ(memory.use().peak_bytes, before + 2 * bytes);
}

TEST_P(DeviceMemoryTest, TellsHowMuchCannotBeHad) {
  EXPECT_TRUE(throws_error([this] { Tensor({std::int64_t{1} << 46}, DType::u8, device); },
                           "out of memory: 70368744177664 bytes asked for on"));
  EXPECT_TRUE(throws_error(
      [this] { backend.allocate_pinned(device.index, std::size_t{1} << 46); },
      device.type == DeviceType::cpu
          ? "out of memory: 70368744177664 bytes asked for on the cpu"
          : "out of memory: 70368744177664 bytes asked for on the host, for copies to cuda:0"));
}

TEST_P(DeviceMemoryTest, PinnedMemoryIsCopiedBehindAnEvent) {
  const std::vector<float> values = counting(300);
  const std::size_t bytes = values.size() * sizeof(float);
  const auto copies = backend.make_stream(device.index);
  const auto copied = backend.make_event(device.index);
  void* const pinned = backend.allocate_pinned(device.index, bytes);
  std::memcpy(pinned, values.data(), bytes);
  Tensor there({300}, DType::f32, device);
  backend.copy_pinned(there.raw(), pinned, bytes, *copies);
  copied->record(*copies);
  copied->delay(stream);
  EXPECT_TRUE(all_close(there.to(Device{}).span<float>(), values, 0, 0));
  copied->wait();
  backend.synchronize(stream);
  backend.deallocate_pinned(device.index, pinned);
}

TEST_P(DeviceMemoryTest, ScopesNameTheStream) {
  const auto other = backend.make_stream(device.index);
  EXPECT_NE(&current_stream(device), other.get());
  {
    const StreamScope scope(*other);
    EXPECT_EQ(&current_stream(device), other.get());
    EXPECT_EQ(other->device(), device);
    const Tensor tensor = Tensor::full({3}, 2.0F, device);
    EXPECT_EQ(tensor.to(Device{}).span<float>()[2], 2.0F);
  }
  EXPECT_EQ(&current_stream(device), &stream);
}

TEST_P(DeviceMemoryTest, DescribesItself) {
  EXPECT_GE(backend.count(), 1);
  EXPECT_FALSE(backend.describe(device.index).empty());
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceMemoryTest, ::testing::ValuesIn(all_devices()),
                         device_name);

TEST(CudaDeviceTest, OnesThatAreNotThereAreRefusedInOneLine) {
  EXPECT_TRUE(throws_error(
      [] {
        Tensor({1}, DType::f32, {DeviceType::cuda, 99});
      },
      has_cuda_device() ? "device cuda:99: this machine has" : "device cuda"));
}

}  // namespace
}  // namespace lq::testing
