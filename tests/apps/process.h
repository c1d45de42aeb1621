// Running the built binary as a user does.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {

struct ProcessResult {
  int exit_code = -1;
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// Runs lqnet with these arguments, its output going to `out` (a file in a folder of its own when
/// empty).
inline ProcessResult run_lqnet(const std::vector<std::string>& arguments,
                               std::string out_path = "") {
  const TemporaryFolder folder;
  const std::string err_path = folder / "err";
  if (out_path.empty()) out_path = folder / "out";

  std::vector<std::string> words{LQNET_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int write_new = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_path.c_str(), write_new, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_path.c_str(), write_new, 0600);
  ::pid_t child = 0;
  const int status = ::posix_spawn(&child, LQNET_BINARY, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0) throw std::runtime_error("cannot start " LQNET_BINARY);

  int wait_status = 0;
  ::waitpid(child, &wait_status, 0);
  ProcessResult result{.out = content_of(out_path), .err = content_of(err_path)};
  if (WIFEXITED(wait_status)) result.exit_code = WEXITSTATUS(wait_status);
  return result;
}

}  // namespace lq::testing
