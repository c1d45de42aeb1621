#include "core/device.h"

#include <gtest/gtest.h>

#include "core/stream.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

TEST(DeviceTest, ParsesWhatItPrints) {
  EXPECT_EQ(Device::parse("cpu"), Device{});
  EXPECT_EQ(Device::parse("cuda"), (Device{DeviceType::cuda, 0}));
  EXPECT_EQ(Device::parse("cuda:12"), (Device{DeviceType::cuda, 12}));
  for (const char* text : {"cpu", "cuda:0", "cuda:7"}) {
    EXPECT_EQ(Device::parse(text).to_string(), text);
    EXPECT_EQ(fmt::format("{}", Device::parse(text)), text);
  }
}

TEST(DeviceTest, RefusesOtherNames) {
  for (const char* text :
       {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:99999999999"}) {
    EXPECT_TRUE(throws_error([&] { Device::parse(text); }, "expected cpu, cuda or cuda:<index>"))
        << text;
  }
}

TEST(DeviceTest, DevicesDifferByTypeAndIndex) {
  EXPECT_NE(Device{}, (Device{DeviceType::cuda, 0}));
  EXPECT_NE((Device{DeviceType::cuda, 0}), (Device{DeviceType::cuda, 1}));
}

TEST(DeviceTest, HostMemoryZeroesAndCopies) {
  DeviceMemory& memory = device_memory({});
  Stream& stream = current_stream({});
  auto* from = static_cast<unsigned char*>(memory.allocate(100));
  auto* to = static_cast<unsigned char*>(memory.allocate(100));
  for (int i = 0; i < 100; ++i) from[i] = static_cast<unsigned char>(i + 1);
  memory.zero(to, 100, stream);
  memory.copy(to, {}, from, {}, 60, stream);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(to[i], i < 60 ? i + 1 : 0);
  memory.deallocate(from, 100);
  memory.deallocate(to, 100);
}

}  // namespace
}  // namespace lq::testing
