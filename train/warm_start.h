// Beginning with what another network has learned.
#pragma once

#include <string>
#include <vector>

#include "layers/module.h"

namespace lq {

/// What became of the entries of a network's state, by their names.
struct WarmStart {
  std::vector<std::string> taken;
  /// There is no such value of the same shape and type: the network keeps its own.
  std::vector<std::string> fresh;
};

/// Gives each entry of the model's state the value of the same name in `values`, if its shape and
/// type are the same; other entries stay as they are, as those of quantizers do where `values` are
/// of a network in floating point, or those of the last layer for other classes. The buffers of one
/// module are taken together or not at all, since they belong together: a basis that starts anew
/// must not go on from the step count of one with other bits, whose average is long debiased. Names
/// in `values` that the model lacks are ignored. Throws Error, and changes nothing, when no
/// parameter would be taken.
WarmStart warm_start(Module& model, const StateDict& values);

/// "61 of 64 values taken; fresh: fc.weight, fc.bias, ...", in one line.
std::string describe(const WarmStart& start);

}  // namespace lq
