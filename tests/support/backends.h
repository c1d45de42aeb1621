// The backends that this machine can run, for parameterised tests.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/isa.h"
#include "core/stream.h"

namespace lq::testing {

/// A backend and, for the CPU, the instruction set that caps it.
struct BackendCase {
  Backend backend;
  Isa isa;
};

/// The fast implementations to judge against the reference: cpu under every instruction set that
/// this machine has. The CUDA backend will add its row here.
inline std::vector<BackendCase> fast_backends() {
  std::vector<BackendCase> cases;
  for (const Isa isa : all_isas) {
    if (is_supported(isa)) cases.push_back({Backend::cpu, isa});
  }
  return cases;
}

/// The same, and the reference itself: for tests with an oracle of their own.
inline std::vector<BackendCase> all_backends() {
  std::vector<BackendCase> cases = fast_backends();
  cases.push_back({Backend::reference, Isa::portable});
  return cases;
}

/// The cases that no instruction set caps: enough for kernels that have one version per backend.
inline std::vector<BackendCase> uncapped(std::vector<BackendCase> cases) {
  std::erase_if(cases, [](const BackendCase& candidate) {
    return candidate.backend == Backend::cpu && candidate.isa != detected_isa();
  });
  return cases;
}

inline std::string backend_case_name(const ::testing::TestParamInfo<BackendCase>& info) {
  return std::string(name_of(info.param.backend)) + "_" + std::string(name_of(info.param.isa));
}

}  // namespace lq::testing
