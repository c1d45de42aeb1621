// The backends that this machine can run, for parameterised tests.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/device.h"
#include "core/isa.h"
#include "core/stream.h"

namespace lq::testing {

/// A backend and, for the CPU, the instruction set that caps it.
struct BackendCase {
  Backend backend;
  Isa isa;
};

/// Whether this build has a CUDA backend and this machine a device for it.
inline bool has_cuda_device() {
#if defined(LQNET_WITH_CUDA)
  return device_backend(DeviceType::cuda).count() > 0;
#else
  return false;
#endif
}

/// The fast implementations to judge against the reference: cpu under every instruction set that
/// this machine has, and cuda on its first device.
inline std::vector<BackendCase> fast_backends() {
  std::vector<BackendCase> cases;
  for (const Isa isa : all_isas) {
    if (is_supported(isa)) cases.push_back({Backend::cpu, isa});
  }
  if (has_cuda_device()) cases.push_back({Backend::cuda, Isa::portable});
  return cases;
}

/// The same, and the reference itself: for tests with an oracle of their own.
inline std::vector<BackendCase> all_backends() {
  std::vector<BackendCase> cases = fast_backends();
  cases.push_back({Backend::reference, Isa::portable});
  return cases;
}

/// For what no device but the CPU has.
inline std::vector<BackendCase> without_cuda(std::vector<BackendCase> cases) {
  std::erase_if(cases,
                [](const BackendCase& candidate) { return candidate.backend == Backend::cuda; });
  return cases;
}

/// The cases that no instruction set caps: enough for kernels that have one version per backend.
inline std::vector<BackendCase> uncapped(std::vector<BackendCase> cases) {
  std::erase_if(cases, [](const BackendCase& candidate) {
    return candidate.backend == Backend::cpu && candidate.isa != detected_isa();
  });
  return cases;
}

/// A stream of the case's backend, for this thread.
inline Stream& stream_of(const BackendCase& chosen) {
  if (chosen.backend == Backend::cuda) return current_stream({DeviceType::cuda, 0});
  thread_local Stream reference(Backend::reference);
  thread_local Stream cpu(Backend::cpu);
  return chosen.backend == Backend::reference ? reference : cpu;
}

inline std::string backend_case_name(const ::testing::TestParamInfo<BackendCase>& info) {
  if (info.param.backend == Backend::cuda) return "cuda";
  return std::string(name_of(info.param.backend)) + "_" + std::string(name_of(info.param.isa));
}

}  // namespace lq::testing
