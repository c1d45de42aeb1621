#include <cctype>

#include "core/error.h"
#include "data/image_decoders.h"

namespace lq::image_formats {

namespace {

/// The numbers of a PGM or PPM header: white space, comments, decimal digits.
class HeaderReader {
 public:
  explicit HeaderReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::int64_t number() {
    skip_space();
    std::int64_t value = 0;
    int digits = 0;
    while (at_ < bytes_.size() && std::isdigit(current()) != 0) {
      value = 10 * value + (current() - '0');
      ++at_;
      check(++digits <= 9, "PNM: a number of the header has more than 9 digits");
    }
    check(digits > 0, "PNM: the header ends early or has no number at byte {}", at_);
    return value;
  }

  /// One white space ends the header.
  std::size_t end() {
    check(at_ < bytes_.size() && std::isspace(current()) != 0,
          "PNM: no white space after the header");
    return at_ + 1;
  }

 private:
  int current() const { return std::to_integer<int>(bytes_[at_]); }

  void skip_space() {
    while (at_ < bytes_.size() && (std::isspace(current()) != 0 || current() == '#')) {
      if (current() == '#') {
        while (at_ < bytes_.size() && current() != '\n') ++at_;
      } else {
        ++at_;
      }
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 2;  // after "P5" or "P6"
};

struct Header {
  Shape shape;
  std::int64_t largest;
  std::size_t end;
};

Header parse_header(std::span<const std::byte> bytes) {
  HeaderReader header(bytes);
  const std::int64_t width = header.number();
  const std::int64_t height = header.number();
  const std::int64_t largest = header.number();
  const std::size_t end = header.end();
  check_extents("PNM", height, width);
  check(largest >= 1 && largest <= 65535, "PNM: largest value {}, expected 1 to 65535", largest);
  return {{height, width, bytes[1] == std::byte{'5'} ? 1 : 3}, largest, end};
}

class PnmReader final : public WholeImageReader {
 public:
  explicit PnmReader(std::span<const std::byte> bytes)
      : header_(parse_header(bytes)), pixels_(bytes.subspan(header_.end)) {}

  Shape shape() const override { return header_.shape; }

 private:
  void decode(Image& image) override {
    const Shape& shape = header_.shape;
    const std::int64_t largest = header_.largest;
    const std::size_t bytes_per_value = largest < 256 ? 1 : 2;
    const std::size_t expected = static_cast<std::size_t>(shape.elements()) * bytes_per_value;
    check(pixels_.size() >= expected, "PNM: {} bytes of pixels, expected {}", pixels_.size(),
          expected);
    image.resize(static_cast<int>(shape[0]), static_cast<int>(shape[1]),
                 static_cast<int>(shape[2]));
    const auto value_at = [&](std::size_t i) {
      const std::byte* from = &pixels_[i * bytes_per_value];
      const int first = std::to_integer<int>(from[0]);
      return bytes_per_value == 1 ? first : 256 * first + std::to_integer<int>(from[1]);
    };
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      const std::int64_t value = value_at(i);
      check(value <= largest, "PNM: value {} above the largest, {}", value, largest);
      image.pixels[i] = static_cast<std::uint8_t>((value * 255 + largest / 2) / largest);
    }
  }

  Header header_;
  std::span<const std::byte> pixels_;
};

}  // namespace

bool is_pnm(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{'P'} &&
         (bytes[1] == std::byte{'5'} || bytes[1] == std::byte{'6'}) &&
         std::isspace(std::to_integer<int>(bytes[2])) != 0;
}

std::unique_ptr<ImageReader> open_pnm(std::span<const std::byte> bytes) {
  return std::make_unique<PnmReader>(bytes);
}

}  // namespace lq::image_formats
