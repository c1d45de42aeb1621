#include "emulator/runtime/stream_queue.h"

#include <exception>
#include <utility>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

namespace lq::emulator {
namespace {

/// Whether this thread is doing a task that was put off.
thread_local bool is_performing = false;

ErrorCode perform_task(const char* call, const StreamTask& task) {
  Device& device = Device::instance();
  if (device.has_failed()) return device.failure();
  try {
    return task();
  } catch (const std::exception& error) {
    return device.report(call, error.what());
  }
}

ErrorCode first_of(ErrorCode first, ErrorCode second) { return first == success ? second : first; }

}  // namespace

ErrorCode StreamQueues::add(Stream* stream, const char* call, StreamTask task,
                            StreamPosition* behind) {
  if (timing_ == StreamTiming::immediate) return perform_task(call, task);
  if (stream == nullptr) return add_waiting(stream, call, task);
  const std::lock_guard lock(mutex_);
  queue_of(*stream).items_.push_back({call, {}, std::move(task)});
  if (behind != nullptr) *behind = end(stream);
  return success;
}

ErrorCode StreamQueues::add_waiting(Stream* stream, const char* call, const StreamTask& task) {
  const ErrorCode code = stream == nullptr ? wait_for_blocking() : wait_for(end(stream));
  return code == success ? perform_task(call, task) : code;
}

ErrorCode StreamQueues::add_wait(Stream* stream, StreamPosition position) {
  if (is_reached(position)) return success;
  if (stream == nullptr) return wait_for(position);
  const std::lock_guard lock(mutex_);
  queue_of(*stream).items_.push_back(
      {"cudaStreamWaitEvent", std::move(position), [] { return success; }});
  return success;
}

StreamPosition StreamQueues::end(Stream* stream) {
  if (timing_ == StreamTiming::immediate || stream == nullptr) return {};
  const std::lock_guard lock(mutex_);
  const StreamQueue& queue = queue_of(*stream);
  return {stream->queue, queue.done_ + queue.items_.size()};
}

bool StreamQueues::is_reached(const StreamPosition& position) {
  const std::lock_guard lock(mutex_);
  return position.queue == nullptr || position.queue->done_ >= position.index;
}

ErrorCode StreamQueues::wait_for(const StreamPosition& position) {
  const std::lock_guard lock(mutex_);
  if (is_reached(position)) return success;
  check(!is_performing, "a function of cudaLaunchHostFunc waits for work of a stream");
  ErrorCode code = success;
  // What is wanted first is last; streams may wait for each other as often as they like.
  std::vector<StreamPosition> wanted{position};
  while (!wanted.empty()) {
    const StreamPosition next = wanted.back();
    if (timing_ == StreamTiming::others_first && !is_reached(next)) {
      code = first_of(code, advance_others(*next.queue));
    }
    if (is_reached(next)) {
      wanted.pop_back();
      continue;
    }
    const StreamPosition behind = next.queue->items_.front().behind;
    if (is_reached(behind)) {
      code = first_of(code, do_first(*next.queue));
    } else {
      wanted.push_back(behind);
    }
  }
  return code;
}

ErrorCode StreamQueues::wait_for_streams(bool only_blocking) {
  const std::lock_guard lock(mutex_);
  ErrorCode code = success;
  for (const auto& queue : queues_) {
    if (only_blocking && !queue->blocks_) continue;
    code = first_of(code, wait_for({queue, queue->done_ + queue->items_.size()}));
  }
  return code;
}

ErrorCode StreamQueues::remove(Stream& stream) {
  const std::lock_guard lock(mutex_);
  const ErrorCode code = wait_for(end(&stream));
  std::erase(queues_, stream.queue);
  return code;
}

StreamQueue& StreamQueues::queue_of(Stream& stream) {
  check(!is_performing, "a function of cudaLaunchHostFunc gives work to a stream");
  if (stream.queue == nullptr) {
    stream.queue = std::make_shared<StreamQueue>(is_blocking(stream));
    queues_.push_back(stream.queue);
  }
  return *stream.queue;
}

ErrorCode StreamQueues::do_first(StreamQueue& queue) {
  const StreamQueue::Item item = std::move(queue.items_.front());
  queue.items_.pop_front();
  is_performing = true;
  const ErrorCode code = perform_task(item.call, item.task);
  is_performing = false;
  ++queue.done_;
  return code;
}

ErrorCode StreamQueues::advance_others(const StreamQueue& queue) {
  ErrorCode code = success;
  bool has_moved = true;
  while (has_moved) {
    has_moved = false;
    for (const auto& other : queues_) {
      while (other.get() != &queue && !other->items_.empty() &&
             is_reached(other->items_.front().behind)) {
        code = first_of(code, do_first(*other));
        has_moved = true;
      }
    }
  }
  return code;
}

}  // namespace lq::emulator
