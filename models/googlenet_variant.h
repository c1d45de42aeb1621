// The GoogLeNet of the ImageNet tables (spec section 3.6).
#pragma once

#include "layers/linear.h"
#include "models/staged_network.h"

namespace lq {

/// Output channels of a block's branches, and what comes behind them.
struct InceptionSpec {
  std::string_view name;
  std::int64_t conv1x1;
  std::int64_t conv3x3;  ///< also of the 1x1 in front of it
  std::int64_t conv5x5;  ///< the same
  bool pool = false;     ///< 3x3/2 SAME
};

/// 1x1 | 1x1 -> 3x3 | 1x1 -> 5x5, concatenated in this order. BN ReLU Q lies within branches;
/// behind them it is one for each branch, or one for their concatenation, or none.
class InceptionBlock final : public Module {
 public:
  enum class End : unsigned char { per_branch, per_concat, none };

  InceptionBlock(std::int64_t in, const InceptionSpec& spec, End end,
                 const Quantization& quantization);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Variable ended(const Variable& x, Module* activation) const;

  bool pool_;
  std::vector<std::vector<Module*>> branches_;
  std::vector<Module*> branch_ends_;
  Module* end_ = nullptr;
};

/// 7x7/2 64 (float), pool, 1x1 192, 3x3 192, pool, nine blocks, BN ReLU, global average, fully
/// connected (float). Pools are 3x3/2 SAME and before BN ReLU Q. No pooling branches, no local
/// response normalization, no auxiliary heads. Fan-in initialisation.
class GoogLeNetVariant final : public StagedNetwork {
 public:
  explicit GoogLeNetVariant(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::vector<Module*> blocks_;
  BatchNormRelu* act_last_;
  Linear* fc_;
};

}  // namespace lq
