#include "core/io/progress.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

namespace lq::testing {
namespace {

/// Takes what a Progress prints.
class Capture {
 public:
  std::FILE* stream() { return file_.get(); }
  std::string text() {
    std::string content(static_cast<std::size_t>(std::ftell(file_.get())), '\0');
    std::rewind(file_.get());
    content.resize(std::fread(content.data(), 1, content.size(), file_.get()));
    return content;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_{std::tmpfile()};
};

ProgressState state_at(std::int64_t step, std::int64_t steps) {
  return {.label = "epoch 2/3",
          .step = step,
          .steps = steps,
          .loss = 0.43214,
          .accuracy = 0.84213,
          .images_per_s = 1203.4,
          .seconds_left = 125.0};
}

constexpr std::string_view numbers =
    "120/480  loss 0.4321  accuracy 84.21 %  1203 images/s  left 2:05";

TEST(ProgressTest, Durations) {
  EXPECT_EQ(format_duration(0.0), "0:00");
  EXPECT_EQ(format_duration(59.4), "0:59");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(754.0), "12:34");
  EXPECT_EQ(format_duration(3 * 3600 + 5 * 60 + 9), "3:05:09");
  EXPECT_EQ(format_duration(-3.0), "0:00");
}

TEST(ProgressTest, PlainText) {
  EXPECT_EQ(progress_text(state_at(120, 480)), "epoch 2/3  " + std::string(numbers));
  ProgressState unknown = state_at(1, 2);
  unknown.images_per_s.reset();
  unknown.seconds_left.reset();
  EXPECT_EQ(progress_text(unknown), "epoch 2/3  1/2  loss 0.4321  accuracy 84.21 %");
}

TEST(ProgressTest, WorkWithoutALossShowsNone) {
  EXPECT_EQ(progress_text({.label = "shards", .step = 1, .steps = 2}), "shards  1/2");
  EXPECT_EQ(progress_text({.label = "comparison", .step = 1, .steps = 2, .accuracy = 0.5}),
            "comparison  1/2  accuracy 50.00 %");
  EXPECT_EQ(progress_bar({.label = "shards", .step = 1, .steps = 2}, 33),
            "shards [=========>          ] 1/2");
}

TEST(ProgressTest, BarFillsWithTheEpochAndFitsTheWidth) {
  const ProgressState quarter = state_at(120, 480);
  EXPECT_EQ(progress_bar(quarter, 97), "epoch 2/3 [====>               ] " + std::string(numbers));
  EXPECT_EQ(progress_bar(quarter, 200).size(), progress_bar(quarter, 300).size());
  EXPECT_EQ(progress_bar(state_at(480, 480), 97).substr(10, 22), "[====================]");
  EXPECT_EQ(progress_bar(state_at(0, 480), 95).substr(10, 22), "[                    ]");
  for (int width = 0; width < 120; ++width) {
    EXPECT_LE(progress_bar(quarter, width).size(), static_cast<std::size_t>(width));
  }
  EXPECT_EQ(progress_bar(quarter, 80), progress_text(quarter));
  EXPECT_EQ(progress_bar(quarter, 20), "epoch 2/3  120/480  ");
}

TEST(ProgressTest, WithoutATerminalALinePerTenthOfAnEpoch) {
  Capture capture;
  {
    Progress progress({.stream = capture.stream(), .terminal = false});
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (std::int64_t step = 1; step <= 30; ++step) progress.update(state_at(step, 30));
      progress.line("summary");
    }
    ProgressState bar_only = state_at(5, 10);
    bar_only.bar_only = true;
    progress.update(bar_only);
  }
  std::string expected;
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (std::int64_t step = 3; step < 30; step += 3) {
      expected += progress_text(state_at(step, 30)) + "\n";
    }
    expected += "summary\n";
  }
  EXPECT_EQ(capture.text(), expected);
}

TEST(ProgressTest, ResumedEpochDoesNotRepeatTenths) {
  Capture capture;
  Progress progress({.stream = capture.stream(), .terminal = false});
  for (std::int64_t step = 17; step <= 20; ++step) progress.update(state_at(step, 20));
  EXPECT_EQ(capture.text(),
            progress_text(state_at(17, 20)) + "\n" + progress_text(state_at(18, 20)) + "\n");
}

TEST(ProgressTest, OnATerminalTheBarIsRedrawnInPlaceAndRemoved) {
  Capture capture;
  {
    Progress progress({.stream = capture.stream(),
                       .terminal = true,
                       .width = 100,
                       .redraw_interval = std::chrono::milliseconds(0)});
    progress.update(state_at(1, 480));
    progress.update(state_at(2, 480));
    progress.line("summary");
    progress.update(state_at(3, 480));
  }
  const auto drawn = [](std::int64_t step) {
    return fmt::format("\r{}\x1b[K", progress_bar(state_at(step, 480), 99));
  };
  EXPECT_EQ(capture.text(), drawn(1) + drawn(2) + "\r\x1b[Ksummary\n" + drawn(3) + "\r\x1b[K");
}

TEST(ProgressTest, RedrawsAreLimitedInTime) {
  Capture capture;
  {
    Progress progress({.stream = capture.stream(),
                       .terminal = true,
                       .width = 100,
                       .redraw_interval = std::chrono::hours(1)});
    for (std::int64_t step = 1; step <= 100; ++step) progress.update(state_at(step, 100));
  }
  EXPECT_EQ(capture.text(), fmt::format("\r{}\x1b[K\r\x1b[K", progress_bar(state_at(1, 100), 99)));
}

TEST(ProgressTest, NothingIsPrintedWithoutAStream) {
  Progress progress({.stream = nullptr});
  progress.update(state_at(1, 2));
  progress.line("text");
}

}  // namespace
}  // namespace lq::testing
