// Folders of kernels/ never include one another: what two operations share lies in common/.
// CMake cannot see that, because all of kernels/ is one library with one include root.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lq::testing {
namespace {

namespace fs = std::filesystem;

/// The path in a line of the form #include "path".
std::optional<std::string_view> quoted_include(std::string_view line) {
  constexpr std::string_view blank = " \t";
  const auto skip = [&line](std::string_view expected) {
    line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
    if (!line.starts_with(expected)) return false;
    line.remove_prefix(expected.size());
    return true;
  };
  if (!skip("#") || !skip("include") || !skip("\"")) return std::nullopt;
  return line.substr(0, line.find('"'));
}

/// The includes of a source of kernels/<folder>/ that lie neither in the folder itself nor in
/// common/ nor in core/.
std::vector<std::string> forbidden_includes(std::string_view folder, std::istream& source) {
  const std::string own = "kernels/" + std::string(folder) + "/";
  std::vector<std::string> forbidden;
  for (std::string line; std::getline(source, line);) {
    const auto path = quoted_include(line);
    if (!path) continue;
    const bool allowed = path->starts_with(own) || path->starts_with("kernels/common/") ||
                         path->starts_with("core/");
    // "kernels/add/../relu/relu.h" begins well.
    if (!allowed || path->find("..") != std::string_view::npos) forbidden.emplace_back(*path);
  }
  return forbidden;
}

std::vector<std::string> forbidden_in(std::string_view folder, const std::string& source) {
  std::istringstream lines(source);
  return forbidden_includes(folder, lines);
}

TEST(IncludeRuleTest, SeesWhatIsForbidden) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(forbidden_in("add",
                         "#include \"kernels/add/add.h\"\n"
                         "#include \"kernels/common/dispatch.h\"\n"
                         "#include \"core/tensor.h\"\n"
                         "#include <vector>\n"
                         "// as #include \"kernels/relu/relu.h\" would do\n"),
            Paths{});
  EXPECT_EQ(forbidden_in("add",
                         "#include \"kernels/relu/relu.h\"\n"
                         "  #  include\t\"kernels/adder/add.h\"  // why not\n"
                         "#include \"relu.h\"\n"
                         "#include \"../relu/relu.h\"\n"
                         "#include \"kernels/add/../relu/relu.h\"\n"
                         "#include \"autograd/add.h\"\n"),
            (Paths{"kernels/relu/relu.h", "kernels/adder/add.h", "relu.h", "../relu/relu.h",
                   "kernels/add/../relu/relu.h", "autograd/add.h"}));
  EXPECT_EQ(forbidden_in("common", "#include \"kernels/add/add.h\"\n"), Paths{"kernels/add/add.h"});
}

TEST(IncludeRuleTest, FoldersOfKernelsDoNotIncludeOneAnother) {
  const fs::path kernels = fs::path(LQNET_SOURCE_FOLDER) / "kernels";
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kernels)) {
    if (!entry.is_regular_file()) continue;
    const fs::path path = entry.path().lexically_relative(kernels);
    if (std::distance(path.begin(), path.end()) < 2) continue;  // the build file
    std::ifstream source(entry.path());
    for (const std::string& include : forbidden_includes(path.begin()->string(), source)) {
      ADD_FAILURE() << "kernels/" << path.string() << " includes \"" << include << '"';
    }
    ++files;
  }
  EXPECT_GT(files, 50) << "sources were looked for in " << kernels;
}

}  // namespace
}  // namespace lq::testing
