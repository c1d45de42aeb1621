// The learned quantizers of LQ-Nets.
#pragma once

#include "layers/quantizers/quantizer.h"

namespace lq {

/// Which bases a learned quantizer may have.
enum class BasisValues : unsigned char {
  any,
  /// Integer multiples of one scale, so that packed networks may multiply bytes instead of
  /// counting bits and compute the same (see kernels/int8_grid): 1 to 7 bits. QEM learns as
  /// always; what it has learned is rounded to the grid wherever a table is made of it.
  int8_grid
};

/// The name of a learned quantizer with such bases: "lq" or "lq-int8".
std::string_view kind_of(BasisValues values);

/// Parts that the weight and the activation quantizer share: bases as buffers, the table that
/// follows from them, and the update by QEM with a moving average.
///
/// Buffers: `basis` f32 R x K, `basis_biased` f32 R x K and `basis_step` i64 (the state of the
/// debiased average). All three belong in a checkpoint: without the last two, the average would
/// start anew and replace the basis by what the first batch says (spec section 2.2).
class LearnedBasis {
 public:
  LearnedBasis(Tensor basis, Tensor biased, Tensor step, const kernels::QemOptions& options,
               BasisValues values);

  BasisValues values() const { return values_; }
  LevelTable table() const;
  /// One alternation of QEM (spec section 2.1): acts from the next forward pass on. The statistics
  /// are of finite values.
  void update(const LevelTable& table, const LevelStatistics& statistics);
  /// See Quantizer::health() and basis_health(); empty before the first update.
  std::string health() const;

 private:
  Tensor basis_;
  Tensor biased_;
  Tensor step_;
  kernels::QemOptions options_;
  BasisValues values_;
  LevelTable last_table_;  // of the last update, for health()
  Tensor last_counts_;
};

/// {-1,+1} codes, one basis per output channel, identity gradient.
class LqWeightQuantizer final : public WeightQuantizer {
 public:
  /// `weights` is O H W I. The first basis is uniform (spec section 1.2). Throws Error for another
  /// alphabet than that of weights.
  LqWeightQuantizer(int bits, const Shape& weights,
                    const kernels::QemOptions& options = LqOptions().weights,
                    BasisValues values = BasisValues::any);

  std::string_view kind() const override { return kind_of(basis_.values()); }
  LevelTable table(const Tensor& /*weights*/) const override { return basis_.table(); }
  bool learns() const override { return true; }
  std::string health() const override { return basis_.health(); }

 protected:
  void observe(const LevelTable& table, const LevelStatistics& statistics) override {
    basis_.update(table, statistics);
  }

 private:
  LearnedBasis basis_;
};

/// {0,1} codes, one basis per layer, gradient cut above the top level.
class LqActivationQuantizer final : public ActivationQuantizer {
 public:
  /// The first basis is uniform (spec section 1.2). Throws Error for another alphabet than that of
  /// activations.
  explicit LqActivationQuantizer(int bits,
                                 const kernels::QemOptions& options = LqOptions().activations,
                                 BasisValues values = BasisValues::any);

  std::string_view kind() const override { return kind_of(basis_.values()); }
  LevelTable table() const override { return basis_.table(); }
  bool learns() const override { return true; }
  std::string health() const override { return basis_.health(); }

 protected:
  void observe(const LevelTable& table, const LevelStatistics& statistics) override {
    basis_.update(table, statistics);
  }

 private:
  LearnedBasis basis_;
};

}  // namespace lq
