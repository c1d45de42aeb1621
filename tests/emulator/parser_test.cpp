#include "emulator/ptx/parser.h"

#include <gtest/gtest.h>

#include <bit>

#include "tests/support/errors.h"

namespace lq::emulator::ptx {
namespace {

using lq::testing::throws_error;

const std::string header = ".version 9.0\n.target sm_80\n.address_size 64\n";

std::vector<Instruction> instructions_of(const std::string& body) {
  const Module module = parse_module(header + ".visible .entry k()\n{\n" + body + "\n}\n");
  std::vector<Instruction> instructions;
  for (const Statement& statement : module.functions.at(0).body) {
    if (statement.kind == StatementKind::instruction) instructions.push_back(statement.instruction);
  }
  return instructions;
}

TEST(PtxParserTest, ModuleVariablesKeepSpaceAlignmentAndInitializer) {
  const Module module = parse_module(header + R"(
.const .align 4 .b8 table[16] = {1, 0, 0, 0, 2};
.global .align 8 .u64 message = generic($str)+3;
.global .v4 .f32 quad = {0f3F800000, 1.5, 2, -1.0};
.extern .shared .align 16 .b8 dynamic[];
.visible.global.u32 matrix[2][3];
.global .attribute(.managed, .unified(1, 2)) .align 4 .u32 both = 5;
)");
  ASSERT_EQ(module.variables.size(), 6U);
  EXPECT_EQ(module.target, "sm_80");
  const Variable& table = module.variables[0];
  EXPECT_EQ(table.space, StateSpace::constant);
  EXPECT_EQ(variable_bytes(table), 16);
  EXPECT_EQ(variable_alignment(table), 4);
  ASSERT_EQ(table.initializer.size(), 5U);
  EXPECT_EQ(table.initializer[4].bits, 2U);
  const InitializerItem& address = module.variables[1].initializer.at(0);
  EXPECT_TRUE(address.is_generic);
  EXPECT_EQ(address.name, "$str");
  EXPECT_EQ(address.bits, 3U);
  const Variable& quad = module.variables[2];
  EXPECT_EQ(variable_alignment(quad), 16);
  EXPECT_EQ(quad.initializer[1].bits, std::bit_cast<std::uint32_t>(1.5F));
  EXPECT_EQ(quad.initializer[3].bits, std::bit_cast<std::uint32_t>(-1.0F));
  EXPECT_EQ(module.variables[3].linkage, Linkage::external);
  EXPECT_EQ(module.variables[4].linkage, Linkage::visible);
  EXPECT_EQ(module.variables[3].elements, 0);
  EXPECT_EQ(variable_bytes(module.variables[4]), 24);
  EXPECT_FALSE(module.variables[4].is_managed);
  EXPECT_TRUE(module.variables[5].is_managed);
}

TEST(PtxParserTest, ParametersInAllForms) {
  const Module module = parse_module(header + R"(
.extern .func (.param .b32 result) vprintf (.param .b64 a, .param .b64 b);
.visible .entry k(
  .param .u64 .ptr .align 1 pointer,
  .param .u64 .ptr .global .align 16 global_pointer,
  .param .align 8 .b8 structure[24],
  .param .u32 number
) .maxntid 128, 1, 1 .minnctapersm 2
{ ret; }
)");
  ASSERT_EQ(module.functions.size(), 2U);
  EXPECT_FALSE(module.functions[0].has_body);
  EXPECT_EQ(module.functions[0].results.size(), 1U);
  const Function& kernel = module.functions[1];
  EXPECT_TRUE(kernel.is_entry);
  ASSERT_EQ(kernel.parameters.size(), 4U);
  EXPECT_EQ(kernel.parameters[0].type, "u64");
  EXPECT_EQ(variable_alignment(kernel.parameters[0]), 8);
  EXPECT_EQ(variable_alignment(kernel.parameters[1]), 8);
  EXPECT_EQ(variable_alignment(kernel.parameters[2]), 8);
  EXPECT_EQ(variable_bytes(kernel.parameters[2]), 24);
  EXPECT_EQ(kernel.max_threads, (std::vector<std::int64_t>{128, 1, 1}));
}

TEST(PtxParserTest, OperandsInAllForms) {
  const std::vector<Instruction> i = instructions_of(R"(
  @!%p1 ld.global.nc.v4.u32 {%r1, %r2, _, %r4}, [%rd1+-16];
  setp.eq.and.s32 %p1|%p2, %r1, -5, !%p3;
  mov.u64 %rd1, table+8;
  fma.rn.f32 %f1, %f2, 0fBF800000, 0d3FF0000000000000;
  call.uni (result), function, (a, b);
  st.shared.u8 [64], %rs1;
  cp.async.bulk.tensor.2d.shared::cta.global [%r1], [%rd1, {%r2, %r3}], [%r4];
  mov.u32 %r1, %tid.x;)");
  ASSERT_EQ(i.size(), 8U);
  EXPECT_EQ(i[0].guard, "%p1");
  EXPECT_TRUE(i[0].guard_negated);
  EXPECT_EQ(i[0].opcode, "ld.global.nc.v4.u32");
  ASSERT_EQ(i[0].operands.at(0).parts.size(), 4U);
  EXPECT_EQ(i[0].operands[0].parts[2].name, "_");
  EXPECT_EQ(i[0].operands[1].kind, OperandKind::address);
  EXPECT_EQ(i[0].operands[1].offset, -16);
  EXPECT_EQ(i[1].operands[0].kind, OperandKind::pair);
  EXPECT_EQ(static_cast<std::int64_t>(i[1].operands[2].value), -5);
  EXPECT_TRUE(i[1].operands[3].negated);
  EXPECT_EQ(i[2].operands[1].offset, 8);
  EXPECT_EQ(i[3].operands[2].value, 0xBF800000U);
  EXPECT_EQ(i[3].operands[3].kind, OperandKind::real);
  EXPECT_EQ(i[4].operands[2].parts.size(), 2U);
  EXPECT_EQ(i[5].operands[0].value, 64U);
  EXPECT_EQ(i[6].opcode, "cp.async.bulk.tensor.2d.shared::cta.global");
  EXPECT_EQ(i[6].operands[1].parts.at(0).parts.size(), 2U);
  EXPECT_EQ(i[7].operands[1].name, "%tid.x");
}

TEST(PtxParserTest, SourceLinesTextAndLabels) {
  const Module module = parse_module(header + R"(
.entry k() {
  .reg .b32 %r<7>;
  .loc 1 12 3
top:
  add.s32 %r1,
     %r2, 1; // a comment
  .loc 1 20 5, function_name $L__info0, inlined_at 1 14 2
  { /* scope */ bra.uni top; }
  .pragma "nounroll";
targets: .branchtargets top, top;
  brx.idx %r1, targets;
}
.file 1 "kernel.cu"
.section .debug_str { .b8 1 }
)");
  const Function& kernel = module.functions.at(0);
  EXPECT_EQ(kernel.body.at(0).variable.numbered, 7);
  EXPECT_EQ(kernel.body.at(1).label, "top");
  const Instruction& add = kernel.body.at(2).instruction;
  EXPECT_EQ(add.text, "add.s32 %r1, %r2, 1");
  EXPECT_EQ(add.line, 9);
  EXPECT_EQ(add.source.line, 12);
  EXPECT_EQ(kernel.body.at(4).instruction.source.line, 20);
  EXPECT_EQ(kernel.body.at(4).instruction.source.caller_line, 14);
  EXPECT_EQ(kernel.branch_targets.at("targets").size(), 2U);
  EXPECT_EQ(module.files.at(1), "kernel.cu");
}

TEST(PtxParserTest, ErrorsNameTheLine) {
  const auto refused = [](const std::string& text, const std::string& message) {
    return throws_error([&] { parse_module(header + text); }, message);
  };
  EXPECT_TRUE(refused(".entry k() {\n add.s32 %r1 %r2;\n}", "ptx line 5: '%r2' found"));
  EXPECT_TRUE(refused(".entry k() {\n ret;\n", "line 6: the text ends"));
  EXPECT_TRUE(refused("/* open", "comment without end"));
  EXPECT_TRUE(refused(".global .u33 x;", "'u33'"));
  EXPECT_TRUE(refused(".global .align 3 .u32 x;", "power of two"));
  EXPECT_TRUE(refused(".global .u32 x[99999999999][99999999999];", "2^32"));
  EXPECT_TRUE(refused(".entry k() { mov.u32 %r1, 99999999999999999999; }", "64 bits"));
  EXPECT_TRUE(refused(".entry k() .unheard_of {}", ".unheard_of"));
  EXPECT_TRUE(refused(".entry k() { add {{{{{{{{{{{1}}}}}}}}}}}; }", "fewer levels"));
  EXPECT_TRUE(refused("\x01", "0x01"));
}

}  // namespace
}  // namespace lq::emulator::ptx
