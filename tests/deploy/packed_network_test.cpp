#include "deploy/packed_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "core/stream.h"
#include "deploy/packed_file.h"
#include "deploy/storage_plan.h"
#include "tests/deploy/chain_model.h"
#include "tests/deploy/interpreter.h"
#include "tests/deploy/random_model.h"
#include "tests/support/backends.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using deploy::PackedNetwork;
using deploy::PackedNetworkOptions;

std::vector<float> scores_of(const PackedModel& model, const std::vector<float>& images,
                             std::int64_t count, const PackedNetworkOptions& options) {
  PackedNetwork network(model, options);
  std::vector<float> scores(count * network.classes());
  network.run(images, scores);
  return scores;
}

/// Runs a model and compares every operation's results with what its inputs make them.
void expect_every_operation_right(const PackedModel& model, const std::vector<float>& images,
                                  std::int64_t batch, Device device) {
  PackedNetwork network(model, {.max_batch = batch, .keep_values = true, .device = device});
  std::vector<float> scores(batch * network.classes());
  network.run(images, scores);
  std::map<std::size_t, std::vector<float>> values = {{model.input, images},
                                                      {model.output, scores}};
  for (std::size_t i = 0; i < model.values.size(); ++i) {
    if (i != model.input && i != model.output) values[i] = network.value(i);
  }
  const Interpreter interpreter(model, batch, [&](std::size_t i) { return values.at(i); });
  for (std::size_t step = 0; step < model.operations.size(); ++step) {
    int wrong = 0;
    interpreter.check(model.operations[step], [&](std::size_t value, std::int64_t index,
                                                  const Interval& interval) {
      const auto actual = static_cast<double>(values.at(value).at(index));
      if (actual >= interval.low && actual <= interval.high) return;
      if (++wrong > 3) return;
      ADD_FAILURE() << "operation " << step << " of kind " << model.operations[step].index()
                    << ", value " << value << ", element " << index << " is " << actual
                    << ", expected " << interval.low << " to " << interval.high;
    });
    ASSERT_EQ(wrong, 0);
  }
}

class PackedNetworkBackendTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  PackedNetworkBackendTest() : cap_(GetParam().isa), scope_(stream_of(GetParam())) {}

  Device device() const { return stream_of(GetParam()).device(); }

 private:
  IsaCap cap_;
  StreamScope scope_;
};

TEST_P(PackedNetworkBackendTest, OperationsComputeWhatTheirDefinitionsSay) {
  // A device in software is slow.
  const std::uint32_t models = GetParam().backend == Backend::cuda ? 40 : 120;
  for (std::uint32_t seed = 0; seed < models; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomModel random(seed);
    const std::int64_t batch = 1 + seed % 3;
    expect_every_operation_right(random.model(), random.images(batch), batch, device());
  }
}

/// A map of positions in the order, the codes that they become, and the maxima of windows over
/// these.
PackedModel pool_of_codes(const Value& map, int planes, MaxPool pool) {
  Value codes = map;
  codes.kind = ValueKind::planes;
  codes.planes = planes;
  Value maxima = codes;
  maxima.h = (map.h - 1 + pool.pad_top) / pool.stride + 1;
  maxima.w = (map.w - 1 + pool.pad_left) / pool.stride + 1;
  const Value levels{.h = maxima.h, .w = maxima.w, .c = maxima.c};
  PackedModel model{.values = {map, codes, maxima, levels, {.c = map.c}}, .input = 0, .output = 4};
  kernels::BitconvSymbolOutput symbols{
      .signs = std::vector(map.c, 1.0F), .symbols = pool.order, .planes = planes};
  for (std::size_t t = 0; t + 1 < pool.order.size(); ++t) {
    symbols.thresholds.insert(symbols.thresholds.end(), map.c, static_cast<float>(t) + 0.5F);
  }
  Convolution quantizer = pointwise_operation("quantizer", /*residual=*/0, map, /*shift=*/0.0F);
  quantizer.symbol_outputs = {1};
  quantizer.description.symbol_outputs = {symbols};
  pool.name = "pool";
  pool.input = 1;
  pool.output = 2;
  model.operations = {quantizer, pool,
                      Dequantize{.name = "levels",
                                 .input = 2,
                                 .output = 3,
                                 .levels = std::vector<float>(std::size_t{1} << planes, 1.0F)},
                      GlobalAveragePool{.name = "mean", .input = 3, .output = 4}};
  return model;
}

/// Positions in an order of `count` codes.
std::vector<float> random_positions(const Value& map, std::int64_t batch, std::size_t count) {
  std::mt19937 random(static_cast<std::uint32_t>(count));
  std::uniform_int_distribution<std::size_t> position(0, count - 1);
  std::vector<float> positions(batch * map.h * map.w * map.c);
  for (float& each : positions) each = static_cast<float>(position(random));
  return positions;
}

TEST_P(PackedNetworkBackendTest, MaximaOfCodesFollowTheOrder) {
  constexpr std::int64_t batch = 2;
  std::mt19937 random(1);
  for (int planes = 1; planes <= 8; ++planes) {
    std::vector<std::uint8_t> ascending(std::size_t{1} << planes);
    std::iota(ascending.begin(), ascending.end(), std::uint8_t{0});
    std::vector<std::uint8_t> shuffled = ascending;
    std::ranges::shuffle(shuffled, random);
    // Without code 0, which bits beyond the channels have.
    std::vector<std::uint8_t> few(ascending.rbegin(), ascending.rend() - 1);
    for (const std::vector<std::uint8_t>& order : {ascending, shuffled, few}) {
      for (const std::int64_t channels : {5, 32, 67}) {
        SCOPED_TRACE(std::to_string(planes) + " planes, " + std::to_string(order.size()) +
                     " codes, " + std::to_string(channels) + " channels");
        const Value map{.h = 5, .w = 6, .c = channels};
        const PackedModel model = pool_of_codes(
            map, planes,
            {.kernel = 3, .stride = 2, .pad_top = 1, .pad_left = channels % 2, .order = order});
        expect_every_operation_right(model, random_positions(map, batch, order.size()), batch,
                                     device());
      }
    }
  }
}

TEST_P(PackedNetworkBackendTest, FirstPoolOfResNet) {
  const Value map{.h = 112, .w = 112, .c = 64};
  const PackedModel model = pool_of_codes(
      map, 2, {.kernel = 3, .stride = 2, .pad_top = 1, .pad_left = 1, .order = {0, 2, 1, 3}});
  expect_every_operation_right(model, random_positions(map, 1, 4), 1, device());
}

INSTANTIATE_TEST_SUITE_P(Backends, PackedNetworkBackendTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

TEST(PackedNetworkTest, ResultsDoNotDependOnThreadsBatchesAndBuffers) {
  constexpr std::int64_t count = 5;
  for (std::uint32_t seed = 100; seed < 130; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomModel random(seed);
    const std::vector<float> images = random.images(count);
    const std::vector<float> expected =
        scores_of(random.model(), images, count, {.max_batch = count, .keep_values = true});
    for (const int threads : {1, 2, 3}) {
      for (const std::int64_t max_batch : {1, 2, 5, 9}) {
        EXPECT_EQ(
            scores_of(random.model(), images, count, {.max_batch = max_batch, .threads = threads}),
            expected)
            << threads << " threads, batches of " << max_batch;
      }
    }
  }
}

TEST(PackedNetworkTest, cuda_ResultsDoNotDependOnBatchesInFlight) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const Device device{DeviceType::cuda};
  constexpr std::int64_t most = 7;
  for (std::uint32_t seed = 100; seed < 106; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomModel random(seed);
    const std::vector<float> images = random.images(most);
    const std::vector<float> expected =
        scores_of(random.model(), images, most, {.max_batch = most, .device = device});
    for (const int in_flight : {1, 2, 3}) {
      PackedNetwork network(random.model(),
                            {.max_batch = 2, .device = device, .in_flight = in_flight});
      const std::int64_t classes = network.classes();
      // Whole batches, some that are not, fewer than there is room for, and none.
      for (const std::int64_t count : {most, std::int64_t{1}, std::int64_t{0}, std::int64_t{4}}) {
        std::vector<float> scores(count * classes);
        network.run(std::span(images).first(images.size() / most * count), scores);
        EXPECT_TRUE(std::ranges::equal(scores, std::span(expected).first(count * classes)))
            << count << " images, " << in_flight << " in flight";
      }
    }
  }
}

TEST(PackedNetworkTest, cuda_ValuesAreThoseOfTheLastBatch) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  RandomModel random(7);
  PackedNetwork network(random.model(),
                        {.max_batch = 2, .keep_values = true, .device = {DeviceType::cuda}});
  const PackedModel& model = random.model();
  const std::size_t between = model.input == 0 ? 1 : 0;
  ASSERT_NE(between, model.output);
  for (const std::int64_t images : {1, 2}) {  // the second one by the graph
    std::vector<float> scores(images * network.classes());
    network.run(random.images(images), scores);
    EXPECT_EQ(std::ssize(network.value(between)),
              images * deploy::elements_of(model.values[between]));
  }
}

TEST(PackedNetworkTest, cuda_BuffersAreThereForEachBatchInFlight) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  RandomModel random(7);
  const auto bytes = [&](int in_flight) {
    return PackedNetwork(random.model(), {.device = {DeviceType::cuda}, .in_flight = in_flight})
        .buffer_bytes();
  };
  EXPECT_EQ(bytes(3), 3 * bytes(1));
}

TEST(PackedNetworkTest, RunsAreIndependentOfEarlierOnes) {
  RandomModel random(7);
  PackedNetwork network(random.model(), {.max_batch = 3, .threads = 2});
  const std::vector<float> images = random.images(3);
  std::vector<float> first(3 * network.classes());
  network.run(images, first);
  std::vector<float> other(1 * network.classes());
  network.run(random.images(1), other);
  network.run({}, {});
  std::vector<float> second(first.size());
  network.run(images, second);
  EXPECT_EQ(first, second);
}

TEST(PackedNetworkTest, IsFilledFromAFileByFiveLines) {
  RandomModel random(11);
  const TemporaryFolder folder;
  deploy::write_packed_model(folder / "network.lqn", random.model());
  const std::vector<float> images = random.images(2);

  PackedNetwork network(folder / "network.lqn", {.max_batch = 2, .threads = 2});
  std::vector<float> scores(2 * network.classes());
  network.run(images, scores);

  EXPECT_EQ(scores, scores_of(random.model(), images, 2, {}));
  EXPECT_EQ(network.name(), random.model().name);
  EXPECT_EQ(network.class_names(), random.model().class_names);
  EXPECT_EQ(network.preprocessing().mean, random.model().preprocessing.mean);
  EXPECT_EQ(network.input().w, random.model().values[0].w);
  EXPECT_EQ(network.operations().size(), random.model().operations.size());
  EXPECT_EQ(network.operations().back(), "classifier");
}

TEST(PackedNetworkTest, CanBeMoved) {
  RandomModel random(12);
  PackedNetwork first(random.model(), {.threads = 2});
  PackedNetwork second(std::move(first));
  std::vector<float> scores(second.classes());
  const std::vector<float> images = random.images(1);
  second.run(images, scores);
  EXPECT_EQ(scores, scores_of(random.model(), images, 1, {}));
}

TEST(PackedNetworkTest, BuffersAreShared) {
  const PackedModel model = chain_model({.h = 64, .w = 64, .c = 16}, 6);
  constexpr std::size_t map_bytes = 64 * 64 * 16 * sizeof(float);
  EXPECT_EQ(PackedNetwork(model).buffer_bytes(), map_bytes);
  EXPECT_GE(PackedNetwork(model, {.keep_values = true}).buffer_bytes(), 6 * map_bytes);
  EXPECT_EQ(scores_of(model, std::vector<float>(64 * 64 * 16, 1.0F), 1, {.threads = 2}),
            std::vector<float>(16, 7.0F));
}

TEST(PackedNetworkTest, MemoryIsLimitedBeforeItIsAllocated) {
  // 65,536 numbers of 4 bytes for an image, in one buffer, and no scratch memory.
  const PackedModel small = chain_model({.h = 64, .w = 64, .c = 16}, 6);
  EXPECT_NO_THROW(PackedNetwork(small, {.max_batch = 3, .max_bytes = 3 << 18}));
  EXPECT_TRUE(throws_error([&] { PackedNetwork(small, {.max_batch = 4, .max_bytes = 3 << 18}); },
                           "batches of 4 on 1 threads take 1048576 bytes, at most 786432"));
  EXPECT_TRUE(throws_error([&] { PackedNetwork(small, {.max_batch = 65536}); },
                           "batches of 65536 on 1 threads take 17179869184 bytes, at most"));

  // Maps of 256 MiB are possible one after the other, but not side by side.
  const PackedModel large = chain_model({.h = 8192, .w = 8192, .c = 1}, 6);
  EXPECT_TRUE(throws_error([&] { PackedNetwork(large, {.keep_values = true}); },
                           "1610612736 bytes of buffers for an image"));
}

TEST(PackedNetworkTest, ScratchMemoryIsLimited) {
  // A row of results takes a copy of 1024 rows of inputs, each padded by 1024 pixels on both sides.
  PackedModel model{.values = {{.h = 1024, .w = 65536}, {.w = 67584}, {}}, .input = 0, .output = 2};
  Convolution layer{.name = "layer", .inputs = {0}, .float_outputs = {1}};
  layer.description = {
      .geometry =
          kernels::conv2d_geometry({1, 1024, 65536, 1}, {1, 1024, 1, 1},
                                   {.padding = kernels::Padding::explicit_sides(0, 0, 1024, 1024)}),
      .segments = {FloatSegment{.channels = 1, .weights = std::vector<float>(1024, 1.0F)}},
      .scale = {1},
      .shift = {0},
      .float_outputs = {{}}};
  model.operations = {layer, GlobalAveragePool{.name = "mean", .input = 1, .output = 2}};
  EXPECT_TRUE(throws_error([&] { PackedNetwork{model}; }, "276824064 of scratch memory"));
}

TEST(PackedNetworkTest, WeightsForFloatsStayBits) {
  PackedModel model;
  model.values = {{.c = 64}, {.c = 32}};
  model.output = 1;
  Convolution operation{.name = "layer", .inputs = {0}, .float_outputs = {1}};
  operation.description = {
      .geometry = kernels::conv2d_geometry({1, 1, 1, 64}, {32, 1, 1, 64}, {}),
      .segments = {CodedFloatSegment{.channels = 64,
                                     .weight_bits = 2,
                                     .weight_codes = std::vector<std::uint8_t>(32 * 64, 3),
                                     .weight_basis = std::vector(32 * 2, 0.5F)}},
      .scale = std::vector(32, 1.0F),
      .shift = std::vector(32, 0.0F),
      .float_outputs = {{}}};
  model.operations.emplace_back(std::move(operation));
  const TemporaryFolder folder;
  deploy::write_packed_model(folder / "network.lqn", model);

  PackedNetwork network(folder / "network.lqn");
  // Two levels for each channel, and two bits for each weight.
  EXPECT_EQ(network.weight_bytes(), 2 * 32 * sizeof(float) + 2 * 32 * 64 / 8);
  std::vector<float> scores(32);
  network.run(std::vector<float>(64, 2.0F), scores);
  EXPECT_EQ(scores, std::vector<float>(32, 128.0F));
}

TEST(PackedNetworkTest, MeasuresEveryOperation) {
  RandomModel random(13);
  PackedNetwork network(random.model(), {.threads = 2, .measure = true});
  std::vector<float> scores(4 * network.classes());
  network.run(random.images(4), scores);
  ASSERT_EQ(network.seconds().size(), network.operations().size());
  for (const double seconds : network.seconds()) {
    EXPECT_GT(seconds, 0.0);
    EXPECT_LT(seconds, 60.0);
  }
  EXPECT_TRUE(PackedNetwork(random.model()).seconds().empty());
}

TEST(PackedNetworkTest, TimesAreThoseOfTheOperationItself) {
  // The large operation has one pixel and one tile of channels, so that one of the two workers does
  // it all. The other one waits, which must not count for the small operation behind.
  constexpr std::int64_t extent = 128;
  PackedModel model{.values = {{.h = extent, .w = extent, .c = 8}, {.c = 16}, {.c = 16}},
                    .input = 0,
                    .output = 2};
  Convolution large{.name = "large", .inputs = {0}, .float_outputs = {1}};
  large.description = {
      .geometry = kernels::conv2d_geometry({1, extent, extent, 8}, {16, extent, extent, 8},
                                           {.padding = kernels::Padding::valid()}),
      .segments = {FloatSegment{.channels = 8,
                                .weights = std::vector<float>(16 * extent * extent * 8, 0.5F)}},
      .scale = std::vector<float>(16, 1.0F),
      .shift = std::vector<float>(16, 0.0F),
      .float_outputs = {{}}};
  model.operations = {large, GlobalAveragePool{.name = "small", .input = 1, .output = 2}};
  PackedNetwork network(model, {.threads = 2, .measure = true});
  const std::vector<float> image(extent * extent * 8, 1.0F);
  std::vector<float> scores(16);
  std::vector<double> least(2, std::numeric_limits<double>::infinity());
  for (int run = 0; run < 5; ++run) {
    network.run(image, scores);
    for (std::size_t i = 0; i < least.size(); ++i) {
      least[i] = std::min(least[i], network.seconds()[i]);
    }
  }
  EXPECT_GT(least[0], 10 * least[1]);
}

TEST(PackedNetworkTest, RefusesWhatDoesNotFit) {
  RandomModel random(14);
  const PackedModel& model = random.model();
  EXPECT_TRUE(throws_error([&] { PackedNetwork(model, {.max_batch = 0}); }, "batches of 0"));
  EXPECT_TRUE(throws_error([&] { PackedNetwork(model, {.max_batch = 65537}); }, "65537"));
  EXPECT_TRUE(throws_error([&] { PackedNetwork(model, {.threads = 0}); }, "0 threads"));
  EXPECT_TRUE(throws_error([&] { PackedNetwork(model, {.threads = 2000}); }, "2000 threads"));
  const Device cuda{DeviceType::cuda};
  EXPECT_TRUE(throws_error([&] { PackedNetwork(model, {.device = cuda, .in_flight = 5}); },
                           "5 batches in flight, expected 1 to 4"));
  for (const deploy::PackedNetworkOptions& options :
       {deploy::PackedNetworkOptions{.in_flight = 2},
        {.keep_values = true, .device = cuda, .in_flight = 2},
        {.measure = true, .device = cuda, .in_flight = 2}}) {
    EXPECT_TRUE(throws_error([&] { PackedNetwork(model, options); },
                             "2 batches in flight, expected 1 on the CPU and where values"));
  }
  PackedModel unsound = model;
  unsound.output = unsound.input;
  EXPECT_TRUE(throws_error([&] { PackedNetwork{unsound}; }, "same value"));

  PackedNetwork network(model);
  std::vector<float> scores(network.classes());
  std::vector<float> images = random.images(1);
  EXPECT_TRUE(throws_error([&] { network.run(images, std::span(scores).first(1)); },
                           "space for 1 scores, expected 1 images x 5 classes"));
  images.push_back(0.0F);
  EXPECT_TRUE(throws_error([&] { network.run(images, scores); }, "expected whole images"));
  EXPECT_TRUE(throws_error([&] { network.value(1); }, "keep_values"));
  PackedNetwork keeping(model, {.keep_values = true});
  EXPECT_TRUE(throws_error([&] { keeping.value(model.input); }, "not between"));
  EXPECT_TRUE(throws_error([&] { keeping.value(model.values.size()); }, "not between"));
  EXPECT_TRUE(throws_error([&] { PackedNetwork("/nonexistent/file.lqn"); }, "cannot open"));
}

}  // namespace
}  // namespace lq::testing
