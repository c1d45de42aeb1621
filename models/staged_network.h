// Networks that begin as, or are, a chain of convolutions with pools between them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/max_pool.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "models/model.h"

namespace lq {

/// A convolution with what follows it (spec section 3): a pool comes before BN ReLU Q.
struct StageSpec {
  Conv2dSpec convolution;  ///< its input channels are those of the map, whatever is given
  bool quantized_weights = true;
  bool relu = false;  ///< right behind the convolution, besides the one behind BN
  std::optional<autograd::PoolOptions> pool = {};
  bool quantized_result = true;  ///< BN ReLU Q; otherwise BN ReLU, in front of a float layer
  BatchNorm2dOptions batch_norm = {};
};

/// A Module whose constructor adds stages one after the other.
class StagedNetwork : public Module {
 protected:
  explicit StagedNetwork(const ModelOptions& options);

  /// Children `conv` and `act`, by these names. Throws Error for a window that does not fit the
  /// map.
  void add_stage(const std::string& conv, const std::string& act, StageSpec spec);
  /// A fully connected layer with bias as a convolution whose window is the whole map.
  void add_fully_connected_stage(const std::string& conv, const std::string& act, StageSpec spec);

  /// H W C of what the stages so far make of an image.
  const Shape& map() const { return map_; }
  const Quantization& quantization() const { return quantization_; }

  Variable run_stages(const Variable& x) const;

 private:
  struct Stage {
    Module* conv;
    bool relu;
    std::optional<autograd::PoolOptions> pool;
    Module* activation;
  };

  Quantization quantization_;
  Shape map_;
  std::vector<Stage> stages_;
};

}  // namespace lq
