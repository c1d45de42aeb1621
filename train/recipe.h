// Training recipes by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/normalization.h"
#include "train/schedule.h"

namespace lq {

/// Everything that decides the numbers of a training run, but for the data set's files. Plain
/// fields: take one from find_recipe() and change what should differ.
struct Recipe {
  std::string name;
  std::string summary;  ///< one line for help texts

  std::string model = "resnet20";  ///< a name of models/model.h
  int w_bits = 2;                  ///< 1 to 8, or 32 for floating point
  int a_bits = 2;                  ///< the same
  std::string quantizer = "lq";    ///< a name of models/model.h

  std::string dataset = "fashion-mnist";  ///< a name of data/dataset_registry.h
  int crop_padding = 0;                   ///< zeros on each side before a random crop; 0: no crop
  bool flip = true;                       ///< mirror half of the images
  MeanSource mean_source = MeanSource::train;

  std::int64_t epochs = 3;
  std::int64_t batch = 128;
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

/// Throws Error, naming the field, for numbers out of range. Names are left to their registries.
void validate(const Recipe& recipe);

/// All fields as one JSON object, and back; throws Error for text that is not such an object.
/// Numbers keep every bit.
std::string to_json(const Recipe& recipe);
Recipe recipe_from_json(std::string_view text);

/// One line on the first field for which a run of `recipe` would not be the run of `stored`
/// continued, as "batch is 128, not 64"; empty when there is none. Name and summary do not matter,
/// and epochs may differ: a run may be made longer.
std::string conflict(const Recipe& stored, const Recipe& recipe);

}  // namespace lq
