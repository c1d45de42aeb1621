// Trains a small quantized network in a folder, or goes on with the run that is there: a program
// for tests to kill.
//
//   train_tiny <folder>      exit status 0: finished, 3: stopped by a signal, 1: an error

#include <chrono>
#include <cstdio>
#include <thread>

#include "core/threads.h"
#include "tests/train/tiny_run.h"
#include "train/interrupt.h"

namespace lq::testing {
namespace {

constexpr int finished = 0;
constexpr int failed = 1;
constexpr int interrupted = 3;

int train_in(const std::filesystem::path& folder) {
  set_num_threads(2);
  const InterruptScope signals;
  TrainerOptions options = tiny_options(folder);
  options.recipe.model = "small-cnn";
  options.recipe.epochs = 5;
  options.resume = std::filesystem::exists(folder / "last.safetensors");
  options.checkpoint_interval = 4;
  options.loader_threads = 2;
  options.stop_requested = [] {
    // Long enough that a test can aim at a step, whatever the speed of the machine.
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    return InterruptScope::requested();
  };
  const auto model = make_model(options.recipe.model, {.classes = 3, .input = {8, 8, 2}});
  return Trainer(*model, tiny_data(), options).run().interrupted ? interrupted : finished;
}

}  // namespace
}  // namespace lq::testing

int main(int argc, char** argv) {
  using namespace lq::testing;
  if (argc != 2) return failed;
  try {
    return train_in(argv[1]);
  } catch (const lq::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return failed;
  }
}
