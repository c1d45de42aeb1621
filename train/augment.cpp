#include "train/augment.h"

#include "core/error.h"
#include "data/resize_transforms.h"

namespace lq {

namespace {

bool is_scaled(const Recipe& recipe) {
  return recipe.augmentation.kind != AugmentationKind::pad_crop;
}

}  // namespace

Shape input_shape(const Recipe& recipe, const Shape& image_shape) {
  const std::int64_t crop = recipe.augmentation.resize.crop;
  if (is_scaled(recipe)) return {crop, crop, 3};
  check(image_shape[0] > 0,
        "recipe: augmentation.kind is pad_crop, for images of one size, but those of data set {} "
        "differ; expected crop or resized_crop, as in the recipes of ImageNet",
        recipe.dataset);
  return image_shape;
}

Normalization recipe_normalization(const Recipe& recipe, const DatasetSplits& data) {
  return is_scaled(recipe) ? imagenet_normalization(recipe.augmentation.resize.order)
                           : per_pixel_normalization(data, recipe.mean_source);
}

std::shared_ptr<const Transform> training_transform(const Recipe& recipe,
                                                    const Normalization& normalization) {
  const AugmentationOptions& options = recipe.augmentation;
  switch (options.kind) {
    case AugmentationKind::crop:
      return std::make_shared<RandomCropTransform>(options.resize, recipe.flip);
    case AugmentationKind::resized_crop:
      return std::make_shared<RandomResizedCropTransform>(
          options.resize, ColourJitterOptions{.style = options.style}, recipe.flip);
    default:
      return std::make_shared<PadCropFlipTransform>(
          normalization, PadCropFlipOptions{.padding = recipe.crop_padding, .flip = recipe.flip});
  }
}

std::shared_ptr<const Transform> test_transform(const Recipe& recipe,
                                                const Normalization& normalization) {
  if (is_scaled(recipe)) return std::make_shared<CentreCropTransform>(recipe.augmentation.resize);
  return std::make_shared<NormalizeTransform>(normalization);
}

}  // namespace lq
