#include "apps/command_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "apps/commands.h"
#include "apps/help_formatter.h"
#include "apps/suggestion.h"
#include "core/error.h"
#include "core/io/diagnostics.h"

namespace lq::apps {

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  lqnet train\n"
    "      trains ResNet-20 with 2-bit weights and activations on Fashion-MNIST\n"
    "  lqnet eval --checkpoint runs/fashion-mnist-resnet20-w2a2\n"
    "      measures the best network of that run on the test set\n"
    "  lqnet pack --checkpoint runs/fashion-mnist-resnet20-w2a2 --verify\n"
    "      turns it into a small file that runs on bit operations\n"
    "  lqnet info --model vgg-small --w-bits 1 --a-bits 2\n"
    "      shows what each layer of a network costs\n"
    "\n"
    "lqnet COMMAND --help tells more about a command.";

void print_error(std::string_view message) {
  // One line, whatever a message contains.
  std::string line(message.substr(0, message.find_last_not_of('\n') + 1));
  std::ranges::replace(line, '\n', ' ');
  print_diagnostic("lqnet: error: {}\n", line);
}

/// Where the caller has closed a standard stream, the next file that is opened would take its
/// place, and messages would go into that file. This one can only be read, so that writing results
/// still fails.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) == -1) ::open("/dev/null", O_RDONLY);
  }
}

/// The command that the user has reached, as deep as it goes.
const CLI::App& chosen_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : chosen_command(*chosen.front());
}

/// "bench train"; empty for lqnet itself.
std::string name_below_root(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  if (parent == nullptr) return {};
  const std::string above = name_below_root(*parent);
  return above.empty() ? command.get_name() : above + " " + command.get_name();
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// What is wrong with the arguments of `command`, with a hint where there is one.
std::string explain(const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> commands = command_names(command);
  const std::vector<std::string> unknown = command.remaining();
  if (unknown.empty()) {
    return commands.empty()
               ? error.what()
               : fmt::format("no command given, expected one of: {}", fmt::join(commands, ", "));
  }
  const std::string word = unknown.front().substr(0, unknown.front().find('='));
  if (word.starts_with("-")) {
    return with_suggestion("unknown option " + word, word, option_names(command));
  }
  return commands.empty() ? "unexpected argument " + word
                          : with_suggestion("unknown command " + word, word, commands);
}

void print_usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  const std::string name = name_below_root(command);
  print_error(fmt::format("{}{}{} (lqnet {}{}--help tells more)", name, name.empty() ? "" : ": ",
                          explain(command, error), name, name.empty() ? "" : " "));
}

void add_commands(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.require_subcommand(1);
  app.set_version_flag("--version", LQNET_VERSION, "Print the version and exit");
  // Commands inherit what is set before they are added.
  add_train_command(app);
  add_eval_command(app);
  add_pack_command(app);
  add_infer_command(app);
  add_info_command(app);
  add_stats_command(app);
  add_bench_command(app);
  add_recipes_command(app);
  add_shard_command(app);
  add_generate_images_command(app);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->group("Commands");
  }
  app.footer(examples);
}

int parse_and_run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return success;
  } catch (const CLI::RuntimeError& end) {
    return end.get_exit_code();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
    print_usage_error(app, error);
    return wrong_usage;
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  occupy_closed_streams();
  // A file that reaches the limit of its size, and a pipe that nobody reads any more, are then an
  // error of the write: results end with a message, and messages do not end a run.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  constexpr const char* lost_output = "standard output cannot be written";
  try {
    CLI::App app(
        "lqnet trains, evaluates and inspects LQ-Nets: networks whose weights and\n"
        "activations have a few bits, on levels that are learned.",
        "lqnet");
    add_commands(app);
    const int code = parse_and_run(app, argc, argv);
    // Results that did not arrive (a full disk) are a failure too.
    check(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, lost_output);
    return code;
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const std::exception& error) {
    // A result that is longer than the stream's buffer is lost while it is printed.
    print_error(std::ferror(stdout) != 0 ? lost_output : error.what());
  }
  return failure;
}

}  // namespace lq::apps
