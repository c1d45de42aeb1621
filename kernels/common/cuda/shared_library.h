// Libraries that a program can do without.
#pragma once

#include <string>

namespace lq::kernels::cuda {

/// A shared library that is loaded when it is first wanted, and stays. Programs start where it is
/// missing.
class SharedLibrary {
 public:
  /// By the name that it is installed under ("libcublas.so.13"), where the system and the program's
  /// run path look. Throws Error with what the loader says.
  explicit SharedLibrary(std::string name);

  /// Whether the library has a function of this name.
  bool has(const char* function_name) const;

  /// Sets a pointer to the function of this name; throws Error where the library has none.
  template <typename Function>
  void find(Function*& function, const char* function_name) const {
    function = reinterpret_cast<Function*>(address(function_name));
  }

 private:
  void* address(const char* function_name) const;

  std::string name_;
  void* library_;
};

}  // namespace lq::kernels::cuda
