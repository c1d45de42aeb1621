// The sub-commands of lqnet, one file each.
#pragma once

#include <CLI/CLI.hpp>

namespace lq::apps {

/// Each adds its sub-command to `app`; parsing then runs the one that the user chose. Results go
/// to standard output, everything else to standard error.
void add_train_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_pack_command(CLI::App& app);
void add_infer_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_stats_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_recipes_command(CLI::App& app);
void add_shard_command(CLI::App& app);
void add_generate_images_command(CLI::App& app);

/// Ends the program with this exit code, from within a command; for ends that are no errors.
[[noreturn]] inline void exit_with(int code) { throw CLI::RuntimeError(code); }

}  // namespace lq::apps
