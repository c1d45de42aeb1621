// wmma: every form of load, mma and store together, against a product of plain matrices. Which lane
// has which element is left to the device, so only memory is compared.

#include <gtest/gtest.h>

#include "tests/emulator/support/matrix.h"
#include "tests/support/errors.h"

namespace lq::emulator::testing {
namespace {

using lq::testing::throws_error;
using Bytes = std::vector<unsigned char>;

struct Form {
  int m, n, k;
  std::string operand, d, c;  // types
  std::string combination;    // ".xor.popc"
  std::string suffix;         // ".satfinite"

  std::string shape() const { return fmt::format("m{}n{}k{}", m, n, k); }
  std::string types() const {
    return operand == "f16" ? d + "." + c : fmt::format("{}.{}.{}.{}", d, operand, operand, c);
  }
};
void PrintTo(const Form& form, std::ostream* stream) {
  *stream << form.combination << form.shape() << "." << form.types() << form.suffix;
}

/// A matrix in memory: its rows or its columns begin at a distance in elements.
struct Stored {
  ElementType type;
  int rows, columns;
  bool is_row_major;
  int stride;

  std::size_t bytes() const { return static_cast<std::size_t>(lines() * stride * type.bits / 8); }
  const char* layout() const { return is_row_major ? "row" : "col"; }
  int lines() const { return is_row_major ? rows : columns; }
  int line_length() const { return is_row_major ? columns : rows; }
  std::size_t first_bit(int row, int column) const {
    const int element = is_row_major ? row * stride + column : column * stride + row;
    return static_cast<std::size_t>(element * type.bits);
  }
  std::uint64_t get(const Bytes& memory, int row, int column) const {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(type.bits); ++i) {
      const std::size_t at = first_bit(row, column) + i;
      bits |= static_cast<std::uint64_t>(memory.at(at / 8) >> at % 8 & 1) << i;
    }
    return bits;
  }
  double value(const Bytes& memory, int row, int column) const {
    return type.value(get(memory, row, column));
  }
};

/// Strides are those without an operand, or longer ones by 16 bytes.
Stored stored(const std::string& type, int rows, int columns, bool is_row_major, bool is_padded) {
  const ElementType element = element_type(type);
  const int length = is_row_major ? columns : rows;
  return {element, rows, columns, is_row_major, length + (is_padded ? 128 / element.bits : 0)};
}

/// Elements, and between rows or columns too.
Bytes random_matrix(const Stored& matrix, std::uint32_t seed) {
  Bytes memory(matrix.bytes());
  const Choose choose = random_elements(matrix.type, seed);
  const auto bits = static_cast<std::size_t>(matrix.type.bits);
  for (std::size_t at = 0; at < 8 * memory.size(); at += bits) {
    const std::uint64_t element = choose();
    for (std::size_t i = 0; i < bits; ++i) {
      memory[(at + i) / 8] |= static_cast<unsigned char>((element >> i & 1) << (at + i) % 8);
    }
  }
  return memory;
}

/// Names of the registers of a fragment: the PTX ISA has 8 of f16 for a and b in every shape, and
/// of other types what the elements fill.
std::string fragment(char name, const Stored& matrix) {
  const int bits = matrix.type.bits;
  const int filled = matrix.rows * matrix.columns * bits / (warp_size * (bits == 64 ? 64 : 32));
  const bool is_operand = name == 'a' || name == 'b';
  const int count = is_operand && matrix.type.name == "f16" ? 8 : filled;
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format("{}%{}{}{}", i == 0 ? "" : ", ", bits == 64 ? "w" : "f", name, i);
  }
  return "{" + text + "}";
}

struct Matrices {
  Stored a, b, c, d;
};

std::string declare_fragments() {
  std::string text;
  for (const char* const name : {"a", "b", "c", "d"}) {
    text += fmt::format(".reg .b32 %f{}<9>;\n.reg .b64 %w{}<3>;\n", name, name);
  }
  return text;
}

/// `space` is that of a and b: if it is not global memory, these are copied to shared memory first.
std::string kernel(const Form& form, const Matrices& m, const std::string& space) {
  // A load, or the store of d. The address of a matrix is in a register of its number.
  const auto transfer = [&](char name, const Stored& matrix, const std::string& in) {
    const std::string list = fragment(name, matrix);
    const std::string place = fmt::format("[%d{}]", name - 'a');
    const bool is_padded = matrix.stride != matrix.line_length();
    const bool is_store = name == 'd';
    return fmt::format("mov.b32 %r4, {};\nwmma.{}.{}.sync.aligned.{}.{}{}.{} {}, {}{};\n",
                       matrix.stride, is_store ? "store" : "load", name, matrix.layout(),
                       form.shape(), in, matrix.type.name, is_store ? place : list,
                       is_store ? list : place, is_padded ? ", %r4" : "");
  };
  const std::string multiply =
      fmt::format("wmma.mma{}.sync.aligned.{}.{}.{}.{}{} {}, {}, {}, {};\n", form.combination,
                  m.a.layout(), m.b.layout(), form.shape(), form.types(), form.suffix,
                  fragment('d', m.d), fragment('a', m.a), fragment('b', m.b), fragment('c', m.c));
  std::string copies;
  if (space != ".global") {
    // %d0 and %d1 become addresses of copies, 4 bytes at a time.
    const auto copy = [&](int from, const char* to, std::size_t bytes) {
      copies += fmt::format("mov.u32 %r5, {};\n", to);
      for (std::size_t at = 0; at < bytes; at += 4) {
        copies += fmt::format("ld.global.u32 %r6, [%d{}+{}];\nst.shared.u32 [%r5+{}], %r6;\n", from,
                              at, at);
      }
      copies += fmt::format("cvt.u64.u32 %d{}, %r5;\n", from);
      if (space.empty()) copies += fmt::format("cvta.shared.u64 %d{}, %d{};\n", from, from);
    };
    copy(0, "copy_a", m.a.bytes());
    copy(1, "copy_b", m.b.bytes());
  }
  return ".visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d)\n{\n"
         ".shared .align 32 .b8 copy_a[4096];\n.shared .align 32 .b8 copy_b[4096];\n"
         ".reg .b32 %r<9>;\n.reg .b64 %d<9>;\n" +
         declare_fragments() +
         "ld.param.u64 %d0, [a];\nld.param.u64 %d1, [b];\nld.param.u64 %d2, [c];\n"
         "ld.param.u64 %d3, [d];\n" +
         copies + transfer('a', m.a, space) + transfer('b', m.b, space) +
         transfer('c', m.c, ".global") + multiply + transfer('d', m.d, "") + "ret;\n}\n";
}

/// Row by column, in wide arithmetic.
double expected_element(const Form& form, const Matrices& m, const Bytes& a, const Bytes& b,
                        const Bytes& c, int row, int column) {
  double sum = m.c.value(c, row, column);
  for (int i = 0; i < form.k; ++i) {
    const double x = m.a.value(a, row, i);
    const double y = m.b.value(b, i, column);
    sum += form.combination == ".xor.popc" ? (x != y ? 1 : 0) : x * y;
  }
  if (form.d != "s32") return sum;
  return sum_of_32_bits(static_cast<std::int64_t>(sum), !form.suffix.empty());
}

void check_form(const Form& form, const Matrices& m, const std::string& space) {
  const Bytes a = random_matrix(m.a, 1);
  const Bytes b = random_matrix(m.b, 2);
  const Bytes c = random_matrix(m.c, 3);
  const Bytes before(m.d.bytes(), 0xA5);
  Device device(kernel(form, m, space));
  const std::uint64_t result = device.upload(before);
  device.launch("k", {1, 1, 1}, {32, 1, 1},
                {device.upload(a), device.upload(b), device.upload(c), result});
  const auto d = device.download<unsigned char>(result, before.size());
  int others = 0;
  Bytes elements_only = before;
  for (int row = 0; row < form.m; ++row) {
    for (int column = 0; column < form.n; ++column) {
      const double value = m.d.value(d, row, column);
      EXPECT_EQ(value, expected_element(form, m, a, b, c, row, column))
          << "row " << row << ", column " << column << ", layouts " << m.a.layout() << ", "
          << m.b.layout() << ", " << m.c.layout() << ", " << m.d.layout();
      others += value != 0;
      const std::size_t at = m.d.first_bit(row, column) / 8;
      const auto bytes = static_cast<std::size_t>(m.d.type.bits / 8);
      std::copy_n(d.begin() + static_cast<std::ptrdiff_t>(at), bytes,
                  elements_only.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  EXPECT_GT(others, form.m * form.n / 2);
  EXPECT_EQ(d, elements_only) << "bytes between rows or columns have changed";
}

std::vector<Form> all_forms() {
  std::vector<Form> forms;
  const int shapes[][3] = {{16, 16, 16}, {32, 8, 16}, {8, 32, 16}};
  for (const auto& [m, n, k] : shapes) {
    for (const char* const d : {"f16", "f32"}) {
      for (const char* const c : {"f16", "f32"}) forms.push_back({m, n, k, "f16", d, c, "", ""});
    }
    forms.push_back({m, n, k, "bf16", "f32", "f32", "", ""});
    for (const char* const type : {"s8", "u8"}) {
      for (const char* const suffix : {"", ".satfinite"}) {
        forms.push_back({m, n, k, type, "s32", "s32", "", suffix});
      }
    }
  }
  forms.push_back({16, 16, 8, "tf32", "f32", "f32", "", ""});
  for (const char* const suffix : {"", ".rn"}) {
    forms.push_back({8, 8, 4, "f64", "f64", "f64", "", suffix});
  }
  for (const char* const type : {"s4", "u4"}) {
    for (const char* const suffix : {"", ".satfinite"}) {
      forms.push_back({8, 8, 32, type, "s32", "s32", "", suffix});
    }
  }
  for (const char* const combination : {".xor.popc", ".and.popc"}) {
    forms.push_back({8, 8, 128, "b1", "s32", "s32", combination, ""});
  }
  return forms;
}

class WmmaTest : public ::testing::TestWithParam<Form> {};

TEST_P(WmmaTest, IsTheProductInEveryLayout) {
  const Form& form = GetParam();
  const bool is_sub_byte = element_type(form.operand).bits < 8;
  for (unsigned layouts = 0; layouts < 16; ++layouts) {
    const bool a_by_rows = (layouts & 1) == 0;
    const bool b_by_rows = (layouts & 2) != 0;
    if (is_sub_byte && (!a_by_rows || b_by_rows)) continue;
    for (const bool is_padded : {false, true}) {
      check_form(form,
                 {stored(form.operand, form.m, form.k, a_by_rows, is_padded),
                  stored(form.operand, form.k, form.n, b_by_rows, is_padded),
                  stored(form.c, form.m, form.n, (layouts & 4) == 0, is_padded),
                  stored(form.d, form.m, form.n, (layouts & 8) == 0, is_padded)},
                 ".global");
    }
  }
}

TEST_P(WmmaTest, OperandsMayLieInSharedMemory) {
  const Form& form = GetParam();
  for (const char* const space : {".shared", ".shared::cta", ""}) {
    check_form(
        form,
        {stored(form.operand, form.m, form.k, true, true),
         stored(form.operand, form.k, form.n, false, true),
         stored(form.c, form.m, form.n, true, false), stored(form.d, form.m, form.n, true, false)},
        space);
  }
}
INSTANTIATE_TEST_SUITE_P(AllForms, WmmaTest, ::testing::ValuesIn(all_forms()));

/// Runs `code` with %d0 an address of 1024 bytes of zeros, %r1 the thread and %r2 a stride.
void run_code(const std::string& code, std::uint32_t threads = 32, std::uint64_t offset = 0,
              std::uint64_t stride = 16) {
  Device device(
      ".visible .entry k(.param .u64 p, .param .u64 s)\n{\n.reg .b32 %r<9>;\n.reg .b32 %f<33>;\n"
      ".reg .b64 %d<3>;\n.reg .pred %p<3>;\nld.param.u64 %d0, [p];\nld.param.u32 %r2, [s];\n"
      "mov.u32 %r1, %tid.x;\nmov.b32 %f0, 0;\n" +
      code + "\nret;\n}\n");
  const std::uint64_t memory = device.upload(std::vector<std::uint32_t>(256));
  device.launch("k", {1, 1, 1}, {threads, 1, 1}, {memory + offset, stride});
}
const std::string load =
    "wmma.load.a.sync.aligned.row.m16n16k16.f16 {%f0, %f1, %f2, %f3, %f4, %f5, %f6, %f7}, [%d0], "
    "%r2;\n";

TEST(WmmaFaultsTest, MatricesAreCheckedAsOtherAccessesAre) {
  EXPECT_NO_THROW(run_code(load));
  EXPECT_NO_THROW(run_code(load, 32, 32, 24));
  EXPECT_TRUE(throws_error([] { run_code(load, 32, 16); }, "a multiple of 32 bytes expected"));
  EXPECT_TRUE(throws_error([] { run_code(load, 32, 0, 20); },
                           "wmma: stride of 20 elements, a multiple of 8 expected"));
  EXPECT_TRUE(throws_error([] { run_code(load, 32, 544); }, "out of bounds: byte 1024"));
  EXPECT_TRUE(throws_error([] { run_code(load, 32, 0, 40); }, "out of bounds: byte 1040"));
  EXPECT_TRUE(throws_error([] { run_code("add.u32 %r2, %r2, %r1;\n" + load); },
                           "the lane's address or stride differs from those of lane 0, block (0, "
                           "0, 0), thread (1, 0, 0)"));
  EXPECT_TRUE(
      throws_error([] { run_code("cvt.u64.u32 %d1, %r1;\nadd.u64 %d0, %d0, %d1;\n" + load); },
                   "the lane's address or stride differs from those of lane 0"));
}

TEST(WmmaFaultsTest, AllLanesHaveToBeThere) {
  EXPECT_TRUE(throws_error([] { run_code(load, 40); },
                           "all 32 lanes of a warp have to run a matrix instruction, but lane 8 "
                           "has exited or was not launched, block (0, 0, 0), thread (32, 0, 0)"));
  EXPECT_TRUE(throws_error(
      [] {
        run_code("setp.eq.u32 %p1, %r1, 5;\n@%p1 bra end;\n" + load +
                 "end:\nbar.warp.sync 0xFFFFFFFF;");
      },
      "lanes that do not take part"));
}

TEST(WmmaFaultsTest, UnknownFormsAreNamed) {
  for (const char* const opcode :
       {"wmma.load.a.sync.aligned.row.m16n16k8.f16", "wmma.load.a.sync.aligned.row.m16n16k16.tf32",
        "wmma.load.a.sync.aligned.row.m16n16k16.f32", "wmma.load.c.sync.aligned.row.m16n16k16.s8",
        "wmma.load.a.sync.aligned.col.m8n8k32.s4", "wmma.load.b.sync.aligned.row.m8n8k128.b1",
        "wmma.load.d.sync.aligned.row.m16n16k16.f16", "wmma.store.a.sync.aligned.row.m16n16k16.f16",
        "wmma.mma.sync.aligned.row.col.m8n8k128.s32.b1.b1.s32",
        "wmma.mma.and.popc.sync.aligned.row.row.m8n8k128.s32.b1.b1.s32",
        "wmma.mma.sync.aligned.row.col.m16n16k16.s32.s8.u8.s32",
        "wmma.mma.sync.aligned.row.col.m8n8k4.f64.f64.f64.f64.rz",
        "wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32.satfinite",
        "wmma.mma.sync.aligned.row.col.m16n16k8.f32.f32"}) {
    EXPECT_TRUE(throws_error([&] { run_code(std::string(opcode) + " {%f0}, [%d0];"); },
                             fmt::format("the form '{}' is not supported", opcode)));
  }
  EXPECT_TRUE(throws_error(
      [] { run_code("wmma.load.a.sync.aligned.row.m16n16k16.f16 {%f0, %f1}, [%d0];"); },
      "2 registers, expected 8"));
}

}  // namespace
}  // namespace lq::emulator::testing
