// Runs a few instructions in one warp.
#pragma once

#include <random>

#include "tests/emulator/support/device.h"

namespace lq::emulator::testing {

using u32 = std::uint32_t;

/// Runs `body` in one warp: %r0 is the lane, %r1 its word of `in`; %r2 to %r5 are stored to four
/// rows of 32 words.
inline std::vector<u32> run_warp_code(const std::string& body, const std::vector<u32>& in) {
  Device device(
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .pred %p<9>;\n.reg .b16 %h<9>;\n"
      ".reg .b32 %r<29>;\n.reg .b64 %d<9>;\nld.param.u64 %d0, [in];\nld.param.u64 %d1, [out];\n"
      "mov.u32 %r0, %laneid;\nmul.wide.u32 %d2, %r0, 4;\nadd.s64 %d3, %d0, %d2;\n"
      "add.s64 %d4, %d1, %d2;\nld.global.u32 %r1, [%d3];\nmov.b32 %r2, 0;\nmov.b32 %r3, 0;\n"
      "mov.b32 %r4, 0;\nmov.b32 %r5, 0;\n" +
      body +
      "\nst.global.u32 [%d4], %r2;\nst.global.u32 [%d4+128], %r3;\nst.global.u32 [%d4+256], %r4;\n"
      "st.global.u32 [%d4+384], %r5;\nret;\n}\n");
  const std::uint64_t input = device.upload(in);
  const std::uint64_t output = device.memory().allocate(4 * 128);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {input, output});
  return device.download<u32>(output, 128);
}

inline std::vector<u32> random_words(std::size_t count, u32 seed) {
  std::mt19937 generator(seed);
  std::vector<u32> words(count);
  for (u32& word : words) word = static_cast<u32>(generator());
  return words;
}

/// Words at the edges, where carries are made, among random ones.
inline std::vector<u32> edge_words(std::size_t count, u32 seed) {
  auto words = random_words(count, seed);
  const u32 edges[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
  for (u32& word : words) {
    if (word % 3 != 0) word = edges[word / 3 % 6];
  }
  return words;
}

}  // namespace lq::emulator::testing
