#include "core/device.h"

#include <charconv>

#include "core/cpu_backend.h"
#include "core/error.h"
#if defined(LQNET_WITH_CUDA)
#include "core/cuda/backend.h"
#endif

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

DeviceBackend& device_backend(DeviceType type) {
  if (type == DeviceType::cpu) return cpu_backend();
#if defined(LQNET_WITH_CUDA)
  return cuda_backend();
#else
  fail("device cuda: this build of lqnet has no CUDA backend");
#endif
}

DeviceMemory& device_memory(Device device) {
  return device_backend(device.type).memory(device.index);
}

}  // namespace lq
