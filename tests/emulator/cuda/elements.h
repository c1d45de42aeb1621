// Elements of matrices whose rows are bytes in memory, for programs that multiply them.
#pragma once

#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

/// Sums of products of these are exact.
struct Halves {
  using Sum = float;
  static constexpr int bits = 16;
  static int get(const unsigned char* row, int index) {
    __half value;
    std::memcpy(&value, row + 2 * index, 2);
    return static_cast<int>(__half2float(value));
  }
  static void fill(std::vector<unsigned char>& bytes, std::mt19937& generator) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
      const __half value = __float2half(static_cast<float>(generator() % 65) - 32);
      std::memcpy(&bytes[i], &value, 2);
    }
  }
};

struct Bytes {
  using Sum = int;
  static constexpr int bits = 8;
  static int get(const unsigned char* row, int index) {
    return static_cast<std::int8_t>(row[index]);
  }
  static void fill(std::vector<unsigned char>& bytes, std::mt19937& generator) {
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(generator());
  }
};

struct Bits {
  using Sum = int;
  static constexpr int bits = 1;
  static int get(const unsigned char* row, int index) { return row[index / 8] >> index % 8 & 1; }
  static void fill(std::vector<unsigned char>& bytes, std::mt19937& generator) {
    Bytes::fill(bytes, generator);
  }
};
