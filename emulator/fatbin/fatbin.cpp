#include "emulator/fatbin/fatbin.h"

#include <zstd.h>

#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace lq::emulator {
namespace {

constexpr std::uint32_t container_magic = 0xBA55ED50;
constexpr std::uint16_t kind_ptx = 1;
constexpr std::uint64_t flag_lz4 = 0x2000;
constexpr std::uint64_t flag_zstd = 0x8000;
// Offsets in the header of an image, whose length is at offset 4.
constexpr std::size_t smallest_image_header = 64;
// More than any module has, and little enough that a damaged length does no harm.
constexpr std::uint64_t most_text_bytes = std::uint64_t{1} << 28;

template <typename T>
T read(std::span<const std::byte> bytes, std::size_t offset) {
  check(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset,
        "fatbin: {} bytes at offset {} are past the end of {} bytes", sizeof(T), offset,
        bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::string decompressed(std::span<const std::byte> payload, std::uint64_t text_bytes) {
  check(text_bytes <= most_text_bytes, "fatbin: a PTX image of {} bytes, at most {} expected",
        text_bytes, most_text_bytes);
  std::string text(text_bytes, '\0');
  const std::size_t result =
      ZSTD_decompress(text.data(), text.size(), payload.data(), payload.size());
  check(ZSTD_isError(result) == 0, "fatbin: PTX that does not decompress: {}",
        ZSTD_getErrorName(result));
  check(result == text_bytes, "fatbin: PTX of {} bytes, {} announced", result, text_bytes);
  return text;
}

/// `image` is the header and everything behind it up to the next image.
std::string text_of(std::span<const std::byte> image, std::size_t header_bytes) {
  const auto flags = read<std::uint64_t>(image, 40);
  const std::span<const std::byte> payload = image.subspan(header_bytes);
  check((flags & flag_lz4) == 0,
        "fatbin: PTX compressed with LZ4; build with nvcc 12.4 or later, or --compress-mode=none");
  std::string text;
  if ((flags & flag_zstd) != 0) {
    const auto compressed_bytes = read<std::uint32_t>(image, 16);
    check(compressed_bytes <= payload.size(), "fatbin: {} compressed bytes in a payload of {}",
          compressed_bytes, payload.size());
    text = decompressed(payload.first(compressed_bytes), read<std::uint64_t>(image, 56));
  } else {
    text.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
  }
  // Text is padded with zeros.
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

}  // namespace

bool Target::runs_on(int device_capability) const {
  return suffix == '\0' ? capability <= device_capability : capability == device_capability;
}

std::string Target::to_string() const {
  std::string name = fmt::format("sm_{}", capability);
  if (suffix != '\0') name += suffix;
  return name;
}

std::size_t fatbin_bytes(std::span<const std::byte> header) {
  const auto magic = read<std::uint32_t>(header, 0);
  check(magic == container_magic, "fatbin: starts with {:#x}, expected {:#x}", magic,
        container_magic);
  const auto header_bytes = read<std::uint16_t>(header, 6);
  const auto content_bytes = read<std::uint64_t>(header, 8);
  check(header_bytes >= fatbin_header_bytes && content_bytes < (std::uint64_t{1} << 40),
        "fatbin: a header of {} bytes with {} bytes of content", header_bytes, content_bytes);
  return header_bytes + content_bytes;
}

std::vector<PtxImage> read_ptx_images(std::span<const std::byte> fatbin) {
  const std::size_t bytes = fatbin_bytes(fatbin);
  check(bytes <= fatbin.size(), "fatbin: {} bytes announced, {} given", bytes, fatbin.size());
  std::span<const std::byte> rest = fatbin.first(bytes).subspan(read<std::uint16_t>(fatbin, 6));
  std::vector<PtxImage> images;
  while (!rest.empty()) {
    const auto kind = read<std::uint16_t>(rest, 0);
    const auto header_bytes = read<std::uint32_t>(rest, 4);
    const auto payload_bytes = read<std::uint64_t>(rest, 8);
    check(header_bytes >= smallest_image_header && header_bytes <= rest.size() &&
              payload_bytes <= rest.size() - header_bytes,
          "fatbin: an image of {} + {} bytes in the last {}", header_bytes, payload_bytes,
          rest.size());
    const std::size_t image_bytes = header_bytes + payload_bytes;
    if (kind == kind_ptx) {
      std::string text = text_of(rest.first(image_bytes), header_bytes);
      const Target target = target_of_ptx(text);
      images.push_back({target, std::move(text)});
    }
    rest = rest.subspan(image_bytes);
  }
  return images;
}

Target target_of_ptx(std::string_view text) {
  constexpr std::string_view directive = ".target";
  std::size_t at = text.find(directive);
  check(at != std::string_view::npos, "ptx: no .target directive");
  at += directive.size();
  while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  return parse_target(text.substr(at, text.find_first_of(" \t\r\n,", at) - at));
}

Target parse_target(std::string_view name) {
  Target target;
  const bool is_sm = name.starts_with("sm_");
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + (is_sm ? 3 : 0), end, target.capability);
  if (error == std::errc() && rest != end) target.suffix = *rest;
  const bool suffix_ok = rest == end || (rest + 1 == end && (*rest == 'a' || *rest == 'f'));
  check(is_sm && error == std::errc() && suffix_ok,
        "ptx: .target '{}', expected sm_<number> with an optional a or f", name);
  return target;
}

const PtxImage& best_image(std::span<const PtxImage> images, int device_capability) {
  const PtxImage* best = nullptr;
  std::string have;
  for (const PtxImage& image : images) {
    have += (have.empty() ? "" : ", ") + image.target.to_string();
    if (!image.target.runs_on(device_capability)) continue;
    const bool better =
        best == nullptr || image.target.suffix != '\0' ||
        (best->target.suffix == '\0' && image.target.capability > best->target.capability);
    if (better) best = &image;
  }
  check(best != nullptr,
        "fatbin: no PTX that runs on compute capability {} (PTX present: {}); build with nvcc "
        "-gencode arch=compute_{},code=compute_{}, or emulate another device",
        device_capability, have.empty() ? "none" : have, device_capability, device_capability);
  return *best;
}

}  // namespace lq::emulator
