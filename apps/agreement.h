// A packed network against the network that it was made from.
#pragma once

#include <cstdint>
#include <functional>

#include "data/loader.h"
#include "deploy/packed_network.h"
#include "layers/module.h"

namespace lq::apps {

struct Agreement {
  std::int64_t images = 0;
  std::int64_t float_correct = 0;   ///< of the network in evaluation mode
  std::int64_t packed_correct = 0;  ///< of the packed one
  std::int64_t different = 0;       ///< images whose first class differs
  /// How far apart the float network's two best scores are at most in these images: a value that
  /// rounding puts on the other side of a threshold can only decide close races.
  double largest_margin = 0;
  double largest_difference = 0;  ///< of a score

  std::int64_t agreeing() const { return images - different; }
};

/// Runs one epoch of the loader through both.
Agreement compare(Module& model, deploy::PackedNetwork& network, Loader& loader,
                  const std::function<void(const Agreement&)>& on_batch = {});

}  // namespace lq::apps
