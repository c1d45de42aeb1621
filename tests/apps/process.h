// Running the built binary as a user does.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {

struct ProcessResult {
  int exit_code = -1;  ///< -1: ended by a signal
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// lqnet, running in an empty folder.
class LqnetProcess {
 public:
  /// Standard output goes to `device` when that is given, and is not read back then.
  explicit LqnetProcess(const std::vector<std::string>& arguments, std::string device = "")
      : device_(std::move(device)) {
    std::vector<std::string> words{LQNET_BINARY};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const std::string out = device_.empty() ? out_path() : device_;
    const std::string err = err_path();
    constexpr int write_new = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder_.path().c_str());
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), write_new, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), write_new, 0600);
    const int status =
        ::posix_spawn(&child_, LQNET_BINARY, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) throw std::runtime_error("cannot start " LQNET_BINARY);
  }
  ~LqnetProcess() {
    if (child_ == 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  LqnetProcess(const LqnetProcess&) = delete;
  LqnetProcess& operator=(const LqnetProcess&) = delete;

  void send(int signal) { ::kill(child_, signal); }

  ProcessResult wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = 0;
    ProcessResult result{.err = content_of(err_path())};
    if (device_.empty()) result.out = content_of(out_path());
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    return result;
  }

 private:
  std::string out_path() const { return folder_ / "out"; }
  std::string err_path() const { return folder_ / "err"; }

  TemporaryFolder folder_;
  std::string device_;
  ::pid_t child_ = 0;
};

/// Runs lqnet to its end.
inline ProcessResult run_lqnet(const std::vector<std::string>& arguments,
                               const std::string& device = "") {
  return LqnetProcess(arguments, device).wait();
}

}  // namespace lq::testing
