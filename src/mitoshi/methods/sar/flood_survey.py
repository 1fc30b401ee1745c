"""The scene stage of flood mapping: what is dark, what is bright, and how high the land lies above its drainage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.calibration_offset import calibration_offset
from mitoshi.methods.sar.fill import REACH, observed_power
from mitoshi.methods.sar.flood_inputs import check_angle, check_levels
from mitoshi.methods.sar.incidence import CO_SLOPE, CROSS_SLOPE, WaterSlopes, level_shift
from mitoshi.methods.sar.multilook import SAMPLE, decibel_samples, relative_samples
from mitoshi.methods.sar.polarisation_weights import CROSS, MOST_SAMPLES, polarisation_weights
from mitoshi.methods.sar.scene_statistics import (
    BLOCK,
    ClassFields,
    Scale,
    block_histograms,
    class_fields,
    decibel_scale,
    relative_scale,
)
from mitoshi.methods.terrain.hand import height_above_nearest_drainage
from mitoshi.methods.terrain.plausible import GroundCounts, check_ground, counts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.quantity import Raster
    from mitoshi.core.scene import SceneView

__all__ = [
    "FloodSurvey",
    "check_same_kind",
    "is_relative",
    "origin_in",
    "polarisations",
    "scale_of",
    "survey_flood",
    "without_fill",
]

READ = 4 * BLOCK
"""Side of the windows that are read at once."""

OVERVIEW_PIXELS = 4_000_000

UNITS = 128
"""Parts of a decibel, or of a grey value, in which looks are kept: whole grey values stay exact."""

MISSING = -32768


class FloodSurvey(NamedTuple):
    """Summary of a scene; small and picklable.

    Attributes
    ----------
    corner
        Coordinates (y, x) of the scene's first pixel and steps (y, x), or None where arrays have no coordinates.
    after, before
        Class statistics of each date; before is None where not given.
    hand
        Height above nearest drainage on the overview [m], or None without elevation.
    hand_factor
        Pixels per overview cell.
    weights
        Of the polarisations in decibels; empty for stretched images.
    incidence_deg
        Mean incidence angle over the scene, or None where no angles are given.
    offset_db
        Decibels by which the whole land is brighter before than after (`calibration_offset`); 0 where it is no offset.
    """

    corner: tuple[float, float, float, float] | None
    after: ClassFields
    before: ClassFields | None
    hand: NDArray[np.float32] | None
    hand_factor: int
    weights: tuple[float, ...]
    incidence_deg: float | None = None
    offset_db: float = 0.0


class _Block(NamedTuple):
    corner: tuple[float, float, float, float] | None
    polarisations: tuple[str, ...]
    relative: bool
    samples: dict[str, NDArray[np.int16]]
    angles: tuple[float, int]
    heights: GroundCounts | None


def is_relative(backscatter: Raster) -> bool:
    """Tell whether the backscatter is stretched and uncalibrated."""
    return bool(backscatter.attrs.get("quantity") == "relative_backscatter")


def polarisations(backscatter: Raster) -> tuple[str, ...]:
    """Return the names of the polarisations; a nameless first one counts as VV and a second as VH."""
    if "polarisation" in backscatter.coords:
        return tuple(str(p) for p in np.atleast_1d(backscatter["polarisation"].to_numpy()))
    return ("VV", "VH")[: backscatter.shape[0]]


def scale_of(backscatter: Raster, weights: tuple[float, ...] = ()) -> Scale:
    """Return the histogram scale that fits the backscatter, with the weights of its polarisations."""
    return relative_scale() if is_relative(backscatter) else decibel_scale(polarisations(backscatter), weights or None)


def origin_in(corner: tuple[float, float, float, float] | None, array: Raster) -> tuple[int, int]:
    """Return row and column of the array's first pixel in the surveyed scene, from the coordinates."""
    if corner is None or "y" not in array.coords or "x" not in array.coords:
        return 0, 0
    y, x, down, right = corner
    return round((float(array["y"][0]) - y) / down), round((float(array["x"][0]) - x) / right)


def survey_flood(
    view: SceneView,
    *,
    incidence_deg: float = 0.0,
    co_slope_db: float = CO_SLOPE,
    cross_slope_db: float = CROSS_SLOPE,
) -> FloodSurvey:
    """Return the summary of a scene with the data arguments of `disaster.flood-extent`.

    Parameters
    ----------
    view
        The scene; its arrays are named after, before, elevation, reference_water, incidence_angle.
    incidence_deg
        Incidence angle of the whole scene where no raster of angles is given; 0 where not known.
    co_slope_db, cross_slope_db
        Change of open water's sigma nought with the incidence angle [dB per degree].

    Returns
    -------
    FloodSurvey

    Raises
    ------
    InputError
        If the two dates have different polarisations or calibration, nothing at all was observed, levels or
        angles are none in their unit, or the elevation is none in metres.
    """
    slopes = WaterSlopes(co_slope_db, cross_slope_db)
    read = partial(_block, incidence_deg=incidence_deg, slopes=slopes, shape=view.shape)
    blocks = view.map_blocks(read, READ, REACH)
    first = blocks[0]
    total, count = (sum(block.angles[k] for block in blocks) for k in (0, 1))
    mean_angle = total / count if count else None
    check_angle(mean_angle, given=view.given("incidence_angle") or incidence_deg > 0.0)
    if all(block.heights is not None for block in blocks):
        check_ground(block.heights for block in blocks if block.heights is not None)
    looks = {name: _joined([block.samples[name] for block in blocks], view.shape, name) for name in first.samples}
    if not (np.stack(list(looks.values())) != MISSING).all(axis=(0, 1)).any():
        raise InputError(
            "no place was observed both before and after; give images that overlap or check their nodata values"
        )
    if not first.relative:
        for name, date in looks.items():
            check_levels(_in_units(date), name)
    weights = () if first.relative else polarisation_weights(_spread_out(looks["after"]), first.polarisations)
    scale = relative_scale() if first.relative else decibel_scale(first.polarisations, weights)
    fields = {
        name: class_fields(block_histograms(_index(date, weights), scale, BLOCK // SAMPLE), scale)
        for name, date in looks.items()
    }
    after, before = fields["after"], fields.get("before")
    offset = 0.0
    if before is not None and not first.relative:
        index = {name: _index(date, weights) for name, date in looks.items()}
        offset = calibration_offset(index["before"], index["after"], _per_look(before), _per_look(after))
        if offset:
            shifted = index["after"] + np.float32(offset)
            after = class_fields(block_histograms(shifted, scale, BLOCK // SAMPLE), scale)
        after, before = _lent(after, before), _lent(before, after)
    hand, factor = _hand(view)
    return FloodSurvey(first.corner, after, before, hand, factor, weights, mean_angle, offset)


def _joined(parts: Sequence[NDArray[np.int16]], shape: tuple[int, int], name: str) -> NDArray[np.int16]:
    """Return the looks of the whole scene in parts of their unit, shape (polarisation, y, x) of whole blocks."""
    rows, columns = (-(-side // BLOCK) * (BLOCK // SAMPLE) for side in shape)
    whole = np.full((len(parts[0]), rows, columns), MISSING, np.int16)
    across = -(-shape[1] // READ)
    for k, part in enumerate(parts):
        row, column = (k // across) * (READ // SAMPLE), (k % across) * (READ // SAMPLE)
        whole[:, row : row + part.shape[1], column : column + part.shape[2]] = part
    if (whole == MISSING).all():
        raise InputError(f"{name} holds no observed pixels; give another image or check its nodata value")
    return whole


def _spread_out(looks: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return at most `MOST_SAMPLES` looks at equal steps over what was observed, shape (polarisation, n)."""
    seen = (looks != MISSING).all(axis=0)
    step = max(1, -(-int(seen.sum()) // MOST_SAMPLES))
    chosen, before = [], 0
    for row in range(len(seen)):
        columns = np.flatnonzero(seen[row])
        chosen.append(looks[:, row, columns[-before % step :: step]])
        before += len(columns)
    return _in_units(np.concatenate(chosen, axis=1))


def _in_units(looks: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return looks in their unit, NaN where not observed."""
    return np.where(looks == MISSING, np.float32(np.nan), looks / np.float32(UNITS)).astype(np.float32, copy=False)


def _index(looks: NDArray[np.int16], weights: tuple[float, ...]) -> NDArray[np.float32]:
    """Return the one brightness of each look: the weighted mean of decibels, or the stretched mean as it is."""
    if not weights:
        return _in_units(looks[0])
    total = np.zeros(looks.shape[1:], np.float32)
    for share, look in zip(weights, looks, strict=True):
        total += np.float32(share) * _in_units(look)  # in a fixed order
    return total


def _per_look(fields: ClassFields) -> NDArray[np.float32]:
    """Return the threshold between the classes at every look, shape (y, x): that of its block."""
    side = BLOCK // SAMPLE
    return fields.threshold.repeat(side, axis=0).repeat(side, axis=1)


def _lent(own: ClassFields, other: ClassFields) -> ClassFields:
    """Give a calibrated date on which no block shows water the classes of the other date."""
    if own.selected > 0.0 or other.selected == 0.0:
        return own
    return own._replace(dark=other.dark, bright=other.bright, threshold=other.threshold)


def _block(
    row: int,
    column: int,
    padded: Mapping[str, Raster | None],
    *,
    incidence_deg: float,
    slopes: WaterSlopes,
    shape: tuple[int, int],
) -> _Block:
    if padded["after"] is None:
        raise InputError("flood mapping needs the image after the event")
    arrays = _cropped(padded, (row, column), shape)
    after, before = arrays["after"], arrays.get("before")
    if after is None:
        raise InputError("flood mapping needs the image after the event")
    if before is not None and polarisations(before) != polarisations(after):
        raise InputError(
            f"before and after must have the same polarisations, got {'+'.join(polarisations(before))} and "
            f"{'+'.join(polarisations(after))}; select them with '#bands=…'"
        )
    if before is not None and is_relative(before) != is_relative(after):
        raise InputError("before and after must both be calibrated or both relative backscatter")
    angles = _angles(arrays.get("incidence_angle"), incidence_deg)
    if before is not None and angles is None:
        check_same_kind(after, before)
    given = {"after": after} if before is None else {"after": after, "before": before}
    corner = None
    if "y" in after.coords and "x" in after.coords:
        y, x = after["y"].to_numpy(), after["x"].to_numpy()
        corner = (float(y[0]), float(x[0]), _step(y), _step(x))
    samples = {name: _samples(array, angles, slopes) for name, array in given.items()}
    every = np.zeros(0) if angles is None else np.atleast_1d(angles).astype(np.float64)
    seen = every[(every > 0.0) & (every < 90.0)]
    return _Block(
        corner,
        polarisations(after),
        is_relative(after),
        samples,
        (float(seen.sum()), int(seen.size)),
        _heights(arrays.get("elevation")),
    )


def _cropped(
    padded: Mapping[str, Raster | None], start: tuple[int, int], shape: tuple[int, int]
) -> dict[str, Raster | None]:
    """Return the block itself, of which the images lack what `observed_power` takes for fill with the margin around it."""
    inner = tuple(
        slice(first - max(0, first - REACH), min(first + READ, whole) - max(0, first - REACH))
        for first, whole in zip(start, shape, strict=True)
    )
    arrays: dict[str, Raster | None] = {}
    for name, array in padded.items():
        if array is not None and name in {"after", "before"}:
            array = without_fill(array)
        arrays[name] = None if array is None else array[..., inner[0], inner[1]]
    return arrays


def without_fill(backscatter: Raster) -> Raster:
    """Return calibrated backscatter with NaN where it is fill (`observed_power`); stretched images as they are."""
    if is_relative(backscatter):
        return backscatter
    return backscatter.copy(data=observed_power(backscatter.to_numpy(), polarisations(backscatter)))


def _heights(elevation: Raster | None) -> GroundCounts | None:
    if elevation is None:
        return None
    pixel = elevation.attrs.get("pixel_size_m")
    return counts_of(np.asarray(elevation.to_numpy(), np.float32), float(pixel) if pixel else None)


def check_same_kind(after: Raster, before: Raster) -> None:
    """Refuse two dates of which one is, say, gamma nought and the other sigma nought: without angles none can be turned over.

    Raises
    ------
    InputError
        If they are different kinds of calibrated backscatter.
    """
    kinds = [str(date.attrs.get("quantity")) for date in (before, after)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"before is {kinds[0]} and after {kinds[1]}, which differ by the incidence angle; give images of one kind, or "
            "--incidence-angle FILE, or say what the file holds with '#quantity=…'"
        )


def _angles(raster: Raster | None, incidence_deg: float) -> NDArray[np.float32] | float | None:
    """Return the incidence angle in the middle of every look, that of the whole scene, or None where neither is known."""
    if raster is None:
        return incidence_deg if incidence_deg > 0.0 else None
    rows, columns = (side // SAMPLE for side in raster.shape[-2:])
    middle = np.asarray(raster.to_numpy(), np.float32)[..., SAMPLE // 2 :: SAMPLE, SAMPLE // 2 :: SAMPLE]
    return middle.reshape(middle.shape[-2:])[:rows, :columns]


def _step(coordinate: NDArray[Any]) -> float:
    return float(coordinate[-1] - coordinate[0]) / (len(coordinate) - 1) if len(coordinate) > 1 else 1.0


def _samples(backscatter: Raster, angles: NDArray[np.float32] | float | None, slopes: WaterSlopes) -> NDArray[np.int16]:
    """Return the looks as whole numbers of 1/128 of their unit, shape (polarisation, y, x); stretched images have one."""
    values = np.asarray(backscatter.to_numpy(), dtype=np.float32)
    looks = relative_samples(values)[None] if is_relative(backscatter) else decibel_samples(values)
    if angles is not None and not is_relative(backscatter):
        kind, own = str(backscatter.attrs.get("quantity")), polarisations(backscatter)
        looks += np.stack(
            [
                np.broadcast_to(
                    level_shift(kind, angles, slopes.cross if name in CROSS else slopes.co), looks.shape[1:]
                )
                for name in own
            ]
        )
    return np.where(np.isfinite(looks), np.clip(np.rint(looks * UNITS), MISSING + 1, -MISSING - 1), MISSING).astype(
        np.int16
    )


def _hand(view: SceneView) -> tuple[NDArray[np.float32] | None, int]:
    overview = view.overview("elevation", OVERVIEW_PIXELS)
    if overview is None or not overview.attrs.get("pixel_size_m"):
        return None, 1
    factor = int(overview.attrs.get("overview_factor", 1))
    sides = (
        float(overview.attrs.get(f"cell_{name}_m", overview.attrs["pixel_size_m"])) for name in ("height", "width")
    )
    height, width = (side * factor for side in sides)
    return height_above_nearest_drainage(overview.to_numpy(), pixel_size=(height, width)), factor
