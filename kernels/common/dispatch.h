// Choice of a kernel's implementation by the stream's backend.
#pragma once

#include <string_view>

#include "core/error.h"
#include "core/stream.h"

/// The CUDA entry of a kernel table, or null in a build without CUDA.
#if defined(LQNET_WITH_CUDA)
#define LQNET_CUDA_KERNEL(function) (function)
#else
#define LQNET_CUDA_KERNEL(function) nullptr
#endif

namespace lq::kernels {

/// The implementations of one operation. All have the signature of the public call.
template <typename Function>
struct Implementations {
  Function* reference;
  Function* cpu;
  Function* cuda;
};

/// The implementation for the stream's backend; throws Error naming the operation when this
/// build has none.
template <typename Function>
Function& choose(std::string_view operation, const Stream& stream,
                 const Implementations<Function>& implementations) {
  Function* chosen = nullptr;
  switch (stream.backend()) {
    case Backend::reference:
      chosen = implementations.reference;
      break;
    case Backend::cpu:
      chosen = implementations.cpu;
      break;
    case Backend::cuda:
      chosen = implementations.cuda;
      break;
  }
  check(chosen != nullptr, "{}: this build has no {} implementation", operation,
        name_of(stream.backend()));
  return *chosen;
}

}  // namespace lq::kernels
