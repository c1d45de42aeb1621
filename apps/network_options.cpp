#include "apps/network_options.h"

#include <array>
#include <charconv>
#include <string_view>

#include "core/error.h"

namespace lq::apps {

namespace {

/// "32x28x3" as a shape of three positive extents.
Shape parse_input(std::string_view text) {
  std::array<std::int64_t, 3> extents{};
  const char* position = text.data();
  const char* end = position + text.size();
  bool valid = true;
  for (std::size_t i = 0; i < extents.size() && valid; ++i) {
    const auto [next, status] = std::from_chars(position, end, extents[i]);
    const bool is_last = i + 1 == extents.size();
    valid = status == std::errc() && extents[i] > 0 && extents[i] <= 1 << 16 &&
            (is_last ? next == end : next != end && *next == 'x');
    position = next + 1;
  }
  check(valid, "input '{}' is not understood, expected HxWxC such as 32x32x3", text);
  return {extents[0], extents[1], extents[2]};
}

}  // namespace

ModelOptions NetworkOptions::parsed() const {
  ModelOptions options = network;
  options.input = parse_input(input);
  return options;
}

CLI::Option* add_options(CLI::App& command, NetworkOptions& options) {
  ModelOptions& network = options.network;
  CLI::Option* model = command
                           .add_option("--model", options.model,
                                       fmt::format("Network: {}", fmt::join(model_names(), ", ")))
                           ->type_name("NAME")
                           ->group("Network");
  auto add = [&command](const char* name, auto& field, const char* type,
                        const std::string& description) {
    command.add_option(name, field, description)
        ->type_name(type)
        ->capture_default_str()
        ->group("Network");
  };
  add("--w-bits", network.w_bits, "N", "Bits of weights: 1 to 8, or 32 for floating point");
  add("--a-bits", network.a_bits, "N", "Bits of activations: the same");
  add("--quantizer", network.quantizer, "NAME",
      fmt::format("Kind of quantizer: {}", fmt::join(quantizer_kinds(), ", ")));
  add("--classes", network.classes, "N", "Number of classes");
  add("--input", options.input, "HxWxC", "Height, width and channels of an image");
  return model;
}

}  // namespace lq::apps
