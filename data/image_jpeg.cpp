// The header of libjpeg needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/exif_orientation.h"
#include "data/image_decoders.h"

namespace lq::image_formats {

namespace {

/// libjpeg's, and how far it has come.
struct ErrorManager : jpeg_error_mgr {
  bool in_header = true;
};

/// Errors are exceptions: libjpeg's own way out is to end the program. The library is built with
/// unwind tables on the platforms that we support.
[[noreturn]] void throw_error(j_common_ptr info) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  fail("JPEG: {}", message);
}

/// Whether a warning leaves no doubt about the pixels.
bool is_harmless(const ErrorManager& errors) {
  switch (errors.msg_code) {
    case JWRN_JFIF_MAJOR:      // of a segment that says nothing about pixels
    case JWRN_ADOBE_XFORM:     // colours are then what they are without the segment
    case JWRN_NOT_SEQUENTIAL:  // fields of a scan that only progressive files use
      return true;
    case JWRN_EXTRANEOUS_DATA:  // between segments; behind pixels, it is some that were damaged
      return errors.in_header;
    default:
      return false;
  }
}

/// Other warnings (corrupt data that libjpeg papers over) are errors as well: a damaged image must
/// not look like a good one.
void warn(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(static_cast<const ErrorManager&>(*info->err))) throw_error(info);
}

/// Chroma of a pixel is interpolated from its neighbours', and blocks are decoded whole: a part
/// that is decoded alone has so many pixels more on each side, and then shows what the whole one
/// shows.
constexpr int margin = 32;

class JpegReader final : public ImageReader {
 public:
  explicit JpegReader(std::span<const std::byte> bytes) : JpegReader() {
    constexpr unsigned int longest_segment = 0xffff;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_save_markers(&info_, JPEG_APP0 + 1, longest_segment);
    jpeg_read_header(&info_, TRUE);
    errors_.in_header = false;
    check_extents("JPEG", info_.image_height, info_.image_width);
    info_.out_color_space = is_cmyk() ? JCS_CMYK : channels() == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_calc_output_dimensions(&info_);
    orientation_ = find_orientation();
  }
  ~JpegReader() override { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Shape shape() const override {
    return {orientation_.transposed ? width() : height(),
            orientation_.transposed ? height() : width(), channels()};
  }

  int reduce(int factor) override {
    info_.scale_num = 1;
    info_.scale_denom = static_cast<unsigned int>(factor);
    jpeg_calc_output_dimensions(&info_);
    return factor;
  }

  void read(const PixelRegion& region, Image& image) override {
    const PixelRegion stored = stored_region(orientation_, region, height(), width());
    if (orientation_.is_upright()) {
      read_stored(stored, image);
    } else {
      Image as_stored;
      read_stored(stored, as_stored);
      turn(orientation_, as_stored, image);
    }
  }

 private:
  /// Whole from here on: what throws behind it leads to the destructor.
  JpegReader() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = throw_error;
    errors_.emit_message = warn;
    jpeg_create_decompress(&info_);
  }

  /// As decoded, before it is turned.
  int height() const { return static_cast<int>(info_.output_height); }
  int width() const { return static_cast<int>(info_.output_width); }
  int channels() const { return info_.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3; }

  Orientation find_orientation() const {
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const Orientation found = exif_orientation({marker->data, marker->data_length});
      if (!found.is_upright()) return found;
    }
    return {};
  }

  /// Of the image before it is turned.
  void read_stored(const PixelRegion& region, Image& image) {
    jpeg_start_decompress(&info_);
    image.resize(region.height, region.width, channels());
    // What is not stored row by row has to be decoded as a whole in any case.
    const bool in_parts = jpeg_has_multiple_scans(&info_) == FALSE;
    if (!in_parts) check_scans_are_whole();
    const int skipped_columns = in_parts ? crop_columns(region) : 0;
    if (in_parts) skip_rows(region.top - margin);
    std::vector<JSAMPLE> row(static_cast<std::size_t>(info_.output_width) *
                             info_.output_components);
    const std::size_t first =
        static_cast<std::size_t>(region.left - skipped_columns) * info_.output_components;
    const std::size_t row_size = static_cast<std::size_t>(image.width) * image.channels;
    const auto bottom = static_cast<JDIMENSION>(region.top + region.height);
    while (info_.output_scanline < bottom) {
      const auto y = static_cast<std::int64_t>(info_.output_scanline) - region.top;
      JSAMPROW pointer = row.data();
      jpeg_read_scanlines(&info_, &pointer, 1);
      if (y >= 0) store_row(&row[first], image.width, &image.pixels[y * row_size]);
    }
    // The end of the file tells whether it is whole. Files that are not decoded in parts have been
    // read up to there.
    if (bottom == info_.output_height) {
      jpeg_finish_decompress(&info_);
    } else if (in_parts) {
      check_end_follows();
    }
  }

  /// Of a file of which a part has been decoded. Its end cannot be anything else: among pixels 0xff
  /// is followed by other bytes.
  void check_end_follows() const {
    if (info_.unread_marker == JPEG_EOI) return;
    constexpr std::array<JOCTET, 2> end{0xff, JPEG_EOI};
    const std::span rest(info_.src->next_input_byte, info_.src->bytes_in_buffer);
    check(std::find_end(rest.begin(), rest.end(), end.begin(), end.end()) != rest.end(),
          "JPEG: the file ends before its image does");
  }

  /// Of a file of several scans, which has been read up to its end. libjpeg takes any of them for
  /// the last one and shows what there is; so does the standard, but an encoder that sends less
  /// than all is not known, and a file that lost scans on its way looks the same.
  void check_scans_are_whole() const {
    for (int c = 0; c < info_.num_components; ++c) {
      check(info_.comp_info[c].quant_table != nullptr, "JPEG: no scan has component {} of {}",
            c + 1, info_.num_components);
      if (info_.progressive_mode == FALSE) continue;
      for (int k = 0; k < DCTSIZE2; ++k) {
        // So many of its lower bits no scan had; -1: all of them.
        check(info_.coef_bits[c][k] == 0,
              "JPEG: scans are missing: coefficient {} of component {} is not there in full", k,
              c + 1);
      }
    }
  }

  bool is_cmyk() const {
    return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
  }

  /// Returns how many columns are left out in front.
  int crop_columns(const PixelRegion& region) {
    const int begin = std::max(region.left - margin, 0);
    const int end = std::min(region.left + region.width + margin, width());
    if (begin == 0 && end == width()) return 0;
    auto left = static_cast<JDIMENSION>(begin);
    auto columns = static_cast<JDIMENSION>(end - begin);
    jpeg_crop_scanline(&info_, &left, &columns);
    return static_cast<int>(left);
  }

  void skip_rows(int rows) {
    if (rows > 0) jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(rows));
  }

  /// Files of the usual programs store CMYK inverted (they carry Adobe's marker).
  void store_row(const JSAMPLE* row, int pixels, std::uint8_t* to) const {
    if (!is_cmyk()) {
      std::copy_n(row, pixels * info_.output_components, to);
      return;
    }
    const auto ink = [this](int value) { return info_.saw_Adobe_marker ? value : 255 - value; };
    for (int pixel = 0; pixel < pixels; ++pixel) {
      const JSAMPLE* from = row + 4 * pixel;
      for (int c = 0; c < 3; ++c) {
        to[3 * pixel + c] = static_cast<std::uint8_t>((ink(from[c]) * ink(from[3]) + 127) / 255);
      }
    }
  }

  jpeg_decompress_struct info_{};
  ErrorManager errors_{};
  Orientation orientation_;
};

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8};
}

std::unique_ptr<ImageReader> open_jpeg(std::span<const std::byte> bytes) {
  return std::make_unique<JpegReader>(bytes);
}

}  // namespace lq::image_formats
