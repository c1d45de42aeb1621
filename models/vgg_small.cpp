#include "models/vgg_small.h"

#include <array>

#include "layers/linear.h"

namespace lq {

VggSmall::VggSmall(const ModelOptions& options) : StagedNetwork(options) {
  check(options.input[0] % 8 == 0 && options.input[1] % 8 == 0,
        "vgg-small: input {}, expected height and width divisible by 8", options.input);
  struct Layer {
    std::int64_t out;
    bool pool;
  };
  constexpr std::array<Layer, 6> layers = {
      {{128, false}, {128, true}, {256, false}, {256, true}, {512, false}, {512, true}}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    StageSpec stage{.convolution = {.out = layers[i].out, .fan = Fan::in},
                    .quantized_weights = i > 0,
                    .quantized_result = i + 1 < layers.size()};
    if (layers[i].pool) stage.pool = {.kernel = 2, .stride = 2};
    add_stage(fmt::format("conv{}", i), fmt::format("act{}", i), stage);
  }
  fc_ = &add<Linear>("fc", map().elements(), options.classes);
}

Variable VggSmall::forward(const Variable& x) { return (*fc_)(run_stages(x)); }

}  // namespace lq
