// Feeds the reader of fat binaries arbitrary bytes; libFuzzer supplies main(). Only an Error may
// come out, or images whose text names a target.

#include <cstdlib>
#include <span>

#include "core/error.h"
#include "emulator/fatbin/fatbin.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    const std::vector<lq::emulator::PtxImage> images =
        lq::emulator::read_ptx_images(std::as_bytes(std::span(data, size)));
    for (const lq::emulator::PtxImage& image : images) {
      if (image.target.capability != lq::emulator::target_of_ptx(image.text).capability) {
        std::abort();
      }
    }
    lq::emulator::best_image(images, 90);
  } catch (const lq::Error&) {
  }
  return 0;
}
