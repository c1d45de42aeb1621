// The interface of all quantizers, and how a network chooses one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/level_table.h"
#include "kernels/qem/qem.h"
#include "layers/module.h"

namespace lq {

using autograd::LevelStatistics;
using autograd::LevelTable;

/// 32 bits mean floating point: no quantizer at all.
inline constexpr int float_bits = 32;

/// How the learned bases of "lq" follow the data: moving average and ridge of QEM. The defaults
/// are the official ones (spec section 2): momentum 0.9, debiased average, proximal ridge 1e-4 for
/// weights. The official solve for activations has no ridge and dies on singular systems; ours
/// scales with the number of values and is too small to be seen otherwise (section 2.3).
/// The alphabets are part of the method: {-1,+1} for weights, {0,1} for activations.
struct LqOptions {
  kernels::QemOptions weights{.alphabet = kernels::CodeAlphabet::minus_plus_one, .ridge = 1e-4};
  kernels::QemOptions activations{.alphabet = kernels::CodeAlphabet::zero_one,
                                  .ridge_per_value = 1e-7};
};

/// What a network is quantized with.
struct Quantization {
  std::string kind = "lq";  ///< one of quantizer_kinds()
  int w_bits = float_bits;  ///< 1 to 8, or 32
  int a_bits = float_bits;  ///< 1 to 8, or 32
  LqOptions lq = {};        ///< for "lq" and "lq-int8"; the other kinds learn nothing
  /// Quantized convolutions work on codes: see autograd/bit_conv2d.h. Changes the results of each
  /// layer by float rounding only.
  bool bit_forward = false;
};

/// Replaces values by the levels of a table; the levels may be learned, fixed or computed. Kinds
/// differ in the hooks that they override; the step itself is written once, here and in the two
/// sides below, and layers may fuse a part of it with what comes before.
class Quantizer : public Module {
 public:
  explicit Quantizer(int bits);

  int bits() const { return bits_; }
  virtual std::string_view kind() const = 0;

  /// Whether observe() wants counts and sums, which cost time.
  virtual bool learns() const { return false; }

  /// A line about levels that are not in use or have collapsed onto each other, or that the values
  /// could not determine, as the last training step saw it; empty when all is well.
  virtual std::string health() const { return {}; }

  /// What StepScope (layers/step_scope.h) calls. From begin_step() to leave_step(), passes in
  /// training mode gather statistics, from which learn_from_step() learns.
  void begin_step() { step_.emplace(); }
  void learn_from_step();
  void leave_step() { step_.reset(); }
  /// One i32 for each pass of the step on a device that nobody has waited for: not 0 if it met NaN
  /// or infinite values.
  std::span<const Tensor> unread_flags() const;

 protected:
  /// Replaces values by the levels of the table, and gathers these statistics of them.
  using Assignment = std::function<Variable(const LevelTable&, LevelStatistics&)>;

  /// Called once per training step with its table and what the table has met: finite values, with
  /// counts and sums if learns(). What it changes acts from the next step on.
  virtual void observe(const LevelTable& /*table*/, const LevelStatistics& /*statistics*/) {}

  /// Whether all passes of a step quantize the same values, so that those of one tell all.
  virtual bool repeats_within_step() const { return false; }

  /// One pass: assigns, throws Error if NaN or infinite values came by, and in training mode lets
  /// observe() learn, both at the end of the step if there is one.
  Variable quantize_with(const LevelTable& table, const Assignment& assign);

  /// For a table that never changes: it moves with the module.
  LevelTable fixed(const LevelTable& table);

  /// What records tell of this quantizer: see quantizer_attributes.h.
  autograd::Attributes attributes(std::string_view side) const;

 private:
  struct Step {
    std::optional<LevelTable> table;
    std::vector<LevelStatistics> statistics;  // of the passes in training mode
    std::vector<Tensor> unread_flags;
  };

  bool gathers() const;

  int bits_;
  std::optional<Step> step_;
};

/// The error of values that are NaN or infinite.
Error non_finite_input();

/// Quantizes an O H W I weight tensor. Backward is the identity (straight-through, spec section
/// 2.5) up to prepare(), so the table's pass range is unbounded.
class WeightQuantizer : public Quantizer {
 public:
  using Quantizer::Quantizer;

  /// The table (O rows, or one for all) for prepare(weights) as they are now.
  virtual LevelTable table(const Tensor& weights) const = 0;

 protected:
  /// What is assigned to levels: the weights themselves, or a differentiable function of them.
  virtual Variable prepare(const Variable& weights) const { return weights; }

  bool repeats_within_step() const final { return true; }

  Variable forward(const Variable& weights) final;
};

/// Quantizes the input of a layer, one table for the tensor. The gradient passes within the
/// table's pass range.
class ActivationQuantizer : public Quantizer {
 public:
  using Quantizer::Assignment;
  using Quantizer::Quantizer;

  virtual LevelTable table() const = 0;

  /// Whether values are meant to come through a ReLU.
  virtual bool rectified() const { return true; }

  /// The step with an assignment of the caller's own: for layers that fuse it with what comes
  /// before. Calling the module assigns on its own; both learn alike.
  Variable quantize_by(const Assignment& assign) { return quantize_with(table(), assign); }

  /// Whether codes are made beside the values, for convolutions that count bits.
  bool packs_codes() const { return packs_codes_; }
  void set_packs_codes(bool packs_codes) { packs_codes_ = packs_codes; }

 protected:
  Variable forward(const Variable& x) final;

 private:
  bool packs_codes_ = false;
};

/// "lq", "lq-int8", "hwgq", "dorefa", "xnor".
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
