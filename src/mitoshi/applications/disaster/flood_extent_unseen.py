"""What a radar cannot see of a flood: trees and buildings of a land-cover map, and faces that it looks along."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.core.errors import InputError
from mitoshi.methods.sar.flood_survey import is_relative, polarisations
from mitoshi.methods.sar.incidence import WaterSlopes, weighted_shift
from mitoshi.methods.sar.observability import layover_or_shadow, near_walls
from mitoshi.methods.terrain.slope import slope_of

if TYPE_CHECKING:
    from mitoshi.core.quantity import Raster

__all__ = ["Cover", "Scheme", "angle_of", "cover_of", "faces_seen", "lift_of", "look_of", "raised", "uncovered"]

Scheme = Literal["esa-worldcover", "io-lulc"]
SHOWN = 5
PLAIN_PIXEL_M = 10.0
STEEPEST_SEEN = 30.0
"""Degrees: a face steeper than the smallest incidence angle of the swath lies in layover or shadow from some side."""

ANGLES = {
    "look_azimuth_deg": "where the radar looks, clockwise from north: about 80 on ascending, about 280 on descending passes",
    "incidence_deg": "incidence angle at the scene's centre, such as 38",
}
"""What to give for an angle that is missing, by its parameter."""


class Cover(NamedTuple):
    """Where trees and buildings stand, each (y, x).

    Attributes
    ----------
    trees
        Tree cover; False also where the land cover is not known.
    built
        Built-up; False also where nothing is known.
    """

    trees: NDArray[np.bool_]
    built: NDArray[np.bool_]


@cache
def _schemes() -> dict[str, dict[str, list[int]]]:
    table: dict[str, dict[str, list[int]]] = json.loads(
        files(__package__).joinpath("land_cover.json").read_text("utf-8")
    )
    return table


def cover_of(land_cover: Raster | None, built_up: Raster | None, scheme: str, threshold: float) -> Cover | None:
    """Return trees and buildings; None where neither argument is given.

    Parameters
    ----------
    land_cover
        Codes of the scheme; NaN and its "no data" are unknown cover, in which no tree and no building is assumed.
    built_up
        Share of the pixel that buildings cover, 0..1. Where it is known it decides what is built-up: the built-up class of a
        land-cover map also holds roads and squares.
    scheme
        Name of the land cover's codes in ``land_cover.json``.
    threshold
        Share from which a pixel is built-up.

    Raises
    ------
    InputError
        If the land cover holds codes that the scheme does not know.
    """
    if land_cover is None and built_up is None:
        return None
    trees = built = np.zeros((built_up if land_cover is None else land_cover).shape[-2:], bool)  # type: ignore[union-attr]
    if land_cover is not None:
        codes = np.asarray(land_cover.to_numpy())
        _check(codes, scheme)
        trees, built = (np.isin(codes, _schemes()[scheme][name]) for name in ("tree_cover", "built_up"))
    if built_up is not None:
        share = np.asarray(built_up.to_numpy(), np.float32)
        with np.errstate(invalid="ignore"):
            built = np.where(np.isfinite(share), share >= threshold, built)
    return Cover(trees, built)


def _check(codes: NDArray[np.generic], scheme: str) -> None:
    known = [c for name, part in _schemes()[scheme].items() if name != "source" for c in part]
    others = np.unique(codes[~np.isin(codes, known) & (codes == codes)])
    if others.size:
        shown = ", ".join(f"{c:g}" for c in others[:SHOWN])
        raise InputError(
            f"land_cover holds codes that {scheme} does not know: {shown}; give another land_cover_scheme "
            f"({', '.join(sorted(_schemes()))}) or leave the land cover out"
        )


def uncovered(cover: Cover | None, after: Raster) -> NDArray[np.bool_] | bool:
    """Return what neither trees nor the walls of buildings hide, (y, x)."""
    if cover is None:
        return True
    return ~(cover.trees | near_walls(cover.built, float(after.attrs.get("pixel_size_m") or PLAIN_PIXEL_M)))


def angle_of(raster: Raster | None, incidence_deg: float) -> NDArray[np.float32] | float | None:
    """Return the incidence angle, (y, x) from the raster or one for the scene; None where neither is known."""
    if raster is None:
        return incidence_deg if incidence_deg > 0.0 else None
    return np.asarray(raster.to_numpy(), np.float32).reshape(raster.shape[-2:])


def lift_of(
    date: Raster | None, weights: tuple[float, ...], angle: NDArray[np.float32] | float | None, slopes: WaterSlopes
) -> NDArray[np.float32] | None:
    """Return what brings a date's decibels to gamma nought of level water at one angle; None for stretched or absent images."""
    if date is None or angle is None or is_relative(date):
        return None
    return weighted_shift(str(date.attrs.get("quantity")), polarisations(date), weights, angle, slopes)


def raised(lift: NDArray[np.float32] | None, offset_db: float) -> NDArray[np.float32] | np.float32 | None:
    """Return a lift with the offset between the dates added [dB]; None where neither is any."""
    if not offset_db:
        return lift
    return np.float32(offset_db) if lift is None else lift + np.float32(offset_db)


def look_of(after: Raster, azimuth: float, incidence: float, mean_incidence: float | None) -> tuple[float, float]:
    """Return azimuth and incidence angle of the look: as given, else what the product and the angles' mean say; -1 and 0 unknown.

    Raises
    ------
    InputError
        If only one angle is given and nothing says the other.
    """
    if azimuth < 0.0:
        azimuth = float(after.attrs.get("look_azimuth_deg", -1.0))
        if azimuth >= 0.0 and incidence == 0.0 and mean_incidence is None:
            return -1.0, 0.0  # the product says where it looks, and nobody how steeply
    if incidence == 0.0 and mean_incidence is not None:
        return (azimuth, mean_incidence) if azimuth >= 0.0 else (-1.0, 0.0)
    return azimuth, incidence


def faces_seen(elevation: Raster | None, azimuth: float, incidence: float) -> NDArray[np.bool_] | bool:
    """Return what neither layover nor shadow hides, (y, x): by the look where it is known, else by slope alone.

    Raises
    ------
    InputError
        If only one angle of the look is given.
    """
    if (azimuth < 0.0) != (incidence == 0.0):
        only, other = ("incidence_deg", "look_azimuth_deg") if azimuth < 0.0 else ("look_azimuth_deg", "incidence_deg")
        value = incidence if azimuth < 0.0 else azimuth
        given, missing = (f"--{name.replace('_', '-')}" for name in (only, other))
        raise InputError(
            f"look_azimuth_deg and incidence_deg belong together, got {given} {value:g} alone; add {missing} "
            f"({ANGLES[other]}), or leave {given} out"
        )
    side = None if elevation is None else elevation.attrs.get("pixel_size_m")
    if elevation is None or azimuth < 0.0 or not side:
        return _not_too_steep(elevation)
    height, width = (float(elevation.attrs.get(f"cell_{name}_m") or side) for name in ("height", "width"))
    return ~layover_or_shadow(elevation.to_numpy(), (height, width), azimuth, incidence)


def _not_too_steep(elevation: Raster | None) -> NDArray[np.bool_] | bool:
    steep = None if elevation is None else slope_of(elevation)
    if steep is None:
        return True
    with np.errstate(invalid="ignore"):
        return np.asarray(~(steep > STEEPEST_SEEN))
