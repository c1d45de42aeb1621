#include "kernels/common/cuda/library_choice.h"

#include <cstdlib>
#include <string_view>

namespace lq::kernels::cuda {

LibraryWish wish_of(const LibraryVariable& variable) {
  const char* const text = std::getenv(variable.name);
  if (text == nullptr) return LibraryWish::none;
  if (std::string_view(text) == "own") return LibraryWish::own;
  if (std::string_view(text) == variable.library) return LibraryWish::library;
  fail("{} is '{}', expected own or {}", variable.name, text, variable.library);
}

FloatPrecision wanted_precision() {
  const char* const text = std::getenv("LQNET_CUDA_PRECISION");
  if (text == nullptr || std::string_view(text) == "fp32") return FloatPrecision::fp32;
  if (std::string_view(text) == "tf32") return FloatPrecision::tf32;
  if (std::string_view(text) == "fp16") return FloatPrecision::fp16;
  fail("LQNET_CUDA_PRECISION is '{}', expected fp32, tf32 or fp16", text);
}

}  // namespace lq::kernels::cuda
