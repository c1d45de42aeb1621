#include "emulator/machine/warp_clocks.h"

#include <algorithm>

namespace lq::emulator {

void WarpClocks::reset(int agents) {
  agents_ = agents;
  rows_.assign(static_cast<std::size_t>(row_size() * agents), 0);
  for (int agent = 0; agent < agents; ++agent) row(agent)[agent] = 1;
}

void WarpClocks::raise(std::uint32_t* to, const std::uint32_t* from) const {
  for (std::ptrdiff_t i = 0; i < row_size(); ++i) to[i] = std::max(to[i], from[i]);
}

void WarpClocks::acquire(int agent, int from) { raise(row(agent), row(from)); }

void WarpClocks::acquire(int agent, const Knowledge& from) {
  if (!from.empty()) raise(row(agent), from.data());
}

void WarpClocks::release(int agent, Knowledge& to) {
  to.resize(static_cast<std::size_t>(row_size()));
  raise(to.data(), row(agent));
  ++row(agent)[agent];
}

void WarpClocks::add(const Knowledge& from, Knowledge& to) const {
  to.resize(from.size());
  raise(to.data(), from.data());
}

void WarpClocks::synchronize(int first, std::uint32_t mask) {
  Knowledge together;
  const auto for_each = [&](auto&& body) {
    for (int i = 0; i < 32; ++i) {
      if ((mask >> i & 1) != 0) body(first + i);
    }
  };
  for_each([&](int agent) { release(agent, together); });
  for_each([&](int agent) {
    // Its new tick is its own.
    acquire(agent, together);
  });
}

void WarpClocks::fence_proxies(int agent) {
  std::uint32_t* const own = row(agent);
  for (int i = 0; i < agents_; ++i) own[agents_ + i] = std::max(own[agents_ + i], own[i]);
  ++own[agent];
}

}  // namespace lq::emulator
