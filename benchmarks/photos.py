"""python -m benchmarks.photos: time and peak memory of an upload of 50 million pixels, by format."""

import io
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image
from pillow_heif import register_heif_opener

ROOT = Path(__file__).resolve().parent.parent
SIZE = (8160, 6120)
"""The size of photos of 50-megapixel phones: 49,939,200 pixels. A WebP may have half as many."""
WEBP_SIZE = (5760, 4320)

# In a process of its own, whose peak is this upload's alone: megabytes above imports and the file.
# Not by getrusage(): the peak that it tells includes that of the process which started this one.
CHILD = """
import json, re, sys, time
from pathlib import Path
from django.core.files.base import ContentFile
from houses import photos

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

raw = ContentFile(sys.stdin.buffer.read(), name="upload")
before, start = peak(), time.monotonic()
try:
    refused = not photos.prepare(raw)
except photos.PhotoRefused:
    refused = True
print(json.dumps({"refused": refused, "mb": peak() - before, "seconds": time.monotonic() - start}))
"""


def measured(raw: bytes) -> dict[str, float]:
    prelude = "import django; from django.conf import settings; settings.configure(); django.setup()\n"
    child = [sys.executable, "-c", prelude + CHILD]
    done = subprocess.run(child, input=raw, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def peak_of(raw: bytes, *, refused: bool = False) -> float:
    """Megabytes."""
    found = measured(raw)
    assert found["refused"] is refused
    return found["mb"]


def uploads() -> dict[str, tuple[str, dict[str, object], str]]:
    return {
        "JPEG": ("JPEG", {}, "RGB"),
        "JPEG, progressive": ("JPEG", {"progressive": True}, "RGB"),
        "HEIC": ("HEIF", {}, "RGB"),
        "AVIF": ("AVIF", {"speed": 10}, "RGB"),
        "PNG": ("PNG", {"compress_level": 1}, "RGB"),
        "PNG, transparent": ("PNG", {"compress_level": 1}, "RGBA"),
        "PNG, 16-bit grey": ("PNG", {"compress_level": 1}, "I;16"),
        "WebP, transparent": ("WEBP", {"method": 0}, "RGBA"),
        "TIFF": ("TIFF", {"compression": "jpeg"}, "RGB"),
        "GIF": ("GIF", {}, "P"),
    }


def main() -> None:
    register_heif_opener()
    print(f"{SIZE[0]} x {SIZE[1]} pixels, Pillow {Image.__version__}")
    for name, (kind, options, mode) in uploads().items():
        made = io.BytesIO()
        size = WEBP_SIZE if kind == "WEBP" else SIZE
        texture = Image.effect_noise((1020, 765), 12).resize(size, Image.Resampling.BICUBIC)
        texture.convert("RGB" if mode == "RGBA" else "L").convert(mode).save(made, kind, **options)
        raw = made.getvalue()
        found = measured(raw)
        print(f"{name:20} {len(raw) / 1e6:5.1f} MB  {found['mb']:5.0f} MB  {found['seconds']:4.1f} s")


if __name__ == "__main__":
    main()
