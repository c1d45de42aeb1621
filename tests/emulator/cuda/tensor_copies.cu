// Tensor copies against loops of the host, and what cuTensorMapEncodeTiled() refuses.

#include <cmath>
#include <cstring>

#include "transfers.h"

constexpr int threads = 64;

struct Coordinates {
  int at[5];
};

template <int rank>
__device__ void load_box(void* box, const CUtensorMap& map, const Coordinates& start,
                         unsigned long long* barrier) {
  if constexpr (rank == 1) {
    asm volatile(
        "cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%3}], [%2];" ::"r"(shared_address(box)),
        "l"(&map), "r"(shared_address(barrier)), "r"(start.at[0])
        : "memory");
  }
  if constexpr (rank == 2) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%3, %4}], [%2];" ::"r"(shared_address(box)),
        "l"(&map), "r"(shared_address(barrier)), "r"(start.at[0]), "r"(start.at[1])
        : "memory");
  }
  if constexpr (rank == 3) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%3, %4, %5}], [%2];" ::"r"(shared_address(box)),
        "l"(&map), "r"(shared_address(barrier)), "r"(start.at[0]), "r"(start.at[1]),
        "r"(start.at[2])
        : "memory");
  }
  if constexpr (rank == 4) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%3, %4, %5, %6}], [%2];" ::"r"(shared_address(box)),
        "l"(&map), "r"(shared_address(barrier)), "r"(start.at[0]), "r"(start.at[1]),
        "r"(start.at[2]), "r"(start.at[3])
        : "memory");
  }
  if constexpr (rank == 5) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
        "[%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(shared_address(box)),
        "l"(&map), "r"(shared_address(barrier)), "r"(start.at[0]), "r"(start.at[1]),
        "r"(start.at[2]), "r"(start.at[3]), "r"(start.at[4])
        : "memory");
  }
}
template <int rank>
__device__ void store_box(const CUtensorMap& map, const Coordinates& start, const void* box) {
  if constexpr (rank == 1) {
    asm volatile(
        "cp.async.bulk.tensor.1d.global.shared::cta.tile.bulk_group [%0, {%2}], [%1];" ::"l"(&map),
        "r"(shared_address(box)), "r"(start.at[0])
        : "memory");
  }
  if constexpr (rank == 2) {
    asm volatile(
        "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(
            &map),
        "r"(shared_address(box)), "r"(start.at[0]), "r"(start.at[1])
        : "memory");
  }
  if constexpr (rank == 3) {
    asm volatile(
        "cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];" ::
            "l"(&map),
        "r"(shared_address(box)), "r"(start.at[0]), "r"(start.at[1]), "r"(start.at[2])
        : "memory");
  }
  if constexpr (rank == 4) {
    asm volatile(
        "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], "
        "[%1];" ::"l"(&map),
        "r"(shared_address(box)), "r"(start.at[0]), "r"(start.at[1]), "r"(start.at[2]),
        "r"(start.at[3])
        : "memory");
  }
  if constexpr (rank == 5) {
    asm volatile(
        "cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5, %6}], "
        "[%1];" ::"l"(&map),
        "r"(shared_address(box)), "r"(start.at[0]), "r"(start.at[1]), "r"(start.at[2]),
        "r"(start.at[3]), "r"(start.at[4])
        : "memory");
  }
}

/// One box to shared memory, and from there to wherever the other map says; the block writes down
/// what it saw on the way.
template <int rank>
__global__ void copy_box(const __grid_constant__ CUtensorMap from,
                         const __grid_constant__ CUtensorMap to, Coordinates start, unsigned bytes,
                         unsigned char* seen) {
  extern __shared__ __align__(1024) unsigned char box[];
  __shared__ alignas(8) unsigned long long barrier;
  if (threadIdx.x == 0) {
    init_for_bytes(&barrier, bytes);
    load_box<rank>(box, from, start, &barrier);
  }
  __syncthreads();
  wait_for_parity(&barrier, 0);
  for (unsigned at = threadIdx.x; at < bytes; at += threads) seen[at] = box[at];
  if (threadIdx.x == 0) {
    store_box<rank>(to, start, box);
    commit_copies();
    wait_for_copies();
  }
}

struct BoxCase {
  const char* name;
  Tiling tiling;
  Coordinates start;
  int element_bytes;
};

/// Where chunks of 16 bytes lie: of the table of the programming guide for rows of 128 bytes, the
/// upper left corner is that for smaller ones.
std::size_t swizzled_place(std::size_t at, CUtensorMapSwizzle swizzle) {
  constexpr std::size_t places[8][8] = {
      {0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
      {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
      {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0},
  };
  const std::size_t line = at / 128;
  const std::size_t chunk = at / 16 % 8;
  const std::size_t width = swizzle == CU_TENSOR_MAP_SWIZZLE_32B    ? 2
                            : swizzle == CU_TENSOR_MAP_SWIZZLE_64B  ? 4
                            : swizzle == CU_TENSOR_MAP_SWIZZLE_128B ? 8
                                                                    : 1;
  const std::size_t group = chunk / width;
  return line * 128 + (group * width + places[line % width][chunk % width]) * 16 + at % 16;
}

template <int rank>
void check_box(const BoxCase& box_case) {
  const Tiling& tiling = box_case.tiling;
  const std::size_t bytes_of_tensor = rank == 1 ? tiling.size[0] * box_case.element_bytes
                                                : tiling.strides[rank - 2] * tiling.size[rank - 1];
  std::vector<unsigned char> in(bytes_of_tensor);
  for (std::size_t i = 0; i < in.size(); ++i)
    in[i] = static_cast<unsigned char>(1 + i * 37 + i / 251);
  Buffer<unsigned char> from(in);
  const std::vector<unsigned char> blank(bytes_of_tensor, 0xEE);
  Buffer<unsigned char> to(blank);

  int counts[5] = {1, 1, 1, 1, 1};
  std::size_t elements = 1;
  for (int i = 0; i < rank; ++i) {
    const int step = i == 0 ? 1 : tiling.steps[i];
    counts[i] = (tiling.box[i] + step - 1) / step;
    elements *= counts[i];
  }
  const std::size_t bytes = elements * box_case.element_bytes;
  std::vector<unsigned char> seen(bytes);
  std::vector<bool> is_fill(bytes);
  std::vector<unsigned char> written = blank;
  for (std::size_t element = 0; element < elements; ++element) {
    std::size_t rest = element;
    std::size_t offset = 0;
    bool inside = true;
    for (int i = 0; i < rank; ++i) {
      const long long index = box_case.start.at[i] + static_cast<long long>(rest % counts[i]) *
                                                         (i == 0 ? 1 : tiling.steps[i]);
      rest /= counts[i];
      inside = inside && index >= 0 && index < static_cast<long long>(tiling.size[i]);
      offset += index * (i == 0 ? box_case.element_bytes : tiling.strides[i - 1]);
    }
    for (int byte = 0; byte < box_case.element_bytes; ++byte) {
      const std::size_t place =
          swizzled_place(element * box_case.element_bytes + byte, tiling.swizzle);
      seen[place] = inside ? in[offset + byte] : 0;
      is_fill[place] = !inside;
      if (inside) written[offset + byte] = in[offset + byte];
    }
  }
  Buffer<unsigned char> seen_there(bytes);
  copy_box<rank><<<1, threads, bytes>>>(make_map(from.get(), tiling), make_map(to.get(), tiling),
                                        box_case.start, bytes, seen_there.get());
  std::vector<unsigned char> result = seen_there.download();
  if (tiling.fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) {
    for (std::size_t at = 0; at < bytes; at += 4) {
      if (!is_fill[at]) continue;
      float value;
      std::memcpy(&value, &result[at], 4);
      expect(std::isnan(value), "elements out of bounds are no numbers");
      std::memset(&result[at], 0, 4);
    }
  }
  expect(result == seen, box_case.name);
  expect(to.download() == written, box_case.name);
}

void check_boxes() {
  check_box<1>({"1d", {CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, {100}, {}, {64}}, {{20}}, 1});
  check_box<1>(
      {"1d, past the end", {CU_TENSOR_MAP_DATA_TYPE_FLOAT64, 1, {50}, {}, {32}}, {{30}}, 8});
  check_box<2>({"2d", {CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, {40, 20}, {176}, {8, 4}}, {{4, 7}}, 4});
  check_box<2>({"2d, before the start",
                {CU_TENSOR_MAP_DATA_TYPE_UINT16, 2, {40, 20}, {80}, {16, 6}},
                {{-3, -2}},
                2});
  check_box<2>({"2d, steps",
                {CU_TENSOR_MAP_DATA_TYPE_INT32, 2, {40, 20}, {160}, {8, 7}, {1, 3}},
                {{36, 1}},
                4});
  check_box<3>({"3d",
                {CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3, {24, 9, 7}, {48, 480}, {8, 5, 3}},
                {{9, 6, 5}},
                2});
  check_box<4>({"4d",
                {CU_TENSOR_MAP_DATA_TYPE_INT64, 4, {6, 5, 4, 3}, {48, 240, 960}, {4, 3, 2, 2}},
                {{3, 3, 3, -1}},
                8});
  check_box<5>({"5d",
                {CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
                 5,
                 {16, 3, 4, 3, 2},
                 {32, 96, 384, 1152},
                 {8, 2, 2, 2, 2},
                 {1, 1, 2, 1, 1}},
                {{8, 1, 2, 1, 0}},
                2});
  check_box<2>({"rows of 32 bytes, swizzled",
                {CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
                 2,
                 {64, 40},
                 {128},
                 {16, 24},
                 {1, 1},
                 CU_TENSOR_MAP_SWIZZLE_32B},
                {{16, 3}},
                2});
  check_box<2>({"rows of 64 bytes, swizzled",
                {CU_TENSOR_MAP_DATA_TYPE_UINT8,
                 2,
                 {128, 40},
                 {128},
                 {64, 24},
                 {1, 1},
                 CU_TENSOR_MAP_SWIZZLE_64B},
                {{70, 30}},
                1});
  check_box<2>({"rows of 128 bytes, swizzled",
                {CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
                 2,
                 {128, 40},
                 {256},
                 {64, 20},
                 {1, 1},
                 CU_TENSOR_MAP_SWIZZLE_128B},
                {{60, 5}},
                2});
  check_box<2>({"not a number out of bounds",
                {CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
                 2,
                 {10, 10},
                 {48},
                 {8, 4},
                 {1, 1},
                 CU_TENSOR_MAP_SWIZZLE_NONE,
                 CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA},
                {{7, 8}},
                4});
}

/// What cuTensorMapEncodeTiled() refuses, and the functions that there are none of.
void check_driver() {
  Buffer<unsigned char> data(4096);
  const Tiling fine{CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, {40, 20}, {160}, {8, 4}};
  CUtensorMap map;
  const auto refuses = [&](const char* what, auto&& change, int offset = 0) {
    Tiling tiling = fine;
    change(tiling);
    expect(encode(&map, data.get() + offset, tiling) == CUDA_ERROR_INVALID_VALUE, what);
  };
  expect(encode(&map, data.get(), fine) == CUDA_SUCCESS, "a tensor map");
  refuses(
      "an address that is not aligned", [](Tiling&) {}, 8);
  refuses("a stride of 8 bytes", [](Tiling& tiling) { tiling.strides[0] = 168; });
  refuses("a box of 12 bytes", [](Tiling& tiling) { tiling.box[0] = 3; });
  refuses("a box of 257 rows", [](Tiling& tiling) { tiling.box[1] = 257; });
  refuses("no dimensions", [](Tiling& tiling) { tiling.rank = 0; });
  refuses("six dimensions", [](Tiling& tiling) { tiling.rank = 6; });
  refuses("an empty dimension", [](Tiling& tiling) { tiling.size[1] = 0; });
  refuses("steps of 9", [](Tiling& tiling) { tiling.steps[1] = 9; });
  refuses("rows wider than the swizzle", [](Tiling& tiling) {
    tiling.box[0] = 16;
    tiling.swizzle = CU_TENSOR_MAP_SWIZZLE_32B;
  });
  refuses("integers that are not a number", [](Tiling& tiling) {
    tiling.type = CU_TENSOR_MAP_DATA_TYPE_INT32;
    tiling.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
  });
  void* function = &map;
  cudaDriverEntryPointQueryResult result;
  require(
      cudaGetDriverEntryPointByVersion("cuMemAlloc", &function, 12000, cudaEnableDefault, &result),
      "cudaGetDriverEntryPointByVersion");
  expect(function == nullptr && result == cudaDriverEntryPointSymbolNotFound, "no cuMemAlloc");
  require(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 11080,
                                           cudaEnableDefault, &result),
          "cudaGetDriverEntryPointByVersion");
  expect(function == nullptr && result == cudaDriverEntryPointVersionNotSufficent,
         "no tensor maps before 12.0");
}

int main() {
  check_boxes();
  check_driver();
  return finish();
}
