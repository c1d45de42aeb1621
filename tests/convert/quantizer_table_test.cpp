#include "convert/quantizer_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::QuantizerTable;
using kernels::CodeAlphabet;

/// The node of a quantizer with this basis.
convert::Node node_of(const Tensor& basis, CodeAlphabet alphabet) {
  const TableTensors table = table_of(basis, alphabet);
  return {.operation = "quantize",
          .scope = "conv.quant",
          .attributes = {{"bits", basis.shape()[1]}},
          .constants = {
              {"levels", table.levels}, {"thresholds", table.thresholds}, {"codes", table.codes}}};
}

TEST(QuantizerTableTest, BasesComeBackFromTheirLevels) {
  Rng rng(4, RngPurpose::test);
  for (int bits = 1; bits <= 5; ++bits) {
    const Tensor weights = random_basis(6, bits, rng);
    const QuantizerTable signed_table =
        convert::quantizer_table(node_of(weights, CodeAlphabet::minus_plus_one));
    EXPECT_TRUE(
        all_close(convert::signed_basis(signed_table), weights.span<float>(), 0.0, 1e-6 * bits));

    const Tensor activations = random_basis(1, bits, rng);
    const QuantizerTable table =
        convert::quantizer_table(node_of(activations, CodeAlphabet::zero_one));
    const convert::UnsignedBasis basis = convert::unsigned_basis(table);
    EXPECT_EQ(basis.offset, 0.0F);
    EXPECT_TRUE(all_close(basis.elements, activations.span<float>(), 0.0, 1e-6 * bits));
  }
}

TEST(QuantizerTableTest, SignsAreAnOffsetAndOneElement) {
  GraphBuilder builder;
  builder.quantize(builder.input({1, 1}), "activations", {-1.0F, 1.0F}, {0.0F});
  const convert::Graph graph = builder.finish(0);
  const convert::UnsignedBasis basis =
      convert::unsigned_basis(convert::quantizer_table(graph.nodes[0]));
  EXPECT_EQ(basis.offset, -1.0F);
  EXPECT_EQ(basis.elements, (std::vector<float>{2.0F}));
}

TEST(QuantizerTableTest, LevelsThatAreNoSumsAreRefused) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 1});
  builder.quantize(x, "activations", {0.0F, 1.0F, 2.0F, 3.01F}, {0.5F, 1.5F, 2.5F});
  builder.quantize(x, "weights", {-3.0F, -1.0F, 1.0F, 3.5F}, {-2.0F, 0.0F, 2.0F});
  const convert::Graph graph = builder.finish(0);
  EXPECT_TRUE(
      throws_error([&] { convert::unsigned_basis(convert::quantizer_table(graph.nodes[0])); },
                   "quantizer 'quantize0' has level 3.0"));
  EXPECT_TRUE(throws_error([&] { convert::signed_basis(convert::quantizer_table(graph.nodes[1])); },
                           "levels must be sums of a basis"));
}

TEST(QuantizerTableTest, TablesThatAreNotWholeAreRefused) {
  GraphBuilder builder;
  const std::size_t x = builder.input({1, 1});
  builder.quantize(x, "weights", {-1.0F, 0.0F, 1.0F}, {-0.5F, 0.5F});
  builder.quantize(x, "weights", {-1.0F, 1.0F}, {0.0F}, {1, 1});
  builder.node("quantize", {x}, {1, 1}, {{"bits", std::int64_t{1}}});
  const convert::Graph graph = builder.finish(0);
  EXPECT_TRUE(
      throws_error([&] { convert::quantizer_table(graph.nodes[0]); }, "3 levels in 2 bits"));
  EXPECT_TRUE(throws_error([&] { convert::quantizer_table(graph.nodes[1]); }, "code 1 twice"));
  EXPECT_TRUE(throws_error([&] { convert::quantizer_table(graph.nodes[2]); },
                           "quantize at 'quantize2' does not tell its levels"));
}

TEST(QuantizerTableTest, CodesAreThoseOfTheNearestLevels) {
  // v = (-0.2, 0.5): ascending levels -0.7 (code 1), -0.3 (0), 0.3 (3), 0.7 (2).
  const Tensor basis = Tensor::from(std::vector<float>{-0.2F, 0.5F, 1.0F, 0.25F}, {2, 2});
  const QuantizerTable table =
      convert::quantizer_table(node_of(basis, CodeAlphabet::minus_plus_one));
  // Thresholds are -0.5, 0 and 0.5 in the first row, -1, 0 and 1 in the second: a value on one of
  // them belongs below.
  const std::vector<float> values = {-0.9F, -0.4F, 0.0F, 0.1F, 9.0F,  //
                                     -1.0F, -0.9F, 0.0F, 1.0F, 1.1F};
  EXPECT_EQ(convert::assign_codes(table, values), (std::vector<std::uint8_t>{1, 0, 0, 3, 2,  //
                                                                             0, 2, 2, 1, 3}));
}

}  // namespace
}  // namespace lq::testing
