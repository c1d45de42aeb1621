// The size of packed files against the rule that the cost table follows.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "convert/cost_table.h"
#include "convert/pack.h"
#include "deploy/packed_file.h"
#include "models/model.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

/// How much larger or smaller than the rule the file of a network is, relative to the rule.
double deviation_of_size(const std::string& name, int bits) {
  const ModelOptions options{.w_bits = bits, .a_bits = bits};
  const auto model = make_model(name, options);
  model->initialize(1);
  const TemporaryFolder folder;
  deploy::write_packed_model(folder / "network.lqn", convert::pack(*model, options.input));
  const auto size = static_cast<double>(std::filesystem::file_size(folder / "network.lqn"));
  const auto rule =
      static_cast<double>(convert::cost_table(*model, options.input).totals.packed_bytes);
  return size / rule - 1.0;
}

/// Batch normalizations take half of the rule's bytes, and so do, about, bases on the integer grid
/// (3/3 bits); header and program, 4 KiB, come on top. In files as small as the ResNet-20's (50 to
/// 120 KiB) each of these is several per cent, which leaves up to 3.5 % less than the rule.
TEST(PackedSizeTest, FollowsTheRule) {
  for (int bits = 1; bits <= 3; ++bits) {
    const double resnet20 = deviation_of_size("resnet20", bits);
    const double vgg = deviation_of_size("vgg-small", bits);
    RecordProperty("resnet20_" + std::to_string(bits), std::to_string(resnet20));
    RecordProperty("vgg_small_" + std::to_string(bits), std::to_string(vgg));
    EXPECT_LE(resnet20, 0.02) << bits << " bits";
    EXPECT_GE(resnet20, -0.035) << bits << " bits";
    EXPECT_LE(std::abs(vgg), 0.02) << bits << " bits";
  }
}

}  // namespace
}  // namespace lq::testing
