#include "autograd/variable.h"

#include <thread>

#include "autograd/add.h"
#include "autograd/relu.h"
#include "core/device.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/tape_check.h"

namespace lq::testing {
namespace {

using autograd::add;
using autograd::GradientMode;
using autograd::GradientSink;
using autograd::NameScope;
using autograd::NoGradScope;
using autograd::Record;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::relu;

Variable leaf(std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return Variable(Tensor::from(values, {size}), true);
}

std::vector<float> gradient_of(const Variable& variable) {
  const auto gradient = variable.gradient().span<float>();
  return {gradient.begin(), gradient.end()};
}

/// factor * x: an operation written here, so that the tape is judged apart from the kernels.
Variable scale(const Variable& x, float factor) {
  Tensor y = x.value().clone();
  for (float& value : y.span<float>()) value *= factor;
  return autograd::record("scale", {{"factor", static_cast<double>(factor)}}, {x}, std::move(y),
                          [factor](const Tensor& grad_y, std::span<GradientSink> sinks) {
                            const bool adds = sinks[0].mode() == GradientMode::accumulate;
                            const auto grad_x = sinks[0].buffer().span<float>();
                            for (std::size_t i = 0; i < grad_x.size(); ++i) {
                              const float gradient = factor * grad_y.span<float>()[i];
                              grad_x[i] = adds ? grad_x[i] + gradient : gradient;
                            }
                          });
}

/// An operation whose backward pass always fails.
Variable broken(const Variable& x) {
  return autograd::record("broken", {}, {x}, x.value().clone(),
                          [](const Tensor&, std::span<GradientSink>) { fail("no such luck"); });
}

// ---- Backward

TEST(VariableTest, ChainRule) {
  Variable x = leaf({5});
  Variable y = scale(scale(x, 2), 3);
  y.backward();
  EXPECT_EQ(gradient_of(x), std::vector<float>{6});
}

TEST(VariableTest, ResidualBlock) {
  EXPECT_TRUE(
      tape_gradients_match([](const auto& in) { return add(relu(scale(in[0], -2)), in[0]); },
                           {well_separated({11}, 1)}));
}

// Two diamonds, one in the other: paths multiply.
TEST(VariableTest, GradientsOfAllPathsAddUp) {
  Variable x = leaf({1});
  const Variable a = add(scale(x, 2), x);   // 3x
  const Variable b = add(a, scale(a, -5));  // -4a
  Variable y = add(b, x);                   // -11x
  y.backward();
  EXPECT_EQ(gradient_of(x), std::vector<float>{-11});
}

TEST(VariableTest, OperationsRunOnceAfterAllTheirConsumers) {
  std::vector<int> order;
  const auto traced = [&](const Variable& x, int number) {
    return autograd::record("traced", {}, {x}, x.value().clone(),
                            [&order, number](const Tensor& grad_y, std::span<GradientSink> sinks) {
                              order.push_back(number);
                              sinks[0].buffer().copy_from(grad_y);
                            });
  };
  Variable x = leaf({1});
  const Variable first = traced(x, 1);
  const Variable late = traced(scale(first, 2), 2);
  add(add(traced(first, 3), scale(first, 1)), late).backward();
  EXPECT_EQ(order, (std::vector<int>{3, 2, 1}));
}

TEST(VariableTest, LeavesKeepTheirGradientAndSecondPassAdds) {
  Variable x = leaf({1, 2});
  const Tensor gradient = Tensor::from<float>(std::vector<float>{1, 10}, {2});
  scale(x, 2).backward(gradient);
  scale(x, 3).backward(gradient);
  EXPECT_EQ(gradient_of(x), (std::vector<float>{5, 50}));
  x.clear_gradient();
  EXPECT_FALSE(x.has_gradient());
  scale(x, 7).backward(gradient);
  EXPECT_EQ(gradient_of(x), (std::vector<float>{7, 70}));
}

TEST(VariableTest, BackwardFromALeafAdds) {
  Variable x = leaf({1});
  const Tensor gradient = Tensor::full({1}, 4.0F);
  x.backward(gradient);
  x.backward(gradient);
  EXPECT_EQ(gradient_of(x), std::vector<float>{8});
  EXPECT_EQ(gradient.span<float>()[0], 4.0F);
}

TEST(VariableTest, IntermediateGradientsAreFreed) {
  Variable x = leaf({1});
  const Variable middle = scale(x, 2);
  Variable y = scale(middle, 3);
  y.backward();
  EXPECT_FALSE(middle.has_gradient());
  EXPECT_FALSE(y.has_gradient());
  EXPECT_TRUE(throws_error([&] { middle.gradient(); }, "no backward pass reached it"));
}

TEST(VariableTest, OnlyWhatTheRootDependsOnIsWalked) {
  Variable x = leaf({1});
  Variable other = leaf({1});
  const Variable unused = scale(add(x, other), 100);
  scale(x, 2).backward();
  EXPECT_EQ(gradient_of(x), std::vector<float>{2});
  EXPECT_FALSE(other.has_gradient());
}

TEST(VariableTest, UnwantedInputsGetNoGradient) {
  Variable x = leaf({1});
  Variable constant(Tensor::full({1}, 2.0F));
  const Variable from_constant = scale(constant, 3);
  EXPECT_EQ(from_constant.slot()->creator, nullptr);
  add(from_constant, x).backward();
  EXPECT_FALSE(constant.has_gradient());
  EXPECT_TRUE(x.has_gradient());
}

// An operation may deliver nothing to an input; what is behind that input is then left out.
TEST(VariableTest, GradientThatNeverArrivesIsNoGradient) {
  Variable x = leaf({1});
  const Variable blocked = autograd::record("blocked", {}, {scale(x, 2)}, Tensor::full({1}, 1.0F),
                                            [](const Tensor&, std::span<GradientSink>) {});
  add(blocked, x).backward();
  EXPECT_EQ(gradient_of(x), std::vector<float>{1});
}

TEST(VariableTest, CopiesAreTheSameVariable) {
  Variable x = leaf({1});
  const Variable copy = x;
  add(x, copy).backward();
  EXPECT_EQ(gradient_of(copy), std::vector<float>{2});
}

TEST(VariableTest, RefusesWhatCannotBeWalked) {
  Variable x = leaf({1, 2});
  EXPECT_TRUE(throws_error([&] { scale(x, 2).backward(); }, "started from 2, expected a scalar"));
  EXPECT_TRUE(throws_error([&] { scale(x, 2).backward(Tensor::zeros({3})); },
                           "backward: gradient 3 for a variable of 2"));
  Variable constant(Tensor::zeros({1}));
  EXPECT_TRUE(throws_error([&] { constant.backward(); }, "requires no gradient"));
  EXPECT_TRUE(throws_error([&] { scale(constant, 2).backward(); }, "requires no gradient"));
}

TEST(VariableTest, RefusesToWalkARecordTwice) {
  const NameScope scope("net");
  Variable x = leaf({1});
  const Variable shared = scale(x, 2);
  scale(shared, 3).backward();
  Variable again = scale(shared, 5);
  EXPECT_TRUE(throws_error([&] { again.backward(); }, "scale at net was walked twice"));
  EXPECT_EQ(gradient_of(x), std::vector<float>{6});
}

// ---- GradientSink

TEST(GradientSinkTest, ModesFollowTheSlot) {
  autograd::Slot slot;
  slot.shape = {2};
  GradientSink sink(slot);
  EXPECT_EQ(sink.mode(), GradientMode::ignore);
  EXPECT_FALSE(sink.wanted());
  EXPECT_FALSE(sink.buffer().defined());
  slot.requires_gradient = true;
  EXPECT_EQ(sink.mode(), GradientMode::overwrite);
  const void* const memory = sink.buffer().raw();
  EXPECT_EQ(sink.mode(), GradientMode::accumulate);
  EXPECT_EQ(sink.buffer().raw(), memory) << "nobody shares it, so it is added to in place";
}

TEST(GradientSinkTest, BufferOfASharedGradientIsACopy) {
  autograd::Slot slot;
  slot.shape = {2};
  slot.requires_gradient = true;
  const Tensor gradient = Tensor::full({2}, 3.0F);
  GradientSink sink(slot);
  sink.adopt(gradient);
  EXPECT_EQ(slot.gradient.raw(), gradient.raw());
  Tensor& buffer = sink.buffer();
  EXPECT_NE(buffer.raw(), gradient.raw());
  EXPECT_EQ(buffer.span<float>()[1], 3.0F);
}

TEST(GradientSinkTest, AdoptIsRefusedWhereItWouldLoseSomething) {
  autograd::Slot slot;
  slot.shape = {2};
  GradientSink sink(slot);
  EXPECT_TRUE(throws_error([&] { sink.adopt(Tensor::zeros({2})); }, "adopt()"));
  slot.requires_gradient = true;
  EXPECT_TRUE(throws_error([&] { sink.adopt(Tensor::zeros({3})); }, "gradient 3 for a variable"));
  sink.adopt(Tensor::zeros({2}));
  EXPECT_TRUE(throws_error([&] { sink.adopt(Tensor::zeros({2})); }, "already is"));
}

// ---- Modes and records

TEST(RecordTest, NoGradLeavesNothing) {
  const Variable x = leaf({1});
  {
    const NoGradScope no_grad;
    const Variable y = scale(x, 2);
    EXPECT_FALSE(y.requires_gradient());
    EXPECT_EQ(y.slot()->creator, nullptr);
    EXPECT_TRUE(autograd::records_of(y).empty());
  }
  EXPECT_TRUE(scale(x, 2).requires_gradient());
}

TEST(RecordTest, ScopesNestAndEndWithExceptions) {
  EXPECT_EQ(autograd::record_mode(), RecordMode::gradient);
  try {
    const NoGradScope no_grad;
    const RecordModeScope trace(RecordMode::trace);
    EXPECT_EQ(autograd::record_mode(), RecordMode::trace);
    fail("out of both");
  } catch (const Error&) {
  }
  EXPECT_EQ(autograd::record_mode(), RecordMode::gradient);
}

TEST(RecordTest, TraceRecordsEverythingWithoutBackward) {
  const RecordModeScope trace(RecordMode::trace);
  const Variable x = leaf({1, 2});
  const Variable constant(Tensor::zeros({2}));
  Variable y = add(scale(constant, 2), x);
  const auto records = autograd::records_of(y);
  ASSERT_EQ(records.size(), 2U);
  for (const auto& record : records) EXPECT_EQ(record->backward, nullptr);
  EXPECT_EQ(records[0]->operation, "scale");
  EXPECT_EQ(records[0]->inputs[0], constant.slot());
  EXPECT_EQ(std::get<double>(records[0]->attributes[0].second), 2.0);
  EXPECT_EQ(records[1]->operation, "add");
  EXPECT_EQ(records[1]->output.lock(), y.slot());
  EXPECT_FALSE(y.requires_gradient());
  EXPECT_TRUE(throws_error([&] { y.backward(Tensor::zeros({2})); }, "requires no gradient"));
}

TEST(RecordTest, RecordsAreInOrderOfExecution) {
  const Variable x = leaf({1});
  const Variable a = scale(x, 1);
  const Variable b = scale(x, 2);
  const Variable unrelated = scale(a, 3);
  const Variable c = scale(a, 4);
  const Variable y = add(c, b);  // reaches b and c, and a twice over
  std::vector<double> factors;
  for (const auto& record : autograd::records_of(add(y, a))) {
    if (record->operation == "scale") {
      factors.push_back(std::get<double>(record->attributes[0].second));
    }
  }
  EXPECT_EQ(factors, (std::vector<double>{1, 2, 4}));
  EXPECT_TRUE(autograd::records_of(x).empty());
  EXPECT_TRUE(autograd::records_of(Variable()).empty());
}

TEST(RecordTest, ObserverSeesTracedOperationsWithTheirValues) {
  std::vector<float> seen;
  const Variable x = leaf({3});
  {
    const autograd::TraceObserverScope scope(
        [&](const Record& record, std::span<const Variable> inputs, const Variable& output) {
          EXPECT_EQ(record.operation, "scale");
          seen.push_back(inputs[0].value().span<float>()[0]);
          seen.push_back(output.value().span<float>()[0]);
        });
    scale(x, 10);
    const RecordModeScope trace(RecordMode::trace);
    scale(x, 2);
  }
  const RecordModeScope trace(RecordMode::trace);
  scale(x, 5);
  EXPECT_EQ(seen, (std::vector<float>{3, 6}));
}

TEST(RecordTest, ScopesNameRecordsAndErrors) {
  Variable x = leaf({1});
  Variable y;
  {
    const NameScope net("net");
    x = scale(x, 2);
    {
      const NameScope block("block0");
      const NameScope nameless("");
      EXPECT_EQ(NameScope::path(), "net.block0");
      y = broken(x);
    }
    EXPECT_EQ(NameScope::path(), "net");
  }
  EXPECT_EQ(NameScope::path(), "");
  EXPECT_EQ(x.slot()->creator->scope, "net");
  EXPECT_EQ(y.slot()->creator->scope, "net.block0");
  EXPECT_TRUE(throws_error([&] { y.backward(); }, "net.block0: no such luck"));
}

TEST(RecordTest, ModeAndPathBelongToTheThread) {
  const NoGradScope no_grad;
  const NameScope scope("here");
  std::thread([] {
    EXPECT_EQ(autograd::record_mode(), RecordMode::gradient);
    EXPECT_EQ(NameScope::path(), "");
  }).join();
}

// ---- Memory

class TapeMemoryTest : public ::testing::Test {
 protected:
  static constexpr int operations = 10;
  static constexpr std::size_t tensor_bytes = std::size_t{1} << 20;

  static std::size_t tensors_in_use() { return device_memory({}).use().bytes / tensor_bytes; }

  Variable chain() {
    Variable y = x;
    for (int i = 0; i < operations; ++i) y = relu(y);  // each saves its output
    return y;
  }

  Variable x{Tensor::full({tensor_bytes / sizeof(float)}, 1.0F), true};
  Tensor gradient = Tensor::full({tensor_bytes / sizeof(float)}, 1.0F);
  std::size_t before = tensors_in_use();
};

TEST_F(TapeMemoryTest, SavedValuesLiveUntilBackwardHasUsedThem) {
  Variable y = chain();
  EXPECT_EQ(tensors_in_use() - before, operations);
  device_memory({}).reset_peak();
  y.backward(gradient);
  // On the way: the saved values, the gradient that arrives and the one that leaves.
  const std::size_t peak = device_memory({}).use().peak_bytes / tensor_bytes - before;
  EXPECT_LE(peak, operations + 2U);
  // Afterwards, though y and so the whole tape is still there: y and the gradient of x.
  EXPECT_EQ(tensors_in_use() - before, 2U);
}

TEST_F(TapeMemoryTest, DroppingTheOutputDropsTheTape) {
  { const Variable y = chain(); }
  EXPECT_EQ(tensors_in_use(), before);
}

// Deep enough that a recursive destructor overflows the stack.
TEST(TapeDepthTest, LongTapesAreWalkedAndDropped) {
  Variable x = leaf({1});
  Variable y = x;
  for (int i = 0; i < 100'000; ++i) y = add(y, x);
  y.backward();
  EXPECT_EQ(gradient_of(x), std::vector<float>{100'001});
  y = Variable();
}

TEST_F(TapeMemoryTest, NoGradKeepsNoIntermediateValue) {
  const NoGradScope no_grad;
  const Variable y = chain();
  EXPECT_EQ(tensors_in_use() - before, 1U);
}

}  // namespace
}  // namespace lq::testing
