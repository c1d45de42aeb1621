#include "apps/network_options.h"

#include <array>
#include <charconv>
#include <string_view>

#include "core/error.h"

namespace lq::apps {

namespace {

constexpr const char* group = "Network";

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

CLI::Validator bit_width() {
  return {[](std::string& text) {
            for (int bits = 1; bits <= 8; ++bits) {
              if (text == std::to_string(bits)) return std::string();
            }
            if (text == std::to_string(float_bits)) return std::string();
            return fmt::format("{} given, expected 1 to 8, or {} for floating point", text,
                               float_bits);
          },
          ""};
}

}  // namespace

OptionSpec model_spec() {
  return {"--model", "NAME", list_names("Network", model_names()), known_name(model_names()),
          group};
}

OptionSpec variant_spec() {
  return {"--variant",
          "NAME",
          "Variant of the network, where it has any: lqnet recipes lists them",
          {},
          group};
}

OptionSpec weight_bits_spec() {
  return {"--w-bits", "N", "Bits of weights: 1 to 8, or 32 for floating point", bit_width(), group};
}

OptionSpec activation_bits_spec() {
  return {"--a-bits", "N", "Bits of activations: the same", bit_width(), group};
}

OptionSpec quantizer_spec() {
  return {"--quantizer", "NAME", list_names("Kind of quantizer", quantizer_kinds()),
          known_name(quantizer_kinds()), group};
}

ModelOptions NetworkOptions::parsed() const {
  ModelOptions options = network;
  const ModelInfo& info = model_info(model);
  options.classes = classes.value_or(info.classes);
  options.input = input ? parse_input(*input) : info.input;
  as_usage_error("--variant", [&] { variant_of(model, options); });
  as_usage_error("--quantizer", [&] { validate(options.quantization()); });
  // What is left is an input that the network cannot take.
  as_usage_error("--input", [&] { make_model(model, options); });
  return options;
}

void refuse_network_options(const CLI::App& command, const CLI::Option& other) {
  for (const CLI::Option* option : command.get_options()) {
    if (option != &other && option->get_group() == group && option->count() > 0) {
      throw CLI::ExcludesError(option->get_name(), other.get_name());
    }
  }
}

CLI::Option* add_options(CLI::App& command, NetworkOptions& options) {
  ModelOptions& network = options.network;
  CLI::Option* model = add_option(command, model_spec(), options.model);
  add_option(command, variant_spec(), network.variant);
  add_option(command, weight_bits_spec(), network.w_bits)->capture_default_str();
  add_option(command, activation_bits_spec(), network.a_bits)->capture_default_str();
  add_option(command, quantizer_spec(), network.quantizer)->capture_default_str();
  add_option(command,
             {"--classes", "N", "Number of classes; without it that of the network's own task",
              whole_number(1, 1'000'000), group},
             options.classes);
  add_option(command,
             {"--input", "HxWxC",
              "Height, width and channels of an image; without it those of its own task",
              parsed_by(parse_input), group},
             options.input);
  return model;
}

}  // namespace lq::apps
