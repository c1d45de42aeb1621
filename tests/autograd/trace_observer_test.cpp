#include <gtest/gtest.h>

#include "autograd/add.h"
#include "autograd/relu.h"
#include "autograd/variable.h"

namespace lq::testing {
namespace {

using autograd::Record;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::TraceObserverScope;
using autograd::Variable;

/// Notes what it sees.
struct Notes {
  std::vector<std::string> operations;
  std::vector<float> inputs;  // first element of every input
  std::vector<float> outputs;

  autograd::TraceObserver observer() {
    return
        [this](const Record& record, std::span<const Variable> arguments, const Variable& output) {
          operations.emplace_back(record.operation);
          for (const Variable& argument : arguments) {
            inputs.push_back(argument.value().span<float>()[0]);
          }
          outputs.push_back(output.value().span<float>()[0]);
        };
  }
};

TEST(TraceObserverTest, SeesOperationsWithTheirValuesInOrder) {
  const Variable x(Tensor::full({2}, -3.0F));
  const Variable y(Tensor::full({2}, 5.0F));
  Notes notes;
  const RecordModeScope tracing(RecordMode::trace);
  const TraceObserverScope scope(notes.observer());
  autograd::add(autograd::relu(x), y);
  EXPECT_EQ(notes.operations, (std::vector<std::string>{"relu", "add"}));
  EXPECT_EQ(notes.inputs, (std::vector<float>{-3, 0, 5}));
  EXPECT_EQ(notes.outputs, (std::vector<float>{0, 5}));
}

TEST(TraceObserverTest, SeesNothingOutsideOfTracing) {
  const Variable x(Tensor::full({2}, 1.0F), /*requires_gradient=*/true);
  Notes notes;
  const TraceObserverScope scope(notes.observer());
  autograd::relu(x);
  const autograd::NoGradScope no_tape;
  autograd::relu(x);
  EXPECT_TRUE(notes.operations.empty());
}

TEST(TraceObserverTest, TheInnermostScopeObserves) {
  const Variable x(Tensor::full({2}, 1.0F));
  const RecordModeScope tracing(RecordMode::trace);
  Notes outer;
  const TraceObserverScope outer_scope(outer.observer());
  {
    Notes inner;
    const TraceObserverScope inner_scope(inner.observer());
    autograd::relu(x);
    EXPECT_EQ(inner.operations.size(), 1U);
    EXPECT_TRUE(outer.operations.empty());
  }
  autograd::relu(x);
  EXPECT_EQ(outer.operations.size(), 1U);
}

}  // namespace
}  // namespace lq::testing
