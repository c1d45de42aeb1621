// The convolution of oneDNN for inference, to compare with.
#pragma once

#include <memory>
#include <string>

#include "bench/peer_type.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::bench {

/// A convolution with ReLU (and requantization), in the layouts that oneDNN likes best, on made-up
/// data. Uses as many threads as OpenMP gives the calling thread.
class OneDnnConvolution {
 public:
  OneDnnConvolution(const kernels::Conv2dGeometry& geometry, PeerType type);
  ~OneDnnConvolution();
  OneDnnConvolution(const OneDnnConvolution&) = delete;
  OneDnnConvolution& operator=(const OneDnnConvolution&) = delete;

  void run();
  /// oneDNN's name of the implementation: "brgconv:avx512_core_vnni".
  const std::string& implementation() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lq::bench
