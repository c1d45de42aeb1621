// Who computes in float: libraries where they can be used, or own kernels.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace lq::kernels::cuda {

/// What implementations by a library begin with.
struct FloatLibrary {
  std::string version;  // "cuBLAS 13.0.0"
  std::string failure;  // why it cannot be used, in a line; empty where it can
};

/// A variable of the environment that chooses: "own", the library's name, or nothing.
struct LibraryVariable {
  const char* name;     // "LQNET_CUDA_LINEAR"
  const char* library;  // "cublas"
};

/// Of float convolutions, and of linear layers.
inline constexpr LibraryVariable conv2d_variable{"LQNET_CUDA_CONV", "cudnn"};
inline constexpr LibraryVariable linear_variable{"LQNET_CUDA_LINEAR", "cublas"};

enum class LibraryWish { none, own, library };

/// Throws Error for any other value.
LibraryWish wish_of(const LibraryVariable& variable);

/// The library, which `load` gives, or null where own kernels are taken: where they are asked for,
/// or where the library cannot be used. Throws Error if that one is asked for.
template <typename Library>
const Library* choose_library(const LibraryVariable& variable, const Library& (*load)()) {
  const LibraryWish wish = wish_of(variable);
  if (wish == LibraryWish::own) return nullptr;
  const Library& library = load();
  if (library.failure.empty()) return &library;
  check(wish == LibraryWish::none, "{} is {}: {}", variable.name, variable.library,
        library.failure);
  return nullptr;
}

/// What libraries may round the factors of products to: nothing, TF32 (11 bits), or halves (11 bits
/// with a smaller range) and TF32. Sums are float. Own kernels never round.
enum class FloatPrecision { fp32, tf32, fp16 };

/// LQNET_CUDA_PRECISION in the environment, or fp32; throws Error for values that are none of them.
FloatPrecision wanted_precision();
/// "fp32", "tf32", "fp16".
std::string_view name_of(FloatPrecision precision);

/// Throws Error for a value of one of these variables, or of LQNET_CUDA_PRECISION, that is none.
/// Loads no library.
void check_library_variables();

/// "cuBLAS 13.0.0 in tf32", "own kernels", "own kernels (libcublas.so.13: cannot open ...)". Throws
/// Error for values of the variables that are none.
template <typename Library>
std::string describe_choice(const LibraryVariable& variable, const Library& (*load)()) {
  const std::string_view precision = name_of(wanted_precision());
  const Library* const library = choose_library(variable, load);
  if (library != nullptr) return fmt::format("{} in {}", library->version, precision);
  if (wish_of(variable) == LibraryWish::own) return "own kernels";
  return fmt::format("own kernels ({})", load().failure);
}

}  // namespace lq::kernels::cuda
