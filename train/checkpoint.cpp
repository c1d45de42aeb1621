#include "train/checkpoint.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/io/safetensors.h"
#include "train/augment.h"
#include "train/json_reason.h"
#include "train/json_text.h"

namespace lq {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ClassificationSums, loss, correct, images)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ImageCounts, train, test)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BestEvaluation, accuracy, epoch, steps)

namespace {

using nlohmann::json;

constexpr std::string_view format_name = "lqnet-checkpoint";
constexpr int format_version = 2;

constexpr std::string_view model_prefix = "model.";
constexpr std::string_view optimizer_prefix = "optimizer.";
constexpr const char* class_names_key = "class_names";
constexpr const char* images_key = "images";
constexpr const char* began_with_key = "began_with";
constexpr const char* evaluation_due_key = "evaluation_due";
constexpr const char* mean_name = "data.mean";
constexpr const char* divisor_name = "data.divisor";

std::string state_to_json(const TrainingState& state) {
  json object{{"epochs_done", state.epochs_done},
              {"steps_done", state.steps_done},
              {"epoch_sums", state.epoch_sums},
              {"best", state.best ? json(*state.best) : json()}};
  if (state.evaluation_due) object[evaluation_due_key] = true;
  return object.dump();
}

TrainingState state_from_json(const std::string& text) {
  const json object = json::parse(text);
  TrainingState state;
  object.at("epochs_done").get_to(state.epochs_done);
  object.at("steps_done").get_to(state.steps_done);
  object.at("epoch_sums").get_to(state.epoch_sums);
  // Absent where it is not, as in files from before there was such a place.
  state.evaluation_due = object.value(evaluation_due_key, false);
  const json& best = object.at("best");
  if (!best.is_null()) state.best = best.get<BestEvaluation>();
  check(state.epochs_done >= 0 && state.steps_done >= 0, "state: counts below 0");
  check(state.steps_done > 0 || !state.evaluation_due, "state: an evaluation is due of no step");
  return state;
}

std::vector<std::string> read_class_names(const Metadata& metadata, std::int64_t classes) {
  const auto found = metadata.find(class_names_key);
  if (found == metadata.end()) return {};
  auto names = json::parse(found->second).get<std::vector<std::string>>();
  check(names.empty() || std::cmp_equal(names.size(), classes), "there are {} names of {} classes",
        names.size(), classes);
  return names;
}

std::optional<ImageCounts> read_images(const Metadata& metadata) {
  const auto found = metadata.find(images_key);
  if (found == metadata.end()) return std::nullopt;
  return json::parse(found->second).get<ImageCounts>();
}

std::string read_began_with(const Metadata& metadata) {
  const auto found = metadata.find(began_with_key);
  return found == metadata.end() ? std::string() : json::parse(found->second).get<std::string>();
}

void append(std::string_view prefix, const StateDict& state, std::vector<NamedTensor>& tensors) {
  for (const auto& [name, tensor] : state) {
    tensors.emplace_back(std::string(prefix) + name, tensor.to(Device{}));
  }
}

StateDict entries_below(std::string_view prefix, const SafetensorsFile& file) {
  StateDict state;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(prefix)) state.emplace_back(name.substr(prefix.size()), tensor);
  }
  return state;
}

const std::string& entry(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  check(found != metadata.end(), "the metadata entry '{}' is missing", key);
  return found->second;
}

void check_format(const Metadata& metadata) {
  const auto format = metadata.find("format");
  check(format != metadata.end() && format->second == format_name,
        "not a checkpoint of a training run");
  const int version = json::parse(entry(metadata, "format_version")).get<int>();
  check(version == format_version,
        "written by {} program (checkpoint format {}, this program reads {})",
        version > format_version ? "a newer" : "an older", version, format_version);
}

Normalization read_normalization(const SafetensorsFile& file) {
  const Tensor* mean = file.find(mean_name);
  const Tensor* divisor = file.find(divisor_name);
  check(mean != nullptr && mean->shape().rank() == 3 && mean->dtype() == DType::f32 &&
            divisor != nullptr && divisor->shape().rank() == 1 && divisor->dtype() == DType::f32,
        "the normalization ('{}', '{}') is missing or of another shape", mean_name, divisor_name);
  const auto divisors = divisor->span<float>();
  Normalization normalization{*mean, {divisors.begin(), divisors.end()}};
  validate(normalization);
  return normalization;
}

Checkpoint parse(const SafetensorsFile& file) {
  check_format(file.metadata);
  const auto classes = json::parse(entry(file.metadata, "classes")).get<std::int64_t>();
  Recipe recipe = recipe_from_json(entry(file.metadata, "recipe"));
  validate(recipe);
  return {.recipe = std::move(recipe),
          .classes = classes,
          .class_names = read_class_names(file.metadata, classes),
          .images = read_images(file.metadata),
          .began_with = read_began_with(file.metadata),
          .normalization = read_normalization(file),
          .state = state_from_json(entry(file.metadata, "state")),
          .threads = json::parse(entry(file.metadata, "threads")).get<int>(),
          .model = entries_below(model_prefix, file),
          .optimizer = entries_below(optimizer_prefix, file)};
}

}  // namespace

std::vector<std::string> class_names(const Dataset& images) {
  const json names = std::vector(images.classes().begin(), images.classes().end());
  return json::parse(dump_as_text(names)).get<std::vector<std::string>>();
}

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  append(model_prefix, checkpoint.model, tensors);
  append(optimizer_prefix, checkpoint.optimizer, tensors);
  tensors.emplace_back(mean_name, checkpoint.normalization.mean);
  const std::vector<float>& divisor = checkpoint.normalization.divisor;
  tensors.emplace_back(divisor_name, Tensor::from(divisor, {std::ssize(divisor)}));
  Metadata metadata{{"format", std::string(format_name)},
                    {"format_version", std::to_string(format_version)},
                    {"recipe", to_json(checkpoint.recipe)},
                    {"classes", std::to_string(checkpoint.classes)},
                    {class_names_key, json(checkpoint.class_names).dump()},
                    {"state", state_to_json(checkpoint.state)},
                    {"threads", std::to_string(checkpoint.threads)}};
  if (checkpoint.images) metadata.emplace(images_key, json(*checkpoint.images).dump());
  if (!checkpoint.began_with.empty()) {
    metadata.emplace(began_with_key, dump_as_text(json(checkpoint.began_with)));
  }
  save_safetensors(path, tensors, metadata);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const SafetensorsFile file = load_safetensors(path);
  try {
    return parse(file);
  } catch (const Error& error) {
    fail("{}: {}", path.string(), error.what());
  } catch (const json::exception& error) {
    fail("{}: damaged metadata: {}", path.string(), reason(error));
  }
}

Shape input_shape(const Checkpoint& checkpoint) {
  // The mean of images that are not scaled is an image.
  return input_shape(checkpoint.recipe, checkpoint.normalization.mean.shape());
}

ModelOptions model_options(const Checkpoint& checkpoint) {
  return model_options(checkpoint.recipe, checkpoint.classes, input_shape(checkpoint));
}

std::unique_ptr<Module> restore_model(const Checkpoint& checkpoint) {
  std::unique_ptr<Module> model = make_model(checkpoint.recipe.model, model_options(checkpoint));
  model->load_state_dict(checkpoint.model);
  return model;
}

}  // namespace lq
