// The sub-commands of `lqnet bench`.
#pragma once

#include <CLI/CLI.hpp>

namespace lq::apps {

void add_bench_convolution_command(CLI::App& bench);
void add_bench_network_command(CLI::App& bench);

}  // namespace lq::apps
