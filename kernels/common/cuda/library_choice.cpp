#include "kernels/common/cuda/library_choice.h"

#include "core/environment.h"

namespace lq::kernels::cuda {

LibraryWish wish_of(const LibraryVariable& variable) {
  return chosen_by_environment<LibraryWish>(
             variable.name, {{"own", LibraryWish::own}, {variable.library, LibraryWish::library}})
      .value_or(LibraryWish::none);
}

FloatPrecision wanted_precision() {
  return chosen_by_environment<FloatPrecision>("LQNET_CUDA_PRECISION",
                                               {{"fp32", FloatPrecision::fp32},
                                                {"tf32", FloatPrecision::tf32},
                                                {"fp16", FloatPrecision::fp16}})
      .value_or(FloatPrecision::fp32);
}

std::string_view name_of(FloatPrecision precision) {
  switch (precision) {
    case FloatPrecision::fp32:
      return "fp32";
    case FloatPrecision::tf32:
      return "tf32";
    case FloatPrecision::fp16:
      return "fp16";
  }
  fail("unknown precision of floats");
}

void check_library_variables() {
  wish_of(conv2d_variable);
  wish_of(linear_variable);
  wanted_precision();
}

}  // namespace lq::kernels::cuda
