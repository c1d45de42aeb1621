// Backends for operations that libraries compute on GPUs beside own kernels.
#pragma once

#include <string>
#include <vector>

#include "tests/support/backends.h"
#include "tests/support/environment.h"

namespace lq::testing {

/// A backend and, on GPUs, the value of the variable that chooses: own kernels or the library.
struct LibraryCase : BackendCase {
  const char* choice = nullptr;
};

/// GPUs with own kernels, and with the library if it can be used: its failure is asked for only
/// where there is a device.
template <typename Failure>
std::vector<LibraryCase> library_cases(const std::vector<BackendCase>& backends,
                                       const char* library, Failure&& failure) {
  std::vector<LibraryCase> cases;
  for (const BackendCase& backend : backends) {
    if (backend.backend != Backend::cuda) {
      cases.push_back({backend});
      continue;
    }
    cases.push_back({backend, "own"});
    if (failure().empty()) cases.push_back({backend, library});
  }
  return cases;
}

inline std::string library_case_name(const ::testing::TestParamInfo<LibraryCase>& info) {
  const std::string backend = backend_case_name({info.param, info.index});
  return info.param.choice == nullptr ? backend : backend + "_" + info.param.choice;
}

}  // namespace lq::testing
