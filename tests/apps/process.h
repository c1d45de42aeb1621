// Running the built binary as a user does.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
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

struct ProcessOptions {
  std::filesystem::path folder;  ///< to run in; empty: an empty one that goes away afterwards
  std::string device;            ///< takes standard output, which is not read back then
  std::string error_device;      ///< the same for standard error
  bool closes_error = false;     ///< standard error is no open file, as after 2>&-
  int out_file = -1;             ///< an open file that takes standard output instead
  int error_file = -1;           ///< the same for standard error
};

/// lqnet, running.
class LqnetProcess {
 public:
  explicit LqnetProcess(const std::vector<std::string>& arguments, ProcessOptions options = {})
      : options_(std::move(options)) {
    if (options_.folder.empty()) options_.folder = temporary_.path();
    std::vector<std::string> words{LQNET_BINARY};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    const std::string out = options_.device.empty() ? out_path() : options_.device;
    const std::string err = options_.error_device.empty() ? err_path() : options_.error_device;
    constexpr int write_new = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, options_.folder.c_str());
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), write_new, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), write_new, 0600);
    if (options_.closes_error) posix_spawn_file_actions_addclose(&actions, STDERR_FILENO);
    replace(STDOUT_FILENO, options_.out_file, actions);
    replace(STDERR_FILENO, options_.error_file, actions);
    // FileSizeLimit makes this process ignore its signal, and nohup that of a terminal that closes,
    // which a shell does not.
    sigset_t as_from_a_shell;
    sigemptyset(&as_from_a_shell);
    for (const int signal : {SIGXFSZ, SIGPIPE, SIGHUP}) sigaddset(&as_from_a_shell, signal);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &as_from_a_shell);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int status =
        ::posix_spawn(&child_, LQNET_BINARY, &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
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
  /// More memory than `bytes` in all is refused from now on.
  void limit_memory(std::uint64_t bytes) {
    const ::rlimit limits{bytes, bytes};
    if (::prlimit(child_, RLIMIT_AS, &limits, nullptr) != 0) throw std::runtime_error("prlimit");
  }

  ProcessResult wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = 0;
    ProcessResult result;
    if (options_.error_device.empty()) result.err = content_of(err_path());
    if (options_.device.empty()) result.out = content_of(out_path());
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    return result;
  }

 private:
  static void replace(int stream, int file, posix_spawn_file_actions_t& actions) {
    if (file >= 0) posix_spawn_file_actions_adddup2(&actions, file, stream);
  }

  std::string out_path() const { return temporary_ / "out"; }
  std::string err_path() const { return temporary_ / "err"; }

  TemporaryFolder temporary_;
  ProcessOptions options_;
  ::pid_t child_ = 0;
};

/// A terminal for ProcessOptions::error_device, and what a process has written to it.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) {
      throw std::runtime_error("no terminal");
    }
    slave_ = ::open(path().c_str(), O_RDWR | O_NOCTTY);  // what is written stays while it is open
  }
  ~Terminal() {
    ::close(slave_);
    ::close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::string path() const { return ::ptsname(master_); }
  std::string text() const {
    std::string text;
    char buffer[4096];
    for (::ssize_t bytes; (bytes = ::read(master_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, bytes);
    }
    return text;
  }

 private:
  int master_;
  int slave_;
};

/// The end of a pipe that takes what is written, and whose reader is gone.
class PipeWithoutReader {
 public:
  PipeWithoutReader() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    ::close(ends[0]);
    end_ = ends[1];
  }
  ~PipeWithoutReader() { ::close(end_); }
  PipeWithoutReader(const PipeWithoutReader&) = delete;
  PipeWithoutReader& operator=(const PipeWithoutReader&) = delete;

  int file() const { return end_; }

 private:
  int end_;
};

/// Runs lqnet to its end.
inline ProcessResult run_lqnet(const std::vector<std::string>& arguments,
                               const ProcessOptions& options = {}) {
  return LqnetProcess(arguments, options).wait();
}

/// One line "lqnet: error: ..." that contains `part`, nothing on standard output, this exit code.
inline ::testing::AssertionResult failed_with(const ProcessResult& result, int exit_code,
                                              const std::string& part) {
  const auto lines = std::ranges::count(result.err, '\n');
  const bool as_expected = result.exit_code == exit_code && result.out.empty() && lines == 1 &&
                           result.err.starts_with("lqnet: error: ") &&
                           result.err.find(part) != std::string::npos;
  if (as_expected) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "exit code " << result.exit_code << ", expected " << exit_code
         << " and one line with \"" << part << "\"\nstdout: " << result.out
         << "\nstderr: " << result.err;
}

}  // namespace lq::testing
