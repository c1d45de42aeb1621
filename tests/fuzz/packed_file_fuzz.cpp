// Feeds the reader of packed networks arbitrary bytes; libFuzzer supplies main(). Only an Error may
// come out, or a network that can be run.

#include <cstdlib>
#include <span>
#include <vector>

#include "core/error.h"
#include "deploy/packed_file.h"
#include "deploy/packed_network.h"

namespace {

/// Networks that take no longer than the fuzzer has patience for.
bool is_small(const lq::deploy::PackedModel& model) {
  constexpr std::int64_t most_elements = 1 << 12;
  constexpr std::int64_t most_products = 1 << 22;
  std::int64_t elements = 0;
  for (const lq::deploy::Value& value : model.values) elements += value.h * value.w * value.c;
  std::int64_t products = 0;
  for (const lq::deploy::Operation& operation : model.operations) {
    const auto* convolution = std::get_if<lq::deploy::Convolution>(&operation);
    if (convolution == nullptr) continue;
    const lq::kernels::Conv2dGeometry& g = convolution->description.geometry;
    products += g.weight_shape().elements() * g.out_h * g.out_w;
    // Borders are copied.
    products += (g.h + g.pad_top + g.pad_bottom) * (g.w + g.pad_left + g.pad_right) * g.c_in;
  }
  return elements <= most_elements && products <= most_products;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    const lq::deploy::PackedModel model =
        lq::deploy::parse_packed_model(std::as_bytes(std::span(data, size)));
    if (!is_small(model)) return 0;
    lq::deploy::PackedNetwork network(model, {.max_batch = 2});
    const lq::deploy::Value& input = network.input();
    const std::vector<float> images(2 * input.h * input.w * input.c, 1.0F);
    std::vector<float> scores(2 * network.classes());
    network.run(images, scores);
  } catch (const lq::Error&) {
  }
  return 0;
}
