// A program that only runs packed networks contains no tape, no optimizer and no data loader.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "deploy/packed_file.h"
#include "tests/deploy/random_model.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string output;
  std::array<char, 4096> buffer;
  while (pipe &&
         std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe.get()) != nullptr) {
    output += buffer.data();
  }
  return output;
}

/// Functions and objects that a file defines once and for all: no templates and inline functions,
/// which any file may have a copy of.
std::set<std::string> strong_symbols(const std::string& file) {
  std::istringstream lines(output_of(std::string(LQNET_NM) + " --defined-only '" + file + "'"));
  std::set<std::string> symbols;
  // "0000000000000000 T _ZN2lq6deploy8validateERKNS0_5ValueE"
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string address, type, name;
    if (!(words >> address >> type >> name)) continue;
    if (type == "T" || type == "D" || type == "B" || type == "R") symbols.insert(name);
  }
  return symbols;
}

std::set<std::string> archives() {
  std::istringstream list(LQNET_TRAINING_LIBRARIES);
  std::set<std::string> paths;
  for (std::string path; std::getline(list, path, '|');) paths.insert(path);
  return paths;
}

std::string first_common(const std::set<std::string>& a, const std::set<std::string>& b) {
  for (const std::string& name : a) {
    if (b.contains(name)) return name;
  }
  return "";
}

TEST(LinkTest, InferenceContainsNothingOfTraining) {
  if (!std::filesystem::exists(LQNET_NM)) GTEST_SKIP() << "no nm on this machine";
  const std::set<std::string> program = strong_symbols(LQNET_PACKED_INFERENCE);
  EXPECT_NE(first_common(program, strong_symbols(LQNET_DEPLOY_LIBRARY)), "")
      << "symbols were not understood";
  EXPECT_EQ(archives().size(), 5U);
  for (const std::string& library : archives()) {
    const std::set<std::string> symbols = strong_symbols(library);
    EXPECT_GT(symbols.size(), 10U) << library;
    EXPECT_EQ(first_common(program, symbols), "") << library;
  }
  for (const std::string& name : program) {
    for (const char* operation : {"sgd", "_backward", "qem", "parallel_for"}) {
      EXPECT_EQ(name.find(operation), std::string::npos) << name;
    }
  }
}

TEST(LinkTest, TheProgramRuns) {
  const TemporaryFolder folder;
  deploy::write_packed_model(folder / "network.lqn", RandomModel(1).model());
  const std::string output =
      output_of("'" LQNET_PACKED_INFERENCE "' '" + (folder / "network.lqn").string() + "'");
  EXPECT_TRUE(output.ends_with('\n')) << output;
}

}  // namespace
}  // namespace lq::testing
