// What streams do and the nodes of graphs keep: pieces of work with everything that they need.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "emulator/machine/block.h"
#include "emulator/runtime/api_types.h"
#include "emulator/runtime/library_work.h"

namespace lq::emulator {

class Device;
struct Graph;

/// A launch that the device has accepted, with a copy of its arguments.
struct KernelWork {
  KernelRecord* kernel = nullptr;
  Dim3 grid;
  Dim3 block;
  std::optional<Dim3> cluster;  // that the launch asks for; the kernel may bring its own
  std::size_t dynamic_shared_bytes = 0;
  bool is_cooperative = false;
  std::vector<std::byte> arguments;
};

/// One end of a copy: a box of bytes.
template <typename Pointer>
struct CopyEnd {
  Pointer first = nullptr;
  std::size_t pitch = 0;        // bytes from row to row
  std::size_t slice_pitch = 0;  // bytes from slice to slice
};

struct CopyWork {
  CopyEnd<std::byte*> to;
  CopyEnd<const std::byte*> from;
  std::size_t width = 0;  // bytes
  std::size_t height = 1;
  std::size_t depth = 1;
  CopyKind kind = CopyKind::by_address;
};

struct FillWork {
  std::byte* to = nullptr;
  std::size_t pitch = 0;
  unsigned value = 0;
  unsigned element_bytes = 1;
  std::size_t width = 0;  // elements
  std::size_t height = 1;
};

struct HostWork {
  void (*function)(void*) = nullptr;
  void* argument = nullptr;
};

struct ChildWork {
  std::shared_ptr<Graph> graph;
};

struct NoWork {};

/// In the order of cudaGraphNodeType, but for the last one.
using Work = std::variant<KernelWork, CopyWork, FillWork, HostWork, ChildWork, NoWork, LibraryWork>;

/// cudaGraphNodeType. What libraries do on a device are launches.
inline int node_type(const Work& work) {
  return std::holds_alternative<LibraryWork>(work) ? 0 : static_cast<int>(work.index());
}

/// A copy of a single row.
CopyWork row_copy(void* to, const void* from, std::size_t bytes, CopyKind kind);

/// Whether rows lie behind one another, not within.
bool is_possible(const CopyWork& copy);
bool is_possible(const FillWork& fill);

/// Does the work now, which is possible, in the name of the call. Throws Error for faults.
ErrorCode perform(Device& device, const char* name, const Work& work);

}  // namespace lq::emulator
