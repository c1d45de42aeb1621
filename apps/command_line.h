// The command line as a whole.
#pragma once

namespace lq::apps {

/// What the shell sees. 130 is what it also gives to a program that Ctrl-C ended.
enum ExitCode : int { success = 0, failure = 1, wrong_usage = 2, interrupted = 130 };

/// Parses the arguments and runs the command that they name. Every failure ends as one line
/// "lqnet: error: ..." on standard error and an exit code above 0.
int run_command_line(int argc, char** argv);

}  // namespace lq::apps
