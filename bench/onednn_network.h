// A whole network on oneDNN, to compare with.
#pragma once

#include <cstdint>
#include <memory>

#include "bench/peer_type.h"
#include "deploy/packed_model.h"

namespace lq::bench {

/// The topology of a packed network, computed by oneDNN on made-up data: every convolution with
/// ReLU and addition fused, in the layouts that oneDNN likes best; copies only where two layers
/// disagree. In int8 all values are bytes from the image on. Batch norms between an addition and
/// the next convolution cost nothing here, since oneDNN could not fuse them: that favours oneDNN.
/// Uses as many threads as OpenMP gives the calling thread.
class OneDnnNetwork {
 public:
  /// Throws Error for what has no counterpart.
  OneDnnNetwork(const deploy::PackedModel& model, PeerType type, std::int64_t batch);
  ~OneDnnNetwork();
  OneDnnNetwork(const OneDnnNetwork&) = delete;
  OneDnnNetwork& operator=(const OneDnnNetwork&) = delete;

  void run();
  /// Primitives per run: what is computed, and copies between layouts.
  int primitives() const;
  int copies() const;

 private:
  class Builder;
  struct Steps;
  std::unique_ptr<Steps> steps_;
};

}  // namespace lq::bench
