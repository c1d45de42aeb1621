// MNIST's IDX files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace lq {

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k- companions, each plain
/// or with .gz, as grey images (one channel). Zeros are put around images smaller than
/// `padded_size`, evenly, the odd line at the bottom and right; 0 leaves them as they are.
/// Throws Error, in one line that names the file, for missing files, a wrong magic number, sizes
/// that do not fit the header, numbers of images and labels that differ, labels out of range and
/// images larger than padded_size.
DatasetSplits read_idx(const std::filesystem::path& folder, const std::vector<std::string>& classes,
                       int padded_size);

}  // namespace lq
