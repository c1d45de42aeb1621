// What the warps of a cluster know of each other: vector clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lq::emulator {

/// Each agent (a warp, or the asynchronous copies of the cluster together) has a clock, and knows
/// of every other agent the last tick that happened before its own present. Of these ticks it also
/// knows which ones a proxy fence made visible to asynchronous copies.
class WarpClocks {
 public:
  /// Knowledge that is handed over: by a barrier, or an object like one.
  using Knowledge = std::vector<std::uint32_t>;

  void reset(int agents);
  /// The last agent stands for copies that complete by themselves.
  int copies() const { return agents_ - 1; }
  std::uint32_t now(int agent) const { return row(agent)[agent]; }
  bool knows(int agent, int other, std::uint32_t tick) const { return tick <= row(agent)[other]; }
  /// Whether a proxy fence lies behind that tick on its way to the agent.
  bool is_fenced(int agent, int other, std::uint32_t tick) const {
    return tick <= row(agent)[agents_ + other];
  }

  /// The agent learns what another one knows.
  void acquire(int agent, int from);
  void acquire(int agent, const Knowledge& from);
  /// Adds what the agent knows, and begins its next tick.
  void release(int agent, Knowledge& to);
  void add(const Knowledge& from, Knowledge& to) const;
  /// Of the agents from `first` on, those of the mask meet.
  void synchronize(int first, std::uint32_t mask);
  /// A proxy fence of the agent.
  void fence_proxies(int agent);

 private:
  /// Ticks of all agents, and behind them those that are fenced.
  const std::uint32_t* row(int agent) const { return rows_.data() + row_size() * agent; }
  std::uint32_t* row(int agent) { return rows_.data() + row_size() * agent; }
  std::ptrdiff_t row_size() const { return std::ptrdiff_t{2} * agents_; }
  void raise(std::uint32_t* to, const std::uint32_t* from) const;

  int agents_ = 0;
  std::vector<std::uint32_t> rows_;
};

}  // namespace lq::emulator
