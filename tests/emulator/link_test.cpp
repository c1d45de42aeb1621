#include "emulator/ptx/link.h"

#include <gtest/gtest.h>

#include "tests/emulator/support/device.h"
#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;
using testing::Device;
using u32 = std::uint32_t;

/// A function without parameters, whose body leaves its result in %r0.
std::string function(const std::string& head, const std::string& body) {
  return head + "(.param .b32 result) f()\n{\n.reg .b32 %r<4>;\n" + body +
         "\nst.param.b32 [result], %r0;\nret;\n}\n";
}

/// A kernel whose body leaves what it stores in %r0.
std::string kernel(const std::string& name, const std::string& body) {
  return ".visible .entry " + name +
         "(.param .u64 out)\n{\n.reg .b32 %r<4>;\n.reg .b64 %d<4>;\n.reg .pred %p<2>;\n" + body +
         "\nld.param.u64 %d0, [out];\nst.global.u32 [%d0], %r0;\nret;\n}\n";
}

const std::string call_f =
    "{\n.param .b32 value;\ncall.uni (value), f, ();\nld.param.b32 %r0, [value];\n}\n";
const std::string declare_f = ".extern .func (.param .b32 result) f();\n";

u32 result_of(const std::vector<std::string>& modules, const std::string& name) {
  Device device(modules);
  const std::uint64_t out = device.memory().allocate(4);
  device.launch(name, {1, 1, 1}, {1, 1, 1}, {out}, 64);
  return device.download<u32>(out, 1)[0];
}

TEST(LinkTest, DeclarationsFindDefinitionsOfOtherModules) {
  const std::string user = declare_f + ".extern .global .u32 x;\n" +
                           kernel("k", call_f + "ld.global.u32 %r1, [x];\nadd.u32 %r0, %r0, %r1;");
  const std::string owner =
      ".visible .global .u32 x = 40;\n" + function(".visible .func ", "mov.u32 %r0, 2;");
  EXPECT_EQ(result_of({user, owner}, "k"), 42U);
  EXPECT_EQ(result_of({owner, user}, "k"), 42U);
  // A declaration ahead of the definition is none of its own.
  EXPECT_EQ(result_of({user, ".visible .func (.param .b32 result) f();\n" + owner}, "k"), 42U);
  // Addresses in initial values, too.
  const std::string pointer = ".extern .global .u32 x;\n.visible .global .u64 p = x;\n" +
                              kernel("k", "ld.global.u64 %d1, [p];\nld.global.u32 %r0, [%d1];");
  EXPECT_EQ(result_of({pointer, owner}, "k"), 40U);
}

/// Everything that has a name is called the same in both modules, and so is a label, a parameter
/// and a list of branch targets.
TEST(LinkTest, LocalNamesStayApart) {
  const auto module = [](const std::string& name, int value) {
    return fmt::format(".global .u32 own = {};\n.global .u64 to = own;\n", value) +
           function(".func ", "bra.uni own;\nown: ld.global.u32 %r0, [own];") +
           kernel(name, call_f +
                            "mov.u32 %r2, 1;\nto: .branchtargets f, own;\nbrx.idx %r2, to;\n"
                            "f: mov.u32 %r0, 1000;\nown: ld.global.u64 %d1, [to];\n"
                            "ld.global.u32 %r1, [%d1];\nmad.lo.u32 %r0, %r0, 100, %r1;");
  };
  const std::vector<std::string> modules{module("first", 12), module("second", 34)};
  EXPECT_EQ(result_of(modules, "first"), 1212U);
  EXPECT_EQ(result_of(modules, "second"), 3434U);
  // A name that only one module shares is not meant by the other one.
  const std::string shares =
      ".visible .global .u32 own = 56;\n" + kernel("third", "ld.global.u32 %r0, [own];");
  EXPECT_EQ(result_of({module("first", 12), shares}, "third"), 56U);
  EXPECT_EQ(result_of({module("first", 12), shares}, "first"), 1212U);
}

TEST(LinkTest, StrongDefinitionsReplaceWeakOnes) {
  const auto weak = [](int value) {
    return fmt::format(".weak .global .u32 x = {};\n", value) +
           function(".weak .func ", fmt::format("mov.u32 %r0, {};", value));
  };
  const std::string strong =
      ".visible .global .u32 x = 7;\n" + function(".visible .func ", "mov.u32 %r0, 7;");
  const std::string user =
      declare_f + ".extern .global .u32 x;\n" +
      kernel("k", call_f + "ld.global.u32 %r1, [x];\nmad.lo.u32 %r0, %r0, 10, %r1;");
  EXPECT_EQ(result_of({weak(1), user, weak(2)}, "k"), 11U);
  EXPECT_EQ(result_of({weak(2), user, weak(1)}, "k"), 22U);
  EXPECT_EQ(result_of({weak(1), user, strong}, "k"), 77U);
  EXPECT_EQ(result_of({strong, user, weak(1)}, "k"), 77U);
  EXPECT_TRUE(throws_error(
      [&] {
        result_of({strong, user, strong}, "k");
      },
      "'x' has two definitions"));
}

TEST(LinkTest, SharedMemoryThatLaunchesAddIsOne) {
  const std::string dynamic = ".extern .shared .align 4 .b8 dynamic[];\n";
  const std::string user =
      dynamic + declare_f +
      kernel("k", "mov.u32 %r0, 99;\nst.shared.u32 [dynamic+4], %r0;\n" + call_f);
  const std::string owner =
      dynamic + function(".visible .func ", "ld.shared.u32 %r0, [dynamic+4];");
  EXPECT_EQ(result_of({user, owner}, "k"), 99U);
}

TEST(LinkTest, MissingDefinitionsAreNamed) {
  EXPECT_TRUE(throws_error([] { result_of({declare_f + kernel("k", call_f)}, "k"); },
                           "function 'f' is not in the PTX of the program"));
  EXPECT_TRUE(throws_error(
      [] {
        result_of({".extern .global .u32 x;\n" + kernel("k", "ld.global.u32 %r0, [x];")}, "k");
      },
      "variable x is not in the PTX of the program"));
}

TEST(LinkTest, ReportsNameTheFileOfTheModule) {
  const auto module = [](const std::string& name, const std::string& file) {
    return kernel(name, ".loc 1 17 0\nmov.u64 %d1, 0;\nld.global.u32 %r0, [%d1];") + ".file 1 \"" +
           file + "\"\n";
  };
  const std::vector<std::string> modules{module("first", "one.cu"), module("second", "two.cu")};
  EXPECT_TRUE(throws_error([&] { result_of(modules, "first"); }, "one.cu:17"));
  EXPECT_TRUE(throws_error([&] { result_of(modules, "second"); }, "two.cu:17"));
}

}  // namespace
}  // namespace lq::emulator
