// Files of named tensors in the safetensors format, with a checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace lq {

/// The format (https://huggingface.co/docs/safetensors): 8 bytes little-endian length of the
/// header; the header, a JSON object {"<name>": {"dtype", "shape", "data_offsets": [begin, end]},
/// ..., "__metadata__": {"<key>": "<text>"}} padded with spaces; then the elements, little-endian
/// and without gaps.
///
/// dtypes are F32, F64, I32, I64 and U8; shapes have at most Shape::max_rank extents.
///
/// Files that lqnet writes carry two metadata entries of their own, which are not part of
/// `metadata` below: "writer": "lqnet" and "checksum": "crc32:<8 lower-case hex digits>". The
/// checksum covers every byte of the file, with its own eight digits counted as '0' characters.
/// It is verified whenever the entry is there, and must be there when lqnet is named as the
/// writer, so damage to the entry itself is seen too. Files of other writers load without it.

using Metadata = std::map<std::string, std::string>;
using NamedTensor = std::pair<std::string, Tensor>;

struct SafetensorsFile {
  std::vector<NamedTensor> tensors;  ///< in the order of the header, on the CPU
  Metadata metadata;                 ///< without the two entries of lqnet

  /// The tensor of that name, or null.
  const Tensor* find(std::string_view name) const;
};

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  /// Bytes [begin, end) of the data section; end - begin is the size of shape and dtype.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the order of the header
  Metadata metadata;                      ///< without the two entries of lqnet
  std::uint64_t data_start = 0;           ///< position of the data section in the file
};

struct SafetensorsOptions {
  /// Without a checksum the file also lacks the writer entry.
  bool checksum = true;
};

/// Writes the file atomically (see AtomicFile). The header lists the tensors in the given order;
/// their data is laid out by falling element size, so that every tensor is aligned for its dtype.
/// Throws Error for an undefined tensor, a name that occurs twice, a reserved name
/// ("__metadata__"; "checksum" and "writer" in `metadata`) or text that is not UTF-8.
void save_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const Metadata& metadata = {}, const SafetensorsOptions& options = {});

/// What save_safetensors() would write.
std::vector<std::byte> safetensors_bytes(std::span<const NamedTensor> tensors,
                                         const Metadata& metadata = {},
                                         const SafetensorsOptions& options = {});

/// Reads and verifies a file. Whatever the file holds, the result is the file's content or an
/// Error "<path>: what is wrong"; memory stays in proportion to the size of the file.
SafetensorsFile load_safetensors(const std::filesystem::path& path);

/// Names, dtypes, shapes, offsets and metadata only. The header is checked in full, also against
/// the size of the file; the data is neither read nor compared with the checksum.
SafetensorsHeader load_safetensors_header(const std::filesystem::path& path);

/// The same for a file that is in memory. Error messages lack the path.
SafetensorsFile parse_safetensors(std::span<const std::byte> file);
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file);

}  // namespace lq
