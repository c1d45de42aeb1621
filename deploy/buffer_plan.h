// Where values lie in one block of memory, so that they share it as far as their lifetimes allow.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lq::deploy {

/// Something that needs memory while the steps [first, last] run.
struct BufferRequest {
  std::size_t bytes = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

struct BufferPlan {
  std::vector<std::size_t> offsets;  ///< of each request, multiples of 64
  std::size_t bytes = 0;             ///< of the whole block
};

/// Places the largest request first, and each one as low as those allow that live at the same time.
BufferPlan plan_buffers(std::span<const BufferRequest> requests);

}  // namespace lq::deploy
