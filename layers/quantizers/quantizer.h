// The interface of all quantizers, and how a network chooses one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/level_table.h"
#include "layers/module.h"

namespace lq {

using autograd::LevelStatistics;
using autograd::LevelTable;

/// 32 bits mean floating point: no quantizer at all.
inline constexpr int float_bits = 32;

/// What a network is quantized with.
struct Quantization {
  std::string kind = "lq";  ///< one of quantizer_kinds()
  int w_bits = float_bits;  ///< 1 to 8, or 32
  int a_bits = float_bits;  ///< 1 to 8, or 32
};

/// Replaces values by the levels of a table; the levels may be learned, fixed or computed.
class Quantizer : public Module {
 public:
  explicit Quantizer(int bits);

  int bits() const { return bits_; }
  virtual std::string_view kind() const = 0;

  /// A line about levels that are not in use or have collapsed onto each other, as the last
  /// training step saw it; empty when all is well.
  virtual std::string health() const { return {}; }

 private:
  int bits_;
};

/// Quantizes an O H W I weight tensor. forward() learns from the weights in training mode.
class WeightQuantizer : public Quantizer {
 public:
  using Quantizer::Quantizer;

  /// The table (O rows, or one for all) that quantizes `weights` now.
  virtual LevelTable table(const Tensor& weights) const = 0;
};

/// Quantizes the input of a layer, one table for the tensor.
class ActivationQuantizer : public Quantizer {
 public:
  using Quantizer::Quantizer;

  virtual LevelTable table() const = 0;

  /// Whether values are meant to come through a ReLU.
  virtual bool rectified() const { return true; }

  /// Called in training with what the table of this step has met (see LevelStatistics).
  virtual void observe(const LevelTable& table, LevelStatistics& statistics);

  /// Whether observe() uses counts and sums.
  virtual bool learns() const { return false; }

 protected:
  /// Quantization on its own; layers that can, fuse it with what comes before.
  Variable forward(const Variable& x) override;
};

/// Throws Error when the statistics say that NaN or infinite values were quantized.
void require_finite(const LevelStatistics& statistics);

/// "lq", "hwgq", "dorefa", "xnor".
std::vector<std::string> quantizer_kinds();

/// Throws Error for a kind or a bit width that is not known, or their combination.
void validate(const Quantization& quantization);

/// Quantizer for weights of the given shape (O H W I); null when w_bits is 32.
std::unique_ptr<WeightQuantizer> make_weight_quantizer(const Quantization& quantization,
                                                       const Shape& weights);
/// Null when a_bits is 32.
std::unique_ptr<ActivationQuantizer> make_activation_quantizer(const Quantization& quantization);

/// "<path>: <health line>" for every quantizer at or below `module` that has one.
std::vector<std::string> quantizer_warnings(Module& module);

}  // namespace lq
