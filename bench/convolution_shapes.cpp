#include "bench/convolution_shapes.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>

#include "core/error.h"

namespace lq::bench {

namespace {

ConvolutionShape shape(std::int64_t c_in, std::int64_t c_out, std::int64_t h, std::int64_t w,
                       std::int64_t kernel, std::int64_t stride) {
  ConvolutionShape shape{
      .h = h, .w = w, .c_in = c_in, .c_out = c_out, .kernel = kernel, .stride = stride};
  shape.name = c_in == c_out ? fmt::format("{}x{}x{}", c_in, h, w)
                             : fmt::format("{}-{}x{}x{}", c_in, c_out, h, w);
  if (kernel != 3) shape.name += fmt::format(" k{}", kernel);
  if (stride != 1) shape.name += fmt::format(" s{}", stride);
  return shape;
}

const std::map<std::string, std::vector<ConvolutionShape>, std::less<>>& suites() {
  static const std::map<std::string, std::vector<ConvolutionShape>, std::less<>> all = {
      {"resnet18",
       {shape(64, 64, 56, 56, 3, 1), shape(128, 128, 28, 28, 3, 1), shape(256, 256, 14, 14, 3, 1),
        shape(512, 512, 7, 7, 3, 1)}},
      {"apnn-tc",  // what APNN-TC was measured on
       {shape(128, 128, 16, 16, 3, 1), shape(256, 256, 16, 16, 3, 1), shape(384, 384, 16, 16, 3, 1),
        shape(512, 512, 16, 16, 3, 1), shape(640, 640, 16, 16, 3, 1), shape(768, 768, 16, 16, 3, 1),
        shape(896, 896, 16, 16, 3, 1), shape(1024, 1024, 16, 16, 3, 1)}},
      {"gemm-8192",  // the product of 8192 x 8192 matrices that CUTLASS was measured on
       {shape(8192, 8192, 64, 128, 1, 1)}},
      {"resnet18-all",
       {shape(64, 64, 56, 56, 3, 1), shape(64, 128, 56, 56, 3, 2), shape(64, 128, 56, 56, 1, 2),
        shape(128, 128, 28, 28, 3, 1), shape(128, 256, 28, 28, 3, 2), shape(128, 256, 28, 28, 1, 2),
        shape(256, 256, 14, 14, 3, 1), shape(256, 512, 14, 14, 3, 2), shape(256, 512, 14, 14, 1, 2),
        shape(512, 512, 7, 7, 3, 1)}},
      {"resnet20",
       {shape(16, 16, 32, 32, 3, 1), shape(16, 32, 32, 32, 3, 2), shape(32, 32, 16, 16, 3, 1),
        shape(32, 64, 16, 16, 3, 2), shape(64, 64, 8, 8, 3, 1)}},
      {"vgg-small",
       {shape(128, 128, 32, 32, 3, 1), shape(128, 256, 16, 16, 3, 1), shape(256, 256, 16, 16, 3, 1),
        shape(256, 512, 8, 8, 3, 1), shape(512, 512, 8, 8, 3, 1)}}};
  return all;
}

}  // namespace

kernels::Conv2dGeometry ConvolutionShape::geometry() const {
  return kernels::conv2d_geometry({1, h, w, c_in}, {c_out, kernel, kernel, c_in},
                                  {.stride_h = stride, .stride_w = stride});
}

std::vector<std::string> convolution_suites() {
  std::vector<std::string> names;
  for (const auto& [name, shapes] : suites()) names.push_back(name);
  return names;
}

std::vector<ConvolutionShape> convolution_suite(std::string_view name) {
  const auto found = suites().find(name);
  check(found != suites().end(), "bench: no suite of shapes '{}', expected one of {}", name,
        fmt::join(convolution_suites(), ", "));
  return found->second;
}

ConvolutionShape parse_convolution_shape(std::string_view text) {
  std::array<std::int64_t, 6> numbers{};
  const char* at = text.data();
  const char* end = text.data() + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    const bool is_followed_well =
        i + 1 == numbers.size() ? next == end : next != end && *next == ',';
    check(error == std::errc{} && is_followed_well && numbers[i] >= 1 && numbers[i] <= 65536,
          "bench: shape '{}', expected C_IN,C_OUT,H,W,KERNEL,STRIDE, each 1 to 65536", text);
    at = next + 1;
  }
  return shape(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
}

}  // namespace lq::bench
