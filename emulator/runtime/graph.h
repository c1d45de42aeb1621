// Capture of a stream's work, and the graphs that it becomes: lists of work, since one stream's is
// all that is captured.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "emulator/runtime/api_types.h"

namespace lq::emulator {

class Device;

/// A piece of work with everything that it needs: a copy of arguments, not where they were.
using Work = std::function<ErrorCode(Device&)>;

/// What programs hold as cudaGraph_t and, instantiated, as cudaGraphExec_t.
struct Graph {
  std::vector<Work> work;
};

/// A capture that has begun and not ended.
struct Capture {
  Graph graph;
  bool is_invalidated = false;
  /// Whether calls that no stream sees, like allocation, are let pass in the thread that captures.
  bool is_relaxed = false;
};

/// Null for a stream that is not captured, and for those that have no object.
Capture* capture_of(Stream* stream);

/// An entry point's answer: does the work, or keeps it if the stream is captured.
int issue(const char* name, Stream* stream, Work work);

/// For entry points with a stream that a capture cannot keep: throws Error, naming the call.
void refuse_capture(const char* name, Stream* stream);

/// For calls that a capture of this thread forbids: invalidates it and returns its error code, or
/// success if the call may go on.
ErrorCode forbid_in_capture();
/// The same for calls that wait for the stream.
ErrorCode forbid_waiting(Stream* stream);

}  // namespace lq::emulator
