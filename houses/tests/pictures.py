"""Pictures as cameras, programs and trouble-makers produce them."""

import io
import struct
from typing import Any

from PIL import Image, ImageChops

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB_CURVE = b"para" + struct.pack(
    ">IHH5i", 0, 3, 0, *(round(n * 65536) for n in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
GAMMA_2_2 = b"curv" + struct.pack(">IIH", 0, 1, 563)
D50 = (0.9642, 1.0, 0.8249)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, kind, **options)
    return made.getvalue()


def plain(mode: str = "RGB", size: tuple[int, int] = (300, 200), colour: Any = 0) -> Image.Image:
    return Image.new(mode, size, colour)


def photo_like(width: int, height: int, sigma: float = 10) -> Image.Image:
    """Noise with as much energy in every octave, as photos have it: it packs as badly as a busy photo."""
    light, blue, red = (_octaves(width, height, s) for s in (sigma, sigma / 2, sigma / 2))
    return Image.merge("YCbCr", (light, blue, red)).convert("RGB")


def _octaves(width: int, height: int, sigma: float) -> Image.Image:
    made, across = Image.new("L", (width, height), 128), 4
    while across <= width:
        noise = Image.effect_noise((across, max(1, across * height // width)), sigma)
        made = ImageChops.add(made, noise.resize((width, height), Image.Resampling.BICUBIC), 1, -128)
        across *= 2
    return made


def rgb_profile(colorants: tuple[tuple[float, ...], ...], curve: bytes) -> bytes:
    """An ICC profile of three primaries, as cameras and phones embed it."""
    tags = {b"wtpt": _xyz(D50)}
    for name, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags |= {name + b"XYZ": _xyz(colorant), name + b"TRC": curve}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def cmyk_profile() -> bytes:
    """An ICC profile of four inks, whose cyan is that of print: L* 55, a* -37, b* -50."""
    inks = ((55, -37, -50), (48, 74, -3), (89, -5, 93), (16, 0, 0))
    table = b""
    for node in range(16):  # cyan varies slowest
        used = [ink for n, ink in enumerate(inks) if node & (8 >> n)]
        lightness = 100.0
        for ink in used:
            lightness *= ink[0] / 100
        a, b = (sum(ink[n] for ink in used) for n in (1, 2))
        table += bytes([round(lightness * 2.55), *(max(0, min(255, 128 + n)) for n in (a, b))])
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    lut = b"mft1" + struct.pack(">I4B", 0, 4, 3, 2, 0) + matrix + straight * 4 + table + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut, b"wtpt": _xyz(D50)})


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values))


def _profile(device: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    described = b"desc" + struct.pack(">II", 0, 5) + b"test\0" + bytes(78)
    tags = {b"desc": described, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"", 0x02400000, device, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(n * 65536) for n in D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
