// A recipe file for training runs of milliseconds.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/files.h"
#include "train/recipe.h"

namespace lq::testing {

inline constexpr std::int64_t tiny_steps_per_epoch = 8;

inline Recipe tiny_recipe() {
  Recipe recipe;
  recipe.name = "tiny";
  recipe.summary = "for tests";
  recipe.model = "small-cnn";
  recipe.dataset = "synthetic";
  recipe.dataset_options.synthetic = {
      .train_images = 64, .test_images = 32, .height = 8, .width = 8};
  recipe.batch = 8;
  recipe.schedule = {.base_rate = 0.05, .decay = PolynomialDecay{}, .unit = ScheduleUnit::step};
  return recipe;
}

inline void write_recipe(const std::filesystem::path& path, const Recipe& recipe) {
  write_content(path, to_json(recipe));
}

}  // namespace lq::testing
