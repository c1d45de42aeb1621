// The fat binary that nvcc puts into a program: a container of images, some of which are PTX.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lq::emulator {

/// A compute capability as PTX names it: 90 with the suffix 'a' for sm_90a, which runs on no other
/// device; 'f' for a family; no suffix runs on every later one.
struct Target {
  int capability = 0;
  char suffix = '\0';

  bool runs_on(int device_capability) const;
  std::string to_string() const;
};

struct PtxImage {
  Target target;
  std::string text;
};

/// Length of the container that starts at `header`, header included, so that a program's
/// registered pointer can become a span. At least `fatbin_header_bytes` must be readable. Throws
/// Error if that is no header.
constexpr std::size_t fatbin_header_bytes = 16;
std::size_t fatbin_bytes(std::span<const std::byte> header);

/// All PTX of a container, decompressed, in the order of the file. Throws Error for damaged bytes
/// and for a compression that is not supported.
std::vector<PtxImage> read_ptx_images(std::span<const std::byte> fatbin);

/// The target of a name like sm_90a. Throws Error for other names.
Target parse_target(std::string_view name);
/// The target that the text names in its `.target` directive.
Target target_of_ptx(std::string_view text);

/// The image that a device of this capability would compile: the exact architecture-specific one,
/// or else the highest that runs on it. Throws Error if there is none, which says what to do.
const PtxImage& best_image(std::span<const PtxImage> images, int device_capability);

}  // namespace lq::emulator
