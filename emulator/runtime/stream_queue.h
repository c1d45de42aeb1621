// When work of streams is done: as soon as it is issued, or when something waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "emulator/runtime/api_types.h"

namespace lq::emulator {

/// All but the first find waits that are missing.
enum class StreamTiming {
  immediate,     // when it is issued
  lazy,          // when something waits for it, and nothing but that
  others_first,  // when something waits for it, behind what no event holds back in other streams
};

/// May throw Error, for a fault.
using StreamTask = std::function<ErrorCode()>;

/// What a stream has still to do.
class StreamQueue {
 public:
  explicit StreamQueue(bool blocks) : blocks_(blocks) {}

 private:
  friend class StreamQueues;
  struct Item {
    const char* call;
    StreamPosition behind;
    StreamTask task;
  };

  bool blocks_;  // the legacy stream waits for it
  std::deque<Item> items_;
  std::uint64_t done_ = 0;  // items that are no longer here
};

/// The streams of a device. Tasks are done by the thread that waits; they must not call the
/// runtime, nor wait for another thread that does.
class StreamQueues {
 public:
  explicit StreamQueues(StreamTiming timing) : timing_(timing) {}

  /// Does the task of the stream (null: the legacy one, whose tasks are always done when they are
  /// issued, behind those of blocking streams) in the name of the call, now or later.
  /// `behind` becomes the place behind it.
  ErrorCode add(Stream* stream, const char* call, StreamTask task,
                StreamPosition* behind = nullptr);
  /// The same, now: all that the stream has to do goes before.
  ErrorCode add_waiting(Stream* stream, const char* call, const StreamTask& task);
  /// What the stream is given from now on comes behind the position.
  ErrorCode add_wait(Stream* stream, StreamPosition position);
  /// Behind all that the stream was given.
  StreamPosition end(Stream* stream);

  bool is_reached(const StreamPosition& position);
  ErrorCode wait_for(const StreamPosition& position);
  /// For streams that the legacy stream waits for, and for all.
  ErrorCode wait_for_blocking() { return wait_for_streams(true); }
  ErrorCode wait_for_all() { return wait_for_streams(false); }
  /// The stream's work is done, and it is not known any more.
  ErrorCode remove(Stream& stream);

 private:
  ErrorCode wait_for_streams(bool only_blocking);
  StreamQueue& queue_of(Stream& stream);
  ErrorCode do_first(StreamQueue& queue);
  ErrorCode advance_others(const StreamQueue& queue);

  StreamTiming timing_;
  std::recursive_mutex mutex_;
  std::vector<std::shared_ptr<StreamQueue>> queues_;
};

}  // namespace lq::emulator
