// Augmentation of images, from bytes to the input of a network (spec section 4.1).
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

/// Cuts a window out of each image, mirrors it where asked for, and normalises:
///     y[n, h, w, c] = (byte - mean[h, w, c]) * scale[c]
/// where byte is images[n, top + h, left + w', c], or 0 outside of the image, and w' is w, or
/// window width - 1 - w in a mirrored window.
///     images   N x H x W x C bytes
///     windows  N x 3: top and left, of any size and sign, and whether to mirror (0: no)
///     mean     window height x window width x C, or 1 x 1 x C: the same for all pixels
///     scale    C
///     y        N x window height x window width x C
/// A window of the image's own size at 0, 0 changes nothing but the values. The result is rounded
/// twice, as written above, by every implementation. Throws Error for other shapes and for empty
/// ones.
using CropFlipNormalize = void(Stream& stream, ConstView<std::uint8_t> images,
                               ConstView<std::int32_t> windows, ConstView<float> mean,
                               ConstView<float> scale, View<float> y);

CropFlipNormalize crop_flip_normalize;

namespace reference {
CropFlipNormalize crop_flip_normalize;
}
namespace cpu {
CropFlipNormalize crop_flip_normalize;
}
namespace cuda {
CropFlipNormalize crop_flip_normalize;
}

}  // namespace lq::kernels
