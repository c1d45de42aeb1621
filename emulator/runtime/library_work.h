// Work of libraries: what stand-ins for them (emulator/libraries/) give to a stream, functions of
// the host on memory of the device.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "emulator/runtime/api_types.h"

namespace lq::emulator {

/// Rows on the device. Addresses and lengths are multiples of four bytes.
struct LibraryOperand {
  /// What lent memory holds is lost.
  enum class Use { read, written, read_and_written, lent };

  std::string name;  // in reports
  const void* first = nullptr;
  std::size_t width = 0;  // bytes of a row
  std::size_t height = 1;
  std::size_t pitch = 0;  // bytes from row to row
  Use use = Use::read;
};

struct LibraryWork {
  std::string call;
  std::vector<LibraryOperand> operands;
  /// Does the work. Is given the host's address of each operand's first byte.
  std::function<void(std::span<std::byte* const>)> run;
};

}  // namespace lq::emulator

// Entry points of the emulated runtime for the stand-ins alone.

/// Does the work, or adds it to the graph that the stream is captured for. When it is done, all
/// operands have to lie in live allocations, and what is read has to be written. Returns a
/// cudaError_t.
LQNET_CUDA_API int lqnet_emulator_issue(lq::emulator::Stream* stream,
                                        const lq::emulator::LibraryWork& work);
/// Reports what a stand-in cannot do, as a fault of the program. Returns a cudaError_t if that goes
/// on.
LQNET_CUDA_API int lqnet_emulator_report(const char* call, const char* message);
