#include "apps/convolution_selection.h"

#include <algorithm>
#include <iterator>

#include "apps/option_spec.h"

namespace lq::apps {

std::vector<bench::ConvolutionShape> ConvolutionSelection::shapes() const {
  if (shape_texts.empty()) return bench::convolution_suite(suite);
  std::vector<bench::ConvolutionShape> shapes;
  std::ranges::transform(shape_texts, std::back_inserter(shapes), bench::parse_convolution_shape);
  return shapes;
}

std::vector<bench::BitWidths> ConvolutionSelection::widths() const {
  std::vector<bench::BitWidths> widths;
  std::ranges::transform(width_texts, std::back_inserter(widths), bench::parse_bit_widths);
  return widths;
}

void add_convolution_options(CLI::App& command, ConvolutionSelection& selection) {
  CLI::Option* suite =
      add_option(command,
                 {"--suite", "NAME", list_names("Layers of", bench::convolution_suites()),
                  known_name(bench::convolution_suites()), "Layers"},
                 selection.suite)
          ->capture_default_str();
  add_option(
      command,
      {"--shape", "SHAPE", "C_IN,C_OUT,H,W,KERNEL,STRIDE instead of a suite; may be repeated",
       parsed_by(bench::parse_convolution_shape), "Layers"},
      selection.shape_texts)
      ->delimiter(';')
      ->excludes(suite);
  add_option(command,
             {"--bits", "W/A", "Bits of weights and activations, 1 to 4 each",
              parsed_by(bench::parse_bit_widths), "Layers"},
             selection.width_texts)
      ->delimiter(',')
      ->capture_default_str();
  add_option(command, {"--batch", "N", "Images at a time", whole_number(1, 4096), "Measurement"},
             selection.batches)
      ->delimiter(',')
      ->capture_default_str();
}

}  // namespace lq::apps
