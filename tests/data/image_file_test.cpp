#include "data/image_file.h"

#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstdlib>

#include "tests/data/files.h"
#include "tests/data/jpeg_files.h"
#include "tests/support/errors.h"
#include "tests/support/memory_limit.h"

namespace lq::testing {
namespace {

std::span<const std::byte> span_of(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Smooth, so that a lossy format keeps it.
Image gradient(int height, int width, int channels) {
  Image image;
  image.resize(height, width, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels[(y * width + x) * channels + c] =
            static_cast<std::uint8_t>(40 + 3 * y + 2 * x + 20 * c);
      }
    }
  }
  return image;
}

/// `format` is that of the pixels; where it has indices, colours are those of `palette`.
Bytes png_of(const Image& image, png_uint_32 format, const void* pixels,
             const Bytes& palette = {}) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = image.width;
  png.height = image.height;
  png.format = format;
  png.colormap_entries =
      static_cast<png_uint_32>(palette.size()) / PNG_IMAGE_SAMPLE_CHANNELS(format);
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_to_memory(&png, nullptr, &size, 0, pixels, 0, palette.data()), 0);
  Bytes bytes(size);
  EXPECT_NE(png_image_write_to_memory(&png, bytes.data(), &size, 0, pixels, 0, palette.data()), 0);
  bytes.resize(size);
  return bytes;
}

/// Each value takes `depth` bits, 8 or 16, 255 as 65535, in a file that does not tell its gamma.
Bytes png_with(const Image& image, int depth, int interlacing) {
  Bytes bytes;
  const auto append = [](png_structp png, png_bytep data, png_size_t size) {
    auto& written = *static_cast<Bytes*>(png_get_io_ptr(png));
    written.insert(written.end(), data, data + size);
  };
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &bytes, append, nullptr);
  const int type = image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
  png_set_IHDR(png, info, image.width, image.height, depth, type, interlacing,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  Bytes values;
  for (const std::uint8_t value : image.pixels) values.insert(values.end(), depth / 8, value);
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.height; ++y) {
    rows.push_back(&values[values.size() / image.height * y]);
  }
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

void expect_near(const Image& image, const Image& expected, int tolerance) {
  ASSERT_EQ(image.shape(), expected.shape());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    ASSERT_LE(std::abs(image.pixels[i] - expected.pixels[i]), tolerance) << "element " << i;
  }
}

TEST(ImageFileTest, ReadsGreyAndColouredPng) {
  const Image grey = gradient(7, 5, 1);
  EXPECT_EQ(decode_image(span_of(png_of(grey, PNG_FORMAT_GRAY, grey.pixels.data()))).pixels,
            grey.pixels);
  const Image colour = gradient(3, 9, 3);
  const Image read = decode_image(span_of(png_of(colour, PNG_FORMAT_RGB, colour.pixels.data())));
  EXPECT_EQ(read.shape(), colour.shape());
  EXPECT_EQ(read.pixels, colour.pixels);
}

TEST(ImageFileTest, SixteenBitsOfPngAreSeenAsEight) {
  for (const int channels : {1, 3}) {
    const Image image = gradient(6, 11, channels);
    const Image read = decode_image(span_of(png_with(image, 16, PNG_INTERLACE_NONE)));
    EXPECT_EQ(read.shape(), image.shape());
    EXPECT_EQ(read.pixels, image.pixels);
  }
}

TEST(ImageFileTest, InterlacedPngIsReadAsAnyOther) {
  for (const int channels : {1, 3}) {
    const Image image = gradient(19, 13, channels);
    const Bytes file = png_with(image, 8, PNG_INTERLACE_ADAM7);
    EXPECT_EQ(decode_image(span_of(file)).pixels, image.pixels);
    Image part, expected;
    open_image(span_of(file))->read({5, 4, 9, 7}, part);
    copy_region(image, {5, 4, 9, 7}, expected);
    EXPECT_EQ(part.pixels, expected.pixels);
  }
}

TEST(ImageFileTest, TransparentPixelsOfPngShowBlack) {
  Image size;
  size.resize(1, 2, 1);
  const Bytes coloured{200, 100, 50, 255, 200, 100, 50, 0};
  const Image colour = decode_image(span_of(png_of(size, PNG_FORMAT_RGBA, coloured.data())));
  EXPECT_EQ(colour.shape(), Shape({1, 2, 3}));
  EXPECT_EQ(colour.pixels, (Bytes{200, 100, 50, 0, 0, 0}));
  const Bytes greys{90, 255, 90, 0};
  const Image grey = decode_image(span_of(png_of(size, PNG_FORMAT_GA, greys.data())));
  EXPECT_EQ(grey.shape(), Shape({1, 2, 1}));
  EXPECT_EQ(grey.pixels, (Bytes{90, 0}));
}

TEST(ImageFileTest, PalettesOfPngAreLookedUp) {
  Image indices;
  indices.resize(2, 3, 1);
  indices.pixels = {0, 1, 2, 2, 1, 0};
  const Image opaque =
      decode_image(span_of(png_of(indices, PNG_FORMAT_RGB_COLORMAP, indices.pixels.data(),
                                  {1, 2, 3, 40, 50, 60, 255, 254, 253})));
  EXPECT_EQ(opaque.shape(), Shape({2, 3, 3}));
  EXPECT_EQ(opaque.pixels, (Bytes{1, 2, 3, 40, 50, 60, 255, 254, 253,  //
                                  255, 254, 253, 40, 50, 60, 1, 2, 3}));
  const Image with_holes =
      decode_image(span_of(png_of(indices, PNG_FORMAT_RGBA_COLORMAP, indices.pixels.data(),
                                  {1, 2, 3, 255, 40, 50, 60, 0, 255, 254, 253, 255})));
  EXPECT_EQ(with_holes.pixels, (Bytes{1, 2, 3, 0, 0, 0, 255, 254, 253,  //
                                      255, 254, 253, 0, 0, 0, 1, 2, 3}));
}

TEST(ImageFileTest, ReadsGreyAndColouredJpeg) {
  const Image grey = gradient(24, 17, 1);
  expect_near(decode_image(span_of(jpeg_of(grey, JCS_GRAYSCALE, 1, grey.pixels))), grey, 2);
  const Image colour = gradient(16, 21, 3);
  expect_near(decode_image(span_of(jpeg_of(colour, JCS_RGB, 3, colour.pixels))), colour, 6);
}

/// 8 x 8 pixels of that colour, in a file.
Image decoded_cmyk(const Bytes& cmyk,
                   const std::function<void(jpeg_compress_struct&)>& configure = {}) {
  Bytes pixels;
  for (int i = 0; i < 64; ++i) pixels.insert(pixels.end(), cmyk.begin(), cmyk.end());
  return decode_image(span_of(jpeg_of(gradient(8, 8, 1), JCS_CMYK, 4, pixels, configure)));
}

void expect_colour(const Image& image, int r, int g, int b) {
  ASSERT_EQ(image.shape(), Shape({8, 8, 3}));
  EXPECT_NEAR(image.pixels[0], r, 3);
  EXPECT_NEAR(image.pixels[1], g, 3);
  EXPECT_NEAR(image.pixels[2], b, 3);
}

TEST(ImageFileTest, ConvertsCmykJpeg) {
  // libjpeg marks CMYK as Adobe does, whose programs store it inverted: 255 is no ink.
  const auto as_ycck = [](jpeg_compress_struct& info) { jpeg_set_colorspace(&info, JCS_YCCK); };
  for (const auto& configure : {std::function<void(jpeg_compress_struct&)>(), {as_ycck}}) {
    expect_colour(decoded_cmyk({255, 255, 255, 255}, configure), 255, 255, 255);
    expect_colour(decoded_cmyk({0, 0, 0, 255}, configure), 0, 0, 0);
    expect_colour(decoded_cmyk({255, 255, 255, 0}, configure), 0, 0, 0);
    expect_colour(decoded_cmyk({0, 255, 255, 255}, configure), 0, 255, 255);  // cyan ink only
    expect_colour(decoded_cmyk({200, 100, 50, 128}, configure), 100, 50, 25);
  }
}

TEST(ImageFileTest, CmykWithoutAdobesMarkerIsNotInverted) {
  const auto plain = [](jpeg_compress_struct& info) { info.write_Adobe_marker = FALSE; };
  expect_colour(decoded_cmyk({0, 0, 0, 0}, plain), 255, 255, 255);
  expect_colour(decoded_cmyk({0, 0, 0, 255}, plain), 0, 0, 0);
  expect_colour(decoded_cmyk({255, 0, 0, 0}, plain), 0, 255, 255);  // cyan ink only
  expect_colour(decoded_cmyk({55, 155, 205, 127}, plain), 100, 50, 25);
}

TEST(ImageFileTest, RegionsOfCmykFilesAreThoseOfTheWhole) {
  const Image image = gradient(90, 130, 3);
  Bytes cmyk;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    cmyk.insert(cmyk.end(), {image.pixels[i], image.pixels[i + 1], image.pixels[i + 2], 200});
  }
  const Bytes file = jpeg_of(image, JCS_CMYK, 4, cmyk);
  EXPECT_EQ(open_image(span_of(file))->shape(), image.shape());
  const Image whole = decode_image(span_of(file));
  for (const PixelRegion& region :
       {PixelRegion{0, 0, 90, 130}, {41, 50, 9, 70}, {80, 129, 10, 1}}) {
    Image part, expected;
    open_image(span_of(file))->read(region, part);
    copy_region(whole, region, expected);
    EXPECT_EQ(part.pixels, expected.pixels);
  }
}

TEST(ImageFileTest, ReadsPgmAndPpm) {
  const Image grey = decode_image(
      span_of(bytes_of("P5\n# a comment\n3 2\n255\n") + Bytes{0, 1, 2, 253, 254, 255}));
  EXPECT_EQ(grey.shape(), Shape({2, 3, 1}));
  EXPECT_EQ(grey.pixels, (Bytes{0, 1, 2, 253, 254, 255}));
  const Image colour = decode_image(span_of(bytes_of("P6 1 1 15\n") + Bytes{0, 15, 7}));
  EXPECT_EQ(colour.shape(), Shape({1, 1, 3}));
  EXPECT_EQ(colour.pixels, (Bytes{0, 255, 119}));
  const Image deep = decode_image(span_of(bytes_of("P5 2 1 65535\n") + Bytes{255, 255, 128, 0}));
  EXPECT_EQ(deep.pixels, (Bytes{255, 128}));
}

TEST(ImageFileTest, DamagedFilesAreRefused) {
  const Image image = gradient(16, 16, 3);
  for (const Bytes& whole :
       {png_of(image, PNG_FORMAT_RGB, image.pixels.data()),
        jpeg_of(image, JCS_RGB, 3, image.pixels), bytes_of("P6\n16 16\n255\n") + image.pixels}) {
    EXPECT_EQ(decode_image(span_of(whole)).height, 16);
    for (std::size_t length = 0; length + 20 < whole.size(); length += 7) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_THROW(decode_image(span_of(part)), Error) << length << " of " << whole.size();
    }
  }
}

TEST(ImageFileTest, MessagesTellWhatIsWrong) {
  const auto decode = [](const Bytes& bytes) { return [&] { decode_image(span_of(bytes)); }; };
  EXPECT_TRUE(throws_error(decode(bytes_of("GIF89a")), "not an image in PNG, JPEG, PGM or PPM"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 0 4 255\n")), "0 columns"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 20001 4 255\n")), "20001 columns"));
  // 178,962,000 pixels, and 178,948,000.
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 14000 12783 255\n")),
                           "12783 rows and 14000 columns, expected 1 to 20000 each and at most "
                           "178956970 pixels"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 14000 12782 255\n")), "0 bytes of pixels"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 4 4 0\n")), "largest value 0"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 4 4 255\nabc")), "3 bytes of pixels, expected 16"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 4")), "header ends early"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 9999999999 1 1\n")), "more than 9 digits"));
  EXPECT_TRUE(throws_error(decode(bytes_of("P5 1 1 7\n\x09")), "value 9 above the largest"));
  EXPECT_TRUE(throws_error([] { read_image("/nowhere/image.png"); }, "/nowhere/image.png"));
  const TemporaryFolder folder;
  write_file(folder / "broken.png", bytes_of("\x89PNG\r\n\x1a\n and no more"));
  EXPECT_TRUE(throws_error([&] { read_image(folder / "broken.png"); }, "broken.png: PNG"));
  std::filesystem::resize_file(folder / "broken.png", most_image_file_bytes + 1);
  EXPECT_TRUE(throws_error([&] { read_image(folder / "broken.png"); },
                           "broken.png: 1073741825 bytes, expected at most 1073741824"));
}

TEST(FitImageTest, SameSizeChangesOnlyChannels) {
  const Image colour = gradient(4, 5, 3);
  EXPECT_EQ(fit_image(colour, 4, 5, 3).pixels, colour.pixels);
  const Image grey = fit_image(colour, 4, 5, 1);
  for (int i = 0; i < 20; ++i) {
    const double expected = 0.299 * colour.pixels[3 * i] + 0.587 * colour.pixels[3 * i + 1] +
                            0.114 * colour.pixels[3 * i + 2];
    EXPECT_NEAR(grey.pixels[i], expected, 0.51);
  }
  const Image three = fit_image(gradient(4, 5, 1), 4, 5, 3);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(three.pixels[3 * i], three.pixels[3 * i + 2]);
}

TEST(FitImageTest, LargeImagesAreNotCopied) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "limits of memory are not for the sanitizer";
#endif
  EXPECT_EXIT(
      {
        Image large;
        large.resize(5000, 5000, 3);
        limit_memory(std::uint64_t{30} << 20);
        std::exit(fit_image(large, 8, 8, 3).height == 8 ? 0 : 2);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(FitImageTest, HalvingAveragesAndDoublingInterpolates) {
  // A plane stays a plane, whatever the size.
  const Image plane = gradient(32, 48, 1);
  const Image half = fit_image(plane, 16, 24, 1);
  for (int y = 1; y < 15; ++y) {
    for (int x = 1; x < 23; ++x) {
      EXPECT_NEAR(half.pixels[y * 24 + x], 40 + 3 * (2 * y + 0.5) + 2 * (2 * x + 0.5), 0.51);
    }
  }
  const Image twice = fit_image(plane, 64, 96, 1);
  for (int y = 2; y < 62; ++y) {
    for (int x = 2; x < 94; ++x) {
      EXPECT_NEAR(twice.pixels[y * 96 + x], 40 + 3 * (0.5 * y - 0.25) + 2 * (0.5 * x - 0.25), 0.51);
    }
  }
}

/// Scaled by 4/3 the columns are 9 1/3, of which the middle 4 are wanted: proportions keep to whole
/// pixels.
TEST(FitImageTest, ScalesToWholePixels) {
  const Image image = gradient(3, 7, 1);
  const Image fitted = fit_image(image, 4, 4, 1);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      const double row = std::clamp((y + 0.5) * 3 / 4 - 0.5, 0.0, 2.0);
      const double column = (x + 2 + 0.5) * 7 / 9 - 0.5;
      EXPECT_NEAR(fitted.pixels[y * 4 + x], 40 + 3 * row + 2 * column, 0.51);
    }
  }
}

TEST(FitImageTest, WhatDoesNotFitIsCutAroundTheCentre) {
  // 10 x 30: the middle third remains.
  const Image wide = gradient(10, 30, 1);
  const Image square = fit_image(wide, 10, 10, 1);
  for (int y = 0; y < 10; ++y) {
    for (int x = 0; x < 10; ++x) {
      EXPECT_EQ(square.pixels[y * 10 + x], wide.pixels[y * 30 + x + 10]);
    }
  }
  EXPECT_EQ(fit_image(gradient(1, 1, 1), 8, 8, 3).pixels, std::vector<std::uint8_t>(192, 40));
}

}  // namespace
}  // namespace lq::testing
