#include "core/device.h"

#include <array>
#include <charconv>

#include "core/allocator.h"
#include "core/error.h"

namespace lq {

Device Device::parse(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {DeviceType::cuda, 0};
  constexpr std::string_view prefix = "cuda:";
  if (text.starts_with(prefix)) {
    const std::string_view digits = text.substr(prefix.size());
    int index = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (status == std::errc() && end == digits.data() + digits.size() && index >= 0) {
      return {DeviceType::cuda, index};
    }
  }
  fail("device '{}' is not known, expected cpu, cuda or cuda:<index>", text);
}

std::string Device::to_string() const {
  return type == DeviceType::cpu ? "cpu" : fmt::format("cuda:{}", index);
}

namespace {

std::array<DeviceMemoryFactory, 2>& factories() {
  static std::array<DeviceMemoryFactory, 2> table = {
      [](int) -> DeviceMemory& { return host_memory(); }, nullptr};
  return table;
}

}  // namespace

void register_device_memory(DeviceType type, DeviceMemoryFactory factory) {
  factories()[static_cast<std::size_t>(type)] = factory;
}

DeviceMemory& device_memory(Device device) {
  const DeviceMemoryFactory factory = factories()[static_cast<std::size_t>(device.type)];
  check(factory != nullptr, "device {}: this build of lqnet has no CUDA backend, use --device cpu",
        device);
  return factory(device.index);
}

}  // namespace lq
