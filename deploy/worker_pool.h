// Threads that run one network together.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

namespace lq::deploy {

/// A fixed number of workers: the caller and threads that live as long as the pool. Waiting spins
/// for a while, because an operation of a small network takes microseconds, and then sleeps. A
/// thread that wakes up on the caller's core, where the two would take turns, moves to another one.
/// Neither run() nor barrier() allocates. One run at a time.
class WorkerPool {
 public:
  /// Throws Error unless 1 <= workers <= max_workers, and when the system has no more threads.
  explicit WorkerPool(int workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  static constexpr int max_workers = 1024;

  int workers() const { return workers_; }

  /// Calls body(worker) on all workers at the same time, on the caller as worker 0; returns when
  /// all calls have. The body must not throw.
  template <typename Body>
  void run(const Body& body) {
    run_task({&body,
              [](const void* object, int worker) noexcept {
                (*static_cast<const Body*>(object))(worker);
              },
              current_core()});
  }

  /// Inside run(), called by every worker: returns when all have called. What they wrote before is
  /// then visible to all.
  void barrier();

 private:
  struct Task {
    const void* body = nullptr;
    void (*call)(const void* body, int worker) noexcept = nullptr;
    int core = -1;  ///< of the caller
  };

  static int current_core();
  void run_task(Task task);
  void work(int worker);
  void stop();
  static void wait_for_change(const std::atomic<int>& value, int old);

  // What waiting workers look at lies in cache lines of its own.
  alignas(64) std::atomic<int> runs_ = 0;   ///< started so far; also moved on to end the threads
  alignas(64) std::atomic<int> phase_ = 0;  ///< barriers passed so far
  alignas(64) std::atomic<int> arrived_ = 0;
  alignas(64) Task task_;
  bool is_stopping_ = false;
  int workers_;
  std::vector<std::thread> threads_;
};

}  // namespace lq::deploy
