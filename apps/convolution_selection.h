// Which convolutions `lqnet bench conv`, `bench cuda` and `bench gpu-model` are about: options.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/convolution_problem.h"
#include "bench/convolution_shapes.h"

namespace lq::apps {

/// Values of --suite, --shape, --bits and --batch.
struct ConvolutionSelection {
  std::string suite = "resnet18";
  std::vector<std::string> shape_texts;  ///< instead of a suite, where there are any
  std::vector<std::string> width_texts;
  std::vector<std::int64_t> batches;

  std::vector<bench::ConvolutionShape> shapes() const;
  std::vector<bench::BitWidths> widths() const;
};

/// The selection, with its defaults, must outlive the command.
void add_convolution_options(CLI::App& command, ConvolutionSelection& selection);

}  // namespace lq::apps
