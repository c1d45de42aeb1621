// The calls of the runtime that the emulator does not have: each says so and ends the program,
// since one that goes on without them would compute something else.

#include <string>

#include "emulator/runtime/device.h"

#define LQNET_UNSUPPORTED(name)                                               \
  LQNET_CUDA_API int name() {                                                 \
    return lq::emulator::Device::instance().report(                           \
        #name, "this call is not supported; docs/emulator.md lists what is"); \
  }
#include "emulator/runtime/unsupported_calls.inc"
