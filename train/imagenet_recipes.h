// ImageNet recipes: every row of the paper's tables.
#pragma once

#include <vector>

#include "train/recipe.h"

namespace lq {

/// "imagenet-<model>-w<bits>a<bits>", network by network. The schedules are the supplement's
/// (spec section 4): with 1-bit weights and 2-bit activations that of HWGQ, 64 epochs along a
/// straight line and plain augmentation; otherwise 120 epochs in steps and the augmentation of
/// fb.resnet.torch.
std::vector<Recipe> imagenet_recipes();

}  // namespace lq
