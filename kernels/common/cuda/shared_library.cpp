#include "kernels/common/cuda/shared_library.h"

#include <dlfcn.h>

#include "core/error.h"

namespace lq::kernels::cuda {

SharedLibrary::SharedLibrary(std::string name)
    : name_(std::move(name)), library_(dlopen(name_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  // The message begins with the name.
  if (library_ == nullptr) fail("{}", dlerror());
}

bool SharedLibrary::has(const char* function_name) const {
  return dlsym(library_, function_name) != nullptr;
}

void* SharedLibrary::address(const char* function_name) const {
  void* const found = dlsym(library_, function_name);
  check(found != nullptr, "{}: it has no function {}", name_, function_name);
  return found;
}

}  // namespace lq::kernels::cuda
