#include "core/stream.h"

#include <gtest/gtest.h>

#include <thread>

namespace lq::testing {
namespace {

TEST(StreamTest, DefaultIsTheFastCpuBackend) {
  const Stream& stream = current_stream({});
  EXPECT_EQ(stream.backend(), Backend::cpu);
  EXPECT_EQ(stream.device(), Device{});
  EXPECT_EQ(&current_stream({}), &stream);
}

TEST(StreamTest, ScopesNest) {
  Stream outer(Backend::reference), inner(Backend::cpu);
  Stream& before = current_stream({});
  {
    const StreamScope outer_scope(outer);
    EXPECT_EQ(&current_stream({}), &outer);
    {
      const StreamScope inner_scope(inner);
      EXPECT_EQ(&current_stream({}), &inner);
    }
    EXPECT_EQ(&current_stream({}), &outer);
  }
  EXPECT_EQ(&current_stream({}), &before);
}

TEST(StreamTest, ScopesOfOtherDevicesDoNotHideOneAnother) {
  const Device first = {DeviceType::cuda, 0}, second = {DeviceType::cuda, 1};
  Stream on_cpu(Backend::reference), on_first(Backend::cuda, first),
      on_second(Backend::cuda, second);
  const StreamScope cpu_scope(on_cpu);
  const StreamScope first_scope(on_first);
  const StreamScope second_scope(on_second);
  EXPECT_EQ(&current_stream({}), &on_cpu);
  EXPECT_EQ(&current_stream(first), &on_first);
  EXPECT_EQ(&current_stream(second), &on_second);
}

TEST(StreamTest, ScopesHoldForTheirThreadOnly) {
  Stream stream(Backend::reference);
  const StreamScope scope(stream);
  Backend seen = Backend::reference;
  std::thread([&] { seen = current_stream({}).backend(); }).join();
  EXPECT_EQ(seen, Backend::cpu);
}

TEST(StreamTest, BackendsHaveNames) {
  EXPECT_EQ(name_of(Backend::reference), "reference");
  EXPECT_EQ(name_of(Backend::cpu), "cpu");
  EXPECT_EQ(name_of(Backend::cuda), "cuda");
}

}  // namespace
}  // namespace lq::testing
