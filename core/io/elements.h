// How elements of tensors appear in files: pieces that the formats share. Internal to core/io.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "core/tensor.h"

namespace lq {

static_assert(std::endian::native == std::endian::little,
              "files have little-endian elements, and tensors are read and written as they are");

/// What one file format calls the dtypes.
struct DTypeName {
  DType dtype;
  std::string_view name;
};
using DTypeNames = std::array<DTypeName, 5>;

inline std::optional<DType> dtype_named(const DTypeNames& names, std::string_view name) {
  for (const DTypeName& row : names) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

inline std::string_view name_of(const DTypeNames& names, DType dtype) {
  for (const DTypeName& row : names) {
    if (row.dtype == dtype) return row.name;
  }
  fail("dtype {} has no name in this file format", name_of(dtype));
}

/// The elements of a tensor on the CPU.
inline std::span<std::byte> bytes_of(Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.raw()), tensor.bytes()};
}
inline std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()};
}

}  // namespace lq
