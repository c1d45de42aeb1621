// Values of a graph as maps of one image.
#pragma once

#include <cstdint>

#include "convert/graph.h"

namespace lq::convert {

/// Extents of one image; features are channels of a map of one pixel.
struct Extents {
  std::int64_t h = 1;
  std::int64_t w = 1;
  std::int64_t c = 1;
};

/// Extents of a value of 1 x H x W x C or 1 x C. A flattened map keeps the extents of the map,
/// because its elements lie as they lay. Throws Error for other shapes.
Extents extents_of(const Graph& graph, std::size_t value);

/// `value`, or the map that it is a flattened view of. Throws Error for other reshapes.
std::size_t without_reshape(const Graph& graph, std::size_t value);

/// The node that quantizes activations and whose levels `value` consists of, looking back through
/// reshaping and maximum pooling; null: none.
const Node* level_source(const Graph& graph, std::size_t value);

/// The values that are concatenated to `value`; `value` itself when it is no concatenation.
std::vector<std::size_t> concatenated_values(const Graph& graph, std::size_t value);

}  // namespace lq::convert
