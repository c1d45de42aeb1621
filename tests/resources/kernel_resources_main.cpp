// Checks the resources of all kernels, or writes the table of them.
//
//   kernel_resources check|write TABLE NVCC_VERSION LIST_OF_OBJECTS
//
// The list names an object of nvcc per line. `check` fails for kernels that spill, have a stack or
// no launch bounds, and where the table differs from what was built; a table that another nvcc made
// is not compared.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <span>

#include "core/error.h"
#include "tests/resources/launch_bounds.h"
#include "tests/resources/resource_table.h"

namespace lq::testing {
namespace {

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), "{}: cannot be read; is everything built?", path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "kernels/CMakeFiles/lqnet_kernels.dir/add/add_cuda.cu.o" is made of kernels/add/add_cuda.cu.
std::string source_of(const std::string& object) {
  static const std::regex parts(".*/([a-z_]+)/CMakeFiles/lqnet_\\1\\.dir/(.*)\\.o");
  std::smatch match;
  const std::string path = std::filesystem::path(object).lexically_normal().string();
  check(std::regex_match(path, match, parts), "{}: not an object of a folder's library", object);
  return match[1].str() + "/" + match[2].str();
}

std::vector<BuiltKernel> kernels_of(const std::string& list) {
  std::vector<BuiltKernel> kernels;
  std::ifstream objects(list);
  check(objects.is_open(), "{}: cannot be read", list);
  for (std::string object; std::getline(objects, object);) {
    if (object.empty()) continue;
    const std::string bytes = contents_of(object);
    const auto bounds = launch_bounds_of(std::as_bytes(std::span(bytes)));
    for (KernelResources& resources : read_ptxas_log(contents_of(object + ".resources"))) {
      const auto threads = bounds.find(resources.kernel);
      check(threads != bounds.end(), "{}: no PTX of {}", object, resources.kernel);
      kernels.push_back({source_of(object), threads->second, std::move(resources)});
    }
  }
  check(!kernels.empty(), "{}: no kernels in the objects", list);
  return kernels;
}

int run(const std::vector<std::string>& arguments) {
  check(arguments.size() == 4 && (arguments[0] == "check" || arguments[0] == "write"),
        "usage: kernel_resources check|write TABLE NVCC_VERSION LIST_OF_OBJECTS");
  const std::string& path = arguments[1];
  const std::string& compiler = arguments[2];
  const std::vector<BuiltKernel> kernels = kernels_of(arguments[3]);
  const std::vector<std::string> faults = faults_of(kernels);
  for (const std::string& line : faults) fmt::print("{}\n", line);
  if (arguments[0] == "write") {
    check(faults.empty(), "{} is not written: kernels have to be mended first", path);
    const std::string text = to_markdown(make_table(compiler, kernels));
    std::ofstream(path) << text;
    return 0;
  }

  const ResourceTable recorded = from_markdown(contents_of(path));
  if (recorded.compiler != compiler) {
    fmt::print("{} was made with nvcc {}, this build with {}: not compared\n", path,
               recorded.compiler, compiler);
    return faults.empty() ? 0 : 1;
  }
  std::vector<BuiltKernel> known;
  std::ranges::copy_if(kernels, std::back_inserter(known), [&](const BuiltKernel& kernel) {
    return std::ranges::find(recorded.architectures, kernel.resources.architecture) !=
           recorded.architectures.end();
  });
  const std::vector<std::string> changes = differences(make_table(compiler, known), recorded);
  for (const std::string& line : changes) fmt::print("{}\n", line);
  if (!changes.empty()) {
    fmt::print(
        "{} lines of {} are not as built; if they should be, build the target "
        "kernel_resources_table and commit the table\n",
        changes.size(), path);
  }
  return faults.empty() && changes.empty() ? 0 : 1;
}

}  // namespace
}  // namespace lq::testing

int main(int count, char** arguments) {
  try {
    return lq::testing::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    fmt::print(stderr, "kernel_resources: {}\n", error.what());
    return 1;
  }
}
