// What libjpeg only warns of, or takes as it is: JPEG files whose pixels are whole nevertheless,
// and others.

#include "data/image_file.h"
#include "tests/data/files.h"
#include "tests/data/jpeg_files.h"
#include "tests/data/photographs.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using File = std::vector<std::byte>;

constexpr int start_of_frame = 0xc0, huffman_table = 0xc4, end_of_image = 0xd9,
              start_of_scan = 0xda, app0 = 0xe0;

/// The first place behind `from` where a marker stands, at its 0xff.
std::size_t marker_behind(const File& file, std::size_t from, int marker) {
  for (std::size_t at = from + 1; at + 1 < file.size(); ++at) {
    if (file[at] == std::byte{0xff} && file[at + 1] == static_cast<std::byte>(marker)) return at;
  }
  ADD_FAILURE() << "no marker " << marker;
  return 0;
}

File with_bytes(File file, std::size_t at, std::initializer_list<int> values) {
  for (const int value : values) {
    file.insert(file.begin() + static_cast<std::ptrdiff_t>(at++), static_cast<std::byte>(value));
  }
  return file;
}

File with_byte(File file, std::size_t at, int value) {
  file[at] = static_cast<std::byte>(value);
  return file;
}

/// The pixels are those of `whole`, also where a part of them is read.
void expect_same_pixels(const File& changed, const File& whole) {
  const Image expected = decode_image(whole);
  EXPECT_EQ(decode_image(changed).pixels, expected.pixels);
  const PixelRegion region{30, 20, 40, 50};
  Image part, expected_part;
  open_image(changed)->read(region, part);
  copy_region(expected, region, expected_part);
  EXPECT_EQ(part.pixels, expected_part.pixels);
}

class JpegWarningsTest : public ::testing::Test {
 protected:
  const Image image = random_photograph(90, 110, 3, 1);
  const File file = encode_jpeg(image);
};

TEST_F(JpegWarningsTest, StrayBytesBetweenSegmentsAreSkipped) {
  const std::size_t behind_start = 2;
  for (const std::size_t at : {behind_start, marker_behind(file, 0, start_of_frame),
                               marker_behind(file, 0, start_of_scan)}) {
    expect_same_pixels(with_bytes(file, at, {0x12, 0x34}), file);
  }
}

TEST_F(JpegWarningsTest, StrayBytesBehindPixelsAreErrors) {
  // libjpeg reads a few bytes ahead and does not miss them.
  const auto stray = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::size_t end = marker_behind(file, file.size() - 3, end_of_image);
  EXPECT_TRUE(throws_error([&] { decode_image(with_bytes(file, end, stray)); },
                           "extraneous bytes before marker 0xd9"));
  const File progressive = encode_jpeg(image, {.progressive = true});
  const std::size_t behind_first_scan =
      marker_behind(progressive, marker_behind(progressive, 0, start_of_scan), huffman_table);
  EXPECT_TRUE(throws_error([&] { decode_image(with_bytes(progressive, behind_first_scan, stray)); },
                           "extraneous bytes before marker 0xc4"));
}

TEST_F(JpegWarningsTest, UnknownRevisionsOfJfifAreRead) {
  const std::size_t segment = marker_behind(file, 0, app0);
  expect_same_pixels(with_byte(file, segment + 9, 2), file);
}

TEST_F(JpegWarningsTest, UnknownColourTransformsOfAdobeAreRead) {
  const std::size_t segment = marker_behind(file, 0, app0);
  File plain = file;  // without JFIF's segment, beside which Adobe's says nothing
  const auto begin = plain.begin() + static_cast<std::ptrdiff_t>(segment);
  plain.erase(begin, begin + 18);
  const File changed =
      with_bytes(plain, 2, {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 7});
  expect_same_pixels(changed, file);
}

TEST_F(JpegWarningsTest, FieldsThatSequentialFilesDoNotUseMayBeAnything) {
  const std::size_t segment = marker_behind(file, 0, start_of_scan);
  const std::size_t fields = segment + 2 + 2 + 1 + 3 * 2;
  ASSERT_EQ(file[fields + 1], std::byte{63});
  expect_same_pixels(with_byte(file, fields + 1, 0), file);
}

TEST_F(JpegWarningsTest, DamagedPixelsAreErrors) {
  const File restarts = encode_jpeg(image, {.restart_interval = 2});
  const std::size_t second = marker_behind(restarts, 0, 0xd1);
  EXPECT_TRUE(throws_error([&] { decode_image(with_byte(restarts, second + 1, 0xd5)); },
                           "found marker 0xd5 instead of RST1"));
  const std::size_t middle = file.size() / 2;
  EXPECT_TRUE(throws_error(
      [&] {
        decode_image(with_bytes(file, middle, {0xff, end_of_image}));
      },
      "JPEG: "));
  EXPECT_TRUE(throws_error([&] { decode_image(File(file.begin(), file.end() - 2)); },
                           "Premature end of JPEG file"));
}

// --- Files of several scans

/// As `file` would be if it ended after a scan, for each of them but the last.
std::vector<File> without_last_scans(const File& file) {
  const auto byte = [&](std::size_t at) { return std::to_integer<int>(file[at]); };
  const auto is_marker = [&](std::size_t at) {
    return byte(at) == 0xff && byte(at + 1) != 0 && (byte(at + 1) < 0xd0 || byte(at + 1) > 0xd7);
  };
  std::vector<File> cut;
  std::size_t at = marker_behind(file, 0, start_of_scan);
  while (true) {
    do ++at;
    while (!is_marker(at));
    if (byte(at + 1) == end_of_image) return cut;
    const File begin(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(at));
    cut.push_back(with_bytes(begin, at, {0xff, end_of_image}));
    if (byte(at + 1) != start_of_scan) at = marker_behind(file, at, start_of_scan);
  }
}

/// A file of scans by a script, of an image in colour.
File file_of_scans(const Image& image, const std::vector<jpeg_scan_info>& scans) {
  const Bytes bytes =
      jpeg_of(image, JCS_RGB, 3, image.pixels, [&scans](jpeg_compress_struct& info) {
        info.scan_info = scans.data();
        info.num_scans = static_cast<int>(scans.size());
      });
  const auto file = std::as_bytes(std::span(bytes));
  return {file.begin(), file.end()};
}

TEST_F(JpegWarningsTest, ProgressiveFilesThatLackScansAreErrors) {
  for (const int channels : {1, 3}) {
    for (const unsigned int interval : {0, 3}) {
      const File whole = encode_jpeg(random_photograph(90, 110, channels, 2),
                                     {.restart_interval = interval, .progressive = true});
      EXPECT_EQ(decode_image(whole).shape(), (Shape{90, 110, channels}));
      const std::vector<File> cut = without_last_scans(whole);
      EXPECT_EQ(cut.size(), channels == 1 ? 5U : 9U);
      for (const File& lacking : cut) {
        EXPECT_TRUE(throws_error([&] { decode_image(lacking); }, "JPEG: scans are missing: "));
        Image part;
        EXPECT_TRUE(throws_error(
            [&] {
              open_image(lacking)->read({0, 0, 9, 9}, part);
            },
            "JPEG: scans are missing: "));
      }
    }
  }
}

TEST_F(JpegWarningsTest, ProgressiveFilesMayHaveAnyScansThatAreAll) {
  const File whole = file_of_scans(image, {{3, {0, 1, 2}, 0, 0, 0, 0},
                                           {1, {0}, 1, 63, 0, 0},
                                           {1, {1}, 1, 63, 0, 0},
                                           {1, {2}, 1, 63, 0, 0}});
  EXPECT_EQ(decode_image(whole).shape(), image.shape());
  const File narrow = file_of_scans(image, {{3, {0, 1, 2}, 0, 0, 0, 0},
                                            {1, {0}, 1, 63, 0, 0},
                                            {1, {1}, 1, 63, 0, 0},
                                            {1, {2}, 1, 40, 0, 0}});
  EXPECT_TRUE(throws_error([&] { decode_image(narrow); },
                           "coefficient 41 of component 3 is not there in full"));
}

#if defined(C_ARITH_CODING_SUPPORTED)
TEST_F(JpegWarningsTest, ArithmeticFilesThatLackScansAreErrors) {
  const Bytes bytes = jpeg_of(image, JCS_RGB, 3, image.pixels, [](jpeg_compress_struct& info) {
    info.arith_code = TRUE;
    jpeg_simple_progression(&info);
  });
  const auto whole = std::as_bytes(std::span(bytes));
  EXPECT_EQ(decode_image(whole).shape(), image.shape());
  for (const File& lacking : without_last_scans({whole.begin(), whole.end()})) {
    EXPECT_TRUE(throws_error([&] { decode_image(lacking); }, "JPEG: scans are missing: "));
  }
}
#endif

TEST_F(JpegWarningsTest, SequentialFilesOfSeveralScansHaveAllComponents) {
  const File single = file_of_scans(image, {{3, {0, 1, 2}, 0, 63, 0, 0}});
  const File whole = file_of_scans(image, {{1, {0}, 0, 63, 0, 0}, {2, {1, 2}, 0, 63, 0, 0}});
  expect_same_pixels(whole, single);
  const std::vector<File> cut = without_last_scans(whole);
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_TRUE(throws_error([&] { decode_image(cut[0]); }, "no scan has component 2 of 3"));
}

}  // namespace
}  // namespace lq::testing
