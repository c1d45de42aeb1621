#include "train/warm_start.h"

#include <gtest/gtest.h>

#include "models/model.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tiny_run.h"

namespace lq::testing {
namespace {

std::unique_ptr<Module> small_cnn(int w_bits, int a_bits, std::int64_t classes = 3) {
  auto model = make_model(
      "small-cnn", {.w_bits = w_bits, .a_bits = a_bits, .classes = classes, .input = {8, 8, 2}});
  model->initialize(static_cast<std::uint64_t>(w_bits));
  return model;
}

/// A copy: state_dict() shares storage with its model.
StateDict values_of(const Module& model) {
  StateDict values;
  for (const auto& [name, tensor] : model.state_dict()) values.emplace_back(name, tensor.clone());
  return values;
}

const Tensor& value(const StateDict& state, const std::string& name) {
  return std::ranges::find(state, name, &StateDict::value_type::first)->second;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

TEST(WarmStartTest, TakesWhatANetworkInFloatingPointHas) {
  const auto source = small_cnn(32, 32);
  const auto model = small_cnn(2, 2);
  const StateDict before = values_of(*model);
  const StateDict given = values_of(*source);
  const WarmStart start = warm_start(*model, given);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : given) names.push_back(name);
  EXPECT_EQ(start.taken, names);
  EXPECT_FALSE(start.fresh.empty());
  for (const std::string& name : start.fresh) {
    EXPECT_NE(name.find(".quant."), std::string::npos) << name;
    EXPECT_TRUE(same(value(model->state_dict(), name), value(before, name))) << name;
  }
  for (const std::string& name : start.taken) {
    EXPECT_TRUE(same(value(model->state_dict(), name), value(given, name))) << name;
  }
}

TEST(WarmStartTest, TakesTheStateOfQuantizersWithTheSameBits) {
  const auto source = small_cnn(3, 2);
  const auto model = small_cnn(1, 2);
  const WarmStart start = warm_start(*model, values_of(*source));
  EXPECT_TRUE(std::ranges::count(start.taken, "act0.quant.basis"));
  // All of a quantizer with other bits, though its step count would fit.
  EXPECT_EQ(start.fresh,
            (std::vector<std::string>{"conv1.quant.basis", "conv1.quant.basis_biased",
                                      "conv1.quant.basis_step", "conv2.quant.basis",
                                      "conv2.quant.basis_biased", "conv2.quant.basis_step"}));
}

TEST(WarmStartTest, QuantizersWithOtherBitsLearnAsNewOnes) {
  // The debiased average of a new quantizer takes the first solution of QEM whole, and so do the
  // bases of one after a warm start; one that went on from the step count of a trained network
  // would take a tenth of it.
  const auto source = small_cnn(3, 3);
  const Variable images(random_normal({4, 8, 8, 2}, 5));
  for (int step = 0; step < 50; ++step) (*source)(images);
  const auto model = small_cnn(2, 2);
  warm_start(*model, values_of(*source));
  const auto fresh = small_cnn(2, 2);
  for (auto& parameter : fresh->parameters()) {
    parameter.variable.value().copy_from(value(source->state_dict(), parameter.name));
  }
  (*model)(images);
  (*fresh)(images);
  for (const auto& [name, tensor] : fresh->state_dict()) {
    if (name.find(".quant.") == std::string::npos) continue;
    EXPECT_TRUE(same(value(model->state_dict(), name), tensor)) << name;
  }
}

TEST(WarmStartTest, KeepsALayerForOtherClasses) {
  const auto source = small_cnn(2, 2, 3);
  const auto model = small_cnn(2, 2, 5);
  const WarmStart start = warm_start(*model, values_of(*source));
  EXPECT_EQ(start.fresh, (std::vector<std::string>{"fc.weight", "fc.bias"}));
  EXPECT_EQ(describe(start), fmt::format("{} of {} values taken; fresh: fc.weight, fc.bias",
                                         start.taken.size(), start.taken.size() + 2));
}

TEST(WarmStartTest, NamesEightAtMost) {
  WarmStart start{.taken = {"a"}, .fresh = {"b", "c", "d", "e", "f", "g", "h", "i", "j", "k"}};
  EXPECT_EQ(describe(start), "1 of 11 values taken; fresh: b, c, d, e, f, g, h, i and 2 more");
  start.fresh.clear();
  EXPECT_EQ(describe(start), "1 of 1 values taken");
}

TEST(WarmStartTest, RefusesValuesOfWhichNoParameterFits) {
  TinyNet model;
  model.initialize(1);
  const StateDict before = values_of(model);
  for (const StateDict& values :
       {StateDict{}, StateDict{{"kernel", Tensor::full({8, 3, 3, 1}, 1.0F)}},
        StateDict{{"gain", Tensor::full({1}, 2.0F)}},
        StateDict{{"bias", Tensor::zeros({3}, DType::f64)}}}) {
    EXPECT_TRUE(throws_error([&] { warm_start(model, values); }, "warm start: no parameter has"));
    for (const auto& [name, tensor] : model.state_dict()) {
      EXPECT_TRUE(same(tensor, value(before, name))) << name;
    }
  }
}

TEST(WarmStartTest, ARunBeginsWithTheValues) {
  const TemporaryFolder folder;
  TinyNet source;
  source.initialize(99);
  TrainerOptions options = tiny_options(folder / "run");
  options.initial = values_of(source);
  options.initial_source = "runs/a \xff";
  options.max_steps = 1;
  TinyNet model;
  Trainer trainer(model, tiny_data(), options);
  const auto last = folder / "run/last.safetensors";
  const Checkpoint first = load_checkpoint(last);
  for (const auto& [name, tensor] : first.model) {
    EXPECT_TRUE(same(tensor, value(source.state_dict(), name))) << name;
  }
  EXPECT_EQ(first.began_with, "runs/a \xEF\xBF\xBD");  // U+FFFD
  trainer.run();
  EXPECT_EQ(load_checkpoint(last).began_with, first.began_with);
}

TEST(WarmStartTest, AResumedRunKeepsWhereItsValuesCameFrom) {
  const TemporaryFolder folder;
  TinyNet source, model;
  source.initialize(99);
  TrainerOptions options = tiny_options(folder / "run");
  options.initial = values_of(source);
  options.initial_source = "other";
  options.max_steps = 1;
  Trainer(model, tiny_data(), options).run();
  options.resume = true;
  EXPECT_TRUE(throws_error([&] { Trainer(model, tiny_data(), options); },
                           "train: initial values given for a run that is resumed"));
  options.initial.clear();
  options.initial_source.clear();
  options.max_steps = 2;
  Trainer(model, tiny_data(), options).run();
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").began_with, "other");
  EXPECT_EQ(load_checkpoint(folder / "run/last.safetensors").state.steps_done, 2);
}

TEST(WarmStartTest, AFailedOneLeavesNoRun) {
  const TemporaryFolder folder;
  TrainerOptions options = tiny_options(folder / "run");
  options.initial = {{"other", Tensor::full({1}, 2.0F)}};
  TinyNet model;
  EXPECT_TRUE(throws_error([&] { Trainer(model, tiny_data(), options); }, "warm start: "));
  EXPECT_TRUE(names_in(folder / "run").empty());
}

}  // namespace
}  // namespace lq::testing
