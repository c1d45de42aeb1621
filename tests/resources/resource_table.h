// The table of kernels' resources: docs/cuda-resources.md.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/resources/ptxas_log.h"

namespace lq::testing {

/// A kernel as built for one architecture.
struct BuiltKernel {
  std::string source;  // "kernels/pool/pool_cuda.cu"
  int threads = 0;     // of a block, by its launch bounds; 0 where it has none
  KernelResources resources;
  bool has_dynamic_shared = false;        // by its PTX
  std::int64_t dynamic_shared_bytes = 0;  // of a block, by the plan of its launch; 0: none
};

/// A demangled name without namespaces, return type and parameters.
std::string short_name(std::string demangled);
std::string short_kernel_name(const std::string& mangled);

/// The cells of a row of a table in Markdown.
std::vector<std::string> fields_of(const std::string& line);

/// Kernels of CUB, which objects have from headers of the toolkit: they are taken as they are.
bool is_of_cub(std::string_view mangled);
/// One of these is there to be asked what it was compiled for; nobody launches it.
bool is_never_launched(std::string_view mangled);

/// What no kernel but CUB's may have: spills, a stack, no launch bounds, dynamic shared memory of
/// which no plan is known. A line each.
std::vector<std::string> faults_of(const std::vector<BuiltKernel>& kernels);

/// As text, which is what is compared.
struct ResourceRow {
  std::string threads;
  std::string shared;  // bytes, static + dynamic; the former one number, or one per architecture
  std::map<std::string, std::string> cells;  // by architecture: registers/occupancy
};

struct ResourceTable {
  std::string compiler;  // version of nvcc
  std::vector<std::string> architectures;
  std::map<std::pair<std::string, std::string>, ResourceRow> rows;  // by source and short name
};

/// Throws Error for kernels of one source with the same short name, and for architectures whose
/// limits are not known.
ResourceTable make_table(const std::string& compiler, const std::vector<BuiltKernel>& kernels);

std::string to_markdown(const ResourceTable& table);
/// Throws Error for text that to_markdown() does not write.
ResourceTable from_markdown(std::string_view text);

/// A line for each difference, in the architectures that both have.
std::vector<std::string> differences(const ResourceTable& built, const ResourceTable& recorded);

}  // namespace lq::testing
