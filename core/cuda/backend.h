// NVIDIA GPUs as devices. Only in builds with CUDA; everything above uses core/device.h.
#pragma once

#include "core/device.h"

namespace lq {

/// Every thread has a default stream of its own on each device; streams do not wait for one
/// another but through events.
/// LQNET_CUDA_CACHE=0 in the environment hands each block back to the driver, so that tools which
/// watch memory see the exact bounds and the end of each tensor. Throws Error for values other than
/// 0 and 1.
DeviceBackend& cuda_backend();

}  // namespace lq
