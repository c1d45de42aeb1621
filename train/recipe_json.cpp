#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/recipe.h"

namespace lq {

NLOHMANN_JSON_SERIALIZE_ENUM(ScheduleUnit,
                             {{ScheduleUnit::epoch, "epoch"}, {ScheduleUnit::step, "step"}})
NLOHMANN_JSON_SERIALIZE_ENUM(MeanSource, {{MeanSource::train, "train"},
                                          {MeanSource::train_and_test, "train_and_test"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MultiStepDecay, boundaries, divide_by)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PolynomialDecay, power, end_rate)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CosineDecay, end_rate)

namespace {

using nlohmann::json;

const char* kind_of(const MultiStepDecay&) { return "multi_step"; }
const char* kind_of(const PolynomialDecay&) { return "polynomial"; }
const char* kind_of(const CosineDecay&) { return "cosine"; }

/// Takes the alternative out of `object` when it is of this kind.
template <typename Decay>
bool read_decay(const json& object, Schedule& schedule) {
  if (object.at("kind") != kind_of(Decay{})) return false;
  schedule.decay = object.get<Decay>();
  return true;
}

}  // namespace

void to_json(json& object, const Schedule& schedule) {
  const json decay = std::visit(
      [](const auto& alternative) {
        json fields = alternative;
        fields["kind"] = kind_of(alternative);
        return fields;
      },
      schedule.decay);
  object = {{"base_rate", schedule.base_rate},
            {"decay", decay},
            {"unit", schedule.unit},
            {"warmup_epochs", schedule.warmup_epochs}};
}

void from_json(const json& object, Schedule& schedule) {
  object.at("base_rate").get_to(schedule.base_rate);
  object.at("unit").get_to(schedule.unit);
  object.at("warmup_epochs").get_to(schedule.warmup_epochs);
  const json& decay = object.at("decay");
  check(read_decay<MultiStepDecay>(decay, schedule) ||
            read_decay<PolynomialDecay>(decay, schedule) ||
            read_decay<CosineDecay>(decay, schedule),
        "schedule: decay of kind {} is not known", decay.at("kind").dump());
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Recipe, name, summary, model, w_bits, a_bits, quantizer, dataset,
                                   crop_padding, flip, mean_source, epochs, batch, schedule,
                                   momentum, nesterov, weight_decay, seed)

std::string to_json(const Recipe& recipe) { return json(recipe).dump(); }

Recipe recipe_from_json(std::string_view text) {
  try {
    return json::parse(text).get<Recipe>();
  } catch (const json::exception& error) {
    fail("recipe: cannot be read from its JSON text: {}", error.what());
  }
}

std::string conflict(const Recipe& stored, const Recipe& recipe) {
  Recipe comparable = recipe;
  comparable.name = stored.name;
  comparable.summary = stored.summary;
  comparable.epochs = stored.epochs;
  const json before = json(stored).flatten();
  const json after = json(comparable).flatten();
  for (const auto& [path, value] : before.items()) {
    const json other = after.value(path, json());
    if (value != other) {
      return fmt::format("{} is {}, not {}", path.substr(1), value.dump(), other.dump());
    }
  }
  return before == after ? "" : "schedule/decay differs";
}

}  // namespace lq
