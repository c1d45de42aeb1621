// An operation on two devices, with the same inputs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/cuda_verification.h"
#include "core/rng.h"
#include "core/stream.h"
#include "core/tensor.h"

namespace lq::bench {

/// What a result may differ by: relative * |expected| + absolute. None: it has to be equal.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

/// The run of an operation on one device: by the reference on the CPU, or by kernels. Inputs are
/// drawn in the same order on both, and so are the same.
class Trial {
 public:
  explicit Trial(Device device);

  Stream& stream() { return stream_; }
  Rng& rng() { return rng_; }

  /// Standard normals.
  Tensor normal(const Shape& shape);
  /// What `draw()` gives, value by value.
  template <typename Draw>
  Tensor drawn(const Shape& shape, Draw&& draw) {
    std::vector<decltype(draw())> values(static_cast<std::size_t>(shape.elements()));
    for (auto& value : values) value = draw();
    return on_device(Tensor::from(values, shape));
  }
  Tensor on_device(const Tensor& host) const { return host.to(stream_.device()); }
  /// For a result; of zeros.
  Tensor room(const Shape& shape, DType dtype = DType::f32) const {
    return Tensor::zeros(shape, dtype, stream_.device());
  }

  /// Adds to what is compared.
  void result(const Tensor& values, Tolerance tolerance = {});

  struct Result {
    std::vector<double> values;
    Tolerance tolerance;
  };
  const std::vector<Result>& results() const { return results_; }

 private:
  Stream reference_{Backend::reference};
  Stream& stream_;
  Rng rng_;
  std::vector<Result> results_;
};

struct Operation {
  std::string name;
  std::function<void(Trial&)> run;
};

/// Runs the operation on both devices and compares.
CudaVerification verify(const Operation& operation, Device device);

/// All of kernels/, and what packed networks compute, in the order of their names.
std::vector<Operation> all_operations(Device device);

}  // namespace lq::bench
