#include "kernels/linear/linear_library.h"

namespace lq::kernels::cuda {

const LinearLibrary& linear_library() {
  static const LinearLibrary none{{.version = {}, .failure = "this build is without cuBLAS"}};
  return none;
}

}  // namespace lq::kernels::cuda
