#include "bench/cuda/packed_operations.h"

#include <string>

#include "bench/convolution_problem.h"
#include "convert/pack.h"
#include "deploy/packed_network.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"
#include "models/model.h"

namespace lq::bench {

namespace {

using kernels::cuda::BitconvPath;
using kernels::cuda::BitconvPlan;
using kernels::cuda::BitconvTile;
using kernels::cuda::TilePlan;
using kernels::cuda::WarpgroupTile;

/// Packed convolutions, by the plan on a GPU: every bit of the results.
void bitconv(Trial& trial, const BitconvPlan& plan) {
  struct Case {
    std::int64_t images;
    Shape x, weight;  // of one image
    BitWidths widths;
  };
  // Maps large and small, few channels, bytes. Layers of networks are compared when they are timed.
  const Case cases[] = {{1, {1, 40, 40, 64}, {128, 3, 3, 64}, {1, 2}},
                        {2, {1, 12, 13, 96}, {64, 3, 3, 96}, {2, 2}},
                        {1, {1, 7, 7, 256}, {32, 3, 3, 256}, {1, 1}},
                        {3, {1, 9, 9, 16}, {24, 5, 5, 16}, {1, 3}},
                        {2, {1, 8, 8, 64}, {64, 3, 3, 64}, {3, 3}}};
  for (const auto& [images, x_shape, weight_shape, widths] : cases) {
    ConvolutionProblem problem(kernels::conv2d_geometry(x_shape, weight_shape, {}), widths, 1);
    const auto words = problem.inputs(images);
    const Tensor x = trial.on_device(
        Tensor::from(std::span(reinterpret_cast<const std::int32_t*>(words.data()), words.size()),
                     {std::ssize(words)}));
    Tensor y = trial.room({problem.planes() * images * problem.output_words()}, DType::i32);
    Stream& stream = trial.stream();
    const auto conv = stream.device().type == DeviceType::cuda
                          ? kernels::cuda::prepare_bitconv(stream, problem.description(), plan)
                          : kernels::prepare_bitconv(stream, problem.description());
    Tensor scratch = trial.room({static_cast<std::int64_t>(conv->scratch_bytes())}, DType::u8);
    const kernels::BitconvBuffer<const void*> input{x.raw(), images * problem.input_words()};
    const kernels::BitconvBuffer<void*> output{y.raw(), images * problem.output_words()};
    conv->run({.batch = images, .inputs = {&input, 1}, .symbols = {&output, 1}}, {},
              {static_cast<std::byte*>(scratch.raw()), scratch.bytes()});
    trial.result(y);
  }
}

struct NamedPlan {
  std::string name;
  BitconvPlan plan;
};

BitconvPlan by_tiles(BitconvTile tile, int splits = 1) {
  return {.path = BitconvPath::tensor, .tiles = TilePlan{tile, splits}};
}

BitconvPlan by_warpgroups(WarpgroupTile tile) {
  return {.path = BitconvPath::warpgroup, .warpgroup_tile = tile};
}

std::vector<NamedPlan> plans(Device device) {
  std::vector<NamedPlan> all{{"bitconv", {}},
                             {"bitconv, direct", {.path = BitconvPath::direct}},
                             {"bitconv, wide tiles", by_tiles(BitconvTile::wide)},
                             {"bitconv, square tiles", by_tiles(BitconvTile::square)},
                             {"bitconv, small tiles", by_tiles(BitconvTile::small)},
                             {"bitconv, small tiles in 3", by_tiles(BitconvTile::small, 3)}};
  if (device.type == DeviceType::cuda && kernels::cuda::has_warpgroups(device)) {
    all.push_back({"bitconv, wide of warpgroups", by_warpgroups(WarpgroupTile::wide)});
    all.push_back({"bitconv, narrow of warpgroups", by_warpgroups(WarpgroupTile::narrow)});
  }
  return all;
}

/// Of weights that have learned nothing. Sums of codes are exact, and those of floats are added in
/// the same order everywhere, so that no code is another one; only scores are rounded differently.
void packed_network(Trial& trial, std::string_view name, int w_bits, int a_bits) {
  constexpr std::int64_t batch = 2;
  // Small, since the reference is slow.
  const ModelOptions options{.w_bits = w_bits, .a_bits = a_bits, .input = {16, 16, 3}};
  const std::unique_ptr<Module> model = make_model(name, options);
  model->initialize(1);
  const StreamScope scope(trial.stream());
  deploy::PackedNetwork network(convert::pack(*model, options.input, {.name = std::string(name)}),
                                {.max_batch = batch, .device = trial.stream().device()});
  const Tensor images = trial.normal({batch, options.input.elements()}).to(Device{});
  Tensor scores({batch, network.classes()}, DType::f32);
  network.run(images.span<float>(), scores.span<float>());
  trial.result(scores, {1e-5, 1e-5});
}

}  // namespace

std::vector<Operation> packed_operations(Device device) {
  std::vector<Operation> operations;
  for (const auto& [name, plan] : plans(device)) {
    operations.push_back({name, [plan = plan](Trial& trial) { bitconv(trial, plan); }});
  }
  operations.push_back(
      {"packed resnet20", [](Trial& trial) { packed_network(trial, "resnet20", 2, 2); }});
  operations.push_back(
      {"packed vgg-small", [](Trial& trial) { packed_network(trial, "vgg-small", 1, 2); }});
  return operations;
}

}  // namespace lq::bench
