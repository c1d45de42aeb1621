#include "emulator/runtime/capture.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "core/error.h"
#include "emulator/runtime/device.h"

namespace lq::emulator {
namespace {

struct Captures {
  std::mutex mutex;  // of all that streams and events know about captures
  std::vector<std::shared_ptr<Capture>> active;
  std::uint64_t last_id = 0;
  std::list<Stream> of_threads;  // their default streams; captures may know them longer
};

Captures& captures() {
  // Never destroyed: programs call the API from their own destructors.
  static auto* const all = new Captures;
  return *all;
}

thread_local CaptureMode mode_of_thread = CaptureMode::of_all_threads;

/// Of the legacy stream alone, which has no object: its work comes after what blocking streams were
/// given, so while one of these is captured it cannot be done.
ErrorCode forbid_legacy_stream(const Stream* object, bool invalidates = true) {
  if (object != nullptr) return success;
  ErrorCode code = success;
  for (const auto& capture : captures().active) {
    const bool blocks = std::any_of(capture->streams.begin(), capture->streams.end(),
                                    [](const Stream* stream) { return is_blocking(*stream); });
    if (!blocks) continue;
    code = capture_implicit;
    capture->is_invalidated = capture->is_invalidated || invalidates;
  }
  return code;
}

bool forbids_unseen_calls(const Capture& capture) {
  if (mode_of_thread == CaptureMode::relaxed) return false;
  if (capture.thread == std::this_thread::get_id()) return capture.mode != CaptureMode::relaxed;
  return mode_of_thread == CaptureMode::of_all_threads &&
         capture.mode == CaptureMode::of_all_threads;
}

ErrorCode forbid_unseen_call_locked() {
  ErrorCode code = success;
  for (const auto& capture : captures().active) {
    if (!forbids_unseen_calls(*capture)) continue;
    capture->is_invalidated = true;
    code = capture_unsupported;
  }
  return code;
}

ErrorCode invalidate(Capture& capture, ErrorCode code) {
  capture.is_invalidated = true;
  return code;
}

void add_new(std::vector<GraphNode*>& nodes, const std::vector<GraphNode*>& others) {
  for (GraphNode* const node : others) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
}

/// Whether all work of the capture's streams comes before the end of its first one.
bool is_joined(const Capture& capture) {
  std::vector<GraphNode*> reached = capture.origin->last_nodes;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    add_new(reached, reached[i]->dependencies);
  }
  return std::all_of(capture.streams.begin(), capture.streams.end(), [&](const Stream* stream) {
    return std::all_of(stream->last_nodes.begin(), stream->last_nodes.end(), [&](GraphNode* node) {
      return std::find(reached.begin(), reached.end(), node) != reached.end();
    });
  });
}

void join(Stream& stream, const std::shared_ptr<Capture>& capture) {
  stream.capture = capture;
  stream.last_nodes.clear();
  capture->streams.push_back(&stream);
}

/// Copies from or to memory of the host that the device does not know end before their call does.
bool waits(Device& device, const Work& work) {
  const auto* const copy = std::get_if<CopyWork>(&work);
  return copy != nullptr && !(device.memory().contains(address_of(copy->to.first)) &&
                              device.memory().contains(address_of(copy->from.first)));
}

}  // namespace

Stream* object_of(Stream* stream) {
  const auto per_thread = reinterpret_cast<Stream*>(std::uintptr_t{2});
  if (stream != per_thread) return is_created(stream) ? stream : nullptr;
  thread_local Stream* const default_stream_of_thread = &captures().of_threads.emplace_back();
  return default_stream_of_thread;
}

bool is_blocking(const Stream& stream) {
  constexpr unsigned non_blocking = 1;
  return (stream.flags & non_blocking) == 0;
}

ErrorCode issue(Device& device, const char* name, Stream* stream, Work work) {
  {
    const std::lock_guard lock(captures().mutex);
    Stream* const object = object_of(stream);
    if (const ErrorCode code = forbid_legacy_stream(object); code != success) return code;
    if (object != nullptr && object->capture != nullptr) {
      if (object->capture->is_invalidated) return capture_invalidated;
      object->last_nodes = {&object->capture->graph->add(std::move(work), object->last_nodes)};
      return success;
    }
  }
  StreamQueues& streams = device.streams();
  Stream* const object = object_of(stream);
  const bool is_waiting = waits(device, work);
  const auto task = [&device, name, work = std::move(work)] { return perform(device, name, work); };
  return is_waiting ? streams.add_waiting(object, name, task) : streams.add(object, name, task);
}

void refuse_capture(const char* name, Stream* stream) {
  const std::lock_guard lock(captures().mutex);
  const Stream* const object = object_of(stream);
  check(object == nullptr || object->capture == nullptr,
        "{}: not supported in a captured stream; do it before the capture", name);
}

ErrorCode begin_capture(Stream* stream, CaptureMode mode) {
  const std::lock_guard lock(captures().mutex);
  Stream* const object = object_of(stream);
  if (object == nullptr) return capture_unsupported;
  if (object->capture != nullptr) return illegal_state;
  const auto capture = std::make_shared<Capture>();
  capture->id = ++captures().last_id;
  capture->origin = object;
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  join(*object, capture);
  captures().active.push_back(capture);
  return success;
}

ErrorCode end_capture(Stream* stream, Graph** graph) {
  const std::lock_guard lock(captures().mutex);
  Stream* const object = object_of(stream);
  if (object == nullptr || object->capture == nullptr) return illegal_state;
  const std::shared_ptr<Capture> capture = object->capture;
  if (capture->origin != object) return invalidate(*capture, capture_unmatched);
  const bool is_own = capture->thread == std::this_thread::get_id();
  if (!is_own && capture->mode != CaptureMode::relaxed) return capture_wrong_thread;
  ErrorCode code = success;
  if (capture->is_invalidated) {
    code = capture_invalidated;
  } else if (!is_joined(*capture)) {
    code = capture_unjoined;
  }
  for (Stream* const part : capture->streams) {
    part->capture = nullptr;
    part->last_nodes.clear();
  }
  capture->has_ended = true;
  std::erase(captures().active, capture);
  if (code == success) *graph = capture->graph.release();
  return code;
}

CaptureMode exchange_capture_mode(CaptureMode mode) { return std::exchange(mode_of_thread, mode); }

CaptureInfo capture_info(Stream* stream) {
  const std::lock_guard lock(captures().mutex);
  const Stream* const object = object_of(stream);
  if (object == nullptr) return {.code = forbid_legacy_stream(object, false)};
  const Capture* const capture = object->capture.get();
  if (capture == nullptr) return {};
  if (capture->is_invalidated) return {.status = CaptureStatus::invalidated};
  return {.status = CaptureStatus::active,
          .id = capture->id,
          .graph = capture->graph.get(),
          .dependencies = &object->last_nodes};
}

ErrorCode record_event(Event& event, Stream* stream) {
  const std::lock_guard lock(captures().mutex);
  const Stream* const object = object_of(stream);
  if (const ErrorCode code = forbid_legacy_stream(object); code != success) return code;
  const bool is_captured = object != nullptr && object->capture != nullptr;
  if (is_captured && object->capture->is_invalidated) return capture_invalidated;
  event.recorded = true;
  event.capture = is_captured ? object->capture : nullptr;
  event.last_nodes = is_captured ? object->last_nodes : std::vector<GraphNode*>();
  return success;
}

ErrorCode wait_for_event(Stream* stream, Event& event) {
  const std::lock_guard lock(captures().mutex);
  Stream* const object = object_of(stream);
  if (const ErrorCode code = forbid_legacy_stream(object); code != success) return code;
  Capture* const own = object == nullptr ? nullptr : object->capture.get();
  if (own != nullptr && own->is_invalidated) return capture_invalidated;
  if (event.capture == nullptr) {
    // Nothing to wait for, or something that the graph knows nothing of.
    return own == nullptr || !event.recorded ? success : invalidate(*own, capture_isolation);
  }
  if (event.capture->has_ended) {
    return own == nullptr ? captured_event : invalidate(*own, captured_event);
  }
  if (event.capture->is_invalidated) return capture_invalidated;
  if (object == nullptr) return invalidate(*event.capture, capture_implicit);
  if (own == nullptr) {
    join(*object, event.capture);
  } else if (own != event.capture.get()) {
    invalidate(*own, capture_merge);
    return invalidate(*event.capture, capture_merge);
  }
  add_new(object->last_nodes, event.last_nodes);
  return success;
}

ErrorCode forbid_unseen_call() {
  const std::lock_guard lock(captures().mutex);
  return forbid_unseen_call_locked();
}

ErrorCode forbid_synchronous_call() {
  const std::lock_guard lock(captures().mutex);
  const ErrorCode code = forbid_legacy_stream(nullptr);
  return code == success ? forbid_unseen_call_locked() : code;
}

ErrorCode forbid_waiting(Stream* stream) {
  const std::lock_guard lock(captures().mutex);
  const Stream* const object = object_of(stream);
  if (object == nullptr) return forbid_legacy_stream(object);
  return object->capture == nullptr ? success : invalidate(*object->capture, capture_unsupported);
}

ErrorCode forbid_waiting(const Event& event) {
  const std::lock_guard lock(captures().mutex);
  return event.capture == nullptr ? forbid_unseen_call_locked()
                                  : invalidate(*event.capture, captured_event);
}

ErrorCode forbid_waiting_for_device() {
  const std::lock_guard lock(captures().mutex);
  if (captures().active.empty()) return success;
  for (const auto& capture : captures().active) capture->is_invalidated = true;
  return capture_unsupported;
}

}  // namespace lq::emulator
