// Products of matrices by nvcuda::wmma, compared with loops of the host. All sums are exact.

#include <mma.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <type_traits>

#include "check.h"

namespace wmma = nvcuda::wmma;
namespace precision = wmma::experimental::precision;

// Elements in memory, as load_matrix_sync() wants them: those of less than a byte in words.
template <typename Element>
struct Memory {
  using Type = Element;
};
template <>
struct Memory<wmma::precision::tf32> {
  using Type = float;
};
template <>
struct Memory<precision::s4> {
  using Type = int;
};
template <>
struct Memory<precision::u4> {
  using Type = unsigned;
};
template <>
struct Memory<precision::b1> {
  using Type = unsigned;
};
template <typename Element>
using MemoryType = typename Memory<Element>::Type;

template <typename Element>
constexpr int bits_of = 8 * sizeof(MemoryType<Element>);
template <>
constexpr int bits_of<precision::s4> = 4;
template <>
constexpr int bits_of<precision::u4> = 4;
template <>
constexpr int bits_of<precision::b1> = 1;

/// A product of one warp: types of elements and sums, layouts in memory.
template <int rows_, int columns_, int depth_, typename Element_, typename Sum_, typename LayoutA_,
          typename LayoutB_>
struct Form {
  static constexpr int rows = rows_, columns = columns_, depth = depth_;
  using Element = Element_;
  using Sum = Sum_;
  using LayoutA = LayoutA_;
  using LayoutB = LayoutB_;
  static constexpr bool a_is_by_rows = std::is_same_v<LayoutA, wmma::row_major>;
  static constexpr bool b_is_by_rows = std::is_same_v<LayoutB, wmma::row_major>;
  // Rows or columns are 16 bytes longer in memory.
  static constexpr int padding = 128 / bits_of<Element>;
  static constexpr int stride_a = (a_is_by_rows ? depth : rows) + padding;
  static constexpr int stride_b = (b_is_by_rows ? columns : depth) + padding;
  static constexpr int stride_c = rows + 16 / static_cast<int>(sizeof(Sum));  // by columns
  static constexpr int stride_d = columns;                                    // by rows
};

enum class BitOperation { none, exclusive_or, conjunction };

/// d = 2 (a b + c) + 1, by way of the elements of a fragment.
template <typename F, BitOperation operation>
__global__ void multiply(const MemoryType<typename F::Element>* a,
                         const MemoryType<typename F::Element>* b, const typename F::Sum* c,
                         typename F::Sum* d) {
  using Element = typename F::Element;
  wmma::fragment<wmma::matrix_a, F::rows, F::columns, F::depth, Element, typename F::LayoutA> of_a;
  wmma::fragment<wmma::matrix_b, F::rows, F::columns, F::depth, Element, typename F::LayoutB> of_b;
  wmma::fragment<wmma::accumulator, F::rows, F::columns, F::depth, typename F::Sum> sums;
  wmma::load_matrix_sync(of_a, a, F::stride_a);
  wmma::load_matrix_sync(of_b, b, F::stride_b);
  wmma::load_matrix_sync(sums, c, F::stride_c, wmma::mem_col_major);
  if constexpr (operation == BitOperation::exclusive_or) {
    wmma::bmma_sync(sums, of_a, of_b, sums, wmma::experimental::bmmaBitOpXOR);
  } else if constexpr (operation == BitOperation::conjunction) {
    wmma::bmma_sync(sums, of_a, of_b, sums, wmma::experimental::bmmaBitOpAND);
  } else {
    wmma::mma_sync(sums, of_a, of_b, sums);
  }
  for (int i = 0; i < sums.num_elements; ++i) {
    sums.x[i] = sums.x[i] + sums.x[i] + static_cast<typename F::Sum>(1);
  }
  wmma::store_matrix_sync(d, sums, F::stride_d, wmma::mem_row_major);
}

/// The bits of an element that is a small whole number.
template <typename Element>
std::uint64_t encode(int value) {
  using Type = MemoryType<Element>;
  if constexpr (bits_of<Element> < 8) {
    return static_cast<unsigned>(value) & ((1U << bits_of<Element>)-1);
  } else {
    const Type element(static_cast<float>(value));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &element, sizeof(element));
    return bits;
  }
}

/// Small numbers that elements of the type can be.
template <typename Element>
int random_value(std::mt19937& generator) {
  const int value = static_cast<int>(generator() % 16);
  if constexpr (std::is_same_v<Element, precision::b1>) return value % 2;
  constexpr bool is_unsigned =
      std::is_same_v<Element, precision::u4> || std::is_same_v<Element, unsigned char>;
  return is_unsigned ? value : value - 8;
}

/// A matrix with its values, [line][place in the line], and their bits in memory.
template <typename Element>
struct Matrix {
  std::vector<std::vector<int>> values;
  std::vector<MemoryType<Element>> memory;

  Matrix(int lines, int length, int stride, std::mt19937& generator)
      : values(lines, std::vector<int>(length)),
        memory(static_cast<std::size_t>(lines) * stride * bits_of<Element> /
               (8 * sizeof(MemoryType<Element>))) {
    auto* const bytes = reinterpret_cast<unsigned char*>(memory.data());
    for (int line = 0; line < lines; ++line) {
      for (int i = 0; i < length; ++i) {
        values[line][i] = random_value<Element>(generator);
        const std::uint64_t bits = encode<Element>(values[line][i]);
        const std::size_t first = (static_cast<std::size_t>(line) * stride + i) * bits_of<Element>;
        for (std::size_t bit = 0; bit < bits_of<Element>; ++bit) {
          bytes[(first + bit) / 8] |= (bits >> bit & 1) << (first + bit) % 8;
        }
      }
    }
  }
  int at(bool is_by_lines, int row, int column) const {
    return is_by_lines ? values[row][column] : values[column][row];
  }
};

template <typename F, BitOperation operation = BitOperation::none>
void test(const std::string& what) {
  using Element = typename F::Element;
  using Sum = typename F::Sum;
  std::mt19937 generator(12);
  const Matrix<Element> a(F::a_is_by_rows ? F::rows : F::depth,
                          F::a_is_by_rows ? F::depth : F::rows, F::stride_a, generator);
  const Matrix<Element> b(F::b_is_by_rows ? F::depth : F::columns,
                          F::b_is_by_rows ? F::columns : F::depth, F::stride_b, generator);
  const Matrix<Sum> c(F::columns, F::rows, F::stride_c, generator);
  Buffer<MemoryType<Element>> device_a(a.memory), device_b(b.memory);
  Buffer<Sum> device_c(c.memory), d(F::rows * F::columns);
  multiply<F, operation><<<1, 32>>>(device_a.get(), device_b.get(), device_c.get(), d.get());
  const std::vector<Sum> result = d.download();
  bool same = true;
  for (int row = 0; row < F::rows; ++row) {
    for (int column = 0; column < F::columns; ++column) {
      int sum = c.at(false, row, column);
      for (int i = 0; i < F::depth; ++i) {
        const int x = a.at(F::a_is_by_rows, row, i);
        const int y = b.at(F::b_is_by_rows, i, column);
        sum += operation == BitOperation::exclusive_or ? x ^ y : x * y;
      }
      same = same && static_cast<double>(result[row * F::columns + column]) == 2 * sum + 1;
    }
  }
  expect(same, what.c_str());
}

template <int rows, int columns, int depth, typename Element, typename Sum>
void test_layouts(const std::string& what) {
  using wmma::col_major;
  using wmma::row_major;
  test<Form<rows, columns, depth, Element, Sum, row_major, col_major>>(what + ", rows by columns");
  test<Form<rows, columns, depth, Element, Sum, row_major, row_major>>(what + ", rows by rows");
  test<Form<rows, columns, depth, Element, Sum, col_major, row_major>>(what + ", columns by rows");
  test<Form<rows, columns, depth, Element, Sum, col_major, col_major>>(what +
                                                                       ", columns by columns");
}

template <typename Element, typename Sum>
void test_shapes(const std::string& what) {
  test_layouts<16, 16, 16, Element, Sum>(what + ", 16 x 16");
  test_layouts<32, 8, 16, Element, Sum>(what + ", 32 x 8");
  test_layouts<8, 32, 16, Element, Sum>(what + ", 8 x 32");
}

template <typename Element, int depth>
using SubByte = Form<8, 8, depth, Element, int, wmma::row_major, wmma::col_major>;

constexpr int side = 64;
constexpr int pitch = side + 8;  // of rows in shared memory

/// c = a b of 64 x 64, in tiles of 64 x 16 and 16 x 64; each of four warps has 16 rows of c.
__global__ void tiled_product(const __half* a, const __half* b, float* c) {
  __shared__ alignas(32) __half tile_a[side][16 + 8];
  __shared__ alignas(32) __half tile_b[16][pitch];
  const int first_row = threadIdx.x / 32 * 16;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[side / 16];
  for (auto& sum : sums) wmma::fill_fragment(sum, 0.0F);
  for (int depth = 0; depth < side; depth += 16) {
    for (int i = threadIdx.x; i < side * 16; i += blockDim.x) {
      tile_a[i / 16][i % 16] = a[i / 16 * side + depth + i % 16];
      tile_b[i / side][i % side] = b[(depth + i / side) * side + i % side];
    }
    __syncthreads();
    wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> of_a;
    wmma::load_matrix_sync(of_a, tile_a[first_row], 16 + 8);
    for (int column = 0; column < side; column += 16) {
      wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> of_b;
      wmma::load_matrix_sync(of_b, &tile_b[0][column], pitch);
      wmma::mma_sync(sums[column / 16], of_a, of_b, sums[column / 16]);
    }
    __syncthreads();
  }
  for (int column = 0; column < side; column += 16) {
    wmma::store_matrix_sync(c + first_row * side + column, sums[column / 16], side,
                            wmma::mem_row_major);
  }
}

void test_tiled_product() {
  std::mt19937 generator(13);
  const Matrix<__half> a(side, side, side, generator), b(side, side, side, generator);
  Buffer<__half> device_a(a.memory), device_b(b.memory);
  Buffer<float> c(side * side);
  tiled_product<<<1, 128>>>(device_a.get(), device_b.get(), c.get());
  const std::vector<float> result = c.download();
  bool same = true;
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      int sum = 0;
      for (int i = 0; i < side; ++i) sum += a.values[row][i] * b.values[i][column];
      same = same && result[row * side + column] == static_cast<float>(sum);
    }
  }
  expect(same, "tiled product");
}

int main() {
  test_shapes<__half, float>("half, float");
  test_shapes<__half, __half>("half, half");
  test_shapes<__nv_bfloat16, float>("bfloat16");
  test_shapes<signed char, int>("signed char");
  test_shapes<unsigned char, int>("unsigned char");
  test_layouts<16, 16, 8, wmma::precision::tf32, float>("tf32");
  test_layouts<8, 8, 4, double, double>("double");
  test<SubByte<precision::s4, 32>>("s4");
  test<SubByte<precision::u4, 32>>("u4");
  test<SubByte<precision::b1, 128>, BitOperation::exclusive_or>("b1, xor");
  test<SubByte<precision::b1, 128>, BitOperation::conjunction>("b1, and");
  test_tiled_product();
  return finish();
}
