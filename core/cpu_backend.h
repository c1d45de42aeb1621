// The CPU as a device.
#pragma once

#include "core/device.h"

namespace lq {

/// Memory is 64-byte aligned; work is done when a call returns, so events have nothing to wait for.
DeviceBackend& cpu_backend();

}  // namespace lq
