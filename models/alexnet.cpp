#include "models/alexnet.h"

#include "layers/linear.h"
#include "models/variants.h"

namespace lq {

AlexNet::AlexNet(const ModelOptions& options) : StagedNetwork(options) {
  constexpr std::int64_t smallest = 67;  // leaves one pixel after the last pool
  check(options.input[0] >= smallest && options.input[1] >= smallest,
        "alexnet: input {}, expected height and width of {} or more", options.input, smallest);
  const Initializer narrow = Initializer::normal(0.005);
  const Initializer wide = Initializer::normal(0.01);
  const autograd::PoolOptions pool{.kernel = 3, .stride = 2};
  const BatchNorm2dOptions fc_norm{.per_layer = options.variant == variants::fc_bn_per_layer};

  add_stage("conv1", "act1",
            {.convolution = {.out = 96,
                             .kernel = 11,
                             .options = {.stride_h = 4,
                                         .stride_w = 4,
                                         .padding = autograd::Padding::valid()},
                             .initializer = wide},
             .quantized_weights = false,
             .pool = pool});
  add_stage("conv2", "act2",
            {.convolution = {.out = 256, .kernel = 5, .initializer = wide}, .pool = pool});
  add_stage("conv3", "act3", {.convolution = {.out = 384, .initializer = wide}});
  add_stage("conv4", "act4", {.convolution = {.out = 384, .initializer = wide}});
  add_stage("conv5", "act5", {.convolution = {.out = 256, .initializer = wide}, .pool = pool});
  add_fully_connected_stage(
      "fc6", "act6", {.convolution = {.out = 4096, .initializer = narrow}, .batch_norm = fc_norm});
  add_fully_connected_stage("fc7", "act7",
                            {.convolution = {.out = 4096, .initializer = narrow},
                             .quantized_result = false,
                             .batch_norm = fc_norm});
  fc8_ = &add<Linear>("fc8", map().elements(), options.classes, wide);
}

Variable AlexNet::forward(const Variable& x) { return (*fc8_)(run_stages(x)); }

}  // namespace lq
