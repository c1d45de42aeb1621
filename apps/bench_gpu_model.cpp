#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/convolution_selection.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/text_table.h"
#include "bench/gpu_model.h"

namespace lq::apps {

namespace {

struct BenchGpuModelCommand {
  ConvolutionSelection selection{.width_texts = {"1/2"}, .batches = {1, 64}};
  std::vector<std::string> gpus = bench::gpu_names();
  bool sums = false;
  bool json = false;
};

struct Prediction {
  std::string layer;
  bench::GpuPrediction of;
};

/// The layers of a GPU, with one pair of widths and one batch.
struct Group {
  std::string gpu;
  bench::BitWidths widths;
  std::int64_t batch = 1;
  std::vector<Prediction> layers;
};

std::vector<Group> predict(const BenchGpuModelCommand& command) {
  const ConvolutionSelection& selection = command.selection;
  std::vector<Group> groups;
  for (const std::string& gpu : command.gpus) {
    const bench::GpuSpec spec = bench::gpu_spec(gpu);
    for (const bench::BitWidths widths : selection.widths()) {
      for (const std::int64_t batch : selection.batches) {
        Group group{.gpu = gpu, .widths = widths, .batch = batch};
        for (const bench::ConvolutionShape& shape : selection.shapes()) {
          group.layers.push_back(
              {shape.name, bench::predict_convolution(spec, shape, widths, batch)});
        }
        groups.push_back(std::move(group));
      }
    }
  }
  return groups;
}

const char* tile_of(const bench::GpuPrediction& prediction) {
  if (prediction.warpgroups) {
    return *prediction.warpgroups == kernels::cuda::WarpgroupTile::wide ? "wgmma wide"
                                                                        : "wgmma narrow";
  }
  switch (prediction.plan.tile) {
    case kernels::cuda::BitconvTile::wide:
      return "wide";
    case kernels::cuda::BitconvTile::square:
      return "square";
    case kernels::cuda::BitconvTile::small:
      break;
  }
  return "small";
}

nlohmann::ordered_json to_json(const Group& group, const Prediction& layer) {
  const bench::GpuPrediction& of = layer.of;
  const bench::GpuTimes& times = of.times;
  return {{"gpu", group.gpu},
          {"layer", layer.layer},
          {"w_bits", group.widths.weights},
          {"a_bits", group.widths.activations},
          {"batch", group.batch},
          {"tile", tile_of(of)},
          {"splits", of.plan.splits},
          {"steps", of.steps},
          {"blocks", of.grid.blocks()},
          {"resident_blocks", of.resident_blocks},
          {"waves", of.waves},
          {"times_us",
           {{"tensor", times.tensor},
            {"expansion", times.expansion},
            {"shared", times.shared},
            {"instructions", times.instructions},
            {"cache", times.cache},
            {"memory", times.memory},
            {"latency", times.latency},
            {"epilogue", times.epilogue},
            {"launch", times.launch}}},
          {"us", of.us},
          {"limit", of.limit},
          {"tensor_bound_us", of.tensor_bound_us}};
}

/// Over the layers of a group.
struct Sum {
  double us = 0;
  double tensor_bound_us = 0;
  double images_per_s = 0;
};

Sum sum_of(const Group& group) {
  Sum sum;
  for (const Prediction& layer : group.layers) {
    sum.us += layer.of.us;
    sum.tensor_bound_us += layer.of.tensor_bound_us;
  }
  sum.images_per_s = 1e6 * static_cast<double>(group.batch) / sum.us;
  return sum;
}

nlohmann::ordered_json sum_json(const Group& group) {
  const Sum sum = sum_of(group);
  return {{"gpu", group.gpu},
          {"w_bits", group.widths.weights},
          {"a_bits", group.widths.activations},
          {"batch", group.batch},
          {"us", sum.us},
          {"tensor_bound_us", sum.tensor_bound_us},
          {"images_per_s", sum.images_per_s}};
}

void print_json(const std::vector<Group>& groups, bool sums_only) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  nlohmann::ordered_json sums = nlohmann::ordered_json::array();
  for (const Group& group : groups) {
    for (const Prediction& layer : group.layers) rows.push_back(to_json(group, layer));
    sums.push_back(sum_json(group));
  }
  nlohmann::ordered_json report{{"measured", false}};
  if (!sums_only) report["convolutions"] = std::move(rows);
  report["sums"] = std::move(sums);
  print_report(report);
}

std::string us_text(double us) { return fmt::format("{:.1f}", us); }
std::string ratio_text(double ratio) { return fmt::format("{:.1f}", ratio); }

void print_layers(const std::vector<Group>& groups) {
  using enum TextTable::Align;
  TextTable table({{"GPU", left},
                   {"W/A", left},
                   {"batch"},
                   {"layer", left},
                   {"tile", left},
                   {"blocks"},
                   {"waves"},
                   {"tensor"},
                   {"expand"},
                   {"shared"},
                   {"instr"},
                   {"cache"},
                   {"memory"},
                   {"latency"},
                   {"epilogue"},
                   {"us"},
                   {"limit", left},
                   {"x bound"}});
  for (const Group& group : groups) {
    for (const Prediction& layer : group.layers) {
      const bench::GpuPrediction& of = layer.of;
      const std::string splits = of.plan.splits == 1 ? "" : fmt::format(" in {}", of.plan.splits);
      const bench::GpuTimes& times = of.times;
      table.add_row({group.gpu, group.widths.to_string(), fmt::format("{}", group.batch),
                     layer.layer, tile_of(of) + splits, fmt::format("{}", of.grid.blocks()),
                     fmt::format("{}", of.waves), us_text(times.tensor), us_text(times.expansion),
                     us_text(times.shared), us_text(times.instructions), us_text(times.cache),
                     us_text(times.memory), us_text(times.latency), us_text(times.epilogue),
                     us_text(of.us), std::string(of.limit), ratio_text(of.ratio())});
    }
  }
  fmt::print("{}", table.str());
}

void print_sums(const std::vector<Group>& groups) {
  using enum TextTable::Align;
  TextTable table({{"GPU", left},
                   {"W/A", left},
                   {"batch"},
                   {"sum of us"},
                   {"bound us"},
                   {"x bound"},
                   {"images/s"}});
  for (const Group& group : groups) {
    const Sum sum = sum_of(group);
    table.add_row({group.gpu, group.widths.to_string(), fmt::format("{}", group.batch),
                   us_text(sum.us), us_text(sum.tensor_bound_us),
                   ratio_text(sum.us / sum.tensor_bound_us),
                   fmt::format("{:.0f}", sum.images_per_s)});
  }
  fmt::print("{}", table.str());
}

void run(const BenchGpuModelCommand& command) {
  const std::vector<Group> groups = predict(command);
  if (command.json) {
    print_json(groups, command.sums);
    return;
  }
  if (!command.sums) {
    print_layers(groups);
    fmt::print("\n");
  }
  print_sums(groups);
  fmt::print("Predictions of a model (docs/gpu-model.md): nobody has measured any of them.\n");
}

}  // namespace

void add_bench_gpu_model_command(CLI::App& bench) {
  auto command = std::make_shared<BenchGpuModelCommand>();
  CLI::App* model = bench.add_subcommand(
      "gpu-model",
      "Predict the time of packed convolutions on GPUs, by arithmetic alone.\n"
      "The tiles are those that the kernel takes there; a table tells how long each part of the\n"
      "machine is busy, and which one is the limit. docs/gpu-model.md explains the model.");
  model->group("Commands");
  add_convolution_options(*model, command->selection);
  add_option(*model,
             {"--gpu", "NAME", list_names("GPU", bench::gpu_names()) + "; may be repeated",
              known_name(bench::gpu_names()), "Measurement"},
             command->gpus)
      ->delimiter(',');
  model->add_flag("--sums", command->sums, "Print only the sums over the layers")->group("Output");
  model->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  model->callback([command] { run(*command); });
}

}  // namespace lq::apps
