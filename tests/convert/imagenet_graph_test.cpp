// The networks for ImageNet at full size, operation by operation, against sections 3.1 and 3.4
// to 3.7 of the specification.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "convert/trace.h"
#include "models/model.h"
#include "tests/convert/graph_text.h"

namespace lq::testing {
namespace {

constexpr int float32 = 32;

// TensorFlow's SAME on maps of even extents, and windows inside the map.
constexpr Window same1x1{1, 1, 0, 0}, same1x1s2{1, 2, 0, 0}, same3x3{3, 1, 1, 1},
    same3x3s2{3, 2, 0, 1}, same5x5{5, 1, 2, 2}, same7x7s2{7, 2, 2, 3};
constexpr Window pool2x2{2, 2, 0, 0}, valid3x3s2{3, 2, 0, 0}, valid11x11s4{11, 4, 0, 0};

/// A map that some operation made.
struct Map {
  int line = 0;
  std::int64_t side = 0;
  std::int64_t channels = 0;
};

/// A network in the terms of the specification. Sides of maps are written out where they change.
class Specified {
 public:
  Specified(int w_bits, int a_bits) : w_bits_(w_bits), a_bits_(a_bits) {}

  const std::vector<std::string>& lines() const { return text_.lines(); }

  Map float_conv(const Map& x, const Window& window, std::int64_t channels, std::int64_t side) {
    return layer(x, window, channels, side, float32, "");
  }
  Map conv(const Map& x, const Window& window, std::int64_t channels, std::int64_t side) {
    return layer(x, window, channels, side, w_bits_, "");
  }
  Map conv(const Map& x, const Window& window, std::int64_t channels) {
    return conv(x, window, channels, x.side);
  }
  Map fc_as_conv(const Map& x, std::int64_t channels) {
    return layer(x, {x.side, 1, 0, 0}, channels, 1, w_bits_, " bias");
  }
  Map fc(const Map& x, std::int64_t channels) {
    return {text_.add("linear 32 bias", fmt::format("{}", channels), {x.line}), 1, channels};
  }
  Map flat(const Map& x) {
    return {text_.add("reshape", fmt::format("{}", x.channels), {x.line}), 1, x.channels};
  }
  Map gap(const Map& x) {
    return {text_.add("global_average_pool", fmt::format("{}", x.channels), {x.line}), 1,
            x.channels};
  }
  Map pool(const Map& x, const Window& window, std::int64_t side, const char* kind = "max_pool") {
    return put(fmt::format("{} {}", kind, window.text()), {.side = side, .channels = x.channels},
               {x.line});
  }
  Map bn(const Map& x, const char* kind = "batch_norm") { return put(kind, x, {x.line}); }
  Map relu(const Map& x) { return put("relu", x, {x.line}); }
  Map bn_relu(const Map& x, const char* kind = "batch_norm") { return relu(bn(x, kind)); }
  Map quant(const Map& x) {
    return a_bits_ == float32 ? x : put(fmt::format("quantize {}", a_bits_), x, {x.line});
  }
  Map bn_relu_quant(const Map& x, const char* kind = "batch_norm") {
    return quant(bn_relu(x, kind));
  }
  Map plus(const Map& shortcut, const Map& branch) {
    return put("add", branch, {shortcut.line, branch.line});
  }
  Map zeros_at_the_end(const Map& x, std::int64_t channels) {
    return put(fmt::format("channel_pad 0,{}", channels - x.channels),
               {.side = x.side, .channels = channels}, {x.line});
  }
  Map concat(const std::vector<Map>& parts) {
    Map whole{.side = parts.front().side};
    std::vector<int> lines;
    for (const Map& part : parts) {
      whole.channels += part.channels;
      lines.push_back(part.line);
    }
    return put("concat", whole, lines);
  }

 private:
  Map put(const std::string& text, const Map& map, const std::vector<int>& operands) {
    const std::string result = fmt::format("{}x{}x{}", map.side, map.side, map.channels);
    return {text_.add(text, result, operands), map.side, map.channels};
  }
  Map layer(const Map& x, const Window& window, std::int64_t channels, std::int64_t side, int bits,
            const char* bias) {
    return put(fmt::format("conv2d {} {}{}", window.text(), bits, bias),
               {.side = side, .channels = channels}, {x.line});
  }

  int w_bits_;
  int a_bits_;
  GraphText text_;
};

void expect_lines(std::string_view model, const std::string& variant, int a_bits,
                  const Specified& expected) {
  SCOPED_TRACE(fmt::format("{} {}", model, variant));
  const ModelInfo& info = model_info(model);
  const auto network = make_model(
      model, {.variant = variant, .a_bits = a_bits, .classes = info.classes, .input = info.input});
  const Shape& input = info.input;
  const convert::Graph graph =
      convert::trace(*network, Tensor::zeros({1, input[0], input[1], input[2]}));
  const TracedText traced(graph);
  const auto [found, wanted] = std::ranges::mismatch(traced.lines(), expected.lines());
  const bool is_same = found == traced.lines().end() && wanted == expected.lines().end();
  EXPECT_TRUE(is_same) << "found:    " << (found == traced.lines().end() ? "no more" : *found)
                       << "\nexpected: "
                       << (wanted == expected.lines().end() ? "no more" : *wanted);
}

// ---- ResNets, section 3.1

struct Depth {
  int layers;
  bool bottleneck;
  std::array<int, 4> blocks;
};
const std::array<Depth, 5> depths = {{{18, false, {2, 2, 2, 2}},
                                      {34, false, {3, 4, 6, 3}},
                                      {50, true, {3, 4, 6, 3}},
                                      {101, true, {3, 4, 23, 3}},
                                      {152, true, {3, 8, 36, 3}}}};

/// From the first convolution to the BN behind the last one; `x` is what the first one gets.
Map branch(Specified& net, const Map& x, bool bottleneck, std::int64_t width, bool halves) {
  const std::int64_t side = halves ? x.side / 2 : x.side;
  const Window& window = halves ? same3x3s2 : same3x3;
  Map y = x;
  if (bottleneck) {
    y = net.bn_relu_quant(net.conv(y, same1x1, width));
    y = net.bn_relu_quant(net.conv(y, window, width, side));
    y = net.conv(y, same1x1, 4 * width);
  } else {
    y = net.bn_relu_quant(net.conv(y, window, width, side));
    y = net.conv(y, same3x3, width);
  }
  return net.bn(y);
}

Map projection(Specified& net, const Map& x, std::int64_t channels, bool halves) {
  if (x.channels == channels) return x;
  return net.bn(net.conv(x, halves ? same1x1s2 : same1x1, channels, halves ? x.side / 2 : x.side));
}

Map type_a_shortcut(Specified& net, const Map& x, std::int64_t channels, bool halves) {
  if (x.channels == channels) return x;
  const Map pooled = halves ? net.pool(x, pool2x2, x.side / 2, "average_pool") : x;
  return net.zeros_at_the_end(pooled, channels);
}

Map block(Specified& net, const Map& x, const Depth& depth, int group, bool first,
          const std::string& form) {
  const std::int64_t width = 64 << group;
  const std::int64_t out = depth.bottleneck ? 4 * width : width;
  const bool halves = first && group > 0;
  if (form == "post-activation") {
    const Map sum = branch(net, x, depth.bottleneck, width, halves);
    return net.relu(net.plus(projection(net, x, out, halves), sum));
  }
  Map input = x;  // "no_preact": BN ReLU Q at the end of the group before
  if (!first) {
    input = net.bn_relu_quant(x);  // "bnrelu"
  } else if (form == "type-a" || group == 0) {
    input = net.quant(x);  // "first"
  }
  const Map sum = branch(net, input, depth.bottleneck, width, halves);
  const Map shortcut =
      form == "type-a" ? type_a_shortcut(net, x, out, halves) : projection(net, x, out, halves);
  return net.plus(shortcut, sum);
}

Specified resnet(const Depth& depth, const std::string& form, int a_bits) {
  Specified net(2, a_bits);
  Map y = net.bn_relu(net.float_conv({}, same7x7s2, 64, 112));
  y = net.pool(y, same3x3s2, 56);
  for (int group = 0; group < 4; ++group) {
    for (int i = 0; i < depth.blocks[group]; ++i) {
      y = block(net, y, depth, group, i == 0, form);
    }
    if (form == "post-activation") continue;
    y = net.bn_relu(y);
    if (form == "type-b" && group < 3) y = net.quant(y);
  }
  EXPECT_EQ(y.side, 7);
  net.fc(net.gap(y), 1000);
  return net;
}

TEST(ImageNetGraphTest, ResNets) {
  for (const Depth& depth : depths) {
    const std::string name = fmt::format("resnet{}", depth.layers);
    for (const std::string form : {"type-a", "type-b"}) {
      expect_lines(name, form, 2, resnet(depth, form, 2));
    }
    // What the bits decide by themselves.
    expect_lines(name, "", 2, resnet(depth, "type-b", 2));
    expect_lines(name, "", float32, resnet(depth, "post-activation", float32));
  }
  expect_lines("resnet18", "type-b", float32, resnet(depths[0], "type-b", float32));
}

// ---- AlexNet and VGG-Variant, sections 3.4 and 3.5

Specified alexnet(const char* fc_norm) {
  Specified net(2, 2);
  Map y = net.float_conv({}, valid11x11s4, 96, 55);
  y = net.bn_relu_quant(net.pool(y, valid3x3s2, 27));
  y = net.bn_relu_quant(net.pool(net.conv(y, same5x5, 256), valid3x3s2, 13));
  y = net.bn_relu_quant(net.conv(y, same3x3, 384));
  y = net.bn_relu_quant(net.conv(y, same3x3, 384));
  y = net.bn_relu_quant(net.pool(net.conv(y, same3x3, 256), valid3x3s2, 6));
  y = net.bn_relu_quant(net.fc_as_conv(y, 4096), fc_norm);
  y = net.bn_relu(net.fc_as_conv(y, 4096), fc_norm);
  net.fc(net.flat(y), 1000);
  return net;
}

TEST(ImageNetGraphTest, AlexNet) {
  expect_lines("alexnet", "", 2, alexnet("batch_norm"));
  expect_lines("alexnet", "fc-bn-per-feature", 2, alexnet("batch_norm"));
  expect_lines("alexnet", "fc-bn-per-layer", 2, alexnet("batch_norm per layer"));
}

Specified vgg_variant(const char* fc_norm) {
  Specified net(2, 2);
  Map y = net.relu(net.float_conv({}, same7x7s2, 96, 112));
  y = net.bn_relu_quant(net.pool(y, pool2x2, 56));
  for (const std::int64_t channels : {256, 512, 512}) {
    y = net.bn_relu_quant(net.conv(y, same3x3, channels));
    y = net.bn_relu_quant(net.conv(y, same3x3, channels));
    y = net.bn_relu_quant(net.pool(net.conv(y, same3x3, channels), pool2x2, y.side / 2));
  }
  EXPECT_EQ(y.side, 7);
  y = net.bn_relu_quant(net.fc_as_conv(y, 4096), fc_norm);
  y = net.bn_relu(net.fc_as_conv(y, 4096), fc_norm);
  net.fc(net.flat(y), 1000);
  return net;
}

TEST(ImageNetGraphTest, VggVariant) {
  expect_lines("vgg-variant", "", 2, vgg_variant("batch_norm"));
  expect_lines("vgg-variant", "fc-bn-per-layer", 2, vgg_variant("batch_norm per layer"));
}

// ---- GoogLeNet-Variant, section 3.6

struct Inception {
  std::int64_t a, b, c;
  bool pool;
};

Specified googlenet_variant(bool per_branch) {
  Specified net(2, 2);
  Map y = net.pool(net.float_conv({}, same7x7s2, 64, 112), same3x3s2, 56);
  y = net.bn_relu_quant(net.conv(net.bn_relu_quant(y), same1x1, 192));
  y = net.bn_relu_quant(net.pool(net.conv(y, same3x3, 192), same3x3s2, 28));
  const std::vector<Inception> blocks = {
      {96, 128, 32, false},  {192, 192, 96, true},   {256, 208, 48, false},
      {224, 224, 64, false}, {192, 256, 64, false},  {176, 288, 64, false},
      {384, 320, 128, true}, {384, 320, 128, false}, {512, 384, 128, false}};
  for (const Inception& block : blocks) {
    const bool is_last = &block == &blocks.back();
    const auto ended = [&](const Map& x) {
      return net.bn_relu_quant(block.pool ? net.pool(x, same3x3s2, x.side / 2) : x);
    };
    const auto finished = [&](const Map& x) { return per_branch && !is_last ? ended(x) : x; };
    const Map one = finished(net.conv(y, same1x1, block.a));
    const Map reduced3 = net.bn_relu_quant(net.conv(y, same1x1, block.b));
    const Map three = finished(net.conv(reduced3, same3x3, block.b));
    const Map reduced5 = net.bn_relu_quant(net.conv(y, same1x1, block.c));
    const Map five = finished(net.conv(reduced5, same5x5, block.c));
    y = net.concat({one, three, five});
    if (!per_branch && !is_last) y = ended(y);
  }
  EXPECT_EQ(y.side, 7);
  net.fc(net.gap(net.bn_relu(y)), 1000);
  return net;
}

TEST(ImageNetGraphTest, GoogLeNetVariant) {
  expect_lines("googlenet-variant", "", 2, googlenet_variant(/*per_branch=*/true));
  expect_lines("googlenet-variant", "quantizer-per-concat", 2,
               googlenet_variant(/*per_branch=*/false));
}

// ---- DenseNet-121, section 3.7

Specified densenet121(bool pre_activation) {
  Specified net(2, 2);
  const auto before = [&](const Map& x) { return pre_activation ? net.bn_relu_quant(x) : x; };
  const auto behind = [&](const Map& x) { return pre_activation ? x : net.bn_relu_quant(x); };
  Map y = net.bn_relu(net.float_conv({}, same7x7s2, 64, 112));
  y = net.pool(y, same3x3s2, 56);
  for (const int layers : {6, 12, 24, 16}) {
    if (layers > 6) {
      y = net.conv(before(y), same1x1, y.channels / 2);
      y = net.pool(y, pool2x2, y.side / 2, "average_pool");
    }
    for (int i = 0; i < layers; ++i) {
      const Map wide = behind(net.conv(before(y), same1x1, 128));
      y = net.concat({behind(net.conv(before(wide), same3x3, 32)), y});
    }
  }
  EXPECT_EQ(y.side, 7);
  EXPECT_EQ(y.channels, 1024);
  net.fc(net.gap(net.bn_relu(y)), 1000);
  return net;
}

TEST(ImageNetGraphTest, DenseNet121) {
  expect_lines("densenet121", "", 2, densenet121(/*pre_activation=*/false));
  expect_lines("densenet121", "pre-activation", 2, densenet121(/*pre_activation=*/true));
}

}  // namespace
}  // namespace lq::testing
