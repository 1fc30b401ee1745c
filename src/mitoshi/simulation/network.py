"""The drainage network of a region: tables from which any tile's terrain follows, small even for a region 200 km wide.

Three orders of channels. Rivers run south, each a curve x = c(y). Tributaries (canals in the plain) join a river from both
sides, each a curve y = m(u) of the distance u from the river's bank. Gullies join tributaries, each a curve x(y). Terrain is
the lower envelope of the valleys of all channels (see `mitoshi.simulation.terrain`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.simulation.noise import key, signed, uniform

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["Network", "build_network"]

SEA_SHARE = 0.12  # of the region's height
PLAIN_SHARE = 0.45  # the coastal plain ends here
PLAIN_SLOPE = 1.0 / 2500.0  # bed slope of a lowland river such as the lower Tone or Shinano
HILL_BED_SLOPE = 0.006
RIVER_SPACING_M = 7500.0
TRIBUTARY_SPACING_M = 560.0
GULLY_SPACING_M = 260.0
INTERFLUVE_M = 5.5  # rise of the plain from a river to the divide
HILL_RISE = 0.11  # slope of tributary beds in the hills
SIDE_RATIO = (1.75, 3.3)  # valley-side slope over tributary-bed slope, in the plain and in the hills
STEEP = 0.06  # bed slope from which a valley counts as one of the hills
FLOOD_STAGE_M = 3.2
SLANT = 0.22  # tributaries join at an acute angle


class Network(NamedTuple):
    """Tables of the channels; lengths in metres, y northward from the region's southern edge.

    Attributes
    ----------
    pixel, length, width
        Pixel side, the region's height and width.
    coast
        (columns,) y of the coastline.
    bed
        (rows,) elevation of every river's normal water level at the row's centre, by row from the south.
    bed_slope
        (rows,) its slope.
    spacing
        Distance between rivers.
    axis, half_width, levee, stage
        (rivers, rows) x of the channel's centre; half its width; height of the levee's crest above the bed; height of
        the flood above the bed.
    tributary_spacing, step
        Distance between tributaries; sampling of their tables along u.
    path, rise, side, floor
        (rivers, 2, tributaries, samples) y of the tributary, its bed above the river's, slope of its valley sides, and the
        lowest bed among it and its two neighbours.
    gully_spacing, gully
        (rivers, 2, tributaries, gullies, 6): u and y of the mouth, bed above the river's there, slope of bed (0: none), slope
        of sides, slant.
    """

    pixel: float
    length: float
    width: float
    coast: Array
    bed: Array
    bed_slope: Array
    spacing: float
    axis: Array
    half_width: Array
    levee: Array
    stage: Array
    tributary_spacing: float
    step: float
    path: Array
    rise: Array
    side: Array
    floor: Array
    gully_spacing: float
    gully: Array


def build_network(shape: tuple[int, int], pixel: float, seed: int) -> Network:
    """Return the channels of a region.

    Parameters
    ----------
    shape
        Rows and columns.
    pixel
        Pixel side [m].
    seed
        The region's seed.
    """
    length, width = shape[0] * pixel, shape[1] * pixel
    y = (np.arange(shape[0]) + 0.5) * pixel
    coast = _coast(shape[1], pixel, length, seed)
    bed, bed_slope = _bed(y, coast, length, pixel)
    rivers = max(1, round(width / RIVER_SPACING_M))
    spacing = width / rivers
    axis = np.stack([_axis(y, k, spacing, seed) for k in range(rivers)])
    half = np.stack([_half_width(y, k, length, pixel, seed) for k in range(rivers)])
    levee = np.stack([_levee(y, k, length, seed) for k in range(rivers)])
    stage = np.stack([_stage(y, k, float(coast.mean()), length, seed) for k in range(rivers)])
    apart = max(min(TRIBUTARY_SPACING_M, length / 6.0), 24.0 * pixel)
    step = 4.0 * pixel
    path, rise, side = _tributaries(rivers, spacing, apart, step, y, bed_slope, length, pixel, seed)
    gap = max(GULLY_SPACING_M, 16.0 * pixel)
    gully = _gullies(axis, apart, gap, step, path, rise, width, pixel, seed)
    return Network(
        pixel,
        length,
        width,
        coast,
        bed,
        bed_slope,
        spacing,
        axis,
        half,
        levee,
        stage,
        apart,
        step,
        path,
        rise,
        side,
        _floor(rise),
        gap,
        gully,
    )


def _ramp(t: Array) -> Array:
    t = np.clip(t, 0.0, 1.0)
    result: Array = t * t * (3.0 - 2.0 * t)
    return result


def _waves(s: Array, lengths: tuple[float, ...], slopes: tuple[float, ...], stream: np.uint64) -> Array:
    """Return a sum of sine waves whose slope never exceeds ``sum(slopes)``."""
    total = np.zeros_like(s)
    for n, (wavelength, slope) in enumerate(zip(lengths, slopes, strict=True)):
        total += slope * wavelength / (2 * np.pi) * np.sin(2 * np.pi * (s / wavelength + uniform(n, 0, stream)))
    return total


def _coast(columns: int, pixel: float, length: float, seed: int) -> Array:
    x = (np.arange(columns) + 0.5) * pixel
    reach = min(9000.0, 0.6 * length)
    bend = _waves(x, (reach, 0.41 * reach, 0.13 * reach), (0.45, 0.3, 0.2), key(seed, "coast"))
    return np.maximum(SEA_SHARE * length + bend, 3.5 * pixel)


def _bed(y: Array, coast: Array, length: float, pixel: float) -> tuple[Array, Array]:
    slope = PLAIN_SLOPE + (HILL_BED_SLOPE - PLAIN_SLOPE) * _ramp((y / length - 0.42) / 0.3)
    slope = np.where(y < coast.max() + 200.0, 1e-5, slope)  # tidal: no lower than the beaches beside it
    return 0.02 + np.cumsum(slope) * pixel, slope


def _axis(y: Array, k: int, spacing: float, seed: int) -> Array:
    centre = (k + 0.5 + 0.12 * signed(k, 1, key(seed, "river"))) * spacing
    lengths = (2.2 * spacing, 0.7 * spacing, 0.27 * spacing)
    return centre + _waves(y, lengths, (0.19, 0.14, 0.12), key(seed, "meander", k))


def _half_width(y: Array, k: int, length: float, pixel: float, seed: int) -> Array:
    """Return half the river's width: narrower upstream, with lakes here and there."""
    base = 38.0 + 26.0 * uniform(k, 2, key(seed, "river"))
    lake = min(12000.0, 0.8 * length)
    swell = np.maximum(0.0, np.sin(2 * np.pi * (y / lake + uniform(k, 3, key(seed, "river"))))) ** 4
    return np.maximum(1.6 * pixel, base * (1.0 - 0.65 * y / length)) + 0.0125 * lake * swell


def _levee(y: Array, k: int, length: float, seed: int) -> Array:
    lowland = 1.0 - _ramp((y / length - 0.36) / 0.16)
    crest = 2.9 + _waves(y, (0.31 * length,), (6.0 * 1.1 / (0.31 * length),), key(seed, "levee", k))
    return 0.12 + lowland * crest


def _stage(y: Array, k: int, coast: float, length: float, seed: int) -> Array:
    """Return the flood's height above the normal level: full in the plain, less at the mouth and in the hills."""
    peak = FLOOD_STAGE_M * (0.9 + 0.2 * uniform(k, 4, key(seed, "river")))
    upstream = 1.0 - 0.9 * _ramp((y / length - 0.36) / 0.34)
    mouth = 0.3 + 0.7 * _ramp((y - coast) / (0.22 * length))
    return peak * upstream * mouth


def _tributaries(
    rivers: int,
    spacing: float,
    apart: float,
    step: float,
    y: Array,
    bed_slope: Array,
    length: float,
    pixel: float,
    seed: int,
) -> tuple[Array, Array, Array]:
    count = int(length / apart) + 2
    u = np.arange(int(0.75 * spacing / step) + 2) * step
    shape = (rivers, 2, count, u.size)
    path, rise, side = np.empty(shape), np.empty(shape), np.empty(shape)
    for k in range(rivers):
        for s in range(2):
            stream = key(seed, "tributary", k, s)
            chance = _chances(count, 6, stream)
            mouth = (np.arange(count) + 0.5 + 0.36 * (2.0 * chance[:, 0] - 1.0)) * apart
            bends = np.zeros((count, u.size))
            for n, (factor, steepness) in enumerate(((5.0, 0.1), (1.4, 0.06), (0.6, 0.04))):
                wave, phase = factor * apart, chance[:, 3 + n, None]
                sway = np.sin(2 * np.pi * (u / wave + phase)) - np.sin(2 * np.pi * phase)
                bends += steepness * wave / (2 * np.pi) * sway
            path[k, s] = np.clip(mouth[:, None] + SLANT * u + bends, 2.5 * pixel, length - 2.5 * pixel)
            slope = _rise_slope(u, mouth[:, None], spacing, apart, y, bed_slope, length, chance[:, 1:2])
            climbed = np.cumsum(slope[:, :-1] + slope[:, 1:], axis=1) * 0.5 * step
            rise[k, s] = 0.15 + np.concatenate([np.zeros((count, 1)), climbed], axis=1)
            side[k, s] = _side_ratio(u, slope, apart) * slope
    return path, rise, side


def _floor(rise: Array) -> Array:
    padded = np.concatenate([rise[:, :, :1], rise, rise[:, :, -1:]], axis=2)
    result: Array = np.minimum(np.minimum(padded[:, :, :-2], padded[:, :, 1:-1]), padded[:, :, 2:])
    return result


def _chances(rows: int, columns: int, stream: np.uint64) -> Array:
    return np.array([[uniform(j, i, stream) for i in range(columns)] for j in range(rows)])


def _rise_slope(
    u: Array, mouth: Array, spacing: float, apart: float, y: Array, bed_slope: Array, length: float, chance: Array
) -> Array:
    """Return the slope of tributaries' beds along u: gentle on the floodplain, growing at a bounded rate beyond it."""
    hills = _ramp((mouth / length - PLAIN_SHARE + 0.05) / 0.22)
    narrower = 1.15 - 1.15 * hills - 0.25 * chance * (mouth / length > 0.25)
    floodplain = 0.5 * spacing * np.maximum(0.05, narrower)
    steepest_bed = np.interp(mouth + apart, y, bed_slope)
    gentle = np.maximum(INTERFLUVE_M * (0.75 + 0.55 * chance) / (0.5 * spacing), 3.2 * steepest_bed)
    grown = gentle * np.exp(np.clip((u - floodplain) / (1.15 * apart), 0.0, 9.0))
    result: Array = np.minimum(grown, np.maximum(gentle, HILL_RISE * (0.75 + 0.5 * chance)))
    return result


def _side_ratio(u: Array, slope: Array, apart: float) -> Array:
    """Return the ratio of side slope to bed slope: large in the hills, and near levees, where paths must turn outward."""
    low, high = SIDE_RATIO
    plain = low + 0.85 * np.exp(-u / (0.9 * apart))
    result: Array = plain + (high - plain) * np.clip(slope / STEEP, 0.0, 1.0)
    return result


def _gullies(
    axis: Array,
    apart: float,
    gap: float,
    step: float,
    path: Array,
    rise: Array,
    width: float,
    pixel: float,
    seed: int,
) -> Array:
    rivers, _, count, samples = path.shape
    number = int((samples - 1) * step / gap)
    table = np.zeros((rivers, 2, count, max(1, number), 6))
    if number == 0:
        return table
    steepest = SIDE_RATIO[1]
    for k in range(rivers):
        for s in range(2):
            chance = _chances(count, 4 * number, key(seed, "gully", k, s)).reshape(count, number, 4)
            u = (np.arange(number) + 0.5 + 0.42 * (2.0 * chance[..., 0] - 1.0)) * gap
            mouth, bed = _sampled(path[k, s], u / step), _sampled(rise[k, s], u / step)
            slope = _sampled(np.gradient(rise[k, s], step, axis=1), u / step)
            row = np.clip((mouth / pixel).astype(int), 0, axis.shape[1] - 1)
            x = axis[k, row] + (1 if s else -1) * u
            there = (slope > 0.03) & (x > apart) & (x < width - apart) & (chance[..., 2] < 0.75)
            bed_slope = np.where(there, slope * steepest * (0.25 + 0.4 * chance[..., 1]), 0.0)
            side = slope * steepest * (1.1 + 0.8 * chance[..., 2])
            slant = 0.25 * (2.0 * chance[..., 3] - 0.8)
            table[k, s] = np.stack([u, mouth, bed + 3.0 * slope * pixel + 0.05, bed_slope, side, slant], axis=-1)
    return table


def _sampled(table: Array, place: Array) -> Array:
    """Return (rows, n) values of a (rows, samples) table at fractional samples, linear between them."""
    low = np.minimum(place.astype(int), table.shape[1] - 2)
    part = place - low
    rows = np.arange(table.shape[0])[:, None]
    result: Array = table[rows, low] * (1.0 - part) + table[rows, low + 1] * part
    return result
