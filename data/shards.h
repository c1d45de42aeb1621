// Image folders packed into a few large files.
//
// A folder of shards holds index.lqshards and train-00000.shard, train-00001.shard, ...,
// val-00000.shard, ... A shard is a run of image files, byte by byte as they were. The index, all
// numbers little-endian:
//
//     8 bytes    "LQSHARD1"
//     u32        CRC-32 of everything behind it
//     u32        number of classes; for each: u32 length of its name, and the name
//     for train, then for val:
//     u32        number of shards; for each: u64 its size in bytes
//     u64        number of images; for each: u32 shard, u64 offset, u32 size, u32 CRC-32,
//                i32 label, u16 length of its name, and the name
//
// An image that could not be read when the folder was packed has size 0, as has an empty file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "data/encoded_dataset.h"
#include "data/skipped_images.h"

namespace lq {

/// Whether the folder has an index of shards. Throws Error where that cannot be found out.
bool holds_shards(const std::filesystem::path& folder);

/// The images of a folder of shards: files, labels, classes and order are those of the folder that
/// was packed. The index is checked as a whole, and the sizes of the shards; each image when it is
/// read. A few hundred shards are held open, more are opened anew for each image. Throws Error in
/// one line for an index that is damaged and shards that are missing or of another size.
ImageFiles list_shards(const std::filesystem::path& folder);

/// The same as images.
DatasetSplits open_shards(const std::filesystem::path& folder);

struct ShardOptions {
  /// A shard is closed when it has so many bytes.
  std::uint64_t shard_bytes = std::uint64_t{1} << 30;
  /// Called after each image with the number of images that are done, and that of all, of both
  /// parts. May be null.
  std::function<void(std::int64_t done, std::int64_t all)> on_image;
};

struct ShardResult {
  SkippedImages skipped;  ///< those that could not be read
  std::string warning;    ///< of the folder, as in DatasetSplits
};

/// Packs the images of a folder (data/image_folder.h), or of other shards, into `output`, which is
/// made when it is missing. Files are not decoded: damaged images stay what they are, and one that
/// cannot be read stays an image that cannot be read, also when shards are packed again. The index
/// is written last, so that an output without one is not whole. Throws Error when `output` is
/// `folder` or holds an index already, when something cannot be written, and when none of so many
/// images in a row can be read that they are gone.
ShardResult write_shards(const std::filesystem::path& folder, const std::filesystem::path& output,
                         const ShardOptions& options = {});

}  // namespace lq
