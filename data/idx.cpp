#include "data/idx.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/gzip.h"
#include "data/centre.h"
#include "data/in_memory_dataset.h"

namespace lq {
namespace {

namespace fs = std::filesystem;

// A header is the magic number and one extent per dimension, big-endian: two zero bytes, the
// element type (8 = unsigned byte), the number of dimensions.
constexpr std::uint32_t images_magic = 0x00000803;
constexpr std::uint32_t labels_magic = 0x00000801;

// Far above any set of this format; bounds what a damaged or hostile .gz can unpack to.
constexpr std::size_t most_bytes = std::size_t{1} << 31;

constexpr std::size_t header_bytes(std::size_t dimensions) {
  return sizeof(std::uint32_t) * (1 + dimensions);
}

struct IdxFile {
  fs::path path;
  std::vector<std::int64_t> extents;
  std::vector<std::byte> content;

  std::span<const std::uint8_t> bytes() const {
    return {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
  }
  // The bytes without the header.
  std::span<const std::uint8_t> elements() const {
    return bytes().subspan(header_bytes(extents.size()));
  }
};

std::uint32_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bytes.first(sizeof value)) value = value << 8 | byte;
  return value;
}

fs::path find_file(const fs::path& folder, const std::string& stem) {
  for (const fs::path& candidate : {folder / stem, folder / (stem + ".gz")}) {
    if (fs::exists(status_of(candidate))) return candidate;
  }
  fail("{}: no such file, neither plain nor with .gz", (folder / stem).string());
}

IdxFile read_idx_file(const fs::path& folder, const std::string& stem, std::uint32_t magic) {
  IdxFile file{.path = find_file(folder, stem), .extents = {}, .content = {}};
  file.content = read_gzip(file.path, most_bytes);
  const std::string name = file.path.string();
  const std::span<const std::uint8_t> bytes = file.bytes();
  const std::size_t dimensions = magic & 0xFF;
  const std::size_t header = header_bytes(dimensions);
  check(bytes.size() >= header, "{}: {} bytes, expected a header of {}", name, bytes.size(),
        header);
  const std::uint32_t found = big_endian(bytes);
  check(found == magic, "{}: magic number {:#010x}, expected {:#010x}", name, found, magic);

  // An extent has 32 bits and the product is capped far below 2^32, so that it never overflows.
  std::uint64_t elements = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::uint32_t extent = big_endian(bytes.subspan(header_bytes(d)));
    check(extent > 0, "{}: dimension {} is 0, expected 1 or more", name, d);
    elements = std::min<std::uint64_t>(elements * extent, most_bytes);
    file.extents.push_back(extent);
  }
  check(bytes.size() - header == elements, "{}: {} bytes after the header, expected {}", name,
        bytes.size() - header, fmt::join(file.extents, " x "));
  return file;
}

std::vector<std::uint8_t> padded(const IdxFile& images, int padded_size) {
  const std::int64_t count = images.extents[0];
  const std::int64_t height = images.extents[1];
  const std::int64_t width = images.extents[2];
  check(height <= padded_size && width <= padded_size,
        "{}: images of {} x {}, expected at most {} x {}", images.path.string(), height, width,
        padded_size, padded_size);
  const auto most_images = static_cast<std::int64_t>(most_bytes) / (padded_size * padded_size);
  check(count <= most_images, "{}: {} images, expected at most {} of {} x {}", images.path.string(),
        count, most_images, padded_size, padded_size);
  const Shape from_shape{height, width, 1};
  const Shape to_shape{padded_size, padded_size, 1};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count * to_shape.elements()));
  for (std::int64_t n = 0; n < count; ++n) {
    place_in_centre(
        images.elements().subspan(n * from_shape.elements(), from_shape.elements()), from_shape,
        std::span(pixels).subspan(n * to_shape.elements(), to_shape.elements()), to_shape);
  }
  return pixels;
}

std::vector<std::int32_t> checked_labels(const IdxFile& labels, std::size_t classes) {
  const std::span<const std::uint8_t> source = labels.elements();
  for (std::size_t i = 0; i < source.size(); ++i) {
    check(source[i] < classes, "{}: label of image {} is {}, expected 0 to {}",
          labels.path.string(), i, source[i], classes - 1);
  }
  return {source.begin(), source.end()};
}

std::shared_ptr<const Dataset> read_part(const fs::path& folder, const std::string& prefix,
                                         const std::vector<std::string>& classes, int padded_size) {
  const IdxFile images = read_idx_file(folder, prefix + "-images-idx3-ubyte", images_magic);
  const IdxFile labels = read_idx_file(folder, prefix + "-labels-idx1-ubyte", labels_magic);
  check(images.extents[0] == labels.extents[0], "{}: {} labels, expected {} as images in {}",
        labels.path.string(), labels.extents[0], images.extents[0], images.path.string());
  std::vector<std::int32_t> values = checked_labels(labels, classes.size());
  if (padded_size == 0) {
    const auto elements = images.elements();
    return std::make_shared<InMemoryDataset>(
        Shape{images.extents[1], images.extents[2], 1},
        std::vector<std::uint8_t>(elements.begin(), elements.end()), std::move(values), classes);
  }
  return std::make_shared<InMemoryDataset>(Shape{padded_size, padded_size, 1},
                                           padded(images, padded_size), std::move(values), classes);
}

}  // namespace

DatasetSplits read_idx(const fs::path& folder, const std::vector<std::string>& classes,
                       int padded_size) {
  check(padded_size >= 0 && padded_size <= 4096, "padded size is {}, expected 0 to 4096",
        padded_size);
  DatasetSplits splits{read_part(folder, "train", classes, padded_size),
                       read_part(folder, "t10k", classes, padded_size)};
  check(splits.train->image_shape() == splits.test->image_shape(),
        "{}: training images are {}, test images {}, expected the same", folder.string(),
        splits.train->image_shape().to_string(), splits.test->image_shape().to_string());
  return splits;
}

}  // namespace lq
