// Fully connected layer.
#pragma once

#include <optional>

#include "layers/module.h"

namespace lq {

/// y = x W^T + b for x of N x I. Parameters `weight` O x I (fan-in initialisation, spec section
/// 4, if no other is given) and `bias` O. An input of higher rank is flattened to N x I first.
class Linear final : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, std::optional<Initializer> initializer = {});

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::int64_t in_;
  Variable weight_;
  Variable bias_;
};

}  // namespace lq
