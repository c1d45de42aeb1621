#include "apps/run_files.h"

#include "core/error.h"
#include "data/dataset_registry.h"

namespace lq::apps {

namespace fs = std::filesystem;

fs::path checkpoint_path(const fs::path& given) {
  if (!fs::is_directory(given)) return given;
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    if (fs::exists(given / name)) return given / name;
  }
  fail("{}: the folder holds no run (neither best.safetensors nor last.safetensors)",
       given.string());
}

CLI::Option* add_checkpoint_option(CLI::App& command, fs::path& checkpoint) {
  return command
      .add_option("--checkpoint", checkpoint,
                  "Folder of a run (its best checkpoint is taken), or a checkpoint file")
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
  const DatasetSplits data = open_dataset(checkpoint.recipe.dataset, data_folder);
  const auto classes = std::ssize(data.test->classes());
  check(classes == checkpoint.classes, "data set {} has {} classes, but the checkpoint has {}",
        checkpoint.recipe.dataset, classes, checkpoint.classes);
  return Loader(data.test, std::make_shared<NormalizeTransform>(checkpoint.normalization), options);
}

namespace {

std::string describe_bits(int bits, std::string_view what) {
  return bits == float_bits ? fmt::format("float {}", what) : fmt::format("{}-bit {}", bits, what);
}

}  // namespace

std::string describe_network(const std::string& model, const ModelOptions& options) {
  const bool is_float = options.w_bits == float_bits && options.a_bits == float_bits;
  if (is_float) return model + " in floating point";
  return fmt::format("{}, {}, {} ({})", model, describe_bits(options.w_bits, "weights"),
                     describe_bits(options.a_bits, "activations"), options.quantizer);
}

}  // namespace lq::apps
