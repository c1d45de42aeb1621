// A layer in numbers that 8 and 16 bits hold, with its results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/cuda/peer_library.h"
#include "core/tensor.h"

namespace lq::bench {

/// Inputs and weights are -1, 0 and 1 at random: sums are integers that floats and, up to 2048,
/// halves hold, and few of them end at 127.
class PeerProblem {
 public:
  /// Computes the layer on the CPU.
  PeerProblem(const kernels::Conv2dGeometry& geometry, Stream& stream);

  /// With operands on the stream's device. All layers of a problem share y.
  PeerLayer layer(PeerNumbers numbers);

  /// Forgets y.
  void clear() { y_.fill_zero(); }
  /// Nothing if y is right, or else how far off it is. Integers have to be equal. Halves may be off
  /// by their last bit, and by a 64th of the results' root mean square: transforms (Winograd) round
  /// what they multiply.
  std::string complaint(PeerResults results) const;

 private:
  struct Operands {
    Tensor x, weight;
  };

  kernels::Conv2dGeometry geometry_;
  std::vector<float> x_, weight_, expected_;
  double root_mean_square_ = 0;
  Device device_;
  Operands halves_, bytes_;
  Tensor y_;
};

}  // namespace lq::bench
