// NumPy's .npy files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/tensor.h"

namespace lq {

/// Reads one array of format version 1.0 or 2.0: C order, little-endian f4, f8, i4, i8 or u1, at
/// most Shape::max_rank dimensions. Throws Error ("<path>: what is wrong") for anything else, and
/// when the file has fewer or more bytes than its header announces. The result is on the CPU.
Tensor load_npy(const std::filesystem::path& path);

/// The same for a file that is in memory.
Tensor parse_npy(std::span<const std::byte> file);

/// Writes format version 1.0, atomically (see AtomicFile). `tensor` may be on any device.
void save_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace lq
