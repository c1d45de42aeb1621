#include "deploy/worker_pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <system_error>

#include "core/error.h"

namespace lq::deploy {

namespace {

/// Tells the core that this is a loop that waits.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Looks before a worker sleeps: some hundred microseconds. Waking it would cost a tenth of that,
/// which is more than many an operation takes.
constexpr int looks_before_sleep = 4000;
/// Looks before the core is offered to others: the worker that is waited for may be among them. It
/// is when there are more workers than cores, or when other programs keep a core busy; without
/// this, a small network takes ten times as long then.
constexpr int looks_before_yield = 16;

/// Moves the calling thread off this core if it is there and may go elsewhere. Schedulers put a
/// thread where the one that wakes it runs; runs are over before they think better of it, and two
/// threads then take longer than one.
void leave_core(int core) {
#if defined(__linux__)
  if (core < 0 || ::sched_getcpu() != core) return;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
  cpu_set_t others = allowed;
  CPU_CLR(core, &others);
  // It is moved at once, and free again to go where it likes.
  if (::sched_setaffinity(0, sizeof others, &others) == 0) {
    ::sched_setaffinity(0, sizeof allowed, &allowed);
  }
#else
  static_cast<void>(core);
#endif
}

}  // namespace

int WorkerPool::current_core() {
#if defined(__linux__)
  return ::sched_getcpu();
#else
  return -1;
#endif
}

WorkerPool::WorkerPool(int workers) : workers_(workers) {
  check(workers >= 1 && workers <= max_workers, "worker pool: {} workers, expected 1 to {}",
        workers, max_workers);
  threads_.reserve(workers - 1);
  try {
    for (int worker = 1; worker < workers; ++worker) {
      threads_.emplace_back([this, worker] { work(worker); });
    }
  } catch (const std::system_error& error) {
    stop();
    fail("worker pool: cannot start thread {} of {}: {}", threads_.size() + 2, workers,
         error.code().message());
  } catch (...) {
    stop();
    throw;
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  is_stopping_ = true;
  runs_.fetch_add(1, std::memory_order_release);
  runs_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run_task(Task task) {
  task_ = task;
  if (workers_ > 1) {
    runs_.fetch_add(1, std::memory_order_release);
    runs_.notify_all();
  }
  task.call(task.body, 0);
  barrier();
}

void WorkerPool::work(int worker) {
  int seen = 0;
  while (true) {
    wait_for_change(runs_, seen);
    seen = runs_.load(std::memory_order_acquire);
    if (is_stopping_) return;
    leave_core(task_.core);
    task_.call(task_.body, worker);
    barrier();
  }
}

void WorkerPool::barrier() {
  if (workers_ == 1) return;
  const int phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < workers_) {
    wait_for_change(phase_, phase);
    return;
  }
  arrived_.store(0, std::memory_order_relaxed);
  phase_.fetch_add(1, std::memory_order_release);
  phase_.notify_all();
}

void WorkerPool::wait_for_change(const std::atomic<int>& value, int old) {
  for (int look = 1; look <= looks_before_sleep; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
    if (look % looks_before_yield == 0) {
      std::this_thread::yield();
    } else {
      pause();
    }
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace lq::deploy
