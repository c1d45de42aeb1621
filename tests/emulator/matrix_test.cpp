// mma.sync: every form against a product of plain matrices, with fragments as the PTX ISA has them.

#include <gtest/gtest.h>

#include "tests/emulator/support/fragments.h"
#include "tests/emulator/support/matrix.h"
#include "tests/support/errors.h"

namespace lq::emulator::testing {
namespace {

struct Form {
  int rows, depth;  // and 8 columns
  std::string a, b, d;
  std::string suffix;  // ".and.popc"
  bool saturates = false;

  std::string shape() const { return fmt::format("m{}n8k{}", rows, depth); }
  std::string opcode() const {
    return fmt::format("mma.sync.aligned.{}.row.col{}.{}.{}.{}.{}{}", shape(),
                       saturates ? ".satfinite" : "", d, a, b, d, suffix);
  }
};
void PrintTo(const Form& form, std::ostream* stream) { *stream << form.opcode(); }

/// The matrices of one instruction.
struct Product {
  Matrix a, b, c, d;
};

RegisterList list_of(const ElementType& type, int elements) {
  const int bytes = type.bits == 64 ? 8 : 4;
  return {elements * type.bits / (warp_size * 8 * bytes), bytes};
}

Product run(const Form& form, const Choose& choose_a, const Choose& choose_b,
            const Choose& choose_c) {
  const ElementType a = element_type(form.a), b = element_type(form.b), d = element_type(form.d);
  const RegisterList list_a = list_of(a, form.rows * form.depth);
  const RegisterList list_b = list_of(b, 8 * form.depth);
  const RegisterList list_d = list_of(d, form.rows * 8);
  const Registers in_a = registers_of(list_a, a, choose_a);
  const Registers in_b = registers_of(list_b, b, choose_b);
  const Registers in_c = registers_of(list_d, d, choose_c);
  const Registers out =
      run_on_registers(form.opcode(), list_d, {{list_a, in_a}, {list_b, in_b}, {list_d, in_c}});
  const OperandLayouts layouts = operand_layouts(form.shape(), a.bits);
  return {.a = matrix_of(in_a, a, layouts.a, form.rows, form.depth),
          .b = matrix_of(in_b, b, layouts.b, form.depth, 8),
          .c = matrix_of(in_c, d, accumulator, form.rows, 8),
          .d = matrix_of(out, d, accumulator, form.rows, 8)};
}

Product run_random(const Form& form) {
  return run(form, random_elements(element_type(form.a), 1),
             random_elements(element_type(form.b), 2), random_elements(element_type(form.d), 3));
}

/// Calls body(sum of a times b, that of magnitudes, c, bits of d) for every row and column.
template <typename Body>
void for_each_sum(const Form& form, const Product& product, Body&& body) {
  const ElementType a = element_type(form.a), b = element_type(form.b), d = element_type(form.d);
  for (std::size_t row = 0; row < product.a.size(); ++row) {
    for (std::size_t column = 0; column < product.b.front().size(); ++column) {
      long double sum = 0, magnitude = 0;
      for (std::size_t i = 0; i < product.b.size(); ++i) {
        const double x = a.value(product.a[row][i]);
        const double y = b.value(product.b[i][column]);
        const long double term = form.suffix == ".xor.popc" ? static_cast<long double>(x != y)
                                                            : static_cast<long double>(x) * y;
        sum += term;
        magnitude += std::abs(term);
      }
      body(sum, magnitude, d.value(product.c[row][column]), product.d[row][column]);
    }
  }
}

std::vector<Form> integer_forms() {
  std::vector<Form> forms;
  for (const auto& [rows, depth] : {std::pair{8, 128}, {16, 128}, {16, 256}}) {
    for (const char* const suffix : {".xor.popc", ".and.popc"}) {
      forms.push_back({rows, depth, "b1", "b1", "s32", suffix});
    }
  }
  const auto add = [&](std::initializer_list<std::pair<int, int>> shapes,
                       std::initializer_list<const char*> types) {
    for (const auto& [rows, depth] : shapes) {
      for (const char* const a : types) {
        for (const char* const b : types) {
          for (const bool saturates : {false, true}) {
            forms.push_back({rows, depth, a, b, "s32", "", saturates});
          }
        }
      }
    }
  };
  add({{8, 16}, {16, 16}, {16, 32}}, {"s8", "u8"});
  add({{8, 32}, {16, 32}, {16, 64}}, {"s4", "u4"});
  return forms;
}

class IntegerMatrixTest : public ::testing::TestWithParam<Form> {};

TEST_P(IntegerMatrixTest, IsTheSumOfProducts) {
  const Form& form = GetParam();
  const Product product = run_random(form);
  int beyond = 0;
  for_each_sum(form, product, [&](long double sum, long double, double addend, std::uint64_t d) {
    const auto exact = static_cast<std::int64_t>(sum) + static_cast<std::int64_t>(addend);
    beyond += exact < INT32_MIN || exact > INT32_MAX;
    EXPECT_EQ(static_cast<std::int32_t>(d), sum_of_32_bits(exact, form.saturates));
  });
  if (form.suffix.empty()) {
    EXPECT_GT(beyond, 0) << "nothing saturates";
  }
}
INSTANTIATE_TEST_SUITE_P(AllForms, IntegerMatrixTest, ::testing::ValuesIn(integer_forms()));

std::vector<Form> float_forms() {
  std::vector<Form> forms;
  for (const int depth : {8, 16}) {
    forms.push_back({16, depth, "f16", "f16", "f16"});
    forms.push_back({16, depth, "f16", "f16", "f32"});
    forms.push_back({16, depth, "bf16", "bf16", "f32"});
    forms.push_back({16, depth, "f64", "f64", "f64"});
  }
  for (const int depth : {4, 8}) forms.push_back({16, depth, "tf32", "tf32", "f32"});
  for (const int rows : {8, 16}) forms.push_back({rows, 4, "f64", "f64", "f64"});
  for (const int depth : {16, 32}) {
    for (const char* const a : {"e4m3", "e5m2"}) {
      for (const char* const b : {"e4m3", "e5m2"}) {
        forms.push_back({16, depth, a, b, "f16"});
        forms.push_back({16, depth, a, b, "f32"});
      }
    }
  }
  return forms;
}

class FloatMatrixTest : public ::testing::TestWithParam<Form> {};

/// Products are multiples of 1/16, and all sums fit into 11 bits: no order and no rounding matters.
TEST_P(FloatMatrixTest, IsExactWhereEverySumIs) {
  const Form& form = GetParam();
  const Product product = run_random(form);
  const ElementType d = element_type(form.d);
  int others = 0;
  for_each_sum(form, product, [&](long double sum, long double, double c, std::uint64_t bits) {
    EXPECT_EQ(d.value(bits), static_cast<double>(sum) + c);
    others += sum != 0;
  });
  EXPECT_GT(others, 40);
}

/// Random bits. The rule is: exact products, sums in double precision, one rounding. The error is
/// at most half a unit of the result plus one unit of double precision of what was added, per sum.
TEST_P(FloatMatrixTest, IsRoundedOnce) {
  const Form& form = GetParam();
  std::mt19937_64 generator(9);
  // Exponents next to each other, and all kinds of fractions.
  const auto of_type = [&](const std::string& name) {
    const ElementType type = element_type(name);
    return [&generator, type]() -> std::uint64_t {
      const int bits_below = type.bits - 1 - type.exponent_bits;
      const std::uint64_t bias = (1ULL << (type.exponent_bits - 1)) - 1;
      const std::uint64_t random = generator();
      const std::uint64_t fraction = random & ((1ULL << bits_below) - 1);
      return (random >> 63) << (type.bits - 1) | (bias - 1 + (random >> 60) % 3) << bits_below |
             fraction;
    };
  };
  const Product product = run(form, of_type(form.a), of_type(form.b), of_type(form.d));
  const ElementType d = element_type(form.d);
  int rounded = 0;
  for_each_sum(
      form, product, [&](long double sum, long double magnitude, double c, std::uint64_t bits) {
        const long double exact = sum + c;
        const long double unit = std::ldexp(1.0L, std::ilogb(exact) - d.fraction_bits);
        const long double bound = unit / 2 + static_cast<long double>(product.b.size() + 1) *
                                                 std::ldexp(magnitude + std::abs(c), -53);
        EXPECT_LE(std::abs(d.value(bits) - exact), bound);
        rounded += d.value(bits) != exact;
      });
  // Sums of elements with 4 significant bits may be exact in single precision.
  if (form.d == "f16" || form.a == "f64") {
    EXPECT_GT(rounded, 20);
  }
}
INSTANTIATE_TEST_SUITE_P(AllForms, FloatMatrixTest, ::testing::ValuesIn(float_forms()));

TEST(MatrixTest, InfinitiesAndWhatIsNoNumber) {
  // Row 0 of A has an infinity that meets 1, row 1 one that meets 0.
  const Form form{16, 16, "f16", "f16", "f32"};
  Registers a(4), b(2), c(4);
  for (LaneValues& lanes : a) lanes.fill(0);
  for (LaneValues& lanes : b) lanes.fill(0);
  for (LaneValues& lanes : c) lanes.fill(0x3F800000);
  a[0][0] = 0x7C00;           // (0, 0)
  a[0][4] = 0x7C00ULL << 16;  // (1, 1)
  for (int column = 0; column < 8; ++column) b[0][static_cast<std::size_t>(4 * column)] = 0x3C00;
  const Registers d =
      run_on_registers(form.opcode(), {4, 4}, {{{4, 4}, a}, {{2, 4}, b}, {{4, 4}, c}});
  for (std::size_t r = 0; r < 2; ++r) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      EXPECT_EQ(d[r][lane], 0x7F800000U);
      EXPECT_EQ(d[r][4 + lane], 0x7FFFFFFFU);
      EXPECT_EQ(d[r][8 + lane], 0x3F800000U);
    }
  }
}

TEST(MatrixTest, SubnormalNumbersCount) {
  // 2^-24 * 2^-14 * 16 in f32, and the smallest subnormal f16 times 1 in f16.
  Registers a(4), b(2), c(4);
  for (LaneValues& lanes : a) lanes.fill(0x00010001);
  for (LaneValues& lanes : b) lanes.fill(0x04000400);
  for (LaneValues& lanes : c) lanes.fill(0);
  const Registers d = run_on_registers("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", {4, 4},
                                       {{{4, 4}, a}, {{2, 4}, b}, {{4, 4}, c}});
  EXPECT_EQ(std::bit_cast<float>(static_cast<std::uint32_t>(d[3][31])), 0x1p-34F);
  for (LaneValues& lanes : b) lanes.fill(0x3C003C00);
  c.resize(2);
  const Registers e = run_on_registers("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16", {2, 4},
                                       {{{4, 4}, a}, {{2, 4}, b}, {{2, 4}, c}});
  EXPECT_EQ(e[1][31], 0x00100010U);
}

TEST(MatrixTest, ResultsMayBeSourcesInAnotherOrder) {
  // d = {c3, c2, c1, c0}: all of c is read before any of d is written.
  Device device(R"(.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<9>;
  .reg .b64 %d<4>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %laneid;
  mul.wide.u32 %d1, %r0, 16;
  add.s64 %d0, %d0, %d1;
  mov.b32 %r1, 1;
  mov.b32 %r2, 2;
  mov.b32 %r3, 3;
  mov.b32 %r4, 4;
  mov.b32 %r5, 0;
  mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r4, %r3, %r2, %r1}, {%r5, %r5, %r5, %r5}, {%r5, %r5}, {%r1, %r2, %r3, %r4};
  st.global.v4.u32 [%d0], {%r4, %r3, %r2, %r1};
  ret;
})");
  const std::uint64_t out = device.memory().allocate(512);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {out});
  EXPECT_EQ(device.download<std::uint32_t>(out, 4), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(MatrixTest, UnknownFormsAndMissingLanesAreReported) {
  using lq::testing::throws_error;
  const auto run_code = [](const std::string& code, std::uint32_t threads) {
    Device device(
        ".visible .entry k()\n{\n.reg .b32 %r<9>;\n.reg .b64 %d<9>;\n.reg .pred %p<3>;\nmov.b32 "
        "%r1, 0;\nmov.u32 %r2, %tid.x;\n" +
        code + "\nret;\n}\n");
    device.launch("k", {1, 1, 1}, {threads, 1, 1}, {});
  };
  const std::string operands = " {%r4, %r5}, {%r1}, {%r1}, {%r1, %r1};";
  const std::string fine = "mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32" + operands;
  EXPECT_NO_THROW(run_code(fine, 64));
  EXPECT_TRUE(throws_error([&] { run_code(fine, 40); },
                           "all 32 lanes of a warp have to run a matrix instruction, but lane 8 "
                           "has exited or was not launched, block (0, 0, 0), thread (32, 0, 0)"));
  EXPECT_TRUE(throws_error(
      [&] {
        run_code("setp.eq.u32 %p1, %r2, 5;\n@%p1 bra end;\n" + fine + "\nend:\nbar.warp.sync -1;",
                 32);
      },
      "lanes that do not take part"));
  EXPECT_TRUE(throws_error([&] { run_code("setp.eq.u32 %p1, %r2, 5;\n@%p1 exit;\n" + fine, 32); },
                           "lane 5 has exited"));
  for (const char* const opcode :
       {"mma.sync.aligned.m8n8k16.row.row.s32.s8.s8.s32",
        "mma.sync.aligned.m8n8k16.row.col.s32.s8.s4.s32",
        "mma.sync.aligned.m8n8k32.row.col.s32.s8.s8.s32",
        "mma.sync.aligned.m8n8k16.row.col.f32.s8.s8.f32",
        "mma.sync.aligned.m8n8k128.row.col.s32.b1.b1.s32.popc",
        "mma.sync.aligned.m8n8k128.row.col.satfinite.s32.b1.b1.s32.xor.popc",
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f16",
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.bf16.f32",
        "mma.sync.aligned.m16n8k16.row.col.f32.tf32.tf32.f32",
        "mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32",
        "mma.sp.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32",
        "mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32.xor.popc"}) {
    EXPECT_TRUE(throws_error([&] { run_code(opcode + operands, 32); },
                             fmt::format("the form '{}' is not supported", opcode)));
  }
  EXPECT_TRUE(throws_error(
      [&] { run_code("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32" + operands, 32); },
      "2 registers, expected 4"));
}

}  // namespace
}  // namespace lq::emulator::testing
