// Programs that the emulator cannot run, and what it says: `messages unsupported`; and one that
// says how far it came: `messages speak`.

#include <cstring>

#include "check.h"

__global__ void nothing() {}

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "unsupported") == 0) {
    cudaGraph_t graph = nullptr;
    require(cudaGraphDebugDotPrint(graph, "graph", 0), "cudaGraphDebugDotPrint");
  }
  nothing<<<1, 1>>>();
  if (argc == 2 && std::strcmp(argv[1], "speak") == 0) std::puts("a kernel was launched");
  return finish();
}
