#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"

namespace lq::kernels {

void crop_flip_normalize(Stream& stream, ConstView<std::uint8_t> images,
                         ConstView<std::int32_t> windows, ConstView<float> mean,
                         ConstView<float> scale, View<float> y) {
  constexpr std::string_view operation = "crop_flip_normalize";
  check(images.shape.rank() == 4 && images.elements() > 0,
        "{}: images are {}, expected N x H x W x C", operation, images.shape);
  const std::int64_t count = images.shape[0], channels = images.shape[3];
  check(y.shape.rank() == 4 && y.elements() > 0,
        "{}: y is {}, expected N x window height x window width x C", operation, y.shape);
  const Shape window{y.shape[1], y.shape[2], channels};
  check(mean.shape == window || mean.shape == Shape{1, 1, channels},
        "{}: mean is {}, expected {} or 1x1x{}", operation, mean.shape, window, channels);
  check_view(operation, "images", stream, images, images.shape);
  check_view(operation, "windows", stream, windows, {count, 3});
  check_view(operation, "mean", stream, mean, mean.shape);
  check_view(operation, "scale", stream, scale, {channels});
  check_view(operation, "y", stream, y, {count, window[0], window[1], channels});
  choose<CropFlipNormalize>(operation, stream,
                            {reference::crop_flip_normalize, cpu::crop_flip_normalize,
                             LQNET_CUDA_KERNEL(cuda::crop_flip_normalize)})(stream, images, windows,
                                                                            mean, scale, y);
}

}  // namespace lq::kernels
