// The devices that this machine has, for parameterised tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/device.h"
#include "tests/support/backends.h"

namespace lq::testing {

/// The CPU, and the first CUDA device if there is one.
inline std::vector<Device> all_devices() {
  std::vector<Device> devices = {Device{}};
  if (has_cuda_device()) devices.push_back({DeviceType::cuda, 0});
  return devices;
}

inline std::string device_name(const ::testing::TestParamInfo<Device>& info) {
  return info.param.type == DeviceType::cpu ? "cpu" : "cuda";
}

}  // namespace lq::testing
