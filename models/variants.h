// Names of the variants of models, between the registry and the networks.
#pragma once

#include <string_view>

namespace lq::variants {

// alexnet, vgg-variant
inline constexpr std::string_view fc_bn_per_feature = "fc-bn-per-feature";
inline constexpr std::string_view fc_bn_per_layer = "fc-bn-per-layer";

// ResNets for ImageNet
inline constexpr std::string_view post_activation = "post-activation";
inline constexpr std::string_view type_a = "type-a";
inline constexpr std::string_view type_b = "type-b";

// googlenet-variant
inline constexpr std::string_view quantizer_per_branch = "quantizer-per-branch";
inline constexpr std::string_view quantizer_per_concat = "quantizer-per-concat";

// densenet121
inline constexpr std::string_view as_released = "as-released";
inline constexpr std::string_view pre_activation = "pre-activation";

}  // namespace lq::variants
