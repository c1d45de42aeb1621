#include "data/dataset_registry.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/io/file.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/shards.h"

namespace lq {
namespace {

namespace fs = std::filesystem;

DatasetSplits open_fashion_mnist(const fs::path& folder, const DatasetOptions& options) {
  return read_idx(folder,
                  {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                   "Sneaker", "Bag", "Ankle boot"},
                  options.padded_size);
}

DatasetSplits open_mnist(const fs::path& folder, const DatasetOptions& options) {
  return read_idx(folder, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, options.padded_size);
}

DatasetSplits open_cifar10(const fs::path& folder, const DatasetOptions& /*options*/) {
  return read_cifar(cifar10_format(), folder);
}

DatasetSplits open_cifar100(const fs::path& folder, const DatasetOptions& /*options*/) {
  return read_cifar(cifar100_format(), folder);
}

DatasetSplits open_synthetic(const fs::path& /*folder*/, const DatasetOptions& options) {
  return make_synthetic(options.synthetic);
}

DatasetSplits open_folder(const fs::path& folder, const DatasetOptions& /*options*/) {
  return holds_shards(folder) ? open_shards(folder) : open_image_folder(folder);
}

constexpr std::array table{
    DatasetInfo{
        .name = "fashion-mnist",
        .description = "Fashion-MNIST: 28 x 28 grey images of clothing, 10 classes (IDX)",
        .source = "install the package dataset-fashion-mnist or give its folder with --data",
        .default_folder = "/usr/share/datasets/fashion-mnist",
        .needs_folder = true,
        .mirror_symmetric = true,
        .open = open_fashion_mnist},
    DatasetInfo{.name = "mnist",
                .description = "MNIST: 28 x 28 grey images of digits, 10 classes (IDX)",
                .source = "give the folder of train-images-idx3-ubyte.gz with --data",
                .default_folder = "",
                .needs_folder = true,
                .mirror_symmetric = false,
                .open = open_mnist},
    DatasetInfo{.name = "cifar10",
                .description = "CIFAR-10: 32 x 32 colour images, 10 classes (binary version)",
                .source = "give the folder of data_batch_1.bin with --data",
                .default_folder = "",
                .needs_folder = true,
                .mirror_symmetric = true,
                .open = open_cifar10},
    DatasetInfo{.name = "cifar100",
                .description = "CIFAR-100: 32 x 32 colour images, 100 classes (binary version)",
                .source = "give the folder of train.bin with --data",
                .default_folder = "",
                .needs_folder = true,
                .mirror_symmetric = true,
                .open = open_cifar100},
    DatasetInfo{
        .name = "imagenet",
        .description = "ImageNet (ILSVRC 2012): JPEG files in train/<class> and val, or shards",
        .source = "give the folder that holds train and val, or shards, with --data",
        .default_folder = "",
        .needs_folder = true,
        .mirror_symmetric = true,
        .open = open_folder},
    DatasetInfo{.name = "image-folder",
                .description = "any images in train/<class> and val/<class>, or shards",
                .source = "give the folder that holds train and val, or shards, with --data",
                .default_folder = "",
                .needs_folder = true,
                .mirror_symmetric = true,
                .open = open_folder},
    DatasetInfo{.name = "synthetic",
                .description = "made-up patterns with noise, for trials without any files",
                .source = "",
                .default_folder = "",
                .needs_folder = false,
                .mirror_symmetric = true,
                .open = open_synthetic},
};

}  // namespace

std::span<const DatasetInfo> datasets() { return table; }

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const DatasetInfo& info : table) names.emplace_back(info.name);
  return names;
}

const DatasetInfo& dataset_info(std::string_view name) {
  const auto row = std::ranges::find(table, name, &DatasetInfo::name);
  if (row != table.end()) return *row;
  fail("data set: \"{}\" is not known, expected one of {}", name, fmt::join(dataset_names(), ", "));
}

DatasetSplits open_dataset(std::string_view name, const fs::path& folder,
                           const DatasetOptions& options) {
  const DatasetInfo& info = dataset_info(name);
  const fs::path place = folder.empty() ? fs::path(info.default_folder) : folder;
  check(info.needs_folder || folder.empty(),
        "{}: the data set has no files, but folder {} is given", info.name, folder.string());
  if (info.needs_folder) {
    check(!place.empty(), "{}: no folder given; {}", info.name, info.source);
    check(fs::is_directory(status_of(place)), "{}: there is no folder {}; {}", info.name,
          place.string(), info.source);
  }
  DatasetSplits splits = info.open(place, options);
  splits.mirror_symmetric = info.mirror_symmetric;
  return splits;
}

}  // namespace lq
