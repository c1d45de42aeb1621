#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "train/json_reason.h"
#include "train/recipe.h"

namespace lq {

namespace {

using nlohmann::ordered_json;

template <typename Enum>
struct EnumName {
  Enum value;
  std::string_view name;
};

constexpr std::array unit_names{EnumName{ScheduleUnit::epoch, "epoch"},
                                EnumName{ScheduleUnit::step, "step"}};
constexpr std::array mean_source_names{EnumName{MeanSource::train, "train"},
                                       EnumName{MeanSource::train_and_test, "train_and_test"}};

constexpr std::array augmentation_names{EnumName{AugmentationKind::pad_crop, "pad_crop"},
                                        EnumName{AugmentationKind::crop, "crop"},
                                        EnumName{AugmentationKind::resized_crop, "resized_crop"}};
constexpr std::array style_names{EnumName{AugmentationStyle::fb_resnet, "fb_resnet"},
                                 EnumName{AugmentationStyle::official, "official"}};
constexpr std::array interpolation_names{EnumName{Interpolation::bicubic, "bicubic"},
                                         EnumName{Interpolation::bicubic_opencv, "bicubic_opencv"}};
constexpr std::array order_names{EnumName{ChannelOrder::rgb, "rgb"},
                                 EnumName{ChannelOrder::bgr, "bgr"}};

constexpr const auto& names_of(AugmentationKind) { return augmentation_names; }
constexpr const auto& names_of(AugmentationStyle) { return style_names; }
constexpr const auto& names_of(Interpolation) { return interpolation_names; }
constexpr const auto& names_of(ChannelOrder) { return order_names; }
constexpr const auto& names_of(ScheduleUnit) { return unit_names; }
constexpr const auto& names_of(MeanSource) { return mean_source_names; }

constexpr const char* kind_of(const MultiStepDecay&) { return "multi_step"; }
constexpr const char* kind_of(const PolynomialDecay&) { return "polynomial"; }
constexpr const char* kind_of(const CosineDecay&) { return "cosine"; }

using Decay = decltype(Schedule::decay);

// visit_fields(object, visit) calls visit(key, field) for every field of a struct, which may be
// constant: the one list of keys for reading and writing.

template <typename T, typename Struct>
concept MaybeConst = std::same_as<std::remove_const_t<T>, Struct>;

void visit_fields(MaybeConst<SyntheticOptions> auto& options, auto&& visit) {
  visit("train_images", options.train_images);
  visit("test_images", options.test_images);
  visit("height", options.height);
  visit("width", options.width);
  visit("channels", options.channels);
  visit("classes", options.classes);
  visit("noise", options.noise);
  visit("seed", options.seed);
}

void visit_fields(MaybeConst<DatasetOptions> auto& options, auto&& visit) {
  visit("padded_size", options.padded_size);
  visit("synthetic", options.synthetic);
}

void visit_fields(MaybeConst<LearnedBases> auto& bases, auto&& visit) {
  visit("momentum", bases.momentum);
  visit("debias", bases.debias);
  visit("weight_ridge", bases.weight_ridge);
  visit("activation_ridge_per_value", bases.activation_ridge_per_value);
}

void visit_fields(MaybeConst<AugmentationOptions> auto& options, auto&& visit) {
  visit("kind", options.kind);
  visit("style", options.style);
  visit("crop", options.resize.crop);
  visit("shorter_side", options.resize.shorter_side);
  visit("interpolation", options.resize.interpolation);
  visit("order", options.resize.order);
  visit("reducing_gap", options.resize.reducing_gap);
}

void visit_fields(MaybeConst<MultiStepDecay> auto& decay, auto&& visit) {
  visit("boundaries", decay.boundaries);
  visit("divide_by", decay.divide_by);
}

void visit_fields(MaybeConst<PolynomialDecay> auto& decay, auto&& visit) {
  visit("power", decay.power);
  visit("end_rate", decay.end_rate);
}

void visit_fields(MaybeConst<CosineDecay> auto& decay, auto&& visit) {
  visit("end_rate", decay.end_rate);
}

void visit_fields(MaybeConst<Schedule> auto& schedule, auto&& visit) {
  visit("base_rate", schedule.base_rate);
  visit("decay", schedule.decay);
  visit("unit", schedule.unit);
  visit("warmup_epochs", schedule.warmup_epochs);
}

void visit_fields(MaybeConst<Recipe> auto& recipe, auto&& visit) {
  visit("name", recipe.name);
  visit("summary", recipe.summary);
  visit("model", recipe.model);
  visit("variant", recipe.variant);
  visit("w_bits", recipe.w_bits);
  visit("a_bits", recipe.a_bits);
  visit("quantizer", recipe.quantizer);
  visit("learned_bases", recipe.learned_bases);
  visit("dataset", recipe.dataset);
  visit("dataset_options", recipe.dataset_options);
  visit("crop_padding", recipe.crop_padding);
  visit("flip", recipe.flip);
  visit("mean_source", recipe.mean_source);
  visit("augmentation", recipe.augmentation);
  visit("epochs", recipe.epochs);
  visit("batch", recipe.batch);
  visit("accumulation", recipe.accumulation);
  visit("schedule", recipe.schedule);
  visit("momentum", recipe.momentum);
  visit("nesterov", recipe.nesterov);
  visit("weight_decay", recipe.weight_decay);
  visit("seed", recipe.seed);
}

template <typename T>
concept Struct = requires(const T& object) {
  visit_fields(object, [](const char*, auto&) {});
};

// Writing.

template <typename T>
ordered_json written(const T& value) {
  return value;
}

template <typename Enum>
requires std::is_enum_v<Enum> ordered_json written(const Enum& value) {
  return std::ranges::find(names_of(value), value, &EnumName<Enum>::value)->name;
}

ordered_json written(const Decay& decay);

template <Struct T>
ordered_json written(const T& object) {
  ordered_json fields = ordered_json::object();
  visit_fields(object, [&](const char* key, const auto& field) { fields[key] = written(field); });
  return fields;
}

ordered_json written(const Decay& decay) {
  return std::visit(
      [](const auto& alternative) {
        ordered_json fields = {{"kind", kind_of(alternative)}};
        fields.update(written(alternative));
        return fields;
      },
      decay);
}

// Reading. A Place is a value in the text, with the keys that lead to it.

struct Place {
  const ordered_json& value;
  std::string path = {};

  Place at(std::string_view key) const {
    std::string inner = path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
    const auto found = value.find(key);
    check(found != value.end(), "key '{}' is missing", inner);
    return {*found, std::move(inner)};
  }
  void expect(bool condition, std::string_view what) const {
    check(condition, "{}: expected {}, found {}",
          path.empty() ? "the text" : fmt::format("key '{}'", path), what,
          value.is_structured() ? fmt::format("an {}", value.type_name()) : value.dump());
  }
};

void read(const Place& place, std::string& text) {
  place.expect(place.value.is_string(), "a string");
  text = place.value.get<std::string>();
}

void read(const Place& place, bool& flag) {
  place.expect(place.value.is_boolean(), "true or false");
  flag = place.value.get<bool>();
}

template <std::integral T>
void read(const Place& place, T& number) {
  const ordered_json& value = place.value;
  place.expect(value.is_number_integer(), "a whole number");
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                               : std::in_range<T>(value.get<std::int64_t>());
  using Limits = std::numeric_limits<T>;
  place.expect(fits, fmt::format("a whole number from {} to {}", Limits::min(), Limits::max()));
  number = value.get<T>();
}

template <std::floating_point T>
void read(const Place& place, T& number) {
  place.expect(place.value.is_number(), "a number");
  const auto value = place.value.get<double>();
  constexpr T most = std::numeric_limits<T>::max();
  place.expect(std::abs(value) <= double{most}, fmt::format("a number of at most {}", most));
  number = static_cast<T>(value);
}

template <typename Enum>
requires std::is_enum_v<Enum>
void read(const Place& place, Enum& value) {
  std::vector<std::string_view> known;
  for (const auto& [alternative, name] : names_of(value)) {
    if (place.value == name) {
      value = alternative;
      return;
    }
    known.push_back(name);
  }
  place.expect(false, fmt::format("one of \"{}\"", fmt::join(known, "\", \"")));
}

void read(const Place& place, std::vector<std::int64_t>& numbers) {
  place.expect(place.value.is_array(), "an array of whole numbers");
  numbers.clear();
  for (const ordered_json& value : place.value) {
    read(Place{value, place.path}, numbers.emplace_back());
  }
}

void read(const Place& place, Decay& decay);

template <Struct T>
void read(const Place& place, T& object) {
  place.expect(place.value.is_object(), "an object");
  std::vector<std::string_view> known;
  visit_fields(object, [&](const char* key, auto&) { known.emplace_back(key); });
  // First: a key that is misspelt is not one that is missing.
  for (const auto& [key, value] : place.value.items()) {
    check(std::ranges::find(known, key) != known.end(), "key '{}' is not known, expected {}",
          place.at(key).path, fmt::join(known, ", "));
  }
  visit_fields(object, [&](const char* key, auto& field) { read(place.at(key), field); });
}

/// Whether `place` holds an alternative of this kind, which is taken then.
template <typename Alternative>
bool read_alternative(const Place& place, const std::string& kind, Decay& decay) {
  Alternative alternative;
  if (kind != kind_of(alternative)) return false;
  ordered_json fields = place.value;
  fields.erase("kind");
  read(Place{fields, place.path}, alternative);
  decay = alternative;
  return true;
}

void read(const Place& place, Decay& decay) {
  place.expect(place.value.is_object(), "an object");
  std::string kind;
  read(place.at("kind"), kind);
  const bool known = read_alternative<MultiStepDecay>(place, kind, decay) ||
                     read_alternative<PolynomialDecay>(place, kind, decay) ||
                     read_alternative<CosineDecay>(place, kind, decay);
  place.at("kind").expect(known, "one of \"multi_step\", \"polynomial\", \"cosine\"");
}

/// The parser keeps one of several values of a key and says nothing.
ordered_json parse_without_repetition(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // seen so far, of each object that is open
  using Event = ordered_json::parse_event_t;
  return ordered_json::parse(text, [&](int, Event event, const ordered_json& parsed) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      check(keys.back().insert(parsed.get<std::string>()).second, "key '{}' occurs twice",
            parsed.get<std::string>());
    }
    return true;
  });
}

/// Objects are compared key by key, everything else as a whole.
void compare(const std::string& path, const ordered_json& first, const ordered_json& second,
             std::vector<RecipeDifference>& differences) {
  if (!first.is_object() || !second.is_object()) {
    if (first != second) differences.push_back({path, first.dump(), second.dump()});
    return;
  }
  const auto inner = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : first.items()) {
    compare(inner(key), value, second.value(key, ordered_json()), differences);
  }
  for (const auto& [key, value] : second.items()) {
    if (!first.contains(key)) compare(inner(key), ordered_json(), value, differences);
  }
}

/// Files and checkpoints from before there were these keys mean what their defaults say.
void add_later_keys(ordered_json& recipe) {
  const ordered_json defaults = written(Recipe{});
  // Objects first, then keys that they did not always have.
  for (const char* key : {"/variant", "/learned_bases", "/augmentation",
                          "/augmentation/reducing_gap", "/accumulation"}) {
    const ordered_json::json_pointer place(key);
    const ordered_json::json_pointer parent = place.parent_pointer();
    if (recipe.contains(parent) && !recipe[parent].is_object()) continue;  // refused when read
    if (!recipe.contains(place)) recipe[place] = defaults[place];
  }
}

}  // namespace

std::string to_json(const Recipe& recipe) { return written(recipe).dump(); }

Recipe recipe_from_json(std::string_view text) {
  try {
    ordered_json object = parse_without_repetition(text);
    if (object.is_object()) add_later_keys(object);
    Recipe recipe;
    read(Place{object}, recipe);
    return recipe;
  } catch (const ordered_json::exception& error) {
    fail("recipe: the text is no JSON: {}", reason(error));
  } catch (const Error& error) {
    fail("recipe: {}", error.what());
  }
}

std::vector<RecipeDifference> differences(const Recipe& first, const Recipe& second) {
  Recipe renamed = second;
  renamed.name = first.name;
  renamed.summary = first.summary;
  std::vector<RecipeDifference> found;
  compare("", written(first), written(renamed), found);
  return found;
}

}  // namespace lq
