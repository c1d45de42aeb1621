#include "kernels/common/bitpack/bitpack.h"

#include <limits>
#include <utility>
#include <vector>

#include "tests/kernels/code_planes.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/level_tables.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::CodeAlphabet;

/// Values that are levels, and the codes that they were made from.
struct Coded {
  TableTensors table;
  Tensor x;
  std::vector<int> codes;

  Coded(std::int64_t pixels, std::int64_t channels, int bits, CodeAlphabet alphabet, Rng& rng)
      : table(table_of(random_basis(1, bits, rng), alphabet)), x({pixels, channels}) {
    for (float& value : x.span<float>()) {
      const auto position = random_integer(rng, 0, (1 << bits) - 1);
      value = table.levels.span<float>()[position];
      codes.push_back(table.codes.span<std::uint8_t>()[position]);
    }
  }
};

class BitpackTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Tensor pack(const Tensor& x, const TableTensors& table, int bits) {
    Tensor planes = planes_for(x, bits);
    kernels::bitpack_forward(stream, on(stream, x), on(stream, table),
                             on<std::int32_t>(stream, planes));
    return planes;
  }
  Tensor unpack(const Tensor& planes, const TableTensors& table, const Shape& shape) {
    Tensor x = Tensor::full(shape, std::numeric_limits<float>::quiet_NaN());
    kernels::bitpack_inverse(stream, on<std::int32_t>(stream, planes), on(stream, table),
                             on(stream, x));
    return x;
  }

  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(BitpackTest, LevelsBecomeTheirCodesAndComeBackBitByBit) {
  Rng rng(1, RngPurpose::synthetic);
  for (int bits = 1; bits <= kernels::max_packed_bits; ++bits) {
    for (const std::int64_t channels : {1, 3, 8, 16, 21, 32, 48, 64, 67, 96}) {
      for (const auto alphabet : {CodeAlphabet::zero_one, CodeAlphabet::minus_plus_one}) {
        const Coded coded(7, channels, bits, alphabet, rng);
        const Tensor planes = pack(coded.x, coded.table, bits);
        ASSERT_TRUE(has_codes(planes, coded.codes, channels)) << bits << " bits";
        EXPECT_TRUE(all_close(unpack(planes, coded.table, coded.x.shape()).span<float>(),
                              coded.x.span<float>(), 0, 0));
      }
    }
  }
}

TEST_P(BitpackTest, ManyPixelsAreSharedAmongThreads) {
  Rng rng(2, RngPurpose::synthetic);
  const Coded coded(5003, 16, 2, CodeAlphabet::zero_one, rng);
  const Tensor planes = pack(coded.x, coded.table, 2);
  EXPECT_TRUE(all_close(unpack(planes, coded.table, coded.x.shape()).span<float>(),
                        coded.x.span<float>(), 0, 0));
  EXPECT_EQ(code_at(planes, 5002, 15), coded.codes.back());
}

TEST_P(BitpackTest, ValuesBetweenLevelsHaveTheCodeOfTheLowerOne) {
  TableTensors table = table_of(Tensor::from(std::vector<float>{1, 2}, {1, 2}),
                                CodeAlphabet::zero_one);  // levels 0 1 2 3, codes alike
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::from(std::vector<float>{-5, -0.0F, 0.9F, 1, 2.5F, 9, infinity,
                                                   std::numeric_limits<float>::quiet_NaN()},
                                {1, 8});
  const Tensor planes = pack(x, table, 2);
  const std::vector<int> expected{0, 0, 0, 1, 2, 3, 3, 0};
  for (int c = 0; c < 8; ++c) EXPECT_EQ(code_at(planes, 0, c), expected[c]) << c;
}

TEST_P(BitpackTest, EqualLevelsStayExact) {
  // A dead element: codes differ, levels do not.
  TableTensors table =
      table_of(Tensor::from(std::vector<float>{0.5F, 0}, {1, 2}), CodeAlphabet::zero_one);
  const Tensor x = Tensor::from(std::vector<float>{0, 0.5F, 0.5F, 0}, {2, 2});
  EXPECT_TRUE(
      all_close(unpack(pack(x, table, 2), table, x.shape()).span<float>(), x.span<float>(), 0, 0));
}

TEST_P(BitpackTest, RefusesViewsThatDoNotFit) {
  Rng rng(3, RngPurpose::synthetic);
  Coded coded(2, 5, 2, CodeAlphabet::zero_one, rng);
  const Coded five_bits(2, 5, 5, CodeAlphabet::zero_one, rng);
  coded.x.move_to(stream.device());
  Tensor planes = planes_for(coded.x, 2).to(stream.device());
  Tensor three = planes_for(coded.x, 3).to(stream.device());
  const auto forward = [&](ConstView<float> x, const TableTensors& table, View<std::int32_t> to,
                           std::string_view message) {
    return throws_error([&] { kernels::bitpack_forward(stream, x, on(stream, table), to); },
                        message);
  };
  const ConstView<float> x = std::as_const(coded.x).view<float>();
  const View<std::int32_t> to = planes.view<std::int32_t>();
  EXPECT_TRUE(forward({}, coded.table, to, "bitpack_forward: x is"));
  EXPECT_TRUE(forward(elsewhere(x), coded.table, to, "bitpack_forward: x is on cuda:7"));
  EXPECT_TRUE(forward(x, coded.table, {}, "bitpack_forward: planes is absent, expected 2x2x1"));
  EXPECT_TRUE(forward(x, coded.table, three.view<std::int32_t>(), "planes is 3x2x1"));
  EXPECT_TRUE(forward(x, five_bits.table, to, "32 levels, expected 2, 4, 8 or 16"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::bitpack_inverse(stream, to, on(stream, coded.table),
                                 elsewhere(coded.x.view<float>()));
      },
      "bitpack_inverse: x is on cuda:7"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BitpackTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
