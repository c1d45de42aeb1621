#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"

namespace lq::kernels {

void crop_flip_normalize(Stream& stream, ConstView<std::uint8_t> images,
                         ConstView<std::int32_t> windows, ConstView<float> mean, float scale,
                         View<float> y) {
  constexpr std::string_view operation = "crop_flip_normalize";
  check(images.shape.rank() == 4 && images.elements() > 0,
        "{}: images are {}, expected N x H x W x C", operation, images.shape);
  const std::int64_t count = images.shape[0], channels = images.shape[3];
  check(mean.shape.rank() == 3 && mean.shape[2] == channels && mean.elements() > 0,
        "{}: mean is {}, expected window height x window width x {}", operation, mean.shape,
        channels);
  check_view(operation, "images", stream, images, images.shape);
  check_view(operation, "windows", stream, windows, {count, 3});
  check_view(operation, "mean", stream, mean, mean.shape);
  check_view(operation, "y", stream, y, {count, mean.shape[0], mean.shape[1], channels});
  choose<CropFlipNormalize>(operation, stream,
                            {reference::crop_flip_normalize, cpu::crop_flip_normalize,
                             LQNET_CUDA_KERNEL(cuda::crop_flip_normalize)})(stream, images, windows,
                                                                            mean, scale, y);
}

}  // namespace lq::kernels
