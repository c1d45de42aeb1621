// Compressed input files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace lq {

/// All bytes of a file, decompressed when it starts with gzip's magic number and as they are
/// otherwise. Throws Error when the file cannot be read, when its content has more than `limit`
/// bytes, or when the compressed data is truncated, damaged (CRC) or followed by anything else.
std::vector<std::byte> read_gzip(const std::filesystem::path& path, std::uint64_t limit);

/// Decompresses gzip data (one or more members) in memory; errors as above. The memory taken
/// stays in proportion to the true content, whatever the data claims.
std::vector<std::byte> gunzip(std::span<const std::byte> compressed, std::uint64_t limit);

}  // namespace lq
