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


def peer(pixels, interpolation, shorter_side, crop):
    height, width = scaled_extents(*pixels.shape[:2], shorter_side)
    if interpolation == "bicubic":
        image = Image.fromarray(pixels).resize((width, height), Image.BICUBIC)
        return centre(numpy.asarray(image), crop)
    return centre(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), crop)


def main():
    program = sys.argv[1]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            (375, 500, 256, 224, "png"),
            (500, 375, 256, 224, "jpg"),
            (120, 90, 256, 227, "png"),
            (1200, 1600, 256, 224, "jpg"),
            (256, 256, 256, 224, "png"),
            (300, 2000, 64, 56, "png"),
        ]
        for seed, (height, width, shorter_side, crop, kind) in enumerate(cases):
            path = os.path.join(folder, f"{seed}.{kind}")
            Image.fromarray(picture(height, width, seed)).save(path, quality=92)
            pixels = numpy.asarray(Image.open(path).convert("RGB"))
            for interpolation in ("bicubic", "bicubic_opencv"):
                arguments = [program, path, interpolation, str(shorter_side), str(crop)]
                output = subprocess.run(arguments, check=True, stdout=subprocess.PIPE).stdout
                own = numpy.frombuffer(output, numpy.uint8).reshape(crop, crop, 3)
                expected = peer(pixels, interpolation, shorter_side, crop)
                difference = numpy.abs(own.astype(int) - expected.astype(int))
                # Peers round weights, or between rows and columns; JPEG decoders may differ by a
                # grey level before that.
                good = difference.mean() < 0.5 and difference.max() <= 2
                failures += not good
                print(
                    f"{'ok' if good else 'FAILED'}: {kind} {height}x{width} to {shorter_side}, {interpolation}: "
                    f"mean difference {difference.mean():.3f}, largest {difference.max()}"
                )
    sys.exit(1 if failures else 0)


main()
