// Programs that the emulator cannot run, and what it says: `messages unsupported`; and one that
// says how far it came, `messages speak`, or what it was compiled for, `messages versions`.

#include <cstring>

#include "check.h"

__global__ void nothing() {}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "unsupported") == 0) {
    cudaGraph_t graph = nullptr;
    require(cudaGraphDebugDotPrint(graph, "graph", 0), "cudaGraphDebugDotPrint");
  }
  if (argc == 2 && std::strcmp(argv[1], "versions") == 0) {
    cudaFuncAttributes attributes;
    require(cudaFuncGetAttributes(&attributes, nothing), "cudaFuncGetAttributes");
    std::printf("PTX %d binary %d\n", attributes.ptxVersion, attributes.binaryVersion);
  }
  nothing<<<1, 1>>>();
  if (argc == 2 && std::strcmp(argv[1], "speak") == 0) std::puts("a kernel was launched");
  return finish();
}
