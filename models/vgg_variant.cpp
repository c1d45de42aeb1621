#include "models/vgg_variant.h"

#include <array>

#include "layers/linear.h"
#include "models/variants.h"

namespace lq {

VggVariant::VggVariant(const ModelOptions& options) : StagedNetwork(options) {
  constexpr std::int64_t smallest = 31;  // leaves one pixel after the last pool
  check(options.input[0] >= smallest && options.input[1] >= smallest,
        "vgg-variant: input {}, expected height and width of {} or more", options.input, smallest);
  const autograd::PoolOptions pool{.kernel = 2, .stride = 2};
  const BatchNorm2dOptions fc_norm{.per_layer = options.variant == variants::fc_bn_per_layer};

  add_stage("conv1", "act1",
            {.convolution = Conv2dSpec{.out = 96, .kernel = 7, .fan = Fan::in}.strided(2),
             .quantized_weights = false,
             .relu = true,
             .pool = pool});
  int number = 2;
  for (const std::int64_t channels : {256, 512, 512}) {
    for (int i = 0; i < 3; ++i, ++number) {
      StageSpec stage{.convolution = {.out = channels, .fan = Fan::in}};
      if (i == 2) stage.pool = pool;
      add_stage(fmt::format("conv{}", number), fmt::format("act{}", number), stage);
    }
  }
  add_fully_connected_stage("fc5", "fc5_act",
                            {.convolution = {.out = 4096, .fan = Fan::in}, .batch_norm = fc_norm});
  add_fully_connected_stage("fc6", "fc6_act",
                            {.convolution = {.out = 4096, .fan = Fan::in},
                             .quantized_result = false,
                             .batch_norm = fc_norm});
  fc7_ = &add<Linear>("fc7", map().elements(), options.classes);
}

Variable VggVariant::forward(const Variable& x) { return (*fc7_)(run_stages(x)); }

}  // namespace lq
