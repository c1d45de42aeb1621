#include "deploy/layer_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace lq::deploy {

namespace {

constexpr std::string_view suffix = ".first";

bool is_partial(std::string_view name, std::string_view layer) {
  if (!name.starts_with(layer) || !name.substr(layer.size()).starts_with(suffix)) return false;
  const std::string_view segments = name.substr(layer.size() + suffix.size());
  return !segments.empty() && segments.find_first_not_of("0123456789") == segments.npos;
}

/// The convolution that has `value` among its float outputs.
const Convolution* writer_of(const PackedModel& model, std::size_t value) {
  for (const Operation& operation : model.operations) {
    const auto* convolution = std::get_if<Convolution>(&operation);
    if (convolution == nullptr) continue;
    const std::vector<std::size_t>& outputs = convolution->float_outputs;
    if (std::ranges::find(outputs, value) != outputs.end()) return convolution;
  }
  return nullptr;
}

}  // namespace

std::string partial_name(std::string_view layer, std::size_t segments) {
  return fmt::format("{}{}{}", layer, suffix, segments);
}

bool is_partial_name(std::string_view name) {
  return is_partial(name, name.substr(0, name.rfind(suffix)));
}

std::vector<const Convolution*> layer_parts(const PackedModel& model, const Convolution& last) {
  std::vector<const Convolution*> parts = {&last};
  // From the last one back to the first: where the residual is another layer's, that one begins.
  while (parts.back()->residual) {
    const Convolution* before = writer_of(model, *parts.back()->residual);
    if (before == nullptr || !is_partial(before->name, last.name)) break;
    parts.push_back(before);
  }
  std::ranges::reverse(parts);
  return parts;
}

}  // namespace lq::deploy
