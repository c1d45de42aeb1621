#include "apps/run_files.h"

#include "core/error.h"
#include "train/recipe.h"
#include "train/trainer.h"

namespace lq::apps {

namespace fs = std::filesystem;

fs::path checkpoint_path(const fs::path& given) {
  if (!fs::is_directory(given)) return given;
  for (const char* name : {best_checkpoint_file, last_checkpoint_file}) {
    if (fs::exists(given / name)) return given / name;
  }
  fail("{}: the folder holds no run (neither {} nor {})", given.string(), best_checkpoint_file,
       last_checkpoint_file);
}

CLI::Option* add_checkpoint_option(CLI::App& command, fs::path& checkpoint) {
  return command
      .add_option("--checkpoint", checkpoint,
                  "Folder of a run, which stands for its best checkpoint (that with the highest\n"
                  "test accuracy), or a checkpoint file, such as last.safetensors in that folder")
      ->type_name("PATH");
}

CLI::Option* add_data_option(CLI::App& command, fs::path& folder) {
  return command
      .add_option("--data", folder,
                  "Folder of the data set's files (default: where the system keeps them)")
      ->type_name("FOLDER");
}

Loader test_loader(const Checkpoint& checkpoint, const fs::path& data_folder,
                   const LoaderOptions& options) {
  const DatasetSplits data = open_dataset(checkpoint.recipe, data_folder);
  const auto classes = std::ssize(data.test->classes());
  check(classes == checkpoint.classes, "data set {} has {} classes, but the checkpoint has {}",
        checkpoint.recipe.dataset, classes, checkpoint.classes);
  return Loader(data.test, std::make_shared<NormalizeTransform>(checkpoint.normalization), options);
}

}  // namespace lq::apps
