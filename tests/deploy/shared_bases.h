// Packed models whose segments have bases in common, as those of one layer have.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "deploy/folding.h"
#include "deploy/packed_model.h"

namespace lq::testing {

/// Gives segments the basis of the one before them in their convolution, where it has one of the
/// same kind: of floats, or of whole numbers.
class BasisSharer {
 public:
  explicit BasisSharer(deploy::PackedModel model) : model_(std::move(model)) {
    for (deploy::Operation& operation : model_.operations) {
      auto* convolution = std::get_if<deploy::Convolution>(&operation);
      if (convolution != nullptr) share(*convolution);
    }
  }

  const deploy::PackedModel& model() const { return model_; }

 private:
  void share(deploy::Convolution& convolution) {
    floats_ = nullptr;
    before_ = nullptr;
    coded_before_ = nullptr;
    for (std::size_t s = 0; s < convolution.inputs.size(); ++s) {
      auto& segment = convolution.description.segments[s];
      if (auto* bits = std::get_if<kernels::BitSegment>(&segment)) share_floats(*bits);
      if (auto* coded = std::get_if<kernels::CodedFloatSegment>(&segment)) share_floats(*coded);
      auto* grid = std::get_if<kernels::GridSegment>(&segment);
      if (grid != nullptr && convolution.coded_weights[s].bits != 0) {
        share_integers(*grid, convolution.coded_weights[s]);
      }
    }
  }

  template <typename Segment>
  void share_floats(Segment& segment) {
    if (floats_ != nullptr) {
      segment.weight_bits = float_bits_;
      segment.weight_basis = *floats_;
      cut(segment.weight_codes, float_bits_);
    }
    floats_ = &segment.weight_basis;
    float_bits_ = segment.weight_bits;
  }

  void share_integers(kernels::GridSegment& segment, deploy::CodedWeights& coded) {
    if (before_ != nullptr) {
      segment.weight_scale = before_->weight_scale;
      coded.bits = coded_before_->bits;
      coded.basis = coded_before_->basis;
      cut(coded.codes, coded.bits);
      segment.weights = grid_weights(coded, std::ssize(segment.weight_scale));
    }
    before_ = &segment;
    coded_before_ = &coded;
  }

  static void cut(std::vector<std::uint8_t>& codes, int bits) {
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(code & ((1 << bits) - 1));
  }

  deploy::PackedModel model_;
  // Of the convolution so far.
  const std::vector<float>* floats_ = nullptr;
  int float_bits_ = 0;
  const kernels::GridSegment* before_ = nullptr;
  const deploy::CodedWeights* coded_before_ = nullptr;
};

inline deploy::PackedModel with_shared_bases(deploy::PackedModel model) {
  return BasisSharer(std::move(model)).model();
}

}  // namespace lq::testing
