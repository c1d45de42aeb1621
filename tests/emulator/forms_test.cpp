// Every row of the tables of instructions, run in a kernel and compared with an oracle.

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "emulator/decode/families.h"
#include "tests/emulator/forms/form_case.h"
#include "tests/emulator/support/device.h"

namespace lq::emulator::testing {
namespace {

constexpr std::uint32_t threads = 1024;
constexpr std::uint32_t blocks = 2;
constexpr std::size_t count = threads * blocks;

FormCases all_cases() {
  FormCases all;
  for (const FormCases& cases :
       {integer_cases(), bit_cases(), compare_cases(), convert_cases(), single_cases(),
        double_cases(), directed_cases(), half_cases(), small_cases(), pair_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

/// Numbers at the edges of the formats, small ones for shifts, and random ones.
std::uint64_t pick(std::mt19937_64& generator, OperandType type) {
  static constexpr std::uint64_t integers[] = {0,
                                               1,
                                               2,
                                               31,
                                               32,
                                               33,
                                               63,
                                               64,
                                               65,
                                               127,
                                               128,
                                               255,
                                               256,
                                               0x7FFF,
                                               0x8000,
                                               0xFFFF,
                                               0x7FFFFFFF,
                                               0x80000000,
                                               0xFFFFFFFF,
                                               0x7FFFFFFFFFFFFFFF,
                                               0x8000000000000000,
                                               0xFFFFFFFFFFFFFFFF};
  static constexpr float floats[] = {
      0.0F,          -0.0F,          1.0F,   -1.0F,    0.5F,      1.5F,     2.5F,     -2.5F,
      3e38F,         -3e38F,         1e-38F, -1e-39F,  1e-45F,    65504.0F, 65520.0F, 255.5F,
      2147483648.0F, -2147483648.0F, 1e30F,  INFINITY, -INFINITY, NAN};
  const std::uint64_t random = generator();
  const std::uint64_t kind = generator() % 4;
  switch (type) {
    case OperandType::predicate:
      return random & 1;
    case OperandType::f32: {
      if (kind == 0) return bits_of(floats[random % std::size(floats)]);
      if (kind == 1) return random & 0xFFFFFFFF;
      const float near = static_cast<float>(static_cast<std::int64_t>(random)) * 0x1p-61F;
      return bits_of(kind == 2 ? near : near * static_cast<float>(1 << random % 20));
    }
    case OperandType::f64: {
      if (kind == 0) return bits_of(double{floats[random % std::size(floats)]});
      if (kind == 1) return random;
      const double near = static_cast<double>(static_cast<std::int64_t>(random)) * 0x1p-61;
      return kind == 2 ? bits_of(near) : bits_of(near) & ~std::uint64_t{0x3FFFFFFF};
    }
    default: {
      const int bits = 8 * bytes_of(type);
      const std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
      if (kind == 0) return integers[random % std::size(integers)] & mask;
      return (kind == 1 ? random : random >> generator() % 64) & mask;
    }
  }
}

const char* type_of(OperandType type) {
  switch (bytes_of(type)) {
    case 2:
      return "b16";
    case 4:
      return "b32";
    default:
      return "b64";
  }
}

/// A kernel that executes the instruction once in each thread, on operands from memory.
std::string kernel_of(const Form& form, int sources) {
  std::string text =
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .pred %p<9>;\n"
      ".reg .b32 %i<9>;\n.reg .b64 %a<9>;\nld.param.u64 %a0, [in];\nld.param.u64 %a1, [out];\n"
      "mov.u32 %i0, %tid.x;\nmov.u32 %i1, %ctaid.x;\nmov.u32 %i2, %ntid.x;\n"
      "mad.lo.u32 %i0, %i1, %i2, %i0;\nmul.wide.u32 %a2, %i0, 8;\nadd.s64 %a1, %a1, %a2;\n"
      "mul.wide.u32 %a2, %i0, 32;\nadd.s64 %a0, %a0, %a2;\n";
  std::string operands;
  for (int i = 0; i < sources; ++i) {
    if (form.sources[i] == OperandType::predicate) {
      text +=
          fmt::format("ld.global.b32 %i3, [%a0+{}];\nsetp.ne.u32 %p{}, %i3, 0;\n", 8 * i, i + 1);
      operands += fmt::format(", %p{}", i + 1);
    } else {
      text += fmt::format(".reg .{0} s{1};\nld.global.{0} s{1}, [%a0+{2}];\n",
                          type_of(form.sources[i]), i, 8 * i);
      operands += fmt::format(", s{}", i);
    }
  }
  if (form.result == OperandType::predicate) {
    text += fmt::format("{} %p0{};\nselp.b64 %a3, 1, 0, %p0;\nst.global.b64 [%a1], %a3;\n",
                        form.opcode, operands);
  } else {
    text += fmt::format(
        "mov.b64 %a3, 0;\nst.global.b64 [%a1], %a3;\n.reg .{0} d;\n{1} d{2};\n"
        "st.global.{0} [%a1], d;\n",
        type_of(form.result), form.opcode, operands);
  }
  return text + "ret;\n}\n";
}

class FormTest : public ::testing::TestWithParam<FormCase> {};

TEST_P(FormTest, AgreesWithTheOracle) {
  const FormCase& form_case = GetParam();
  const Form* const form = find_form(form_case.opcode);
  ASSERT_NE(form, nullptr) << form_case.opcode;
  int sources = 0;
  while (sources < 4 && form->sources[sources] != OperandType::none) ++sources;
  std::mt19937_64 generator(std::hash<std::string>()(form_case.opcode));
  std::vector<Values> inputs(count, Values{});
  for (Values& values : inputs) {
    for (int i = 0; i < sources; ++i) {
      values[static_cast<std::size_t>(i)] = pick(generator, form->sources[i]);
    }
  }
  Device device(kernel_of(*form, sources));
  const std::uint64_t in = device.upload(inputs);
  const std::uint64_t out = device.memory().allocate(8 * count);
  device.launch("k", {blocks, 1, 1}, {threads, 1, 1}, {in, out});
  const auto results = device.download<std::uint64_t>(out, count);
  std::size_t judged = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<bool> right = form_case.is_right(inputs[i], results[i]);
    judged += right.has_value();
    ASSERT_TRUE(right.value_or(true))
        << fmt::format("{} of {:#x}, {:#x}, {:#x}, {:#x} gives {:#x}", form_case.opcode,
                       inputs[i][0], inputs[i][1], inputs[i][2], inputs[i][3], results[i]);
  }
  EXPECT_GT(judged, count / 20);
}

INSTANTIATE_TEST_SUITE_P(AllForms, FormTest, ::testing::ValuesIn(all_cases()),
                         [](const auto& form_case) {
                           std::string name = form_case.param.opcode;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

TEST(FormsTest, EveryRowHasACase) {
  std::set<std::string> tested;
  for (const FormCase& form_case : all_cases()) {
    EXPECT_TRUE(tested.insert(form_case.opcode).second) << form_case.opcode;
  }
  for (const Form* const form : all_forms()) {
    EXPECT_TRUE(tested.contains(form->opcode)) << form->opcode << " has no case";
  }
}

}  // namespace
}  // namespace lq::emulator::testing
