// Files that are compiled once per instruction set must not lend their code to the rest of the
// program: kernels/common/isa_variants.h says why and how.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace lq::testing {
namespace {

/// Paths of the objects that were compiled for `isa`, as the build wrote them down; empty where
/// it compiles none.
std::vector<std::string> objects_of(const std::string& isa) {
  std::vector<std::string> paths;
  for (const std::string owner : {"", "emulator_"}) {
    std::ifstream list(LQNET_ISA_OBJECTS_PREFIX + owner + isa + ".txt");
    for (std::string line; std::getline(list, line);) {
      if (!line.empty()) paths.push_back(line);
    }
  }
  return paths;
}

/// Lines that a command writes.
std::vector<std::string> output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::vector<std::string> lines;
  std::array<char, 4096> buffer;
  while (pipe &&
         std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) {
    std::string line(buffer.data());
    if (line.ends_with('\n')) line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Demangled names of the symbols that an object defines for others: global, weak and unique ones.
std::vector<std::string> exported_symbols(const std::string& object) {
  std::vector<std::string> names;
  // "0000000000000000 R lq::kernels::avx2::quantize_kernels"
  for (const std::string& line : output_of(
           std::string(LQNET_NM) + " --defined-only --extern-only --demangle '" + object + "'")) {
    const std::size_t type = line.find(' ');
    if (type == std::string::npos || line.size() < type + 4) continue;
    names.push_back(line.substr(type + 3));
  }
  return names;
}

/// What sanitizers add: none of it is code. The second is a pointer for unwinding the stack.
bool is_of_a_sanitizer(const std::string& name) {
  return name.starts_with("__odr_asan") || name == "DW.ref.__gxx_personality_v0";
}

class IsaSymbolsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(IsaSymbolsTest, StayInTheirNamespace) {
  const std::string isa = GetParam();
  if (!std::filesystem::exists(LQNET_NM)) GTEST_SKIP() << "no nm on this machine";
  const std::vector<std::string> objects = objects_of(isa);
  if (objects.empty()) GTEST_SKIP() << "nothing is compiled for " << isa << " in this build";
  const std::string kernels = "lq::kernels::" + isa + "::";
  const std::string emulator = "lq::emulator::" + isa + "::";
  for (const std::string& object : objects) {
    const std::vector<std::string> names = exported_symbols(object);
    // The table of functions at least: else the names were not understood.
    EXPECT_FALSE(names.empty()) << object;
    for (const std::string& name : names) {
      EXPECT_TRUE(name.starts_with(kernels) || name.starts_with(emulator) ||
                  is_of_a_sanitizer(name))
          << name << " in " << object;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, IsaSymbolsTest,
                         ::testing::Values("portable", "neon", "avx2", "avx512", "avx512_vpopcnt"),
                         [](const auto& isa) { return isa.param; });

TEST(IsaSymbolsToolTest, SeesAWeakSymbolOfTheLibrary) {
  if (!std::filesystem::exists(LQNET_NM)) GTEST_SKIP() << "no nm on this machine";
  // This program instantiates templates of the library, as an ISA file must not.
  bool found = false;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const std::string& name : exported_symbols(self)) {
    found = found || name.find("std::") != std::string::npos;
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace lq::testing
