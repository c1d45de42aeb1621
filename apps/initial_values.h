// What a training run begins with, from a file that the user names.
#pragma once

#include <filesystem>

#include "layers/module.h"
#include "train/recipe.h"

namespace lq::apps {

/// The values of a trained network, for warm_start() of `model`, which is that of the recipe: from
/// a checkpoint or the folder of a run (see checkpoint_path()) all of them; from a packed network,
/// a file that ends in .lqn, the weights of convolutions and fully connected layers as they are
/// computed with, since the rest is folded there. Throws Error "<path>: ..." for a file that cannot
/// be read, and for one of another model or another variant of it; a packed network that does not
/// tell its variant gets a warning.
StateDict initial_values(const std::filesystem::path& given, const Recipe& recipe,
                         const Module& model);

}  // namespace lq::apps
