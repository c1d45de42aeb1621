#include "core/io/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "core/io/elements.h"
#include "core/io/file.h"

namespace lq {

namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t version_bytes = 2;
constexpr std::size_t alignment = 64;  // of the data, by the format

constexpr DTypeNames dtype_names = {{{DType::f32, "<f4"},
                                     {DType::f64, "<f8"},
                                     {DType::i32, "<i4"},
                                     {DType::i64, "<i8"},
                                     {DType::u8, "|u1"}}};

struct NpyHeader {
  DType dtype = DType::f32;
  Shape shape;
};

/// Reads the header's text, a Python dictionary with the keys descr, fortran_order and shape.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  NpyHeader read() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted_text();
      expect(':');
      read_value(key);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    check(position_ == text_.size(), "header has text after its dictionary");
    check(dtype_ && has_order_ && shape_, "header lacks descr, fortran_order or shape");
    return {*dtype_, *shape_};
  }

 private:
  void read_value(std::string_view key) {
    if (key == "descr" && !dtype_) {
      dtype_ = known_dtype(quoted_text());
    } else if (key == "fortran_order" && !has_order_) {
      check(!accept("True"), "array is in Fortran order, expected C order");
      check(accept("False"), "header: fortran_order is neither True nor False");
      has_order_ = true;
    } else if (key == "shape" && !shape_) {
      shape_ = tuple();
    } else {
      fail("header: key {:?} is not known or occurs twice", key);
    }
  }

  static DType known_dtype(std::string_view name) {
    if (const auto dtype = dtype_named(dtype_names, name)) return *dtype;
    fail("elements are {:?}, expected <f4, <f8, <i4, <i8 or |u1", name);
  }

  Shape tuple() {
    std::array<std::int64_t, Shape::max_rank> extents{};
    std::size_t rank = 0;
    expect('(');
    while (!accept(')')) {
      check(rank < extents.size(), "array has more than {} dimensions", extents.size());
      extents[rank++] = number();
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return Shape(std::span<const std::int64_t>(extents.data(), rank));
  }

  std::int64_t number() {
    skip_spaces();
    std::int64_t value = 0;
    const char* const begin = text_.data() + position_;
    const auto [end, status] = std::from_chars(begin, text_.data() + text_.size(), value);
    check(status == std::errc() && value >= 0, "header: dimension is not a whole number");
    position_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::string_view quoted_text() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect(quote);
    const std::size_t end = text_.find(quote, position_);
    check(end != std::string_view::npos, "header: a string has no end");
    const std::string_view text = text_.substr(position_, end - position_);
    position_ = end + 1;
    return text;
  }

  void skip_spaces() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }

  bool accept(std::string_view token) {
    skip_spaces();
    if (!text_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }
  bool accept(char token) { return accept(std::string_view(&token, 1)); }

  void expect(char token) {
    check(accept(token), "header: '{}' is missing at byte {}", token, position_);
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::optional<DType> dtype_;
  bool has_order_ = false;
  std::optional<Shape> shape_;
};

/// Takes `count` bytes off the front.
std::span<const std::byte> take(std::span<const std::byte>& rest, std::size_t count) {
  check(count <= rest.size(), "file is truncated: {} bytes expected, {} are left", count,
        rest.size());
  const auto front = rest.first(count);
  rest = rest.subspan(count);
  return front;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t little_endian(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::to_integer<std::size_t>(bytes[i]) << (8 * i);
  }
  return value;
}

NpyHeader take_header(std::span<const std::byte>& rest) {
  check(rest.size() >= magic.size() && as_text(rest.first(magic.size())) == magic,
        "is not a .npy file");
  take(rest, magic.size());
  const auto version = take(rest, version_bytes);
  const int major = std::to_integer<int>(version[0]);
  const int minor = std::to_integer<int>(version[1]);
  check((major == 1 || major == 2) && minor == 0,
        ".npy version {}.{} is not supported, expected 1.0 or 2.0", major, minor);
  const std::size_t length = little_endian(take(rest, major == 1 ? 2 : 4));
  return HeaderReader(as_text(take(rest, length))).read();
}

/// Everything before the data.
std::string prefix_text(const Tensor& tensor) {
  std::string extents = fmt::format("{}", fmt::join(tensor.shape().extents(), ", "));
  if (tensor.shape().rank() == 1) extents += ',';  // else Python reads a number in parentheses
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   name_of(dtype_names, tensor.dtype()), extents);
  const std::size_t fixed = magic.size() + version_bytes + 2;
  const std::size_t total = (fixed + header.size() + 1 + alignment - 1) / alignment * alignment;
  header.resize(total - fixed - 1, ' ');
  header += '\n';
  const char low = static_cast<char>(header.size() & 0xFF);
  const char high = static_cast<char>(header.size() >> 8);
  return std::string(magic) + '\x01' + '\0' + low + high + header;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> file) {
  std::span<const std::byte> data = file;
  const NpyHeader header = take_header(data);
  const auto elements = static_cast<std::uint64_t>(header.shape.elements());
  const std::size_t element_bytes = size_of(header.dtype);
  check(data.size() % element_bytes == 0 && data.size() / element_bytes == elements,
        "{} bytes of data, expected {} x {} (truncated?)", data.size(), header.shape,
        name_of(header.dtype));
  Tensor tensor(header.shape, header.dtype);
  std::ranges::copy(data, bytes_of(tensor).begin());
  return tensor;
}

Tensor load_npy(const std::filesystem::path& path) {
  const std::vector<std::byte> file = read_file(path);
  return within_file(path, [&] { return parse_npy(file); });
}

void save_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const Tensor host = tensor.to(Device{});
  const std::string prefix = prefix_text(host);
  const std::array<std::span<const std::byte>, 2> parts = {as_bytes(prefix), bytes_of(host)};
  write_file_atomically(path, parts);
}

}  // namespace lq
