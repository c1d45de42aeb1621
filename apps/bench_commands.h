// The sub-commands of `lqnet bench`.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lq::apps {

void add_bench_convolution_command(CLI::App& bench);
void add_bench_network_command(CLI::App& bench);
void add_bench_gpu_model_command(CLI::App& bench);
void add_bench_data_command(CLI::App& bench);
/// In builds with CUDA.
void add_bench_cuda_command(CLI::App& bench);

/// A share of the peak, which only what counts bits has.
std::string peak_text(std::optional<double> percent);
nlohmann::ordered_json peak_json(std::optional<double> percent);

}  // namespace lq::apps
