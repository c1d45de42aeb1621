#include "data/cifar.h"

#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "core/io/file.h"
#include "data/in_memory_dataset.h"

namespace lq {
namespace {

namespace fs = std::filesystem;

constexpr int channels = 3;

// Pixels and labels of one part, filled file by file.
struct Part {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
};

fs::path find_folder(const CifarFormat& format, const fs::path& folder) {
  for (const fs::path& candidate : {folder, folder / format.subfolder}) {
    if (fs::exists(status_of(candidate / format.train_files.front()))) return candidate;
  }
  fail("{}: neither {} nor {} is there", format.name,
       (folder / format.train_files.front()).string(),
       (folder / format.subfolder / format.train_files.front()).string());
}

std::int32_t read_label(const CifarFormat& format, const fs::path& file, std::int64_t record,
                        std::span<const std::uint8_t> bytes) {
  for (std::size_t level = 0; level < bytes.size(); ++level) {
    check(bytes[level] < format.label_levels[level],
          "{}: label of image {} is {}, expected 0 to {}", file.string(), record, bytes[level],
          format.label_levels[level] - 1);
  }
  return bytes.back();
}

// Planes (C H W) to interleaved pixels (H W C).
void append_interleaved(std::span<const std::uint8_t> planes, std::vector<std::uint8_t>& pixels) {
  const std::size_t plane = planes.size() / channels;
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < channels; ++c) pixels.push_back(planes[c * plane + i]);
  }
}

void append_file(const CifarFormat& format, const fs::path& file, std::int64_t images, Part& part) {
  const std::size_t levels = format.label_levels.size();
  const std::size_t record =
      levels + static_cast<std::size_t>(channels * format.size * format.size);
  const std::size_t expected = static_cast<std::size_t>(images) * record;
  const InputFile input(file);
  check(input.size() == expected, "{}: {} bytes, expected {} ({} images of {} bytes)",
        file.string(), input.size(), expected, images, record);
  std::vector<std::uint8_t> bytes(expected);
  input.read(0, std::as_writable_bytes(std::span(bytes)));
  part.pixels.reserve(part.pixels.size() + expected);
  for (std::int64_t i = 0; i < images; ++i) {
    const auto image = std::span(bytes).subspan(static_cast<std::size_t>(i) * record, record);
    part.labels.push_back(read_label(format, file, i, image.first(levels)));
    append_interleaved(image.subspan(levels), part.pixels);
  }
}

std::vector<std::string> read_names(const CifarFormat& format, const fs::path& folder) {
  const fs::path file = folder / format.names_file;
  std::ifstream stream(file);
  if (!stream) return format.names;
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  check(names.size() == format.names.size(), "{}: {} class names, expected {}", file.string(),
        names.size(), format.names.size());
  return names;
}

}  // namespace

CifarFormat cifar10_format() {
  return {.name = "cifar10",
          .subfolder = "cifar-10-batches-bin",
          .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                          "data_batch_4.bin", "data_batch_5.bin"},
          .test_file = "test_batch.bin",
          .train_file_images = 10'000,
          .test_file_images = 10'000,
          .label_levels = {10},
          .names_file = "batches.meta.txt",
          .names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                    "truck"}};
}

CifarFormat cifar100_format() {
  return {
      .name = "cifar100",
      .subfolder = "cifar-100-binary",
      .train_files = {"train.bin"},
      .test_file = "test.bin",
      .train_file_images = 50'000,
      .test_file_images = 10'000,
      .label_levels = {20, 100},
      .names_file = "fine_label_names.txt",
      .names = {
          "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
          "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
          "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
          "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
          "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
          "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
          "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
          "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
          "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
          "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
          "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
          "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
          "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
          "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
          "table",       "tank",          "telephone", "television", "tiger",        "tractor",
          "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
          "willow_tree", "wolf",          "woman",     "worm"}};
}

DatasetSplits read_cifar(const CifarFormat& format, const fs::path& folder) {
  const fs::path found = find_folder(format, folder);
  const std::vector<std::string> names = read_names(format, found);
  Part train;
  for (const std::string& file : format.train_files) {
    append_file(format, found / file, format.train_file_images, train);
  }
  Part test;
  append_file(format, found / format.test_file, format.test_file_images, test);
  const auto dataset = [&](Part part) {
    return std::make_shared<InMemoryDataset>(Shape{format.size, format.size, channels},
                                             std::move(part.pixels), std::move(part.labels), names);
  };
  return {dataset(std::move(train)), dataset(std::move(test))};
}

}  // namespace lq
