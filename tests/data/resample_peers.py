"""Scaling of images against Pillow and OpenCV, on images that are made here.

Usage: resample_peers.py PROGRAM (tests/data/resample_image_main.cpp). Exits with 77, which stands for
skipped, where numpy, Pillow or OpenCV are not installed (Debian: python3-pil, python3-opencv).
"""

import os
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def picture(height, width, seed):
    """Waves, edges and grain."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    channels = [
        128 + 60 * numpy.sin(x / 9 + c) + 40 * numpy.sign(numpy.sin(y / 17 - c)) for c in range(3)
    ]
    grain = random.uniform(-20, 20, (height, width, 3))
    return numpy.clip(numpy.stack(channels, axis=2) + grain, 0, 255).astype(numpy.uint8)


def scaled_extents(height, width, shorter_side):
    scale = shorter_side / min(height, width)
    return max(shorter_side, int(height * scale + 0.5)), max(shorter_side, int(width * scale + 0.5))


def centre(image, crop):
    top, left = (image.shape[0] - crop) // 2, (image.shape[1] - crop) // 2
    return image[top : top + crop, left : left + crop]


def scaled(pixels, interpolation, height, width):
    if interpolation == "bicubic":
        return numpy.asarray(Image.fromarray(pixels).resize((width, height), Image.BICUBIC))
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)


def evaluated(pixels, interpolation, shorter_side, crop):
    """The centre of the whole image when its shorter side has been scaled."""
    return centre(scaled(pixels, interpolation, *scaled_extents(*pixels.shape[:2], shorter_side)), crop)


def trained(pixels, interpolation, region, crop):
    """A region cut out first, so that nothing beside it is seen, then scaled."""
    top, left, height, width = region
    part = numpy.ascontiguousarray(pixels[top : top + height, left : left + width])
    return scaled(part, interpolation, crop, crop)


def own(program, path, interpolation, crop, *place):
    arguments = [program, path, interpolation, str(crop), *map(str, place)]
    output = subprocess.run(arguments, check=True, stdout=subprocess.PIPE).stdout
    return numpy.frombuffer(output, numpy.uint8).reshape(crop, crop, 3)


def is_near(what, actual, expected):
    difference = numpy.abs(actual.astype(int) - expected.astype(int))
    # Peers round weights, or between rows and columns; JPEG decoders may differ by a grey level
    # before that.
    good = difference.mean() < 0.5 and difference.max() <= 2
    print(
        f"{'ok' if good else 'FAILED'}: {what}: "
        f"mean difference {difference.mean():.3f}, largest {difference.max()}"
    )
    return good


def main():
    program = sys.argv[1]
    failures = 0
    # Extents and kind of an image, crop, shorter side of evaluation, and a region of training.
    cases = [
        (375, 500, "png", 224, 256, (31, 60, 250, 333)),
        (500, 375, "jpg", 224, 256, (0, 0, 500, 375)),
        (120, 90, "png", 227, 256, (70, 13, 41, 55)),
        (1200, 1600, "jpg", 224, 256, (401, 777, 799, 600)),
        (256, 256, "png", 224, 256, (16, 16, 224, 224)),
        (300, 2000, "png", 56, 64, (5, 1900, 90, 100)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for seed, (height, width, kind, crop, shorter_side, region) in enumerate(cases):
            path = os.path.join(folder, f"{seed}.{kind}")
            Image.fromarray(picture(height, width, seed)).save(path, quality=92)
            pixels = numpy.asarray(Image.open(path).convert("RGB"))
            for interpolation in ("bicubic", "bicubic_opencv"):
                what = f"{kind} {height}x{width}, {interpolation}"
                for good in (
                    is_near(
                        f"{what}, shorter side {shorter_side}",
                        own(program, path, interpolation, crop, shorter_side),
                        evaluated(pixels, interpolation, shorter_side, crop),
                    ),
                    is_near(
                        f"{what}, region {region}",
                        own(program, path, interpolation, crop, *region),
                        trained(pixels, interpolation, region, crop),
                    ),
                ):
                    failures += not good
    sys.exit(1 if failures else 0)


main()
