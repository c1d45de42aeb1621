// Fragments of matrix instructions by the tables of the PTX ISA, written down shape by shape.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/emulator/support/matrix.h"

namespace lq::emulator::testing {

struct Place {
  int row;
  int column;
};
inline Place at(int row, int column) { return {row, column}; }
/// Where element i of lane group * 4 + thread lies.
using Layout = std::function<Place(int group, int thread, int i)>;

/// Accumulators of all shapes: of each block of 8 columns two in row `group` and, if there are 16
/// rows, two in row `group + 8`.
inline Place accumulator(int group, int thread, int i) {
  return {i / 2 % 2 == 0 ? group : group + 8, i / 4 * 8 + 2 * thread + i % 2};
}

struct OperandLayouts {
  Layout a, b;
};

/// Those of a shape like "m16n8k8" and elements of so many bits.
inline OperandLayouts operand_layouts(const std::string& shape, int bits) {
  const std::string key = shape + "/" + std::to_string(bits);
  if (key == "m16n8k8/16") {
    return {[](int g, int t, int i) { return at(i < 2 ? g : g + 8, 2 * t + (i & 1)); },
            [](int g, int t, int i) { return at(2 * t + i, g); }};
  }
  if (key == "m16n8k16/16") {
    return {[](int g, int t, int i) {
              const bool upper = i < 2 || (i >= 4 && i < 6);
              return at(upper ? g : g + 8, 2 * t + (i & 1) + (i < 4 ? 0 : 8));
            },
            [](int g, int t, int i) { return at(2 * t + (i & 1) + (i < 2 ? 0 : 8), g); }};
  }
  if (key == "m16n8k4/32" || key == "m16n8k4/64") {
    return {[](int g, int t, int i) { return at(i == 0 ? g : g + 8, t); },
            [](int g, int t, int) { return at(t, g); }};
  }
  if (key == "m16n8k8/32" || key == "m16n8k8/64") {
    return {[](int g, int t, int i) { return at(i == 0 || i == 2 ? g : g + 8, i < 2 ? t : t + 4); },
            [](int g, int t, int i) { return at(i == 0 ? t : t + 4, g); }};
  }
  if (key == "m16n8k16/64") {
    return {[](int g, int t, int i) { return at(i % 2 == 0 ? g : g + 8, i / 2 * 4 + t); },
            [](int g, int t, int i) { return at(i * 4 + t, g); }};
  }
  if (key == "m8n8k4/64") {
    return {[](int g, int t, int) { return at(g, t); }, [](int g, int t, int) { return at(t, g); }};
  }
  if (key == "m8n8k16/8") {
    return {[](int g, int t, int i) { return at(g, 4 * t + i); },
            [](int g, int t, int i) { return at(4 * t + i, g); }};
  }
  if (key == "m16n8k16/8") {
    return {[](int g, int t, int i) { return at(i < 4 ? g : g + 8, 4 * t + (i & 3)); },
            [](int g, int t, int i) { return at(4 * t + (i & 3), g); }};
  }
  if (key == "m16n8k32/8") {
    return {[](int g, int t, int i) {
              const bool upper = i < 4 || (i >= 8 && i < 12);
              return at(upper ? g : g + 8, 4 * t + (i & 3) + (i < 8 ? 0 : 16));
            },
            [](int g, int t, int i) { return at(4 * t + (i & 3) + (i < 4 ? 0 : 16), g); }};
  }
  if (key == "m8n8k32/4") {
    return {[](int g, int t, int i) { return at(g, 8 * t + i); },
            [](int g, int t, int i) { return at(8 * t + i, g); }};
  }
  if (key == "m16n8k32/4") {
    return {[](int g, int t, int i) { return at(i < 8 ? g : g + 8, 8 * t + (i & 7)); },
            [](int g, int t, int i) { return at(8 * t + (i & 7), g); }};
  }
  if (key == "m16n8k64/4") {
    return {[](int g, int t, int i) {
              const bool upper = i < 8 || (i >= 16 && i < 24);
              return at(upper ? g : g + 8, 8 * t + (i & 7) + (i < 16 ? 0 : 32));
            },
            [](int g, int t, int i) { return at(8 * t + (i & 7) + (i < 8 ? 0 : 32), g); }};
  }
  if (key == "m8n8k128/1") {
    return {[](int g, int t, int i) { return at(g, 32 * t + i); },
            [](int g, int t, int i) { return at(32 * t + i, g); }};
  }
  if (key == "m16n8k128/1") {
    return {[](int g, int t, int i) { return at(i < 32 ? g : g + 8, 32 * t + (i & 31)); },
            [](int g, int t, int i) { return at(32 * t + (i & 31), g); }};
  }
  if (key == "m16n8k256/1") {
    return {[](int g, int t, int i) {
              const bool upper = i < 32 || (i >= 64 && i < 96);
              return at(upper ? g : g + 8, 32 * t + (i & 31) + (i < 64 ? 0 : 128));
            },
            [](int g, int t, int i) { return at(32 * t + (i & 31) + (i < 32 ? 0 : 128), g); }};
  }
  fail("no shape {}", key);
}

/// Bits of a matrix's elements, [row][column].
using Matrix = std::vector<std::vector<std::uint64_t>>;

inline Matrix matrix_of(const Registers& registers, const ElementType& type, const Layout& layout,
                        int rows, int columns) {
  Matrix matrix(static_cast<std::size_t>(rows),
                std::vector<std::uint64_t>(static_cast<std::size_t>(columns), ~0ULL));
  for (int lane = 0; lane < warp_size; ++lane) {
    for (int i = 0; i < rows * columns / warp_size; ++i) {
      const Place place = layout(lane / 4, lane % 4, i);
      std::uint64_t& element =
          matrix.at(static_cast<std::size_t>(place.row)).at(static_cast<std::size_t>(place.column));
      EXPECT_EQ(element, ~0ULL) << "the layout is no bijection";
      element = fragment_element(registers, type, lane, i);
    }
  }
  return matrix;
}

}  // namespace lq::emulator::testing
