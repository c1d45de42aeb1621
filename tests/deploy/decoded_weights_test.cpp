#include "deploy/decoded_weights.h"

#include <gtest/gtest.h>

#include "deploy/layer_parts.h"

namespace lq::testing {
namespace {

using deploy::Convolution;
using deploy::PackedModel;
using Floats = std::vector<float>;

/// Of 2 output channels and windows of a pixel, with one float output.
Convolution layer(const std::string& name, std::vector<kernels::BitconvSegment> segments,
                  std::size_t output, std::optional<std::size_t> residual = {}) {
  Convolution result{.name = name, .residual = residual, .float_outputs = {output}};
  kernels::Conv2dGeometry& geometry = result.description.geometry;
  geometry.c_out = 2;
  geometry.kernel_h = geometry.kernel_w = 1;
  for (const kernels::BitconvSegment& segment : segments) {
    std::visit([&](const auto& kind) { geometry.c_in += kind.channels; }, segment);
  }
  result.description.segments = std::move(segments);
  return result;
}

const Convolution& last(const PackedModel& model) {
  return std::get<Convolution>(model.operations.back());
}

const kernels::FloatSegment floats{.channels = 1, .weights = {10, 20}};
const kernels::GridSegment bytes{
    .channels = 2, .weights = {1, -2, 3, 4}, .weight_scale = {0.5F, 2}, .input_scale = 9};
const kernels::BitSegment planes{.channels = 1,
                                 .weight_bits = 2,
                                 .input_bits = 1,
                                 .weight_codes = {1, 2},
                                 .weight_basis = {1, 4, 2, 8},
                                 .input_basis = {9}};
const kernels::CodedFloatSegment coded{
    .channels = 1, .weight_bits = 1, .weight_codes = {0, 1}, .weight_basis = {7, 3}};

TEST(DecodedWeightsTest, SegmentsOfEveryKindStandOneAfterAnother) {
  const PackedModel model{.operations = {layer("conv", {floats, bytes, planes, coded}, 1)}};
  EXPECT_EQ(decoded_weights(model, last(model)), (Floats{10, 0.5F, -1, -3, -7, 20, 6, 8, 6, 3}));
}

TEST(DecodedWeightsTest, WithoutSegmentsThereAreNone) {
  const PackedModel model{.operations = {layer("norm", {}, 1, 0)}};
  EXPECT_TRUE(decoded_weights(model, last(model)).empty());
}

TEST(DecodedWeightsTest, ALayerOfSeveralConvolutionsHasTheirWeights) {
  const PackedModel model{.operations = {layer("shortcut", {floats}, 1),
                                         layer(deploy::partial_name("conv", 1), {coded}, 2, 1),
                                         layer("between", {floats}, 5),
                                         layer(deploy::partial_name("conv", 2), {floats}, 3, 2),
                                         layer("conv", {bytes, planes}, 4, 3)}};
  EXPECT_EQ(decoded_weights(model, last(model)), (Floats{-7, 10, 0.5F, -1, -3, 3, 20, 6, 8, 6}));
}

TEST(LayerPartsTest, TheLayerBeforeIsNoPart) {
  for (const char* name : {"a", "conv2", "conv.first", "conv.first_one", "other.first1"}) {
    const PackedModel model{.operations = {layer(name, {floats}, 1), layer("conv", {bytes}, 2, 1)}};
    EXPECT_EQ(layer_parts(model, last(model)), std::vector{&last(model)}) << name;
  }
}

TEST(LayerPartsTest, AResidualMayComeFromAnythingElse) {
  const PackedModel model{.operations = {deploy::GlobalAveragePool{.name = "pool", .output = 1},
                                         layer("conv", {bytes}, 2, 1)}};
  EXPECT_EQ(layer_parts(model, last(model)), std::vector{&last(model)});
}

}  // namespace
}  // namespace lq::testing
