// Functions of the driver that programs ask the runtime for by name. There is no driver; those that
// the emulator has are its own, and of all others it says that there are none.

#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "emulator/machine/tensor_map.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

constexpr int driver_success = 0;
constexpr int driver_invalid_value = 1;

/// What the driver's enumerations call the properties of a tensor map.
struct ElementType {
  std::string_view name;
  std::uint8_t bytes = 0;  // 0: not modelled
};
constexpr ElementType element_types[] = {
    {"u8", 1},       {"u16", 2},       {"u32", 4},       {"s32", 4},
    {"u64", 8},      {"s64", 8},       {"f16", 2},       {"f32", 4},
    {"f64", 8},      {"bf16", 2},      {"f32.ftz", 0},   {"tf32", 0},
    {"tf32.ftz", 0}, {"packed u4", 0}, {"padded u4", 0}, {"padded u6", 0},
};
constexpr std::uint8_t swizzles[] = {0, 32, 64, 128};
constexpr unsigned known_swizzles = 7;
constexpr unsigned known_interleaves = 3;

/// The arguments of cuTensorMapEncodeTiled().
struct TiledTensor {
  unsigned type;
  std::uint32_t rank;
  std::uint64_t address;
  const std::uint64_t* dimensions;
  const std::uint64_t* strides;
  const std::uint32_t* box;
  const std::uint32_t* element_strides;
  unsigned interleave;
  unsigned swizzle;
  unsigned promotion;
  unsigned fill;
};

bool has_valid_sizes(const TiledTensor& tensor) {
  constexpr std::uint64_t most_dimension = std::uint64_t{1} << 32;
  constexpr std::uint64_t stride_limit = std::uint64_t{1} << 40;
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    const std::uint64_t dimension = tensor.dimensions[i];
    const std::uint32_t step = tensor.element_strides[i];
    if (dimension == 0 || dimension > most_dimension) return false;
    if (tensor.box[i] == 0 || tensor.box[i] > 256) return false;
    if (step == 0 || step > 8) return false;
  }
  for (std::uint32_t i = 0; i + 1 < tensor.rank; ++i) {
    if (tensor.strides[i] % 16 != 0 || tensor.strides[i] >= stride_limit) return false;
  }
  return true;
}

bool is_valid(const TiledTensor& tensor) {
  if (tensor.type >= std::size(element_types) || tensor.swizzle >= known_swizzles ||
      tensor.interleave >= known_interleaves || tensor.promotion > 3 || tensor.fill > 1) {
    return false;
  }
  if (tensor.rank == 0 || tensor.rank > TensorMap::most_dimensions) return false;
  return tensor.address % 16 == 0 && has_valid_sizes(tensor);
}

/// What depends on the size of an element.
bool has_valid_rows(const TiledTensor& tensor, const ElementType& type, std::uint8_t swizzle) {
  const std::uint32_t row_bytes = tensor.box[0] * type.bytes;
  const bool fits = swizzle == 0 || row_bytes <= swizzle;
  return row_bytes % 16 == 0 && fits && (tensor.fill == 0 || type.name.find('f') != type.name.npos);
}

TensorMap map_of(const TiledTensor& tensor, const ElementType& type, std::uint8_t swizzle) {
  TensorMap map;
  map.rank = static_cast<std::uint8_t>(tensor.rank);
  map.element_bytes = type.bytes;
  map.swizzle_bytes = swizzle;
  map.fills_with_nan = tensor.fill != 0;
  std::copy(type.name.begin(), type.name.end(), map.type.begin());
  map.address = tensor.address;
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    map.last[i] = static_cast<std::uint32_t>(tensor.dimensions[i] - 1);
    map.box[i] = static_cast<std::uint16_t>(tensor.box[i]);
    map.element_strides[i] = static_cast<std::uint8_t>(tensor.element_strides[i]);
    if (i > 0) map.strides[i - 1] = tensor.strides[i - 1];
  }
  return map;
}

int encode_tiled(void* result, const TiledTensor& tensor) {
  if (reinterpret_cast<std::uintptr_t>(result) % alignof(TensorMap) != 0 || !is_valid(tensor)) {
    return driver_invalid_value;
  }
  const ElementType& type = element_types[tensor.type];
  if (type.bytes == 0 || tensor.interleave != 0 || tensor.swizzle >= std::size(swizzles)) {
    Device::instance().report(
        "cuTensorMapEncodeTiled",
        fmt::format(
            "data type {} ({}) with interleave {} and swizzle {} is not supported; data types "
            "up to 9, interleave 0 and swizzles up to 3 are",
            tensor.type, type.name, tensor.interleave, tensor.swizzle));
    return driver_invalid_value;
  }
  const std::uint8_t swizzle = swizzles[tensor.swizzle];
  if (!has_valid_rows(tensor, type, swizzle)) return driver_invalid_value;
  const TensorMap map = map_of(tensor, type, swizzle);
  std::memcpy(result, &map, sizeof(map));
  return driver_success;
}

int cuTensorMapEncodeTiled(void* result, unsigned type, std::uint32_t rank, void* address,
                           const std::uint64_t* dimensions, const std::uint64_t* strides,
                           const std::uint32_t* box, const std::uint32_t* element_strides,
                           unsigned interleave, unsigned swizzle, unsigned promotion,
                           unsigned fill) {
  return encode_tiled(
      result, {type, rank, reinterpret_cast<std::uint64_t>(address), dimensions, strides, box,
               element_strides, interleave, swizzle, promotion, fill});
}

/// cudaDriverEntryPointQueryResult
enum QueryResult : int { found = 0, not_found = 1, version_not_sufficient = 2 };

int get_entry_point(const char* name, const char* symbol, void** function, unsigned version,
                    int* result) {
  return api_call(name, [&](Device&) {
    if (symbol == nullptr || function == nullptr) return invalid_value;
    constexpr unsigned first_version = 12000;
    QueryResult status = not_found;
    if (std::string_view(symbol) == "cuTensorMapEncodeTiled") {
      status = version >= first_version ? found : version_not_sufficient;
    }
    *function = status == found ? reinterpret_cast<void*>(&cuTensorMapEncodeTiled) : nullptr;
    if (result != nullptr) *result = status;
    return success;
  });
}

constexpr unsigned own_version = 13000;

}  // namespace

LQNET_CUDA_API int cudaGetDriverEntryPoint(const char* symbol, void** function, unsigned long long,
                                           int* result) {
  return get_entry_point("cudaGetDriverEntryPoint", symbol, function, own_version, result);
}
LQNET_CUDA_API int cudaGetDriverEntryPoint_ptsz(const char* symbol, void** function,
                                                unsigned long long, int* result) {
  return get_entry_point("cudaGetDriverEntryPoint_ptsz", symbol, function, own_version, result);
}
LQNET_CUDA_API int cudaGetDriverEntryPointByVersion(const char* symbol, void** function,
                                                    unsigned version, unsigned long long,
                                                    int* result) {
  return get_entry_point("cudaGetDriverEntryPointByVersion", symbol, function, version, result);
}
LQNET_CUDA_API int cudaGetDriverEntryPointByVersion_ptsz(const char* symbol, void** function,
                                                         unsigned version, unsigned long long,
                                                         int* result) {
  return get_entry_point("cudaGetDriverEntryPointByVersion_ptsz", symbol, function, version,
                         result);
}
