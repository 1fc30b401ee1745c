"""Features from which water and flood are told: brightness between the scene's dark and bright class, at several widths.

All features are whole numbers (1000 = the distance from the dark to the bright class mean), box means of them at growing
widths, shares of dark pixels in thousandths and local spread. But for ``grey`` they carry no stretch and no incidence trend.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.scene_statistics import ClassFields, normalised
from mitoshi.methods.statistics.windows import box_mean, box_sum

__all__ = [
    "MARGIN",
    "UNIT",
    "Brightness",
    "brightness",
    "counted_mean",
    "date_features",
    "detailed_brightness",
    "pair_features",
]

MARGIN = 63
"""Pixels on each side that the widest feature (127 × 127) looks at."""

UNIT = 1000.0
"""A level at the bright class mean; 0 is the dark one."""


class Brightness(NamedTuple):
    """One date in scene units.

    Attributes
    ----------
    level
        0 at the dark class mean, 1000 at the bright one, shape (y, x), int16.
    dark
        1 below the scene's threshold, shape (y, x), uint8.
    deviation
        Distance from the scene's median in thousandths of its spread, shape (y, x), int16; None where not asked for.
    grey
        The index itself in sixteenths of its unit, shape (y, x), int16; None where not asked for. The one feature that keeps
        an image's stretch, for 8-bit images alone: their stretches were alike enough to help on events left out.
    counted
        1 where a pixel counts in the means of its neighbours, shape (y, x), uint8; None where all do.
    two_classes
        Whether any block of the scene shows a dark and a bright class for certain. If not, dark may be the darker half of one.
    spread
        Mean spread of the scene in the index's unit.
    """

    level: NDArray[np.int16]
    dark: NDArray[np.uint8]
    deviation: NDArray[np.int16] | None
    grey: NDArray[np.int16] | None
    counted: NDArray[np.uint8] | None = None
    two_classes: bool = True
    spread: float = 1.0


def brightness(
    index: NDArray[np.float32],
    fields: ClassFields,
    *,
    origin: tuple[int, int],
    counted: NDArray[np.bool_] | None = None,
) -> Brightness:
    """Return a date's brightness in scene units; not observed pixels count as bright.

    Parameters
    ----------
    index
        From `multilook`, shape (y, x), NaN where not observed.
    fields
        Class statistics of the scene for the same date.
    origin
        Row and column of the first pixel in the scene.
    counted
        Where pixels count in the means of their neighbours; permanent water left out no longer darkens its shore.

    Returns
    -------
    Brightness
    """
    level = normalised(index, fields.dark, fields.bright, origin=origin, unit=UNIT)
    below = normalised(index, fields.threshold, fields.threshold + 1.0, origin=origin, unit=UNIT)
    return Brightness(
        level, (below < 0).astype(np.uint8), None, None, None if counted is None else counted.astype(np.uint8)
    )


def detailed_brightness(index: NDArray[np.float32], fields: ClassFields, *, origin: tuple[int, int]) -> Brightness:
    """Return a date's brightness with deviation and grey as well, which the change model asks for.

    Parameters and result are those of `brightness`.
    """
    deviation = normalised(index, fields.median, fields.median + fields.spread, origin=origin, unit=UNIT)
    deviation[~np.isfinite(index)] = 0
    middle = np.float32(fields.median.mean())
    grey = np.floor(np.float32(16.0) * np.where(np.isfinite(index), index, middle)).astype(np.int16)
    return brightness(index, fields, origin=origin)._replace(
        deviation=deviation, grey=grey, two_classes=fields.certain, spread=float(fields.spread.mean())
    )


def date_features(date: Brightness, label: str, wanted: tuple[str, ...]) -> dict[str, NDArray[np.int16]]:
    """Return the wanted features of one date, named with `label`; each of shape (y, x).

    ``level_after_7`` is the box mean of the level over 7 × 7 pixels; ``deviation``, ``grey``, ``dark`` and ``spread`` likewise.
    Names that end in 3 are the 3 × 3 multilook itself. Names of other dates are passed over.
    """
    found = {}
    for name in wanted:
        kind, of, width = name.split("_") if name.count("_") == 2 else ("", "", "0")
        if of == label:
            found[name] = _feature(date, kind, int(width))
    return found


def _feature(date: Brightness, kind: str, width: int) -> NDArray[np.int16]:
    if kind == "dark":
        return counted_mean(date.dark.astype(np.int16) * np.int16(1000), date.counted, width)
    if kind == "spread":
        return _spread(date.level, width)
    layer = {"level": date.level, "deviation": date.deviation, "grey": date.grey}[kind]
    if layer is None:
        raise InputError(f"{kind} needs detailed_brightness")
    return layer if width == 3 else counted_mean(layer, date.counted, width)


def pair_features(after: Brightness, before: Brightness, wanted: tuple[str, ...]) -> dict[str, NDArray[np.int16]]:
    """Return the wanted features of change: after minus before, in spreads of each date's own scene; each of shape (y, x)."""
    widths = [int(name.split("_")[1]) for name in wanted if name.startswith("change_")]
    if not widths:
        return {}
    if after.deviation is None or before.deviation is None:
        raise InputError("features of change need detailed_brightness")
    change = (after.deviation - before.deviation).astype(np.int16)
    return {f"change_{width}": change if width == 3 else box_mean(change, width) for width in widths}


def counted_mean(values: NDArray[np.int16], counted: NDArray[np.uint8] | None, width: int) -> NDArray[np.int16]:
    """Return the box mean of the pixels that count, rounded down; the value itself where none does.

    Parameters
    ----------
    values
        Whole numbers, shape (y, x).
    counted
        1 where a pixel counts, shape (y, x); None where all do.
    width
        Odd window side in pixels.
    """
    if counted is None:
        return box_mean(values, width)
    total, count = box_sum(values * counted.astype(np.int16), width), box_sum(counted, width)
    return np.where(count > 0, total // np.maximum(count, 1), values).astype(np.int16)


def _spread(level: NDArray[np.int16], width: int) -> NDArray[np.int16]:
    """Return the standard deviation in the window, in scene units."""
    coarse = level >> np.int16(3)
    squares = box_sum(coarse.astype(np.int32) ** 2, width)
    sums = box_sum(coarse, width)
    out = np.empty(level.shape, np.int16)
    _deviation(squares, sums, width // 2, out)
    return out


@njit(cache=True, nogil=True)
def _deviation(squares, sums, half, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    rows, columns = out.shape
    for row in range(rows):
        high = min(row + half, rows - 1) - max(row - half, 0) + 1
        for column in range(columns):
            count = high * (min(column + half, columns - 1) - max(column - half, 0) + 1)
            mean = sums[row, column] / count
            variance = squares[row, column] / count - mean * mean
            out[row, column] = np.int16(np.floor(8.0 * np.sqrt(max(variance, 0.0))))
