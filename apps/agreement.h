// A packed network against the network that it was made from.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "convert/pack.h"
#include "data/loader.h"
#include "deploy/packed_network.h"
#include "layers/module.h"

namespace lq::apps {

/// Tells whether float rounding is all that lies between a network in evaluation mode and its
/// packed form, image by image.
///
/// The two sum in different orders, so a value that lies within rounding of a threshold (a tie) may
/// get another code, which then changes everything behind it. Therefore the float network runs with
/// the codes of the packed one: where they differ, the packed code's level takes the place of the
/// quantizer's result. If the packed network is right, all that differs are ties, from the first
/// quantizer to the last, and the scores at the end agree.
class RoundingReplay {
 public:
  /// `quantizers` are the places in `packed` (see convert::pack_with_places) of the quantizers of
  /// `model`; model and places have to outlive the object. The packed levels have to be those of
  /// the model (see convert::PackWithPlaces::levels_are_exact).
  RoundingReplay(Module& model, const deploy::PackedModel& packed,
                 std::span<const convert::QuantizerPlace> quantizers);

  /// Whether rounding explains all that differs for this image: 1 H W C, preprocessed. Throws Error
  /// when the quantizers are not those of the model.
  bool explains(const Tensor& image);

 private:
  Module& model_;
  std::span<const convert::QuantizerPlace> quantizers_;
  deploy::PackedNetwork network_;
};

struct Agreement {
  std::int64_t images = 0;
  std::int64_t skipped_images = 0;  ///< that could not be read
  std::int64_t float_correct = 0;   ///< of the network in evaluation mode
  std::int64_t packed_correct = 0;  ///< of the packed one
  std::int64_t different = 0;       ///< images whose first class differs
  /// How far apart the float network's two best scores are at most in these images.
  double largest_margin = 0;
  double largest_difference = 0;  ///< of a score
  bool is_explained = false;      ///< whether the different images were looked into
  std::int64_t ties = 0;          ///< those of them that rounding explains

  std::int64_t agreeing() const { return images - different; }
  std::int64_t unexplained() const { return is_explained ? different - ties : 0; }
};

/// Runs one epoch of the loader through both. A replay, which may be null, looks into the images
/// whose first class differs. `on_batch` is called after each batch, also after those that no image
/// could be read of. Throws Error for a score that is infinite or no number.
Agreement compare(Module& model, deploy::PackedNetwork& network, Loader& loader,
                  RoundingReplay* replay,
                  const std::function<void(const Agreement&)>& on_batch = {});

}  // namespace lq::apps
