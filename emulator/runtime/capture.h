// Capture: work of streams that becomes a graph instead of being done.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "emulator/runtime/graph.h"

namespace lq::emulator {

/// cudaStreamCaptureMode: which captures keep a thread from calls that no stream sees.
enum class CaptureMode : int { of_all_threads = 0, of_this_thread = 1, relaxed = 2 };
/// cudaStreamCaptureStatus.
enum class CaptureStatus : int { none = 0, active = 1, invalidated = 2 };

struct Capture {
  std::uint64_t id = 0;
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  Stream* origin = nullptr;
  CaptureMode mode = CaptureMode::of_all_threads;
  std::thread::id thread;
  std::vector<Stream*> streams;
  bool is_invalidated = false;
  bool has_ended = false;  // events may still know it; its nodes may be gone
};

/// The stream's object, of each thread for its default stream; null for the legacy stream.
Stream* object_of(Stream* stream);
/// Whether the legacy stream waits for it.
bool is_blocking(const Stream& stream);

/// Gives the work to the stream, or to the graph if the stream is captured.
ErrorCode issue(Device& device, const char* name, Stream* stream, Work work);
/// For calls that have a stream and that no graph can keep: throws Error, naming the call.
void refuse_capture(const char* name, Stream* stream);

ErrorCode begin_capture(Stream* stream, CaptureMode mode);
/// The graph stays null if the capture has failed.
ErrorCode end_capture(Stream* stream, Graph** graph);
/// Of the calling thread: the mode that it had.
CaptureMode exchange_capture_mode(CaptureMode mode);

struct CaptureInfo {
  ErrorCode code = success;
  CaptureStatus status = CaptureStatus::none;
  std::uint64_t id = 0;
  Graph* graph = nullptr;
  const std::vector<GraphNode*>* dependencies = nullptr;  // of the next node of the stream
};
CaptureInfo capture_info(Stream* stream);

/// Keeps where in a captured stream the event is, or that it is in none.
ErrorCode record_event(Event& event, Stream* stream);
/// Makes a stream wait for an event: that is how one becomes a part of a capture, and joins again.
ErrorCode wait_for_event(Stream* stream, Event& event);

// Calls that capture forbids: these invalidate the captures that the call would disturb and return
// the call's error, or success if it may go on.

/// Calls that no stream sees, like allocation.
ErrorCode forbid_unseen_call();
/// Calls that use the legacy stream and wait for it.
ErrorCode forbid_synchronous_call();
ErrorCode forbid_waiting(Stream* stream);
ErrorCode forbid_waiting(const Event& event);
ErrorCode forbid_waiting_for_device();

}  // namespace lq::emulator
