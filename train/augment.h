// From the images of a data set to a network's input, as a recipe wants it.
#pragma once

#include <memory>

#include "data/augmentation.h"
#include "data/dataset.h"
#include "train/recipe.h"

namespace lq {

/// H W C of the recipe's network: that of the images, or the crop of its augmentation. Throws Error
/// for images that differ in size (height 0) and are not scaled.
Shape input_shape(const Recipe& recipe, const Shape& image_shape);

/// What images are normalised with: their own mean image, or ImageNet's numbers where they are
/// scaled. Throws Error for images that differ in size and are not scaled.
Normalization recipe_normalization(const Recipe& recipe, const DatasetSplits& data);

/// For training, with all that depends on chance.
std::shared_ptr<const Transform> training_transform(const Recipe& recipe,
                                                    const Normalization& normalization);
/// For evaluation: nothing depends on chance.
std::shared_ptr<const Transform> test_transform(const Recipe& recipe,
                                                const Normalization& normalization);

}  // namespace lq
