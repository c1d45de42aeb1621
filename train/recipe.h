// Training recipes by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset_registry.h"
#include "data/normalization.h"
#include "data/resize_transforms.h"
#include "models/model.h"
#include "train/schedule.h"

namespace lq {

/// How images come to a network's input.
enum class AugmentationKind : unsigned char {
  pad_crop,     ///< as they are, with crop_padding in training; less their mean image
  crop,         ///< scaled to a shorter side; a random crop in training, the centre in evaluation
  resized_crop  ///< random crops of any size and other colours in training; evaluation as before
};

struct AugmentationOptions {
  AugmentationKind kind = AugmentationKind::pad_crop;
  /// Of resized_crop.
  AugmentationStyle style = AugmentationStyle::fb_resnet;
  /// Of both kinds that scale. They normalise with ImageNet's numbers.
  ResizeOptions resize;

  friend bool operator==(const AugmentationOptions&, const AugmentationOptions&) = default;
};

/// How the bases of "lq" and "lq-int8" are learned: see LqOptions and kernels::QemOptions.
struct LearnedBases {
  double momentum = LqOptions().weights.momentum;   ///< [0, 1), of the moving average
  bool debias = LqOptions().weights.debias;         ///< false: the paper's plain average
  double weight_ridge = LqOptions().weights.ridge;  ///< at least 0
  double activation_ridge_per_value = LqOptions().activations.ridge_per_value;  ///< the same

  friend bool operator==(const LearnedBases&, const LearnedBases&) = default;
};

/// Everything that decides the numbers of a training run, but for the data set's files and the
/// number of threads. Plain fields: take one from find_recipe() and change what should differ. Each
/// field has its key in recipe_json.cpp.
struct Recipe {
  std::string name;
  std::string summary;  ///< one line for help texts

  std::string model = "resnet20";  ///< a name of models/model.h
  std::string variant;             ///< of the model; empty: what it takes by itself
  int w_bits = 2;                  ///< 1 to 8, or 32 for floating point
  int a_bits = 2;                  ///< the same
  std::string quantizer = "lq";    ///< a name of models/model.h
  LearnedBases learned_bases;

  std::string dataset = "fashion-mnist";  ///< a name of data/dataset_registry.h
  DatasetOptions dataset_options;
  int crop_padding = 0;  ///< zeros on each side before a random crop; 0: no crop
  /// Mirror half of the images. Trainer turns it off unless DatasetSplits::mirror_symmetric.
  bool flip = true;
  MeanSource mean_source = MeanSource::train;
  AugmentationOptions augmentation;

  std::int64_t epochs = 3;   ///< 1 to 2^24
  std::int64_t batch = 128;  ///< images per step
  /// Parts of equal size that a batch is computed in, one after the other, where it does not fit
  /// into memory at once; their gradients add up. Batch normalization sees a part at a time;
  /// quantizers learn once, from all of them.
  std::int64_t accumulation = 1;
  std::int64_t images_per_pass() const { return batch / accumulation; }
  Schedule schedule;
  double momentum = 0.9;  ///< [0, 1)
  bool nesterov = false;
  double weight_decay = 1e-4;  ///< on convolution and linear weights only (spec section 4)
  std::uint64_t seed = 1;      ///< of initial weights, order and augmentation

  friend bool operator==(const Recipe&, const Recipe&) = default;
};

/// Known names, the default one first.
std::vector<std::string> recipe_names();

/// Throws Error that lists the known names when there is no such recipe.
const Recipe& find_recipe(std::string_view name);

/// Throws Error, naming the field, for numbers out of range. Names, bit widths and data set options
/// are left to their registries.
void validate(const Recipe& recipe);

/// All fields as one JSON object, in the order of the struct, and back; throws Error, naming the
/// key, for text that is not such an object: missing and unknown keys, values of another type. Only
/// "variant", "learned_bases", "augmentation" and "accumulation" may be missing, as they are in
/// older files, and have their defaults then. Numbers keep every bit.
std::string to_json(const Recipe& recipe);
Recipe recipe_from_json(std::string_view text);

/// Reads a recipe from a JSON file in the form of to_json(). Throws Error "<path>: ..." for a file
/// that cannot be read, and for one whose recipe could not be trained: numbers out of range, or
/// names of a model, a data set or a quantizer that no registry has.
Recipe load_recipe(const std::filesystem::path& path);

/// Opens the recipe's data set from `folder`; see data/dataset_registry.h.
DatasetSplits open_dataset(const Recipe& recipe, const std::filesystem::path& folder = {});

/// The recipe's network for images of the shape `input` (H W C).
ModelOptions model_options(const Recipe& recipe, std::int64_t classes, const Shape& input);

/// A field in which two recipes differ.
struct RecipeDifference {
  std::string field;   ///< "batch", or "schedule.base_rate"
  std::string first;   ///< its value in the first recipe, as JSON; "null" where it has none
  std::string second;  ///< in the second one
};

/// In the order of the fields. Name and summary do not count.
std::vector<RecipeDifference> differences(const Recipe& first, const Recipe& second);

/// The first field for which a run of `recipe` would not be the run of `stored` continued; nothing
/// when it would. Epochs may grow: a run may be made longer.
std::optional<RecipeDifference> conflict(const Recipe& stored, const Recipe& recipe);

/// The fields in which a recipe differs from the one that find_recipe() has by its name; none when
/// it has no such recipe.
std::vector<std::string> modified_fields(const Recipe& recipe);

}  // namespace lq
