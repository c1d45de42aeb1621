#include "core/io/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/error.h"
#include "core/io/file.h"

namespace lq {

namespace {

bool has_gzip_magic(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

/// zlib's state of decompression of one gzip member.
class Inflater {
 public:
  explicit Inflater(std::span<const std::byte> compressed) : rest_(compressed) {
    constexpr int gzip_with_largest_window = 15 + 16;
    check(inflateInit2(&stream_, gzip_with_largest_window) == Z_OK, "gzip: zlib did not start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool finished() const { return finished_; }
  /// What follows the member.
  std::span<const std::byte> rest() const { return rest_; }

  /// Fills `output` as far as the member reaches; returns the number of bytes.
  std::size_t read(std::span<std::byte> output) {
    std::size_t produced = 0;
    while (produced < output.size() && !finished_) {
      produced += step(output.subspan(produced));
    }
    return produced;
  }

 private:
  static uInt bounded(std::size_t bytes) {
    return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
  }

  std::size_t step(std::span<std::byte> output) {
    const uInt input_bytes = bounded(rest_.size());
    const uInt output_bytes = bounded(output.size());
    // zlib's interface is not const-correct; it does not write to the input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
    stream_.avail_in = input_bytes;
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = output_bytes;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    rest_ = rest_.subspan(input_bytes - stream_.avail_in);
    finished_ = status == Z_STREAM_END;
    check(status != Z_BUF_ERROR, "gzip data is truncated");
    check(status != Z_MEM_ERROR, "gzip: out of memory");
    check(status == Z_OK || finished_, "gzip data is damaged ({})",
          stream_.msg != nullptr ? stream_.msg : "not a deflate stream");
    return output_bytes - stream_.avail_out;
  }

  z_stream stream_{};
  std::span<const std::byte> rest_;
  bool finished_ = false;
};

/// Appends the content of one member; returns what follows it.
std::span<const std::byte> append_member(std::span<const std::byte> compressed, std::uint64_t limit,
                                         std::vector<std::byte>& content) {
  constexpr std::size_t piece_bytes = 1 << 16;
  std::array<std::byte, piece_bytes> piece;
  Inflater member(compressed);
  while (!member.finished()) {
    const std::size_t count = member.read(piece);
    check(count <= limit - content.size(), "unpacked data has more than {} bytes", limit);
    content.insert(content.end(), piece.begin(), piece.begin() + count);
  }
  return member.rest();
}

}  // namespace

std::vector<std::byte> gunzip(std::span<const std::byte> compressed, std::uint64_t limit) {
  check(has_gzip_magic(compressed), "is not gzip data");
  std::vector<std::byte> content;
  do {
    compressed = append_member(compressed, limit, content);
    check(compressed.empty() || has_gzip_magic(compressed), "gzip data is followed by other bytes");
  } while (!compressed.empty());
  return content;
}

std::vector<std::byte> read_gzip(const std::filesystem::path& path, std::uint64_t limit) {
  // Data that does not compress grows by 5 bytes in 65535 and the frame of the file.
  constexpr std::uint64_t frame_bytes = 1 << 16;
  const std::uint64_t growth = limit / 1000 + frame_bytes;
  const std::uint64_t file_limit = limit + std::min(growth, ~std::uint64_t{0} - limit);
  std::vector<std::byte> file = read_file(path, file_limit);
  return within_file(path, [&] {
    if (has_gzip_magic(file)) return gunzip(file, limit);
    check(file.size() <= limit, "has {} bytes, at most {} are expected", file.size(), limit);
    return std::move(file);
  });
}

}  // namespace lq
