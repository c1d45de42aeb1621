// ldmatrix, stmatrix and movmatrix against the fragments that the PTX ISA tells of: of an 8 x 8
// matrix, lane 4 i + j has elements (i, 2 j) and (i, 2 j + 1) in the halves of its register, or, if
// it is transposed on the way, (2 j, i) and (2 j + 1, i).

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/emulator/support/warp_code.h"
#include "tests/support/errors.h"

namespace lq::emulator::testing {
namespace {

using lq::testing::throws_error;
using u16 = std::uint16_t;

constexpr std::size_t row_bytes = 16;
constexpr std::size_t tile_rows = 64;
constexpr std::size_t tile_words = tile_rows * row_bytes / 4;

/// One form of ldmatrix or stmatrix.
struct Form {
  int matrices;
  bool is_transposed;
  const char* space;  // ".shared", ".shared::cta" or, of generic addresses, ""

  std::string opcode(const char* base) const {
    return fmt::format("{}.sync.aligned.m8n8.x{}{}{}.b16", base, matrices,
                       is_transposed ? ".trans" : "", space);
  }
  std::string registers() const {
    std::string text;
    for (int i = 0; i < matrices; ++i) text += fmt::format("{}%f{}", i == 0 ? "" : ", ", i);
    return "{" + text + "}";
  }
};
void PrintTo(const Form& form, std::ostream* stream) { *stream << form.opcode("?"); }

std::vector<Form> forms() {
  std::vector<Form> result;
  for (const int matrices : {1, 2, 4}) {
    for (const bool is_transposed : {false, true}) {
      for (const char* const space : {".shared", ".shared::cta", ""}) {
        result.push_back({matrices, is_transposed, space});
      }
    }
  }
  return result;
}

/// A warp copies a tile from `in` to shared memory, loads its registers %f0 to %f3 from `in`, too,
/// runs `code` with the address in brackets, and writes registers and tile to `out`. `offsets` are
/// those in the tile, a lane's each.
std::vector<u32> run_on_tile(const std::string& code, const std::string& space,
                             const std::vector<u32>& in, const std::vector<u32>& offsets) {
  std::string fill, store;
  for (std::size_t at = 0; at < 4 * tile_words; at += 128) {
    fill += fmt::format("ld.global.u32 %r2, [%d3+{}];\nst.shared.u32 [%r4+{}], %r2;\n", at, at);
    store += fmt::format("ld.shared.u32 %r2, [%r4+{}];\nst.global.u32 [%d5+{}], %r2;\n", at, at);
  }
  for (int r = 0; r < 4; ++r) {
    const std::size_t at = 4 * tile_words + 128 * static_cast<std::size_t>(r);
    fill += fmt::format("ld.global.u32 %f{}, [%d3+{}];\n", r, at);
    store += fmt::format("st.global.u32 [%d5+{}], %f{};\n", at, r);
  }
  // The offsets go over a constant in the address.
  const std::string address = space.empty() ? "[%d6+-48]" : "[%r3+-48]";
  std::string body = code;
  body.replace(body.find("[]"), 2, address);
  Device device(
      ".visible .entry k(.param .u64 in, .param .u64 at, .param .u64 out)\n{\n"
      ".shared .align 16 .b8 before[32];\n.shared .align 16 .b8 tile[1024];\n.reg .b32 %r<9>;\n"
      ".reg .b32 %f<4>;\n.reg .b64 %d<9>;\nld.param.u64 %d0, [in];\nld.param.u64 %d1, [at];\n"
      "ld.param.u64 %d2, [out];\nmov.u32 %r0, %laneid;\nmul.wide.u32 %d4, %r0, 4;\n"
      "add.s64 %d3, %d0, %d4;\nadd.s64 %d5, %d2, %d4;\nadd.s64 %d4, %d1, %d4;\n"
      "mov.u32 %r1, tile;\nshl.b32 %r4, %r0, 2;\nadd.u32 %r4, %r4, %r1;\n"
      "ld.global.u32 %r3, [%d4];\nadd.u32 %r3, %r3, %r1;\nadd.u32 %r3, %r3, 48;\n"
      "cvt.u64.u32 %d6, %r3;\ncvta.shared.u64 %d6, %d6;\n" +
      fill + "bar.sync 0;\n" + body + "\nbar.sync 0;\n" + store + "ret;\n}\n");
  const std::size_t words = tile_words + 4 * 32;
  const std::uint64_t input = device.upload(in);
  const std::uint64_t places = device.upload(offsets);
  const std::uint64_t output = device.memory().allocate(4 * words);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {input, places, output});
  return device.download<u32>(output, words);
}

std::vector<u32> random_input() { return random_words(tile_words + 4 * 32, 5); }

/// The rows of the tile in a random order; those beyond the form's are outside of it, which does
/// not matter as nobody reads them.
std::vector<u32> random_rows(int matrices) {
  std::vector<u32> rows(tile_rows);
  std::iota(rows.begin(), rows.end(), 0);
  std::mt19937 generator(6);
  std::shuffle(rows.begin(), rows.end(), generator);
  rows.resize(32);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const bool counts = lane < static_cast<std::size_t>(8 * matrices);
    rows[lane] = counts ? rows[lane] * row_bytes : 0x100000;
  }
  return rows;
}

/// Element `column` of the row of 16 bytes at `offset` of the tile.
u16 element_of_tile(const std::vector<u32>& words, u32 offset, int column) {
  const u32 at = offset + 2 * static_cast<u32>(column);
  return static_cast<u16>(words[at / 4] >> (at % 4 * 8));
}

/// Element (row, column) of a matrix whose fragment is the register's row of words.
u16 element_of_fragment(const std::vector<u32>& words, int matrix, int row, int column,
                        bool is_transposed) {
  if (is_transposed) std::swap(row, column);
  const int lane = 4 * row + column / 2;
  const u32 word = words[tile_words + static_cast<std::size_t>(32 * matrix + lane)];
  return static_cast<u16>(column % 2 == 0 ? word & 0xFFFF : word >> 16);
}

class MatrixMemoryTest : public ::testing::TestWithParam<Form> {};

TEST_P(MatrixMemoryTest, LoadsFragments) {
  const Form& form = GetParam();
  const auto in = random_input();
  const auto rows = random_rows(form.matrices);
  const auto out =
      run_on_tile(form.opcode("ldmatrix") + " " + form.registers() + ", [];", form.space, in, rows);
  for (int matrix = 0; matrix < form.matrices; ++matrix) {
    for (int row = 0; row < 8; ++row) {
      for (int column = 0; column < 8; ++column) {
        const u32 offset = rows[static_cast<std::size_t>(8 * matrix + row)];
        EXPECT_EQ(element_of_fragment(out, matrix, row, column, form.is_transposed),
                  element_of_tile(in, offset, column));
      }
    }
  }
  EXPECT_TRUE(std::equal(in.begin(), in.begin() + tile_words, out.begin())) << "the tile changed";
  // Other registers keep what they had.
  EXPECT_TRUE(std::equal(in.begin() + tile_words + 32 * form.matrices, in.end(),
                         out.begin() + tile_words + 32 * form.matrices));
}

TEST_P(MatrixMemoryTest, StoresFragments) {
  const Form& form = GetParam();
  const auto in = random_input();
  const auto rows = random_rows(form.matrices);
  const auto out =
      run_on_tile(form.opcode("stmatrix") + " [], " + form.registers() + ";", form.space, in, rows);
  for (u32 row = 0; row < tile_rows; ++row) {
    const auto found = std::find(rows.begin(), rows.end(), row * row_bytes) - rows.begin();
    const bool is_stored = found < 8 * form.matrices;
    for (int column = 0; column < 8; ++column) {
      const u16 expected =
          is_stored ? element_of_fragment(in, static_cast<int>(found / 8),
                                          static_cast<int>(found % 8), column, form.is_transposed)
                    : element_of_tile(in, row * row_bytes, column);
      EXPECT_EQ(element_of_tile(out, row * row_bytes, column), expected);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(AllForms, MatrixMemoryTest, ::testing::ValuesIn(forms()));

TEST(MovmatrixTest, Transposes) {
  const auto in = random_words(32, 7);
  const auto out = run_warp_code("movmatrix.sync.aligned.m8n8.trans.b16 %r2, %r1;", in);
  const auto element = [](const std::vector<u32>& words, int row, int column) {
    const u32 word = words[static_cast<std::size_t>(4 * row + column / 2)];
    return static_cast<u16>(word >> (column % 2 * 16));
  };
  for (int row = 0; row < 8; ++row) {
    for (int column = 0; column < 8; ++column) {
      EXPECT_EQ(element(out, row, column), element(in, column, row));
    }
  }
}

/// Runs `code` with %r1 the thread, %r2 the address of 128 bytes of a tile of 512 bytes for its
/// warp, and %r3 that of a row of these for its lane.
void run_code(const std::string& code, u32 threads = 32) {
  Device device(
      ".visible .entry k()\n{\n.shared .align 16 .b8 tile[512];\n.reg .b32 %r<9>;\n"
      ".reg .b32 %f<4>;\n.reg .b64 %d<3>;\n.reg .pred %p<3>;\nmov.u32 %r1, %tid.x;\n"
      "mov.b32 %f0, 0;\nmov.u32 %r2, tile;\nshr.u32 %r4, %r1, 5;\nshl.b32 %r4, %r4, 7;\n"
      "add.u32 %r2, %r2, %r4;\nmov.u32 %r4, %laneid;\nand.b32 %r4, %r4, 7;\n"
      "shl.b32 %r4, %r4, 4;\nadd.u32 %r3, %r2, %r4;\n" +
      code + "\nret;\n}\n");
  device.launch("k", {1, 1, 1}, {threads, 1, 1}, {});
}
const std::string load = "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%f0}, [%r3];\n";
const std::string store = "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r3], {%f0};\n";

TEST(MatrixMemoryFaultsTest, RowsAreCheckedAsOtherAccessesAre) {
  EXPECT_NO_THROW(run_code(store + load, 128));
  EXPECT_TRUE(throws_error([] { run_code(load); }, "read of 16 bytes at shared offset 0"));
  EXPECT_TRUE(throws_error(
      [] { run_code(store + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%f0}, [%r3+8];"); },
      "misaligned access of 16 bytes at 0x8"));
  EXPECT_TRUE(
      throws_error([] { run_code("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r3+400], {%f0};"); },
                   "out of bounds"));
  // The second warp reads what the first has written, and the third overwrites it.
  const std::string other = "sub.u32 %r3, %r3, 128;\nsetp.eq.u32 %p1, %r2, tile;\n@%p1 exit;\n";
  EXPECT_TRUE(throws_error([&] { run_code(store + other + load, 64); }, "race"));
  EXPECT_TRUE(throws_error([&] { run_code(store + other + store, 64); }, "race"));
  EXPECT_NO_THROW(run_code(store + "bar.sync 0;\n" + other + load, 64));
}

TEST(MatrixMemoryFaultsTest, AllLanesHaveToBeThere) {
  EXPECT_TRUE(throws_error([] { run_code(store, 40); },
                           "all 32 lanes of a warp have to run a matrix instruction, but lane 8 "
                           "has exited or was not launched, block (0, 0, 0), thread (32, 0, 0)"));
  EXPECT_TRUE(throws_error(
      [] {
        run_code("setp.eq.u32 %p1, %r1, 5;\n@%p1 bra end;\n" + store +
                 "end:\nbar.warp.sync 0xFFFFFFFF;");
      },
      "lanes that do not take part"));
}

TEST(MatrixMemoryFaultsTest, UnknownFormsAreNamed) {
  for (const char* const opcode :
       {"ldmatrix.sync.aligned.m8n8.x3.shared.b16", "ldmatrix.sync.aligned.m8n8.x1.global.b16",
        "ldmatrix.aligned.m8n8.x1.shared.b16", "ldmatrix.sync.aligned.m8n8.x1.shared.b8",
        "ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8",
        "ldmatrix.sync.aligned.m8n16.x1.shared.b8x16.b4x16_p64"}) {
    EXPECT_TRUE(throws_error([&] { run_code(std::string(opcode) + " {%f0}, [%r3];"); },
                             fmt::format("the form '{}' is not supported", opcode)));
  }
  EXPECT_TRUE(
      throws_error([] { run_code("stmatrix.sync.aligned.m16n8.x1.trans.shared.b8 [%r3], {%f0};"); },
                   "the form 'stmatrix.sync.aligned.m16n8.x1.trans.shared.b8' is not supported"));
  EXPECT_TRUE(
      throws_error([] { run_code("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%f0}, [%r3];"); },
                   "1 registers, expected 2"));
  EXPECT_TRUE(throws_error([] { run_code("movmatrix.sync.aligned.m8n8.b16 %f0, %f0;"); },
                           "the form 'movmatrix.sync.aligned.m8n8.b16' is not supported"));
}

}  // namespace
}  // namespace lq::emulator::testing
