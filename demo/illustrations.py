"""Drawn photos for demo houses: nothing is fetched, and every house has colours and surroundings of its own.

Coordinates are those of the finished picture, 960 by 640. They are drawn larger and shrunk, for smooth edges.
"""

import colorsys
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from random import Random

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 960, 640
HORIZON = 370
OVERSAMPLING = 2

Color = str
Point = tuple[float, float]


def draw(seed: int, scene: int) -> bytes:
    """A JPEG of the house `seed`, always the same: from outside (scene 0), then its rooms (1 to 3)."""
    place = _place(seed)
    canvas = Canvas(OVERSAMPLING)
    scenes: Sequence[Callable[[Canvas, Place], None]] = (_outside, _bedroom, _living_room, _tea_table)
    scenes[scene % len(scenes)](canvas, place)
    return canvas.jpeg()


# --- Colours ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Palette:
    sky: Color
    glow: Color
    sun: Color
    far: Color
    middle: Color
    near: Color
    water: Color
    wall: Color
    roof: Color
    trim: Color
    wood: Color
    floor: Color
    cloth: Color
    cloth_light: Color
    accent: Color


def _palette(outdoors: str, house: str) -> Palette:
    return Palette(*outdoors.split(), *house.split())


# In the order of _SURROUNDINGS.
_PALETTES = [
    _palette(
        "#8ecae6 #fdf0d5 #fff6d6 #8fb8c9 #6fa3b8 #e9d8a6 #4ba3c3",
        "#fbf7ef #2a6f97 #ffffff #c79a6b #dbb68a #3d7ea6 #eaf4f8 #f4845f",
    ),
    _palette(
        "#f6bd8b #fde8cf #fff1d0 #c9a08c #a9745f #7d5a50 #d9a58a",
        "#b5654d #5c4742 #f3e3cf #8b5e3c #a9744a #b5523b #f8e7d6 #3f7d6e",
    ),
    _palette(
        "#bcdff0 #f7efe0 #fff4d4 #a9b8ad #7f9a76 #9aa07a #b6c9c4",
        "#c9c4ba #5d666b #b23a2e #7a4a2f #a8805c #b23a2e #f3e6d3 #d9a441",
    ),
    _palette(
        "#7fb7e0 #e8f3f1 #fffbe6 #7d9cb5 #5f8576 #7aa35f #5b9fbe",
        "#fdfcf8 #59636b #31587a #a87b4f #cfae84 #31587a #eef3f6 #e0a13c",
    ),
    _palette(
        "#cfe6d4 #fbf6df #fff3c9 #a5c4a1 #6f9f68 #4f8350 #a9cfc3",
        "#d8b483 #6b4f3a #f2e3c6 #9c6b3f #c79d6d #6f8f4e #f4f0de #d98a3d",
    ),
    _palette(
        "#1d2a4d #6a5487 #f7e7b2 #3a3f6b #2b2f55 #20223f #2f3a6b",
        "#7b7fb0 #33375f #f2c879 #5f4536 #a5836b #d08c60 #ece3dc #f2b950",
    ),
    _palette(
        "#a8dadc #fff1e6 #fff7dd #8fc1b5 #5c9a72 #3f7d58 #66b3ba",
        "#f7d9c4 #c8553d #fffaf3 #9a6a48 #d8b08c #e07a5f #fdf1e7 #3d8a74",
    ),
    _palette(
        "#89b8e8 #f3f0fa #fffdf0 #8ea6c8 #5d7a94 #4c6b57 #8fb6d0",
        "#e8dcc8 #7b4b3a #c0392b #8a5a3c #b58a60 #a63d40 #f6ece0 #e1a730",
    ),
]


def _shifted(color: Color, turn: float) -> Color:
    """The colour with its hue moved by a part of the whole circle."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    turned = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in turned)


def _mixed(one: Color, other: Color, share: float) -> Color:
    """`share` of the other colour in the one."""
    parts = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


@dataclass(frozen=True)
class Place:
    """What all pictures of one house share."""

    seed: int
    palette: Palette
    surroundings: "Callable[[Canvas, Palette, Random], None]"
    build: "Callable[[Canvas, Palette, Random], None]"

    def random(self) -> Random:
        return Random(self.seed)


def _place(seed: int) -> Place:
    kind, lap = seed % len(_PALETTES), seed // len(_PALETTES)
    palette = _PALETTES[kind]
    if lap:  # the same surroundings once more: in other colours
        turn = (lap * 0.381966) % 1 * 0.16 - 0.08
        palette = replace(
            palette, **{f.name: _shifted(getattr(palette, f.name), turn) for f in fields(palette)}
        )
    surroundings, build = _SURROUNDINGS[kind]
    return Place(seed, palette, surroundings, build)


# --- Drawing ----------------------------------------------------------------------------------------


class Canvas:
    """A picture of 960 by 640, kept `scale` times as large."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.image = Image.new("RGB", (round(WIDTH * scale), round(HEIGHT * scale)))
        self.pen = ImageDraw.Draw(self.image)

    def _at(self, *numbers: float) -> list[int]:
        return [round(number * self.scale) for number in numbers]

    def box(self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0) -> None:
        box = self._at(x, y, x + width, y + height)
        self.pen.rounded_rectangle(box, radius * self.scale, color) if radius else self.pen.rectangle(
            box, color
        )

    def oval(self, x: float, y: float, across: float, down: float, color: Color) -> None:
        """Around its middle."""
        self.pen.ellipse(self._at(x - across, y - down, x + across, y + down), color)

    def shape(self, points: Iterable[Point], color: Color) -> None:
        self.pen.polygon([(x * self.scale, y * self.scale) for x, y in points], color)

    def line(self, points: Iterable[Point], color: Color, width: float) -> None:
        self.pen.line(
            [(x * self.scale, y * self.scale) for x, y in points], color, round(width * self.scale), "curve"
        )

    def arch(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        self.oval(x + width / 2, y + width / 2, width / 2, width / 2, color)
        self.box(x, y + width / 2, width, height - width / 2, color)

    def fade(self, top: float, bottom: float, upper: Color, lower: Color) -> None:
        """The whole width, from one colour to another."""
        left, above, right, below = self._at(0, top, WIDTH, bottom)
        strip = Image.new("RGB", (1, 2))
        strip.putdata([_rgb(upper), _rgb(lower)])
        # Bilinear from two pixels keeps a flat quarter at each end: cut the middle out of twice the height.
        high = strip.resize((1, (below - above) * 2), Image.Resampling.BILINEAR)
        middle = high.crop((0, (below - above) // 2, 1, (below - above) // 2 + below - above))
        self.image.paste(middle.resize((right - left, below - above)), (left, above))

    def paste(self, other: "Canvas", x: float, y: float, width: float, height: float) -> None:
        """Another picture, seen through an opening: the middle of it, cut to the opening's form."""
        target = self._at(width, height)
        part_width = min(other.image.width, other.image.height * width / height)
        part_height = part_width * height / width
        left, top = (other.image.width - part_width) / 2, (other.image.height - part_height) / 2
        part = other.image.resize(
            (target[0], target[1]),
            Image.Resampling.BILINEAR,
            (left, top, left + part_width, top + part_height),
        )
        self.image.paste(part, (self._at(x)[0], self._at(y)[0]))

    def jpeg(self) -> bytes:
        out = io.BytesIO()
        self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX).save(out, "JPEG", quality=82, subsampling=0)
        return out.getvalue()


def _rgb(color: Color) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


# --- Pieces of landscape ----------------------------------------------------------------------------


def _sky(c: Canvas, p: Palette, random: Random, clouds: int = 3) -> None:
    c.box(0, HORIZON, WIDTH, HEIGHT, p.middle)  # under whatever the hills leave open
    c.fade(0, HORIZON + 20, p.sky, p.glow)
    x, y = random.uniform(560, 860), random.uniform(80, 150)
    c.oval(x, y, 58, 58, _mixed(p.glow, p.sun, 0.4))
    c.oval(x, y, 42, 42, p.sun)
    for number in range(clouds):
        _cloud(
            c,
            90 + number * 300 + random.uniform(-60, 60),
            random.uniform(60, 190),
            random.uniform(0.7, 1.2),
            p,
        )


def _cloud(c: Canvas, x: float, y: float, size: float, p: Palette) -> None:
    color = _mixed(p.glow, "#ffffff", 0.55)
    for across, up, radius in ((-44, 0, 20), (-12, -12, 30), (26, -4, 24), (54, 3, 15)):
        c.oval(x + across * size, y + up * size, radius * size * 1.15, radius * size, color)
    c.box(x - 66 * size, y, 138 * size, 20 * size, color, 10 * size)


def _hills(c: Canvas, base: float, rise: float, color: Color, random: Random, waves: float = 2.2) -> None:
    start, second = random.uniform(0, 6.28), random.uniform(0, 6.28)

    def height(x: float) -> float:
        turn = x / WIDTH * 6.28
        return base - rise * (
            0.6 * math.sin(turn * waves / 2 + start) + 0.4 * math.sin(turn * waves + second)
        )

    edge = [(x, height(x)) for x in range(0, WIDTH + 1, 12)]
    c.shape([(0, HEIGHT), *edge, (WIDTH, HEIGHT)], color)


def _peaks(c: Canvas, p: Palette, random: Random) -> None:
    for x, height, half in ((170, 150, 260), (470, 70, 300), (800, 130, 280)):
        top = height + random.uniform(-25, 25)
        c.shape([(x - half, HORIZON + 20), (x, top), (x + half, HORIZON + 20)], p.far)
        c.shape(
            [(x, top), (x + half, HORIZON + 20), (x + half * 0.15, HORIZON + 20)],
            _mixed(p.far, p.middle, 0.45),
        )
        slope, cap = half / (HORIZON + 20 - top), 84.0
        snow = [
            (x, top),
            (x + cap * slope, top + cap),
            (x + cap * 0.5 * slope, top + cap * 0.72),
            (x + 4, top + cap),
            (x - cap * 0.45 * slope, top + cap * 0.7),
            (x - cap * slope, top + cap),
        ]
        c.shape(snow, "#ffffff")


def _water(c: Canvas, p: Palette, random: Random, top: float = HORIZON) -> None:
    c.fade(top, HEIGHT, _mixed(p.water, p.glow, 0.35), p.water)
    for _ in range(26):
        y = random.uniform(top + 8, HEIGHT - 8)
        length = (y - top) * 0.35 + 18
        c.box(random.uniform(-20, WIDTH), y, length, 3, _mixed(p.water, p.glow, 0.45), 1.5)


def _tree(c: Canvas, x: float, foot: float, size: float, leaves: Color, wood: Color) -> None:
    c.box(x - 5 * size, foot - 90 * size, 10 * size, 90 * size, wood)
    light = _mixed(leaves, "#ffffff", 0.14)
    crown = ((-32, -96, 38, leaves), (30, -100, 40, leaves), (0, -136, 46, leaves), (-10, -142, 28, light))
    for across, up, radius, color in crown:
        c.oval(x + across * size, foot + up * size, radius * size, radius * size, color)


def _pine(c: Canvas, x: float, foot: float, size: float, color: Color) -> None:
    for step in range(3):
        half, low = (46 - step * 11) * size, foot - (10 + step * 34) * size
        c.shape(
            [(x - half, low), (x, low - 62 * size), (x + half, low)], _mixed(color, "#ffffff", step * 0.06)
        )


def _bush(c: Canvas, x: float, foot: float, size: float, leaves: Color, flower: Color) -> None:
    for across, radius in ((-30, 26), (0, 36), (32, 25)):
        c.oval(x + across * size, foot - radius * 0.5 * size, radius * size, radius * size, leaves)
    for across, up in ((-34, 18), (-14, 36), (8, 22), (26, 30), (-4, 8)):
        c.oval(x + across * size, foot - up * size, 5 * size, 5 * size, flower)


def _towers(c: Canvas, p: Palette, random: Random, color: Color, lit: Color | None) -> None:
    x = -20.0
    while x < WIDTH:
        width, height = random.uniform(46, 92), random.uniform(90, 250)
        c.box(x, HORIZON - height, width, height + 40, _mixed(color, p.glow, random.uniform(0, 0.25)))
        if lit:
            for column in range(int(width // 18)):
                for row in range(int(height // 24)):
                    if random.random() < 0.5:
                        c.box(x + 7 + column * 18, HORIZON - height + 12 + row * 24, 8, 11, lit)
        x += width + random.uniform(4, 26)


# --- Surroundings -----------------------------------------------------------------------------------


def _sea(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random)
    _hills(c, HORIZON + 10, 42, p.far, random, 1.6)
    _water(c, p, random)
    for x, size in ((random.uniform(480, 620), 1.0), (random.uniform(700, 880), 0.6)):
        foot = HORIZON + 46 * size
        c.shape([(x, foot - 8), (x, foot - 84 * size), (x + 46 * size, foot - 8)], "#ffffff")
        c.shape([(x - 5, foot - 8), (x - 5, foot - 66 * size), (x - 34 * size, foot - 8)], p.accent)
        c.shape(
            [
                (x - 40 * size, foot - 4),
                (x + 52 * size, foot - 4),
                (x + 36 * size, foot + 10 * size),
                (x - 26 * size, foot + 10 * size),
            ],
            p.wood,
        )
    _hills(c, 575, 26, p.near, random, 1.1)


def _roofs(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random, 2)
    _towers(c, p, random, p.far, None)
    for row in range(3):
        color, y = _mixed(p.middle, p.roof, row / 2.6), 330 + row * 82
        x = -60.0 - row * 40
        while x < WIDTH:
            width = random.uniform(150, 220)
            c.box(x + 14, y + 42, width - 28, HEIGHT, _mixed(p.wall, p.glow, 0.35 - row * 0.1))
            c.shape([(x, y + 46), (x + width / 2, y - 12), (x + width, y + 46)], color)
            c.box(x + width * 0.68, y - 6, 18, 40, _mixed(color, "#000000", 0.15))
            c.box(x + width / 2 - 13, y + 64, 26, 32, _mixed(p.sun, p.accent, 0.25))
            x += width - 6
    c.box(0, 600, WIDTH, 40, p.near)


def _courtyard(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random)
    _hills(c, HORIZON - 12, 32, p.far, random)
    for level in range(4):  # a pagoda on the hill
        half = 40 - level * 8
        c.box(640 - half * 0.6, 290 - level * 34, half * 1.2, 36, p.wall)
        low = 294 - level * 34
        c.shape([(640 - half * 1.3, low), (640, low - 24), (640 + half * 1.3, low)], p.roof)
    _hills(c, HORIZON + 24, 18, p.middle, random, 3)
    c.box(0, 400, WIDTH, 110, p.wall)
    c.box(0, 388, WIDTH, 18, p.roof)
    for x in range(8, WIDTH, 22):
        c.oval(x, 406, 7, 6, _mixed(p.roof, "#ffffff", 0.18))
    c.box(0, 500, WIDTH, 140, p.near)
    for x in range(-40, WIDTH, 120):
        c.line([(x + 60, 506), (x, HEIGHT)], _mixed(p.near, "#ffffff", 0.25), 3)
    _tree(c, 850, 540, 1.9, p.middle, p.wood)


def _lake(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random, 4)
    _hills(c, HORIZON - 78, 66, p.far, random, 2.6)
    _hills(c, HORIZON - 22, 40, _mixed(p.far, p.middle, 0.5), random, 2.0)
    _water(c, p, random)
    for x in (random.uniform(420, 520), random.uniform(640, 760)):
        c.shape([(x - 54, 440), (x + 54, 440), (x + 38, 454), (x - 38, 454)], p.wood)
        c.shape([(x - 22, 440), (x, 414), (x + 22, 440)], p.trim)
    _hills(c, 590, 22, p.near, random, 1.4)
    for x in range(0, WIDTH, 26):
        c.line(
            [(x, 640), (x + random.uniform(-10, 10), random.uniform(560, 598))],
            _mixed(p.near, p.middle, 0.6),
            4,
        )


def _tea_hills(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random, 2)
    for base, rise, share in ((330, 60, 0.0), (392, 52, 0.45), (452, 44, 1.0)):
        _hills(c, base, rise, _mixed(p.far, p.middle, share), random, 2.0)
    for row in range(7):  # terraces
        state = Random(row // 2)
        _hills(c, 486 + row * 26, 20, p.near if row % 2 else _mixed(p.near, p.middle, 0.55), state, 1.3)
    for x in (90, 190, 800, 900):
        _pine(c, x, 470 + random.uniform(-10, 20), random.uniform(0.8, 1.2), p.near)


def _city_at_night(c: Canvas, p: Palette, random: Random) -> None:
    c.fade(0, HORIZON + 40, p.sky, p.glow)
    for _ in range(50):
        x, y = random.uniform(0, WIDTH), random.uniform(0, 210)
        c.oval(x, y, 1.6, 1.6, p.sun)
    c.oval(760, 110, 40, 40, p.sun)
    c.oval(776, 100, 36, 36, p.sky)
    _towers(c, p, random, p.far, p.trim)
    _towers(c, p, random, p.middle, p.accent)
    _water(c, p, random, HORIZON + 30)
    for x in range(10, WIDTH, 44):
        c.box(x, HORIZON + 44, 5, random.uniform(40, 150), _mixed(p.water, p.accent, 0.45), 2)
    c.box(0, HORIZON + 18, WIDTH, 14, p.near)
    for x in (260, 700):  # the bridge
        c.box(x - 7, HORIZON - 120, 14, 190, p.near)
        for reach in (60, 110, 160, 210):
            c.line([(x, HORIZON - 112), (x - reach, HORIZON + 20)], p.trim, 2)
            c.line([(x, HORIZON - 112), (x + reach, HORIZON + 20)], p.trim, 2)
    for x in range(0, WIDTH, 40):
        c.oval(x, HORIZON + 18, 4, 4, p.accent)
    c.box(0, 585, WIDTH, 55, p.near)


def _garden(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random)
    _hills(c, HORIZON - 6, 30, p.far, random, 1.4)
    c.fade(HORIZON, 450, _mixed(p.water, p.glow, 0.4), p.water)
    _hills(c, 440, 22, p.middle, random, 2.4)
    c.box(0, 500, WIDTH, 140, _mixed(p.middle, "#ffffff", 0.18))
    for x, foot in ((90, 520), (560, 470), (880, 520)):
        _palm(c, x, foot, random.uniform(1.0, 1.4), p)
    for x in range(30, WIDTH, 130):
        _bush(
            c,
            x + random.uniform(-20, 20),
            640,
            random.uniform(0.9, 1.3),
            p.near,
            p.accent if x % 260 < 130 else "#ffffff",
        )


def _palm(c: Canvas, x: float, foot: float, size: float, p: Palette) -> None:
    top = (x + 26 * size, foot - 190 * size)
    c.line([(x, foot), (x + 6 * size, foot - 90 * size), top], p.wood, 10 * size)
    for degrees in (-160, -125, -90, -55, -20, 15, 165, 200):
        angle = math.radians(degrees)
        tip = (top[0] + 92 * size * math.cos(angle), top[1] + 62 * size * math.sin(angle) + 26 * size)
        bend = (top[0] + 56 * size * math.cos(angle), top[1] + 66 * size * math.sin(angle) - 14 * size)
        c.shape([top, bend, tip, (bend[0], bend[1] + 18 * size)], p.near)


def _snow_mountains(c: Canvas, p: Palette, random: Random) -> None:
    _sky(c, p, random, 2)
    _peaks(c, p, random)
    _hills(c, HORIZON + 14, 26, p.middle, random, 2.2)
    for _ in range(16):
        _pine(c, random.uniform(0, WIDTH), random.uniform(400, 470), random.uniform(0.6, 1.0), p.near)
    _hills(c, 490, 18, _mixed(p.near, p.glow, 0.25), random, 1.2)
    flags = [
        _mixed(color, "#ffffff", 0.1) for color in ("#3a6ea5", "#ffffff", "#c0392b", "#3f8f5b", "#e1a730")
    ]
    for x in range(440, WIDTH + 20, 30):
        y = 330 + 46 * math.sin((x - 440) / 560 * 3.14)
        c.shape([(x, y), (x + 20, y + 1), (x + 20, y + 25), (x, y + 24)], flags[x // 30 % 5])


# --- Houses from outside ----------------------------------------------------------------------------


def _window(c: Canvas, x: float, y: float, width: float, height: float, p: Palette) -> None:
    c.box(x - 7, y - 7, width + 14, height + 14, p.trim, 3)
    c.box(x, y, width, height, _mixed(p.sun, p.accent, 0.28))
    c.box(x + width / 2 - 2.5, y, 5, height, p.trim)
    c.box(x, y + height / 2 - 2.5, width, 5, p.trim)


def _door(c: Canvas, x: float, foot: float, p: Palette, color: Color) -> None:
    c.arch(x - 8, foot - 138, 90, 138, p.trim)
    c.arch(x, foot - 130, 74, 130, color)
    c.oval(x + 60, foot - 58, 5, 5, p.sun)
    c.box(x - 22, foot - 4, 118, 14, _mixed(p.wall, "#000000", 0.18), 3)


def _cottage(c: Canvas, p: Palette, random: Random) -> None:
    """A white house with a steep roof; in other colours a wooden cabin, a brick house in a lane."""
    x, foot = random.choice((80, 250, 430)), 590
    c.box(x, 330, 380, foot - 330, p.wall)
    c.box(x, 330, 380, 16, _mixed(p.wall, "#000000", 0.1))
    c.shape([(x - 44, 340), (x + 70, 180), (x + 310, 180), (x + 424, 340)], p.roof)
    for row in range(1, 4):
        y = 180 + row * 40
        c.line([(x + 70 - row * 28, y), (x + 310 + row * 28, y)], _mixed(p.roof, "#ffffff", 0.12), 3)
    c.box(x + 270, 140, 42, 80, _mixed(p.wall, "#000000", 0.12))
    c.box(x + 262, 132, 58, 14, p.roof)
    c.shape([(x + 130, 300), (x + 190, 226), (x + 250, 300)], _mixed(p.roof, "#000000", 0.14))
    c.box(x + 148, 288, 84, 52, p.wall)
    _window(c, x + 168, 288, 44, 42, p)
    _window(c, x + 46, 400, 84, 90, p)
    _window(c, x + 268, 400, 74, 90, p)
    _door(c, x + 164, foot, p, p.cloth)
    for spot in (x - 8, x + 130, x + 290, x + 390):
        _bush(c, spot, foot + 8, 0.8, _mixed(p.middle, "#2f6b3d", 0.5), p.accent)


def _eaves(c: Canvas, p: Palette, random: Random) -> None:
    """A single storey under a tiled roof with raised corners."""
    x, foot = random.choice((40, 90)), 590
    c.box(x + 30, 360, 460, foot - 360, p.wall)
    c.box(x + 30, foot - 46, 460, 46, _mixed(p.roof, "#ffffff", 0.25))
    for column in range(5):
        c.box(x + 40 + column * 108, 360, 14, foot - 360, p.trim)
    for bay in (0, 1, 3):
        left = x + 62 + bay * 108
        c.box(left, 400, 76, 110, _mixed(p.sun, p.accent, 0.2))
        for step in range(1, 4):
            c.box(left + step * 19 - 2, 400, 4, 110, p.wood)
        for step in range(1, 5):
            c.box(left, 400 + step * 22 - 2, 76, 4, p.wood)
        c.line([(left, 400), (left + 76, 400), (left + 76, 510), (left, 510), (left, 400)], p.wood, 6)
    c.box(x + 276, 396, 80, foot - 396, p.trim)
    c.box(x + 314, 396, 4, foot - 396, _mixed(p.trim, "#000000", 0.3))
    for knob in (304, 328):
        c.oval(x + knob, 500, 5, 5, p.accent)
    roof = [
        (x - 46, 352),
        (x + 6, 362),
        (x + 514, 362),
        (x + 566, 352),
        (x + 470, 286),
        (x + 440, 236),
        (x + 80, 236),
        (x + 50, 286),
    ]
    c.shape(roof, p.roof)
    for tile in range(16):
        top, low = x + 92 + tile * 22.4, x + 22 + tile * 31.7
        c.line([(top, 244), (low, 356)], _mixed(p.roof, "#ffffff", 0.14), 4)
    c.box(x + 70, 222, 380, 18, _mixed(p.roof, "#000000", 0.2), 8)
    for lantern in (x + 254, x + 372):
        c.box(lantern - 1, 362, 3, 16, p.wood)
        c.oval(lantern, 398, 17, 21, p.accent)


def _tower_block(c: Canvas, p: Palette, random: Random) -> None:
    """A tall house by the water, one floor of it wide awake."""
    x = random.choice((130, 330, 500))
    c.box(x, 60, 320, 580, p.wall)
    c.box(x + 320, 84, 46, 556, _mixed(p.wall, "#000000", 0.25))
    c.box(x - 10, 48, 340, 18, p.roof)
    for floor in range(6):
        y = 92 + floor * 92
        awake = floor == 2
        for bay in range(3):
            left = x + 24 + bay * 96
            glass = p.trim if awake or random.random() < 0.35 else _mixed(p.glow, p.wall, 0.5)
            c.box(left, y, 78, 54, glass, 3)
            c.box(left + 37, y, 4, 54, p.roof)
        c.box(x + 10, y + 58, 300, 10, p.roof, 4)
        for bar in range(x + 14, x + 306, 14):
            c.box(bar, y + 44, 3, 16, p.roof)
        if awake:
            for spot in (x + 60, x + 200, x + 262):
                _bush(c, spot, y + 58, 0.34, "#4f8a5b", p.accent)


def _villa(c: Canvas, p: Palette, random: Random) -> None:
    """Two storeys of arches under a tiled roof, as on an island of gardens."""
    x, foot = random.choice((90, 270, 440)), 590
    c.box(x, 280, 420, foot - 280, p.wall)
    c.shape([(x - 34, 290), (x + 60, 196), (x + 360, 196), (x + 454, 290)], p.roof)
    c.box(x - 34, 284, 488, 14, _mixed(p.roof, "#000000", 0.18), 5)
    for bay in range(4):
        left = x + 28 + bay * 98
        c.arch(left - 7, 315, 84, 105, p.trim)
        c.arch(left, 322, 70, 98, _mixed(p.sun, p.accent, 0.3) if bay % 2 else _mixed(p.water, p.glow, 0.4))
        c.arch(left - 7, 463, 84, foot - 463, p.trim)
        c.arch(
            left,
            470,
            70,
            foot - 470,
            _mixed(p.wood, "#000000", 0.15) if bay == 1 else _mixed(p.sun, p.accent, 0.3),
        )
    c.box(x - 12, 430, 444, 20, p.trim, 5)
    for post in range(x - 4, x + 424, 20):
        c.box(post, 404, 7, 28, p.trim, 3)
    c.box(x - 12, 398, 444, 9, p.trim, 4)
    for spot in (x, x + 100, x + 330, x + 430):
        _bush(c, spot, foot + 10, 0.9, p.near, p.accent)


def _stone_house(c: Canvas, p: Palette, random: Random) -> None:
    """Sloping walls, a flat roof and dark frames, as high up in the mountains."""
    x, foot = random.choice((90, 270, 440)), 590
    c.shape([(x, foot), (x + 34, 270), (x + 406, 270), (x + 440, foot)], p.wall)
    for row in range(7):
        for stone in range(8):
            left = x + 50 + stone * 46 + (row % 2) * 20
            c.box(left, 322 + row * 38, 24, 9, _mixed(p.wall, "#000000", 0.07), 4)
    c.box(x + 22, 252, 396, 26, p.roof)
    c.box(x + 14, 240, 412, 14, p.trim)
    for spot in range(x + 30, x + 410, 24):
        c.oval(spot, 265, 6, 6, _mixed(p.wall, "#ffffff", 0.4))
    for left, top in ((76, 312), (184, 312), (292, 312), (76, 448), (292, 448)):
        c.shape(
            [
                (x + left - 12, top + 84),
                (x + left - 2, top - 10),
                (x + left + 74, top - 10),
                (x + left + 84, top + 84),
            ],
            "#3b2b26",
        )
        c.box(x + left + 6, top, 60, 74, _mixed(p.sun, p.accent, 0.35))
        c.box(x + left + 33, top, 5, 74, p.trim)
        c.box(x + left - 10, top - 16, 92, 8, p.accent)
    c.box(x + 178, 446, 84, foot - 446, "#3b2b26")
    c.box(x + 188, 456, 64, foot - 456, p.trim)
    c.oval(x + 220, 520, 12, 12, p.accent)


_SURROUNDINGS: list[
    tuple[Callable[[Canvas, Palette, Random], None], Callable[[Canvas, Palette, Random], None]]
] = [
    (_sea, _cottage),
    (_roofs, _cottage),
    (_courtyard, _eaves),
    (_lake, _eaves),
    (_tea_hills, _cottage),
    (_city_at_night, _tower_block),
    (_garden, _villa),
    (_snow_mountains, _stone_house),
]


def _outside(c: Canvas, place: Place) -> None:
    random = place.random()
    place.surroundings(c, place.palette, random)
    place.build(c, place.palette, random)


# --- Rooms ------------------------------------------------------------------------------------------


def _view(place: Place) -> Canvas:
    """What is seen from the windows: the same surroundings as from outside."""
    canvas = Canvas(0.75)
    place.surroundings(canvas, place.palette, place.random())
    return canvas


def _room(c: Canvas, p: Palette, share: float) -> Color:
    """Wall and floor. The wall takes `share` of the fabric's colour; its own is returned."""
    wall = _mixed("#fbf5ec", p.cloth, share)
    c.box(0, 0, WIDTH, HEIGHT, wall)
    c.box(0, 470, WIDTH, 170, p.floor)
    for y in (512, 566):
        c.line([(0, y), (WIDTH, y)], _mixed(p.floor, "#000000", 0.08), 3)
    for x, y, height in (
        (180, 470, 42),
        (520, 470, 42),
        (800, 470, 42),
        (60, 512, 54),
        (380, 512, 54),
        (700, 512, 54),
    ):
        c.box(x, y, 3, height, _mixed(p.floor, "#000000", 0.08))
    c.box(0, 460, WIDTH, 12, "#ffffff")
    return wall


def _pane(c: Canvas, place: Place, x: float, y: float, width: float, height: float, bars: int) -> None:
    frame = "#ffffff" if place.palette.trim != "#ffffff" else place.palette.wood
    c.box(x - 12, y - 12, width + 24, height + 24, frame, 4)
    c.paste(_view(place), x, y, width, height)
    for bar in range(1, bars):
        c.box(x + width * bar / bars - 4, y, 8, height, frame)
    c.box(x - 22, y + height + 8, width + 44, 14, _mixed(frame, "#000000", 0.08), 4)


def _curtain(c: Canvas, x: float, top: float, width: float, height: float, color: Color) -> None:
    folds = 4
    for fold in range(folds):
        shade = _mixed(color, "#000000", 0.07 if fold % 2 else 0)
        c.box(x + fold * width / folds, top, width / folds + 1, height, shade)


def _lamp(c: Canvas, x: float, length: float, p: Palette) -> None:
    c.box(x - 1.5, 0, 3, length, "#4a4440")
    c.shape([(x - 46, length + 44), (x - 20, length), (x + 20, length), (x + 46, length + 44)], p.accent)
    c.oval(x, length + 46, 13, 9, p.sun)


def _plant(c: Canvas, x: float, foot: float, size: float, p: Palette) -> None:
    leaf = _mixed("#4f8a5b", p.near, 0.25)
    for degrees in (-150, -125, -104, -80, -58, -32):
        angle = math.radians(degrees)
        tip = (x + 104 * size * math.cos(angle), foot - 62 * size + 122 * size * math.sin(angle))
        side = (x + 46 * size * math.cos(angle) - 14 * size, foot - 70 * size + 62 * size * math.sin(angle))
        c.shape(
            [(x, foot - 54 * size), side, tip, (side[0] + 28 * size, side[1] + 6 * size)],
            _mixed(leaf, "#ffffff", 0.12 if degrees % 4 else 0),
        )
    c.shape(
        [
            (x - 34 * size, foot - 60 * size),
            (x + 34 * size, foot - 60 * size),
            (x + 24 * size, foot),
            (x - 24 * size, foot),
        ],
        p.accent,
    )


def _picture(c: Canvas, place: Place, x: float, y: float, width: float, height: float) -> None:
    p, random = place.palette, place.random()
    c.box(x - 8, y - 8, width + 16, height + 16, p.wood)
    c.box(x, y, width, height, "#fffaf2")
    c.oval(x + width * random.uniform(0.35, 0.65), y + height * 0.38, width * 0.2, width * 0.2, p.accent)
    c.shape(
        [
            (x + 8, y + height - 8),
            (x + width * 0.4, y + height * 0.5),
            (x + width * 0.62, y + height * 0.72),
            (x + width * 0.8, y + height * 0.58),
            (x + width - 8, y + height - 8),
        ],
        p.cloth,
    )


def _bedroom(c: Canvas, place: Place) -> None:
    p = place.palette
    _room(c, p, 0.14)
    mirrored = place.seed % 2
    window, bed = (560, 60) if not mirrored else (110, 400)
    _pane(c, place, window, 90, 290, 250, 2)
    _curtain(c, window - 62, 62, 62, 400, p.cloth_light)
    _curtain(c, window + 290, 62, 62, 400, p.cloth_light)
    c.box(window - 80, 54, 450, 12, p.wood, 6)
    _picture(c, place, bed + 170, 96, 150, 110)
    c.box(bed, 270, 490, 230, p.wood, 18)  # head of the bed
    c.box(bed + 12, 400, 466, 150, "#ffffff", 18)
    for pillow in (bed + 44, bed + 258):
        c.box(pillow, 340, 188, 92, _mixed("#ffffff", p.cloth, 0.08), 30)
        c.box(pillow + 22, 372, 144, 66, _mixed(p.accent, "#ffffff", 0.25), 24)
    c.box(bed - 8, 440, 506, 140, p.cloth, 26)
    c.box(bed - 8, 440, 506, 44, p.cloth_light, 22)
    c.box(bed + 4, 570, 22, 34, p.wood)
    c.box(bed + 464, 570, 22, 34, p.wood)
    stand = bed + 520 if not mirrored else bed - 110
    c.box(stand, 450, 86, 104, p.wood, 6)
    c.box(stand + 10, 492, 66, 4, _mixed(p.wood, "#000000", 0.25))
    c.box(stand + 39, 392, 8, 58, "#4a4440")
    c.shape([(stand + 8, 400), (stand + 24, 348), (stand + 62, 348), (stand + 78, 400)], p.sun)


def _living_room(c: Canvas, place: Place) -> None:
    p = place.palette
    _room(c, p, 0.05)
    _pane(c, place, 90, 70, 780, 310, 3)
    _lamp(c, 480 + (place.seed * 67) % 200 - 100, 70, p)
    c.oval(480, 592, 400, 40, _mixed(p.cloth_light, p.accent, 0.18))
    c.oval(480, 592, 360, 32, _mixed(p.cloth_light, p.accent, 0.08))
    left = 230 + (place.seed * 37) % 60
    c.box(left, 372, 480, 120, p.cloth, 26)
    c.box(left - 34, 424, 84, 128, _mixed(p.cloth, "#000000", 0.1), 26)
    c.box(left + 430, 424, 84, 128, _mixed(p.cloth, "#000000", 0.1), 26)
    for seat in (left + 44, left + 240):
        c.box(seat, 460, 196, 72, _mixed(p.cloth, "#ffffff", 0.12), 16)
    c.box(left + 20, 524, 440, 30, _mixed(p.cloth, "#000000", 0.16), 8)
    for cushion, color in ((left + 62, p.accent), (left + 330, p.cloth_light)):
        c.box(cushion, 404, 84, 78, color, 20)
    for leg in (left, left + 462):
        c.box(leg, 552, 14, 24, p.wood)
    _plant(c, 118 if place.seed % 2 else 868, 590, 1.15, p)
    c.oval(480, 574, 112, 20, p.wood)
    c.box(472, 580, 16, 40, _mixed(p.wood, "#000000", 0.2))
    c.box(440, 544, 30, 26, "#ffffff", 6)
    c.box(498, 562, 58, 9, p.accent, 2)


def _tea_table(c: Canvas, place: Place) -> None:
    p = place.palette
    wall = _room(c, p, 0.2)
    x = 110 if place.seed % 3 else 420
    c.paste(_view(place), x + 37, 72, 356, 356)  # a round window
    _round_off(c, x + 215, 250, 178, p.wood, wall)
    c.box(x + 211, 72, 8, 356, p.wood)
    shelf = 600 if x < 300 else 90
    for level in range(3):
        c.box(shelf, 130 + level * 96, 270, 12, p.wood, 3)
        random = Random(place.seed * 7 + level)
        at = shelf + 14.0
        while at < shelf + 240:
            width, height = random.uniform(12, 26), random.uniform(38, 70)
            color = random.choice([p.cloth, p.accent, p.cloth_light, p.roof, _mixed(p.wood, "#ffffff", 0.4)])
            if random.random() < 0.25:
                c.oval(at + 16, 130 + level * 96 - 18, 16, 18, color)
                at += 44
            else:
                c.box(at, 130 + level * 96 - height, width, height, color, 2)
                at += width + 3
    c.box(150, 470, 660, 22, p.wood, 8)
    c.box(150, 484, 660, 10, _mixed(p.wood, "#000000", 0.18), 4)
    for leg in (190, 750):
        c.box(leg, 490, 22, 130, _mixed(p.wood, "#000000", 0.1))
    c.oval(480, 440, 46, 32, p.cloth)  # the pot
    c.line([(524, 446), (560, 424), (566, 414)], p.cloth, 12)
    c.line([(438, 428), (410, 436), (414, 456), (442, 458)], p.cloth, 8)
    c.oval(480, 408, 10, 8, p.accent)
    c.box(466, 462, 28, 10, _mixed(p.cloth, "#000000", 0.2), 3)
    for cup in (340, 620, 672):
        c.shape([(cup - 19, 442), (cup + 19, 442), (cup + 12, 471), (cup - 12, 471)], p.cloth_light)
        c.oval(cup, 442, 19, 5, _mixed(p.accent, p.wood, 0.5))
    _plant(c, 236, 472, 0.62, p)
    for stool in (300, 600):
        c.box(stool - 60, 560, 120, 24, p.cloth, 12)
        c.box(stool - 46, 582, 12, 50, p.wood)
        c.box(stool + 34, 582, 12, 50, p.wood)


def _round_off(c: Canvas, x: float, y: float, radius: float, ring: Color, wall: Color) -> None:
    """Make the square picture around (x, y) round: wall over its corners, then the ring again."""
    side = round(radius * c.scale)
    hole = Image.new("L", (2 * side + 4, 2 * side + 4), 255)
    ImageDraw.Draw(hole).ellipse((2, 2, 2 * side + 1, 2 * side + 1), 0)
    corner = (round(x * c.scale) - side - 2, round(y * c.scale) - side - 2)
    c.image.paste(Image.new("RGB", hole.size, wall), corner, hole)
    edge = [
        round(number * c.scale)
        for number in (x - radius - 12, y - radius - 12, x + radius + 12, y + radius + 12)
    ]
    c.pen.ellipse(edge, outline=ring, width=round(16 * c.scale))
