// Checks the resources of all kernels, or writes the table of them, or checks that all are tested.
//
//   kernel_resources check|write TABLE NVCC_VERSION LIST_OF_OBJECTS
//   kernel_resources launched ARCHITECTURE LIST_OF_OBJECTS LAUNCHES...
//
// The list names an object of nvcc per line. `check` fails for kernels that spill, have a stack or
// no launch bounds, unless they are CUB's, and where the table differs from what was built; a table
// that another nvcc made is not compared. `launched` fails for kernels of the architecture, such as
// 90a, that were launched according to none of the files that LQNET_EMULATED_LAUNCHES has made.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <span>
#include <sstream>

#include "core/error.h"
#include "tests/resources/dynamic_shared.h"
#include "tests/resources/launch_bounds.h"
#include "tests/resources/resource_table.h"
#include "tests/resources/table_files.h"

namespace lq::testing {
namespace {

/// "kernels/CMakeFiles/lqnet_kernels.dir/add/add_cuda.cu.o" is made of kernels/add/add_cuda.cu;
/// with lqnet_kernels_sm_90a, it is for that architecture alone.
std::string source_of(const std::string& object) {
  static const std::regex parts(
      ".*/([a-z_]+)/CMakeFiles/lqnet_\\1(?:_sm_[0-9]+[a-z]*)?\\.dir/(.*)\\.o");
  std::smatch match;
  const std::string path = std::filesystem::path(object).lexically_normal().string();
  check(std::regex_match(path, match, parts), "{}: not an object of a folder's library", object);
  return match[1].str() + "/" + match[2].str();
}

std::vector<std::string> objects_of(const std::string& list) {
  std::vector<std::string> objects;
  std::istringstream lines(contents_of(list));
  for (std::string object; std::getline(lines, object);) {
    if (!object.empty()) objects.push_back(object);
  }
  return objects;
}

std::vector<KernelResources> resources_of(const std::string& object) {
  return read_ptxas_log(contents_of(object + ".resources"));
}

std::vector<BuiltKernel> kernels_of(const std::string& list) {
  std::vector<BuiltKernel> kernels;
  for (const std::string& object : objects_of(list)) {
    const std::string bytes = contents_of(object);
    const auto bounds = launch_bounds_of(std::as_bytes(std::span(bytes)));
    const auto dynamic_shared = dynamic_shared_bytes();
    for (KernelResources& resources : resources_of(object)) {
      const auto found = bounds.find(resources.kernel);
      check(found != bounds.end(), "{}: no PTX of {}", object, resources.kernel);
      const auto dynamic = dynamic_shared.find(short_kernel_name(resources.kernel));
      kernels.push_back(
          {.source = source_of(object),
           .threads = found->second.threads,
           .resources = std::move(resources),
           .has_dynamic_shared = found->second.has_dynamic_shared,
           .dynamic_shared_bytes = dynamic == dynamic_shared.end() ? 0 : dynamic->second});
    }
  }
  check(!kernels.empty(), "{}: no kernels in the objects", list);
  return kernels;
}

/// Mangled names of the kernels that were launched, by lines "launches name".
std::set<std::string> launched_kernels(std::span<const std::string> files) {
  std::set<std::string> launched;
  for (const std::string& path : files) {
    std::istringstream lines(contents_of(path));
    std::string name;
    for (std::uint64_t launches = 0; lines >> launches >> name;) {
      if (launches > 0) launched.insert(name);
    }
    check(lines.eof(), "{}: '{}' is not followed by launches and a kernel", path, name);
  }
  return launched;
}

int check_launches(const std::string& architecture, const std::string& list,
                   std::span<const std::string> files) {
  const std::set<std::string> launched = launched_kernels(files);
  int built = 0;
  int idle = 0;
  for (const std::string& object : objects_of(list)) {
    for (const KernelResources& kernel : resources_of(object)) {
      if (kernel.architecture != architecture || is_never_launched(kernel.kernel)) continue;
      ++built;
      if (launched.contains(kernel.kernel)) continue;
      ++idle;
      fmt::print("{}: {} on sm_{}: no test has launched it\n", source_of(object),
                 short_kernel_name(kernel.kernel), architecture);
    }
  }
  check(built > 0, "{}: no kernels for sm_{} in the objects", list, architecture);
  fmt::print("{} of {} kernels have been launched on sm_{}\n", built - idle, built, architecture);
  return idle == 0 ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 4 && arguments[0] == "launched") {
    return check_launches(arguments[1], arguments[2], std::span(arguments).subspan(3));
  }
  check(arguments.size() == 4 && (arguments[0] == "check" || arguments[0] == "write"),
        "usage: kernel_resources check|write TABLE NVCC_VERSION LIST_OF_OBJECTS, or\n"
        "       kernel_resources launched ARCHITECTURE LIST_OF_OBJECTS LAUNCHES...");
  const std::string& path = arguments[1];
  const std::string& compiler = arguments[2];
  const std::vector<BuiltKernel> kernels = kernels_of(arguments[3]);
  const std::vector<std::string> faults = faults_of(kernels);
  for (const std::string& line : faults) fmt::print("{}\n", line);
  if (arguments[0] == "write") {
    check(faults.empty(), "{} is not written: kernels have to be mended first", path);
    write_table(path, to_markdown(make_table(compiler, kernels)));
    return 0;
  }

  const ResourceTable recorded = from_markdown(contents_of(path));
  if (!is_of_compiler(path, recorded.compiler, compiler)) return faults.empty() ? 0 : 1;
  std::vector<BuiltKernel> known;
  std::ranges::copy_if(kernels, std::back_inserter(known), [&](const BuiltKernel& kernel) {
    return std::ranges::find(recorded.architectures, kernel.resources.architecture) !=
           recorded.architectures.end();
  });
  const bool is_as_recorded =
      agrees(differences(make_table(compiler, known), recorded), path, "kernel_resources_table");
  return faults.empty() && is_as_recorded ? 0 : 1;
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
