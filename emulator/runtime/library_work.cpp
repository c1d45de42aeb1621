#include "emulator/runtime/library_work.h"

#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

LQNET_CUDA_API int lqnet_emulator_issue(Stream* stream, const LibraryWork& work) {
  constexpr const char* name = "library call";
  return api_call(name, [&](Device& device) { return issue(device, name, stream, work); });
}

LQNET_CUDA_API int lqnet_emulator_report(const char* call, const char* message) {
  return Device::instance().report(call, message);
}
