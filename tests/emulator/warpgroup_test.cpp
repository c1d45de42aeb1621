// wgmma: every form, with operands in all layouts of shared memory, against a product of plain
// matrices. Layouts are written down as the PTX ISA tells of them: in atoms of 8 rows of 16, 32, 64
// or 128 bytes, whose chunks of 16 bytes change places.

#include <gtest/gtest.h>

#include "tests/emulator/support/fragments.h"
#include "tests/emulator/support/matrix.h"

namespace lq::emulator::testing {
namespace {

constexpr int group_threads = 128;
constexpr int rows_of_group = 64;
constexpr int depth_bytes = 32;

struct Form {
  std::string d, a, b;
  bool saturates = false;

  int depth() const { return 8 * depth_bytes / element_type(a).bits; }
  bool may_transpose() const { return element_type(a).bits == 16; }
  bool has_scales() const { return element_type(d).exponent_bits != 0; }
  std::string opcode(int columns) const {
    return fmt::format("wgmma.mma_async.sync.aligned.m64n{}k{}.{}.{}.{}{}{}", columns, depth(), d,
                       a, b, saturates ? ".satfinite" : "", a == "b1" ? ".and.popc" : "");
  }
};
void PrintTo(const Form& form, std::ostream* stream) { *stream << form.opcode(8); }

/// How a matrix lies in shared memory. Its rows are those of A and the columns of B.
struct SharedLayout {
  int atom_bytes = 16;  // 16: not swizzled
  bool is_transposed = false;
  bool is_spread = false;  // the other order of atoms, or gaps between them
  int first_chunk = 0;     // of the depth in rows of more than 32 bytes
  int rows = 0;
  std::size_t start = 0;  // of the atoms, a multiple of 1024

  bool is_swizzled() const { return atom_bytes != 16; }
  /// Swizzled rows hold the whole depth, so that nobody asks how far it is along it.
  bool has_whole_depth() const { return is_swizzled() && !is_transposed; }
  int rows_of_atom() const { return is_transposed ? atom_bytes / 2 : 8; }
  int atoms() const { return (rows + rows_of_atom() - 1) / rows_of_atom(); }  // along the rows

  // In bytes, between atoms: along the rows and along the depth.
  int row_step() const {
    const bool is_wide = has_whole_depth() ? is_spread : !is_spread;
    return 8 * atom_bytes * (is_wide ? 2 : 1);
  }
  int depth_step() const { return 8 * atom_bytes * (is_spread ? atoms() : 1); }
  std::uint64_t descriptor() const {
    // What the two distances are called depends on the layout.
    const bool rows_lead = is_transposed && is_swizzled();
    const int leading = rows_lead ? row_step() : depth_step();
    const int stride = rows_lead ? depth_step() : row_step();
    const std::uint64_t mode = atom_bytes == 128  ? 1
                               : atom_bytes == 64 ? 2
                               : atom_bytes == 32 ? 3
                                                  : 0;
    return (start + static_cast<std::size_t>(16 * first_chunk)) / 16 |
           static_cast<std::uint64_t>(has_whole_depth() ? 1 : leading / 16) << 16 |
           static_cast<std::uint64_t>(stride / 16) << 32 | mode << 62;
  }
  /// Which place a chunk takes in the line of an atom.
  int swizzled(int chunk, int line) const {
    if (atom_bytes == 128) return chunk ^ line;
    if (atom_bytes == 64) return chunk ^ line / 2;
    return atom_bytes == 32 ? chunk ^ line / 4 : chunk;
  }
  /// The first bit of an element.
  std::size_t place(int row, int depth, int bits) const {
    int line = 0, byte = 0, offset = 0;  // of the atom, of the line, of the atom itself
    if (is_transposed) {
      line = depth % 8;
      byte = row % rows_of_atom() * 2;
      offset = row / rows_of_atom() * row_step() + depth / 8 * depth_step();
    } else {
      line = row % 8;
      byte = depth * bits / 8 + 16 * first_chunk;
      offset = row / 8 * row_step();
      if (!is_swizzled()) {
        offset += byte / 16 * depth_step();
        byte %= 16;
      }
    }
    const int at = offset + line * atom_bytes + swizzled(byte / 16, line) * 16 + byte % 16;
    return 8 * (start + static_cast<std::size_t>(at)) + static_cast<std::size_t>(depth * bits % 8);
  }
  std::size_t end() const {
    return start + static_cast<std::size_t>(atoms() * row_step() + 4 * depth_step() + 1024);
  }
};

struct Setting {
  int columns = 8;
  bool a_in_registers = false;
  SharedLayout a{.rows = rows_of_group}, b;
  bool adds = true;
  int scale_a = 1, scale_b = 1;

  std::string text() const {
    return fmt::format("{} columns, a in {} of {} bytes{}{}, b of {} bytes{}{}, scales {} {}",
                       columns, a_in_registers ? "registers or atoms" : "atoms", a.atom_bytes,
                       a.is_transposed ? ", transposed" : "", a.is_spread ? ", spread" : "",
                       b.atom_bytes, b.is_transposed ? ", transposed" : "",
                       b.is_spread ? ", spread" : "", scale_a, scale_b);
  }
};

void put_bits(std::vector<std::uint32_t>& words, std::size_t at, int bits, std::uint64_t value) {
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  std::uint32_t& word = words.at(at / 32);
  word = static_cast<std::uint32_t>((word & ~(mask << at % 32)) | value << at % 32);
}

/// Runs the product in a warpgroup. Registers are [register][thread].
std::vector<std::uint32_t> run(const Form& form, const Setting& setting,
                               const std::vector<std::uint32_t>& shared,
                               const std::vector<std::uint32_t>& registers, int results) {
  std::string loads, stores, list;
  for (int r = 0; r < results; ++r) {
    loads += fmt::format("ld.global.u32 %f{}, [%d3+{}];\n", r, 512 * r);
    stores += fmt::format("st.global.u32 [%d4+{}], %f{};\n", 512 * r, r);
    list += fmt::format("{}%f{}", r == 0 ? "" : ", ", r);
  }
  for (int r = 0; r < 4 && setting.a_in_registers; ++r) {
    loads += fmt::format("ld.global.u32 %a{}, [%d3+{}];\n", r, 512 * (results + r));
  }
  std::string immediates;
  if (form.has_scales()) immediates = fmt::format(", {}, {}", setting.scale_a, setting.scale_b);
  if (form.may_transpose()) {
    if (!setting.a_in_registers) immediates += setting.a.is_transposed ? ", 1" : ", 0";
    immediates += setting.b.is_transposed ? ", 1" : ", 0";
  }
  Device device(fmt::format(
      R"(.extern .shared .align 1024 .b8 tile[];
.visible .entry k(.param .u64 image, .param .u64 in, .param .u64 out)
{{
  .reg .pred %p<3>;
  .reg .b32 %r<9>;
  .reg .b32 %f<129>;
  .reg .b32 %a<4>;
  .reg .b64 %d<9>;
  ld.param.u64 %d1, [image];
  ld.param.u64 %d3, [in];
  ld.param.u64 %d4, [out];
  mov.u32 %r1, %tid.x;
  mul.wide.u32 %d2, %r1, 4;
  add.u64 %d1, %d1, %d2;
  add.u64 %d3, %d3, %d2;
  add.u64 %d4, %d4, %d2;
  mov.u32 %r3, tile;
  shr.u32 %r4, %r3, 4;
  cvt.u64.u32 %d5, %r4;
  add.u64 %d6, %d5, {};
  add.u64 %d7, %d5, {};
  shl.b32 %r4, %r1, 2;
  add.u32 %r3, %r3, %r4;
copy:
  ld.global.u32 %r5, [%d1];
  st.shared.u32 [%r3], %r5;
  add.u64 %d1, %d1, 512;
  add.u32 %r3, %r3, 512;
  add.u32 %r1, %r1, 128;
  setp.lt.u32 %p1, %r1, {};
  @%p1 bra copy;
  fence.proxy.async;
  bar.sync 0;
  {}
  setp.eq.u32 %p2, 1, {};
  wgmma.fence.sync.aligned;
  {} {{{}}}, {}, %d7, %p2{};
  wgmma.commit_group.sync.aligned;
  wgmma.wait_group.sync.aligned 0;
  {}
  ret;
}})",
      setting.a.descriptor(), setting.b.descriptor(), shared.size(), loads, setting.adds ? 1 : 0,
      form.opcode(setting.columns), list, setting.a_in_registers ? "{%a0, %a1, %a2, %a3}" : "%d6",
      immediates, stores));
  const auto words = static_cast<std::size_t>(results * group_threads);
  const std::uint64_t out = device.memory().allocate(4 * words);
  device.launch("k", {1, 1, 1}, {group_threads, 1, 1},
                {device.upload(shared), device.upload(registers), out},
                static_cast<std::uint32_t>(4 * shared.size()));
  return device.download<std::uint32_t>(out, words);
}

/// A warp's registers.
Registers registers_of_warp(const std::vector<std::uint32_t>& all, int first, int count, int warp) {
  Registers registers(static_cast<std::size_t>(count));
  for (std::size_t r = 0; r < registers.size(); ++r) {
    for (std::size_t lane = 0; lane < warp_size; ++lane) {
      registers[r][lane] = all.at((static_cast<std::size_t>(first) + r) * group_threads +
                                  static_cast<std::size_t>(warp * warp_size) + lane);
    }
  }
  return registers;
}

/// 64 rows: 16 of each warp.
Matrix matrix_of_group(const std::vector<std::uint32_t>& all, int first, const ElementType& type,
                       const Layout& layout, int columns) {
  Matrix matrix;
  const int count = 16 * columns * type.bits / (32 * warp_size);
  for (int warp = 0; warp < 4; ++warp) {
    const Matrix rows =
        matrix_of(registers_of_warp(all, first, count, warp), type, layout, 16, columns);
    matrix.insert(matrix.end(), rows.begin(), rows.end());
  }
  return matrix;
}

/// Fragments of A are those of mma with 16 rows and the same depth.
Layout layout_of_a(const Form& form) {
  return operand_layouts(fmt::format("m16n8k{}", form.depth()), element_type(form.a).bits).a;
}

void check(const Form& form, Setting setting) {
  SCOPED_TRACE(setting.text());
  const ElementType a = element_type(form.a), b = element_type(form.b), d = element_type(form.d);
  const int depth = form.depth();
  setting.b.rows = setting.columns;
  setting.b.start = (setting.a.end() + 1023) / 1024 * 1024;
  const std::size_t shared_words = (setting.b.end() + 1023) / 1024 * 256;
  std::vector<std::uint32_t> shared(shared_words, 0xDEADBEEF);
  const int results = setting.columns * rows_of_group * d.bits / (32 * group_threads);
  std::vector<std::uint32_t> registers(static_cast<std::size_t>((results + 4) * group_threads));
  const auto fill = [&](int first, int count, const ElementType& type, const Choose& next) {
    for (int i = first * group_threads * 32; i < (first + count) * group_threads * 32;
         i += type.bits) {
      put_bits(registers, static_cast<std::size_t>(i), type.bits, next());
    }
  };
  fill(0, results, d, random_elements(d, 1));
  const Choose next_a = random_elements(a, 2), next_b = random_elements(b, 3);
  fill(results, 4, a, next_a);
  const Matrix c = matrix_of_group(registers, 0, d, accumulator, setting.columns);
  Matrix of_a = matrix_of_group(registers, results, a, layout_of_a(form), depth);
  Matrix of_b(static_cast<std::size_t>(setting.columns),
              std::vector<std::uint64_t>(static_cast<std::size_t>(depth)));
  const auto store = [&](const SharedLayout& layout, const ElementType& type, Matrix& matrix,
                         const Choose& next) {
    for (std::size_t row = 0; row < matrix.size(); ++row) {
      for (std::size_t i = 0; i < matrix[row].size(); ++i) {
        matrix[row][i] = next();
        put_bits(shared, layout.place(static_cast<int>(row), static_cast<int>(i), type.bits),
                 type.bits, matrix[row][i]);
      }
    }
  };
  if (!setting.a_in_registers) store(setting.a, a, of_a, next_a);
  store(setting.b, b, of_b, next_b);
  const Matrix result = matrix_of_group(run(form, setting, shared, registers, results), 0, d,
                                        accumulator, setting.columns);
  int others = 0, wrong = 0;
  for (std::size_t row = 0; row < result.size(); ++row) {
    for (std::size_t column = 0; column < of_b.size(); ++column) {
      double sum = 0;
      for (std::size_t i = 0; i < of_a[row].size(); ++i) {
        sum += a.value(of_a[row][i]) * b.value(of_b[column][i]);
      }
      sum *= setting.scale_a * setting.scale_b;
      if (setting.adds) sum += d.value(c[row][column]);
      others += sum != 0;
      if (form.d == "s32") sum = sum_of_32_bits(static_cast<std::int64_t>(sum), form.saturates);
      wrong += d.value(result[row][column]) != sum;
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(others, rows_of_group * setting.columns / 2);
}

std::vector<Form> all_forms() {
  std::vector<Form> forms{{"f16", "f16", "f16"},
                          {"f32", "f16", "f16"},
                          {"f32", "bf16", "bf16"},
                          {"f32", "tf32", "tf32"},
                          {"s32", "b1", "b1"}};
  for (const char* const a : {"e4m3", "e5m2"}) {
    for (const char* const b : {"e4m3", "e5m2"}) {
      forms.push_back({"f16", a, b});
      forms.push_back({"f32", a, b});
    }
  }
  for (const char* const a : {"s8", "u8"}) {
    for (const char* const b : {"s8", "u8"}) {
      for (const bool saturates : {false, true}) forms.push_back({"s32", a, b, saturates});
    }
  }
  return forms;
}

class WarpgroupTest : public ::testing::TestWithParam<Form> {};

TEST_P(WarpgroupTest, IsTheProductInEveryLayout) {
  int runs = 0;
  for (const int atom_of_a : {16, 32, 64, 128}) {
    for (const int atom_of_b : {16, 32, 64, 128}) {
      for (const bool is_spread : {false, true}) {
        Setting setting{.columns = 24};
        setting.a.atom_bytes = atom_of_a;
        setting.b.atom_bytes = atom_of_b;
        setting.a.is_spread = setting.b.is_spread = is_spread;
        // All parts of longer rows come up.
        setting.a.first_chunk = 2 * runs % std::max(atom_of_a / 16, 2);
        setting.b.first_chunk = (2 * runs + 2) % std::max(atom_of_b / 16, 2);
        if (atom_of_a == 128 && atom_of_b == 128) setting.b.first_chunk = is_spread ? 4 : 6;
        check(GetParam(), setting);
        ++runs;
      }
    }
  }
}

TEST_P(WarpgroupTest, AMayBeInRegisters) {
  for (const int columns : {8, 16, 256}) {
    Setting setting{.columns = columns, .a_in_registers = true};
    setting.b.atom_bytes = 128;
    check(GetParam(), setting);
  }
}

TEST_P(WarpgroupTest, HasAllNumbersOfColumns) {
  const Form& form = GetParam();
  // One type of sums of each kind has every one of them, the others a few.
  const bool has_all = form.a == "b1" || (form.a == "f16" && form.d == "f32");
  for (int columns = 8; columns <= 256; columns += has_all ? 8 : 104) {
    if (form.d == "s32" && columns > 32 && columns % 16 != 0) continue;
    Setting setting{.columns = columns};
    setting.a.atom_bytes = setting.b.atom_bytes = 64;
    check(form, setting);
  }
}

TEST_P(WarpgroupTest, MayNegateAndMayNotAdd) {
  const Form& form = GetParam();
  for (const unsigned choices : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
    Setting setting{.columns = 16, .adds = (choices & 1) != 0};
    if (form.has_scales()) {
      setting.scale_a = (choices & 2) != 0 ? -1 : 1;
      setting.scale_b = (choices & 4) != 0 ? -1 : 1;
    }
    check(form, setting);
  }
}
INSTANTIATE_TEST_SUITE_P(AllForms, WarpgroupTest, ::testing::ValuesIn(all_forms()));

class TransposedWarpgroupTest : public ::testing::TestWithParam<Form> {};

TEST_P(TransposedWarpgroupTest, IsTheProductInEveryLayout) {
  for (const int atom_of_a : {16, 32, 64, 128}) {
    for (const int atom_of_b : {16, 32, 64, 128}) {
      for (const unsigned choices : {1U, 2U, 3U, 5U, 6U, 7U}) {
        Setting setting{.columns = 72};
        setting.a.atom_bytes = atom_of_a;
        setting.b.atom_bytes = atom_of_b;
        setting.a.is_transposed = (choices & 1) != 0;
        setting.b.is_transposed = (choices & 2) != 0;
        setting.a.is_spread = setting.b.is_spread = (choices & 4) != 0;
        check(GetParam(), setting);
      }
    }
  }
}

TEST_P(TransposedWarpgroupTest, IsTheProductWithAInRegisters) {
  for (const int atom_of_b : {16, 32, 64, 128}) {
    Setting setting{.columns = 72, .a_in_registers = true};
    setting.b.atom_bytes = atom_of_b;
    setting.b.is_transposed = true;
    check(GetParam(), setting);
  }
}
INSTANTIATE_TEST_SUITE_P(FormsOf16Bits, TransposedWarpgroupTest,
                         ::testing::Values(Form{"f16", "f16", "f16"}, Form{"f32", "f16", "f16"},
                                           Form{"f32", "bf16", "bf16"}));

}  // namespace
}  // namespace lq::emulator::testing
