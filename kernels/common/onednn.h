// What the kernels that go through oneDNN share. For implementation files only: nothing of oneDNN
// shows in a header that others include.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"

namespace lq::kernels::onednn {

using Memory = dnnl::memory;
using MemoryDescription = dnnl::memory::desc;

/// The CPU.
const dnnl::engine& engine();
/// This thread's queue; work is done when a call on it has returned.
dnnl::stream& stream();

/// Attributes of every primitive here: scratch memory is given with each execution, so that
/// primitives hold no state and threads can share them.
dnnl::primitive_attr attributes(dnnl::post_ops operations = {});
/// destination = result + destination.
dnnl::post_ops add_to_destination();

/// A primitive's description from the arguments that oneDNN 2 and 3 agree on.
template <typename Primitive, typename... Arguments>
typename Primitive::primitive_desc describe(const dnnl::primitive_attr& attributes,
                                            const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), arguments..., attributes};
#else
  return {typename Primitive::desc(arguments...), attributes, engine()};
#endif
}
/// The same for a backward primitive, which takes its forward partner as a hint.
template <typename Primitive, typename Forward, typename... Arguments>
typename Primitive::primitive_desc describe_backward(const dnnl::primitive_attr& attributes,
                                                     const Forward& forward,
                                                     const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), arguments..., forward, attributes};
#else
  return {typename Primitive::desc(arguments...), attributes, engine(), forward};
#endif
}

/// Uninitialised memory for the length of a call, from the host's block cache.
class Scratch {
 public:
  explicit Scratch(const MemoryDescription& description);

  const Memory& memory() const { return memory_; }

 private:
  struct GiveBack {
    std::size_t bytes;
    void operator()(void* block) const noexcept;
  };
  std::unique_ptr<void, GiveBack> block_;
  Memory memory_;
};

/// oneDNN's handle on elements that a view owns. It knows no const; inputs are not written.
Memory memory_of(const MemoryDescription& description, const float* data);

/// A primitive and the scratch memory it wants.
struct Executable {
  dnnl::primitive primitive;
  MemoryDescription scratchpad;

  Executable() = default;
  template <typename PrimitiveDescription>
  explicit Executable(const PrimitiveDescription& description)
      : primitive(description.get()), scratchpad(description.scratchpad_desc()) {}

  void run(std::unordered_map<int, Memory> arguments) const;
};

/// A copy between two layouts of the same tensor, or with `add` an addition.
Executable make_reorder(const MemoryDescription& from, const MemoryDescription& to, bool add);

/// Compiled primitives by what they are for; making one can cost more than running it. The values
/// are immutable, and all threads share them.
template <typename Key, typename Value>
class PrimitiveCache {
 public:
  template <typename Make>
  std::shared_ptr<const Value> get(const Key& key, Make&& make) {
    const std::lock_guard lock(mutex_);
    if (const auto found = values_.find(key); found != values_.end()) return found->second;
    // A program whose shapes never repeat must not grow without bound.
    if (values_.size() >= capacity) values_.clear();
    return values_.emplace(key, std::make_shared<const Value>(make())).first->second;
  }

 private:
  static constexpr std::size_t capacity = 1024;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Value>> values_;
};

/// Runs body() and turns oneDNN's exceptions into Error: "<operation> <work.to_string()>: ...".
template <typename Work, typename Body>
void guarded(std::string_view operation, const Work& work, Body&& body) {
  try {
    body();
  } catch (const dnnl::error& error) {
    fail("{} {}: oneDNN status {}, {}", operation, work.to_string(), static_cast<int>(error.status),
         error.what());
  }
}

}  // namespace lq::kernels::onednn
