// Real signals to a real process that trains (train_tiny_main.cpp).

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"
#include "train/checkpoint.h"

namespace lq::testing {
namespace {

namespace fs = std::filesystem;

/// train_tiny at work in a folder. Killed, if it still runs, when it goes out of scope.
class TrainingProcess {
 public:
  explicit TrainingProcess(const fs::path& folder) {
    // Threads that wait must not spin: the machine may have fewer cores than tests.
    setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/1);
    std::string program = LQNET_TRAIN_TINY;
    std::string argument = folder.string();
    char* arguments[] = {program.data(), argument.data(), nullptr};
    if (posix_spawn(&id_, program.c_str(), nullptr, nullptr, arguments, environ) != 0) {
      throw std::runtime_error("cannot start " + program);
    }
  }
  ~TrainingProcess() {
    if (ended()) return;
    send(SIGKILL);
    wait();
  }
  TrainingProcess(const TrainingProcess&) = delete;
  TrainingProcess& operator=(const TrainingProcess&) = delete;

  void send(int signal_number) const { kill(id_, signal_number); }

  /// Whether it has ended, without waiting for that.
  bool ended() {
    if (!ended_) ended_ = waitpid(id_, &status_, WNOHANG) == id_;
    return ended_;
  }
  /// The status for WIFSIGNALED and the like.
  int wait() {
    if (!ended_) ended_ = waitpid(id_, &status_, 0) == id_;
    return status_;
  }

 private:
  pid_t id_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

void expect_finishes(const fs::path& folder) {
  TrainingProcess process(folder);
  const int status = process.wait();
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
}

std::int64_t metric_lines(const fs::path& folder) {
  if (!fs::exists(folder / "metrics.jsonl")) return 0;
  return std::ranges::count(content_of(folder / "metrics.jsonl"), '\n');
}

/// Waits until the run has written so many more lines of metrics, or has ended.
void wait_for_lines(TrainingProcess& process, const fs::path& folder, std::int64_t more) {
  const std::int64_t wanted = metric_lines(folder) + more;
  while (metric_lines(folder) < wanted && !process.ended()) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
}

/// The metrics without what depends on the clock.
std::vector<nlohmann::json> metrics_in(const fs::path& folder) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(content_of(folder / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("seconds");
    lines.back().erase("images_per_s");
  }
  return lines;
}

void expect_same_run(const fs::path& a, const fs::path& b) {
  EXPECT_EQ(names_in(a), names_in(b));
  EXPECT_EQ(content_of(a / "last.safetensors"), content_of(b / "last.safetensors"));
  EXPECT_EQ(content_of(a / "best.safetensors"), content_of(b / "best.safetensors"));
  EXPECT_EQ(metrics_in(a), metrics_in(b));
}

constexpr int interrupted = 3;  // train_tiny's exit status after SIGTERM

class EndedRunTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Signals, EndedRunTest, ::testing::Values(SIGKILL, SIGTERM));

TEST_P(EndedRunTest, AtRandomMomentsEndsInTheSameBits) {
  const TemporaryFolder folder;
  expect_finishes(folder / "unbroken");

  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  int ends = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    TrainingProcess process(folder / "ended");
    wait_for_lines(process, folder / "ended", 1 + random() % 6);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
    process.send(GetParam());
    const int status = process.wait();
    if (WIFSIGNALED(status) || WEXITSTATUS(status) == interrupted) ++ends;
  }
  EXPECT_GE(ends, 3);  // 6, unless this test was kept from running while the other process ran
  expect_finishes(folder / "ended");
  expect_same_run(folder / "unbroken", folder / "ended");
}

TEST(TrainerKillTest, ARunThatIsToldToStopWritesACheckpointOfItsLastStep) {
  constexpr std::int64_t steps_per_epoch = 13;
  const TemporaryFolder folder;
  TrainingProcess process(folder / "run");
  wait_for_lines(process, folder / "run", 5);
  process.send(SIGTERM);
  const int status = process.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), interrupted);
  const TrainingState state = load_checkpoint(folder / "run/last.safetensors").state;
  EXPECT_EQ(metrics_in(folder / "run").back()["step"],
            state.epochs_done * steps_per_epoch + state.steps_done);
}

TEST(TrainerKillTest, OneProcessTrainsInAFolderUntilItIsKilled) {
  const TemporaryFolder folder;
  TrainingProcess first(folder / "run");
  wait_for_lines(first, folder / "run", 2);
  const int status = TrainingProcess(folder / "run").wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_FALSE(first.ended());
  first.send(SIGKILL);
  first.wait();
  expect_finishes(folder / "run");
}

}  // namespace
}  // namespace lq::testing
