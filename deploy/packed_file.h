// Files of packed networks (.lqn). docs/packed_format.md describes them byte by byte.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Entries of the file's metadata.
inline constexpr std::string_view packed_format_name = "lqnet-packed";
inline constexpr std::string_view packed_format_version = "1";
/// Of files whose preprocessing version 1 has no words for.
inline constexpr std::string_view packed_format_version_2 = "2";
/// Of files in which segments share the basis of their weights.
inline constexpr std::string_view packed_format_version_3 = "3";

/// Writes the file atomically (see AtomicFile), with a checksum. Throws Error for a model that does
/// not pass validate() and for names that are not UTF-8.
void write_packed_model(const std::filesystem::path& path, const PackedModel& model);

/// What write_packed_model() writes. Error messages lack the path.
std::vector<std::byte> packed_model_bytes(const PackedModel& model);

/// Reads a file by way of a mapping (see MappedFile). The result is what was written, bit by bit,
/// and passes validate(); whatever else the file holds, an Error "<path>: what is wrong" of one
/// line says so. Memory stays in proportion to the size of the file and to max_total_channels.
PackedModel read_packed_model(const std::filesystem::path& path);

/// The same for a file that is in memory. Error messages lack the path.
PackedModel parse_packed_model(std::span<const std::byte> file);

}  // namespace lq::deploy
