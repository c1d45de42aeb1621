#include "data/source_image.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "data/exif_orientation.h"
#include "data/image_file.h"
#include "tests/data/files.h"
#include "tests/data/photographs.h"
#include "tests/support/memory_limit.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

Image region_of(const Image& image, const PixelRegion& region) {
  Image part;
  part.resize(region.height, region.width, image.channels);
  for (int y = 0; y < region.height; ++y) {
    for (int x = 0; x < region.width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        part.pixels[(y * region.width + x) * image.channels + c] =
            image.pixels[((y + region.top) * image.width + x + region.left) * image.channels + c];
      }
    }
  }
  return part;
}

PixelRegion random_region_of(const Image& image, Rng& rng) {
  PixelRegion region;
  region.height = static_cast<int>(random_integer(rng, 1, image.height));
  region.width = static_cast<int>(random_integer(rng, 1, image.width));
  region.top = static_cast<int>(random_integer(rng, 0, image.height - region.height));
  region.left = static_cast<int>(random_integer(rng, 0, image.width - region.width));
  return region;
}

void expect_parts_of_whole(const std::vector<std::byte>& file, int rounds, std::uint64_t seed) {
  const Image whole = decode_image(file);
  EXPECT_EQ(open_image(file)->shape(), whole.shape());
  Rng rng(seed, RngPurpose::test);
  SourceImage source;
  for (int round = 0; round < rounds; ++round) {
    source.set_encoded("a.jpeg") = file;
    source.read_header();
    EXPECT_EQ(source.shape(), whole.shape());
    const PixelRegion region = random_region_of(whole, rng);
    const Image& part = source.part(region);
    ASSERT_EQ(part.shape(), (Shape{region.height, region.width, whole.channels}));
    ASSERT_EQ(part.pixels, region_of(whole, region).pixels)
        << region.top << ' ' << region.left << ' ' << region.height << ' ' << region.width;
  }
}

TEST(SourceImage, PartsOfFilesAreThoseOfTheWhole) {
  std::uint64_t seed = 0;
  for (const auto& [height, width] :
       {std::pair{211, 300}, {300, 211}, {16, 401}, {333, 17}, {1, 1}}) {
    for (const int channels : {1, 3}) {
      const Image image = random_photograph(height, width, channels, ++seed);
      for (const JpegOptions& options :
           {JpegOptions{},
            JpegOptions{
                .quality = 100, .chroma_rows_divided_by = 1, .chroma_columns_divided_by = 1},
            JpegOptions{.quality = 50, .progressive = true}}) {
        expect_parts_of_whole(encode_jpeg(image, options), 30, seed);
      }
    }
  }
}

/// 4:2:2, 4:4:0, 4:1:1, 4:1:0 and others that cameras and video have; with restart markers, which
/// the decoder has to find where it leaves out rows.
TEST(SourceImage, PartsOfFilesOfAnySamplingAreThoseOfTheWhole) {
  std::uint64_t seed = 50;
  for (const auto& [rows, columns] :
       {std::pair{1, 2}, {2, 1}, {1, 4}, {2, 4}, {4, 1}, {4, 2}, {1, 3}, {2, 2}}) {
    for (const auto& [height, width] : {std::pair{211, 300}, {150, 97}, {333, 17}}) {
      const Image image = random_photograph(height, width, 3, ++seed);
      for (const unsigned int interval : {0, 1, 7, 40}) {
        for (const bool progressive : {false, true}) {
          expect_parts_of_whole(encode_jpeg(image, {.chroma_rows_divided_by = rows,
                                                    .chroma_columns_divided_by = columns,
                                                    .restart_interval = interval,
                                                    .progressive = progressive}),
                                10, seed);
        }
      }
    }
  }
}

/// Whether the bytes have a marker of this code, which no pixels contain.
bool has_marker(const std::vector<std::byte>& file, int first_code, int last_code) {
  for (std::size_t i = 0; i + 1 < file.size(); ++i) {
    const int code = std::to_integer<int>(file[i + 1]);
    if (file[i] == std::byte{0xff} && code >= first_code && code <= last_code) return true;
  }
  return false;
}

TEST(SourceImage, FilesWithRestartMarkersHaveThem) {
  const Image image = random_photograph(64, 64, 3, 1);
  EXPECT_FALSE(has_marker(encode_jpeg(image), 0xd0, 0xd7));
  EXPECT_TRUE(has_marker(encode_jpeg(image, {.restart_interval = 3}), 0xd0, 0xd7));
}

TEST(SourceImage, PartsOfDecodedImages) {
  const Image image = random_photograph(20, 31, 3, 1);
  SourceImage source;
  source.set_decoded() = image;
  EXPECT_EQ(source.shape(), image.shape());
  EXPECT_EQ(source.whole().pixels, image.pixels);
  Rng rng(2, RngPurpose::test);
  for (int round = 0; round < 20; ++round) {
    const PixelRegion region = random_region_of(image, rng);
    EXPECT_EQ(source.part(region).pixels, region_of(image, region).pixels);
    EXPECT_EQ(source.last_region(), region);
  }
  source.whole();
  EXPECT_EQ(source.last_region(), (PixelRegion{0, 0, 20, 31}));
}

/// Where pixel (y, x) of the seen image comes from, by the words of the Exif standard: the number
/// says where row 0 and column 0 of the file are seen.
std::pair<int, int> stored_place(int orientation, int y, int x, int height, int width) {
  switch (orientation) {
    case 2:
      return {y, width - 1 - x};  // row 0 top, column 0 right
    case 3:
      return {height - 1 - y, width - 1 - x};  // bottom, right
    case 4:
      return {height - 1 - y, x};  // bottom, left
    case 5:
      return {x, y};  // row 0 left, column 0 top
    case 6:
      return {height - 1 - x, y};  // right, top
    case 7:
      return {height - 1 - x, width - 1 - y};  // right, bottom
    case 8:
      return {x, width - 1 - y};  // left, bottom
    default:
      return {y, x};
  }
}

TEST(SourceImage, FilesAreTurnedAsExifSays) {
  const Image image = random_photograph(37, 52, 3, 4);
  const std::vector<std::byte> upright = encode_jpeg(image);
  const Image stored = decode_image(upright);
  for (int orientation = 0; orientation <= 9; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const std::vector<std::byte> file = with_orientation(upright, orientation, big_endian);
      const Image seen = decode_image(file);
      const bool transposed = orientation >= 5 && orientation <= 8;
      ASSERT_EQ(seen.shape(), transposed ? Shape({52, 37, 3}) : Shape({37, 52, 3}));
      for (int y = 0; y < seen.height; ++y) {
        for (int x = 0; x < seen.width; ++x) {
          const auto [row, column] = stored_place(orientation, y, x, stored.height, stored.width);
          for (int c = 0; c < 3; ++c) {
            ASSERT_EQ(seen.pixels[(y * seen.width + x) * 3 + c],
                      stored.pixels[(row * stored.width + column) * 3 + c])
                << "orientation " << orientation << " at " << y << ' ' << x;
          }
        }
      }
      expect_parts_of_whole(file, 10, 7);
    }
  }
}

/// Averages of blocks of factor x factor pixels, fewer at the right and lower border.
Image block_averages(const Image& image, int factor) {
  Image result;
  result.resize((image.height + factor - 1) / factor, (image.width + factor - 1) / factor,
                image.channels);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      const int rows = std::min(factor, image.height - y * factor);
      const int columns = std::min(factor, image.width - x * factor);
      for (int c = 0; c < image.channels; ++c) {
        int sum = 0;
        for (int i = 0; i < rows * columns; ++i) {
          const int row = y * factor + i / columns, column = x * factor + i % columns;
          sum += image.pixels[(row * image.width + column) * image.channels + c];
        }
        result.pixels[(y * result.width + x) * image.channels + c] =
            static_cast<std::uint8_t>((2 * sum + rows * columns) / (2 * rows * columns));
      }
    }
  }
  return result;
}

void expect_reduced(const std::vector<std::byte>& file, int factor, double most_difference) {
  const Image averages = block_averages(decode_image(file), factor);
  SourceImage source;
  const auto reduce = [&] {
    source.set_encoded("a.jpeg") = file;
    source.read_header();
    ASSERT_EQ(source.reduce(factor), factor);
    ASSERT_EQ(source.shape(), averages.shape());
  };
  reduce();
  const Image whole = source.whole();
  ASSERT_EQ(whole.shape(), averages.shape());
  EXPECT_LT(mean_difference(whole.pixels, averages.pixels), most_difference) << factor;
  EXPECT_EQ(source.whole().pixels, whole.pixels) << "read again";
  Rng rng(8, RngPurpose::test);
  for (int round = 0; round < 10; ++round) {
    reduce();
    const PixelRegion region = random_region_of(whole, rng);
    ASSERT_EQ(source.part(region).pixels, region_of(whole, region).pixels);
  }
  source.set_encoded("b.jpeg") = file;
  source.read_header();
  EXPECT_EQ(source.shape(), decode_image(file).shape()) << "the next image";
}

TEST(SourceImage, ReducedFilesAreAveragesOfBlocks) {
  for (const int factor : {2, 4, 8}) {
    for (const auto& [height, width] : {std::pair{211, 300}, {304, 208}, {333, 17}, {1, 1}}) {
      expect_reduced(encode_jpeg(hills(height, width, 1), {.quality = 95}), factor, 0.5);
      for (const auto& [rows, columns] : {std::pair{1, 1}, {2, 2}, {1, 2}, {4, 1}}) {
        // Where chroma has unlike shares of rows and columns, its pixels are repeated.
        const double most_difference = rows == columns ? 1 : 15;
        for (const bool progressive : {false, true}) {
          const JpegOptions options{.quality = 95,
                                    .chroma_rows_divided_by = rows,
                                    .chroma_columns_divided_by = columns,
                                    .progressive = progressive};
          expect_reduced(encode_jpeg(hills(height, width, 3), options), factor, most_difference);
        }
      }
    }
    // Of whole blocks: others would begin elsewhere once they are turned.
    for (const int orientation : {3, 6, 8}) {
      const std::vector<std::byte> file = encode_jpeg(hills(120, 80, 3), {.quality = 95});
      expect_reduced(with_orientation(file, orientation, true), factor, 1);
    }
  }
}

TEST(SourceImage, DecodedImagesAndOtherFormatsAreNotReduced) {
  const Image image = random_photograph(20, 30, 3, 4);
  SourceImage source;
  source.set_decoded() = image;
  EXPECT_EQ(source.reduce(2), 1);
  EXPECT_EQ(source.shape(), image.shape());
  std::vector<std::byte>& file = source.set_encoded("a.ppm");
  const std::string header = "P6\n30 20\n255\n";
  std::ranges::copy(as_bytes(header), std::back_inserter(file));
  std::ranges::copy(std::as_bytes(std::span(image.pixels)), std::back_inserter(file));
  source.read_header();
  EXPECT_EQ(source.reduce(2), 1);
  EXPECT_EQ(source.whole().pixels, image.pixels);
}

TEST(ExifOrientation, DamagedDataIsUpright) {
  const std::string whole("Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 28);
  const auto of = [](const std::string& text) {
    return exif_orientation({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_FALSE(of(whole).is_upright());
  for (std::size_t size = 0; size < 26; ++size) EXPECT_TRUE(of(whole.substr(0, size)).is_upright());
  Rng rng(3, RngPurpose::test);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    damaged[rng.below(28)] = static_cast<char>(rng.below(256));
    of(damaged);  // nothing is read out of bounds
  }
}

/// Whatever part of them is seen: otherwise an image would count as good or bad by chance.
TEST(SourceImage, FilesThatEndBeforeTheirImageAreDamaged) {
  for (const auto& [height, width] : {std::pair{400, 300}, {40, 30}}) {
    for (const JpegOptions& options :
         {JpegOptions{}, JpegOptions{.restart_interval = 4}, JpegOptions{.progressive = true}}) {
      const std::vector<std::byte> file =
          encode_jpeg(random_photograph(height, width, 3, 6), options);
      const PixelRegion upper{0, 0, height / 3, width};
      SourceImage source;
      const auto read = [&](std::size_t bytes) {
        source.set_encoded("a.JPEG") = {file.begin(),
                                        file.begin() + static_cast<std::ptrdiff_t>(bytes)};
        source.read_header();
        source.part(upper);
      };
      EXPECT_NO_THROW(read(file.size()));
      for (const double share : {0.5, 0.85, 0.97}) {
        const auto bytes =
            static_cast<std::size_t>(share * static_cast<double>(file.size() - 1000) + 999);
        EXPECT_THROW(read(bytes), UnreadableImage) << height << ' ' << share;
      }
      EXPECT_THROW(read(file.size() - 1), UnreadableImage);
      EXPECT_THROW(read(file.size() - 2), UnreadableImage);
    }
  }
}

TEST(SourceImage, DamagedFilesAreNamed) {
  const std::vector<std::byte> file = encode_jpeg(random_photograph(64, 64, 3, 5));
  SourceImage source;
  source.set_encoded("folder/a.JPEG") = {file.begin(), file.begin() + 10};
  expect_contains(error_of([&] { source.read_header(); }), {"folder/a.JPEG: JPEG: "});
  source.set_encoded("b.JPEG") = {file.begin(), file.end() - 200};
  source.read_header();
  EXPECT_THROW(source.whole(), UnreadableImage);
  expect_contains(error_of([&] { source.part({40, 0, 24, 64}); }), {"b.JPEG: JPEG: "});
  source.set_encoded("c.JPEG") = {std::byte{'x'}};
  expect_contains(error_of([&] { source.read_header(); }), {"c.JPEG: not an image"});
}

TEST(SourceImage, MemoryOfSingleLargeImagesIsFreed) {
  SourceImage source;
  source.set_decoded().resize(4000, 4000, 3);
  source.part({0, 0, 3999, 4000});
  EXPECT_GT(source.whole().pixels.capacity(), SourceImage::most_kept_bytes);
  Image& next = source.set_decoded();
  EXPECT_EQ(next.pixels.capacity(), 0U);
  next.resize(100, 100, 3);
  EXPECT_LT(source.part({0, 0, 1, 1}).pixels.capacity(), 100U);
  source.set_encoded("a.png").resize(SourceImage::most_kept_bytes + 1);
  EXPECT_EQ(source.set_encoded("b.png").capacity(), 0U);
  // That of others is used again.
  EXPECT_EQ(source.set_decoded().pixels.capacity(), 30000U);
}

/// A small file that says that its image is large.
std::vector<std::byte> file_of_huge_image() {
  std::vector<std::byte> file = encode_jpeg(random_photograph(16, 16, 3, 1));
  std::size_t frame = 0;
  while (file[frame] != std::byte{0xff} || file[frame + 1] != std::byte{0xc0}) ++frame;
  for (const std::size_t extent : {frame + 5, frame + 7}) {
    file[extent] = std::byte{12000 / 256};
    file[extent + 1] = std::byte{12000 % 256};
  }
  return file;
}

TEST(SourceImage, ImagesThatMemoryIsTooShortForAreNamed) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer takes more address space than a limit would leave";
#endif
  EXPECT_EXIT(
      {
        SourceImage source;
        source.set_encoded("huge.JPEG") = file_of_huge_image();
        source.read_header();
        if (source.shape() != Shape{12000, 12000, 3}) std::exit(2);
        limit_memory(std::uint64_t{100} << 20);
        try {
          source.whole();
        } catch (const UnreadableImage& error) {
          std::exit(std::string_view(error.what()) == "huge.JPEG: not enough memory for its pixels"
                        ? 0
                        : 3);
        }
        std::exit(4);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(SourceImage, MemoryThatIsTooShortLaterIsSaidOfTheFile) {
  SourceImage source;
  source.set_encoded("a.JPEG") = encode_jpeg(random_photograph(16, 16, 3, 1));
  const auto run_short = [&] { source.within_memory([] { throw std::bad_alloc(); }); };
  EXPECT_THROW(run_short(), UnreadableImage);
  EXPECT_EQ(error_of(run_short), "a.JPEG: cannot be read: out of memory");
  EXPECT_EQ(source.within_memory([] { return 3; }), 3);
  // An image that is no file is not to blame.
  source.set_decoded();
  EXPECT_THROW(run_short(), std::bad_alloc);
}

/// With a sanitizer this is the test that nothing is read or written out of bounds.
TEST(SourceImage, RandomDamageIsRefusedOrHarmless) {
  Rng rng(6, RngPurpose::test);
  SourceImage source;
  int readable = 0;
  for (const JpegOptions& options : {JpegOptions{}, JpegOptions{.progressive = true}}) {
    const auto file =
        with_orientation(encode_jpeg(random_photograph(70, 90, 3, 8), options), 6, true);
    for (int round = 0; round < 1000; ++round) {
      std::vector<std::byte>& bytes = source.set_encoded("damaged.JPEG") = file;
      for (std::uint32_t changes = 1 + rng.below(3); changes > 0; --changes) {
        // Headers more often than what follows them.
        const auto most = static_cast<std::uint32_t>(rng.below(2) == 0 ? 700 : bytes.size());
        bytes[rng.below(most)] = static_cast<std::byte>(rng.below(256));
      }
      try {
        source.read_header();
        const Shape shape = source.shape();
        if (shape.elements() > 1'000'000) continue;
        const int height = static_cast<int>(shape[0]), width = static_cast<int>(shape[1]);
        const PixelRegion region{height / 3, width / 3, height - height / 3, width - width / 3};
        EXPECT_EQ(source.part(region).shape(), (Shape{region.height, region.width, shape[2]}));
        ++readable;
      } catch (const UnreadableImage& error) {
        EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
      }
    }
  }
  EXPECT_GT(readable, 100);
}

}  // namespace
}  // namespace lq::testing
