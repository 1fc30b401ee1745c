"""What a radar measures over a known ground: mean backscatter by land cover, water, wind, incidence and flood; speckle; geometry.

The levels are C-band gamma nought at 38 degrees local incidence, VV and VH. They lie inside the ranges tabulated for C band
by Ulaby & Dobson (1989, Handbook of Radar Scattering Statistics for Terrain) and inside the dark-land and water bounds of the
OPERA DSWx-S1 algorithm (dark land VV below -14.6 dB and VH below -22.8 dB; water between -28 and -11 dB in VV and between -28
and -18 dB in VH). Within those ranges they are a choice, made before any detector was run on them. Slopes with incidence have
the sense found from Sentinel-1 gamma nought (doi:10.3390/rs17030361): strong over water and smooth soil, weak over volumes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = [
    "BARE",
    "FOREST",
    "GRASS",
    "OPEN_SEA",
    "PADDY",
    "ROAD",
    "SCATTERERS",
    "TARMAC",
    "URBAN",
    "WATER",
    "Look",
    "Scatterer",
    "add_speckle",
    "layover_and_shadow",
    "local_incidence",
    "mean_gamma0",
    "speckle_quantiles",
]

OPEN_SEA, WATER, BARE, TARMAC, PADDY, GRASS, FOREST, URBAN, ROAD = range(9)
REFERENCE_INCIDENCE_DEG = 38.0
LAYOVER_REACH = 48  # pixels


class Scatterer(NamedTuple):
    """How one land cover scatters at C band.

    Attributes
    ----------
    vv_db, vh_db
        Mean gamma nought at `REFERENCE_INCIDENCE_DEG` [dB].
    slope_db
        Change with local incidence [dB per degree].
    texture_db
        Standard deviation of the mean from place to place [dB].
    canopy_m
        Height of the stubble, grass or roughness that stands out of shallow water [m].
    day_share
        How much of a day's change of soil moisture and crops shows, 0 to 1.
    flood_vv_db, flood_vh_db
        Change where water stands under what remains above it: double bounce between water and trunks or walls [dB]; NaN where
        the flood covers the ground and it turns into open water.
    """

    vv_db: float
    vh_db: float
    slope_db: float
    texture_db: float
    canopy_m: float
    day_share: float
    flood_vv_db: float = np.nan
    flood_vh_db: float = np.nan


SCATTERERS: tuple[Scatterer, ...] = (
    Scatterer(-17.0, -26.0, -0.40, 0.5, 0.0, 0.0),  # open sea, light wind
    Scatterer(-20.5, -28.5, -0.30, 0.4, 0.0, 0.0),  # sheltered water: rivers, lakes, floods
    Scatterer(-14.5, -23.5, -0.18, 1.3, 0.02, 1.0),  # sand, gravel, bare smooth soil
    Scatterer(-18.0, -26.5, -0.22, 0.8, 0.01, 0.2),  # tarmac of airfields and car parks: as dark as water
    Scatterer(-11.0, -18.2, -0.08, 1.5, 0.12, 1.0),  # paddy after the harvest, stubble
    Scatterer(-12.0, -19.0, -0.06, 1.0, 0.15, 1.0),  # short grass
    Scatterer(-8.3, -14.0, -0.02, 0.7, 12.0, 0.3, 2.5, 0.5),  # forest: brighter where flooded (Richards et al. 1987)
    Scatterer(-4.0, -12.0, 0.0, 2.8, 6.0, 0.2, 1.5, 0.3),  # buildings: brighter where flooded, never dark
    Scatterer(-13.5, -20.5, -0.12, 1.0, 0.02, 0.4),  # a road among other things within the pixel
)
_TABLE = np.array(SCATTERERS)


class Look(NamedTuple):
    """The radar's view of a scene.

    Attributes
    ----------
    incidence_deg
        Incidence angle at the scene's western edge [degree], from the vertical of the ellipsoid.
    incidence_per_m
        Change of it eastward [degree per metre]: positive where the radar looks east.
    east, north
        Unit vector on the ground from the target towards the radar.
    """

    incidence_deg: float
    incidence_per_m: float
    east: float
    north: float


def local_incidence(elevation: Array, pixel: float, look: Look, easting: Array) -> Array:
    """Return the angle between the terrain's normal and the direction to the radar.

    Parameters
    ----------
    elevation
        (rows + 2, columns + 2) heights [m] with a border of one pixel; rows run southward.
    pixel
        Pixel side [m].
    look
        The radar's view.
    easting
        (columns,) distance from the scene's western edge [m].

    Returns
    -------
    float32 (rows, columns) [degree].

    Notes
    -----
    ``cos(local) = (n . d) / |n|`` with ``n = (-dz/dx, -dz/dy, 1)`` and d the direction to the radar.
    """
    out = np.empty((elevation.shape[0] - 2, elevation.shape[1] - 2), np.float32)
    angle = np.deg2rad(look.incidence_deg + look.incidence_per_m * easting)
    _local_incidence(elevation, pixel, angle, look.east, look.north, out)
    return out


@njit(nogil=True, cache=True)
def _local_incidence(z, pixel, angle, east, north, out):  # type: ignore[no-untyped-def]
    sine, cosine = np.sin(angle), np.cos(angle)
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            zx = (z[r + 1, c + 2] - z[r + 1, c]) / (2.0 * pixel)
            zy = (z[r, c + 1] - z[r + 2, c + 1]) / (2.0 * pixel)
            dot = cosine[c] - sine[c] * (zx * east + zy * north)
            ratio = dot / np.sqrt(1.0 + zx * zx + zy * zy)
            out[r, c] = np.rad2deg(np.arccos(min(1.0, max(-1.0, ratio))))


def layover_and_shadow(elevation: Array, pixel: float, look: Look, easting: Array) -> tuple[Array, Array]:
    """Return where two places share one range (layover) and where the ground is hidden (shadow).

    Parameters
    ----------
    elevation
        (rows, columns + 2 LAYOVER_REACH) heights [m], with a border of `LAYOVER_REACH` pixels on the west and the east.
    pixel
        Pixel side [m].
    look
        The radar's view; rays run along the rows, which neglects the 12 degrees between a polar orbit's range and east.
    easting
        (columns,) distance from the scene's western edge [m].

    Returns
    -------
    layover, shadow
        bool (rows, columns).

    Notes
    -----
    With ground distance g away from the radar, the slant range falls as ``g sin(t) - z cos(t)``; layover is where another
    place, nearer on the ground, is as far in range, or the reverse. Shadow is where a nearer place rises above the ray:
    ``z(q) - z(p) > g / tan(t)``.
    """
    shape = (elevation.shape[0], elevation.shape[1] - 2 * LAYOVER_REACH)
    layover, shadow = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    angle = np.deg2rad(look.incidence_deg + look.incidence_per_m * easting)
    _visibility(elevation, pixel, 1 if look.east > 0 else -1, np.sin(angle), np.cos(angle), layover, shadow)
    return layover, shadow


@njit(nogil=True, cache=True)
def _visibility(z, pixel, towards, sine, cosine, layover, shadow):  # type: ignore[no-untyped-def]
    rows, columns = layover.shape
    width = z.shape[1]
    steepest = min((sine / cosine).min(), (cosine / sine).min())
    before, after = np.empty(width, np.int64), np.empty(width, np.int64)
    for r in range(rows):
        # Only within reach of a slope as steep as the ray can anything be hidden or laid over.
        before[0], after[width - 1] = -width, 2 * width
        for c in range(1, width):
            before[c] = c if abs(z[r, c] - z[r, c - 1]) >= steepest * pixel else before[c - 1]
        for c in range(width - 2, -1, -1):
            after[c] = c if abs(z[r, c + 1] - z[r, c]) >= steepest * pixel else after[c + 1]
        for c in range(columns):
            p = c + LAYOVER_REACH
            if p - before[p] > LAYOVER_REACH and after[p] - p > LAYOVER_REACH:
                continue
            layover[r, c], shadow[r, c] = _hidden(z[r], p, pixel, towards, sine[c], cosine[c])


@njit(nogil=True, cache=True)
def _hidden(z, p, pixel, towards, sine, cosine):  # type: ignore[no-untyped-def]
    over, dark = False, False
    for g in range(1, LAYOVER_REACH + 1):
        near, far = z[p + g * towards] - z[p], z[p - g * towards] - z[p]
        across, up = g * pixel * sine, g * pixel * cosine
        dark = dark or near * sine > up
        over = over or -near * cosine >= across or far * cosine >= across
    return over, dark


def mean_gamma0(
    cover: Array, incidence: Array, local: Array, depth: Array, texture: Array, wind_db: Array, land_db: Array
) -> Array:
    """Return the speckle-free backscatter of a scene.

    Parameters
    ----------
    cover
        (rows, columns) index of the scatterer, uint8.
    incidence
        (columns,) incidence on level ground [degree].
    local
        (rows, columns) local incidence angle [degree].
    depth
        (rows, columns) depth of flood water [m], 0 where there is none.
    texture
        (rows, columns) deviation of the place, in standard deviations of its scatterer's texture.
    wind_db
        (rows, columns) roughening of open water by wind [dB].
    land_db
        (rows, columns) change of land backscatter with soil moisture and farming on the day [dB].

    Returns
    -------
    float32 (2, rows, columns), VV and VH, linear power.

    Notes
    -----
    Where the flood is shallower than what stands on the ground, power is mixed by the covered share of that height. Waves
    lift VH by half of what they lift VV, in dB.
    """
    out = np.empty((2, *cover.shape), np.float32)
    _mean_gamma0(cover, incidence, local, depth, texture, wind_db, land_db, _TABLE, out)
    return out


@njit(nogil=True, cache=True)
def _power(db: float) -> float:
    return float(np.exp(0.23025850929940458 * db))


@njit(nogil=True, cache=True)
def _mean_gamma0(cover, incidence, local, depth, texture, wind_db, land_db, table, out):  # type: ignore[no-untyped-def]
    for r in range(cover.shape[0]):
        for c in range(cover.shape[1]):
            kind = cover[r, c]
            flat = incidence[c] - REFERENCE_INCIDENCE_DEG
            is_water = kind <= WATER
            bounce = depth[r, c] > 0.0 and table[kind, 6] == table[kind, 6]
            covered = 0.0
            if depth[r, c] > 0.0 and not is_water:
                covered = min(1.0, depth[r, c] / max(table[kind, 4], 1e-3))
            tilt = flat if is_water else min(75.0, max(10.0, local[r, c])) - REFERENCE_INCIDENCE_DEG
            for p in range(2):
                db = table[kind, p] + table[kind, 2] * tilt + table[kind, 3] * texture[r, c]
                db += wind_db[r, c] * (1.0 - 0.5 * p) if is_water else table[kind, 5] * land_db[r, c]
                if bounce:
                    db += table[kind, 6 + p] * min(1.0, depth[r, c])
                power = _power(db)
                if covered > 0.0 and not bounce:
                    water = table[WATER, p] + table[WATER, 2] * flat + wind_db[r, c] * (1.0 - 0.5 * p)
                    water += table[WATER, 3] * texture[r, c]
                    power = covered * _power(water) + (1.0 - covered) * power
                out[p, r, c] = power


@cache
def speckle_quantiles(looks: float, size: int = 65536) -> Array:
    """Return the quantile table of multi-look speckle, for `add_speckle`.

    Parameters
    ----------
    looks
        Equivalent number of looks.
    size
        Number of equally probable steps.

    Returns
    -------
    float32 (size + 1,), mean of the steps exactly 1.

    Notes
    -----
    Intensity speckle of L looks is gamma distributed with shape L and mean 1 (Goodman 1976, doi:10.1364/JOSA.66.001145).
    """
    from scipy.special import gammaincinv

    edges = (np.arange(size + 1) + 0.0) / size
    edges[0], edges[-1] = 0.1 / size, 1.0 - 0.1 / size
    table = gammaincinv(looks, edges) / looks
    steps = 0.5 * (table[1:] + table[:-1])
    result: Array = (table / steps.mean()).astype(np.float32)
    result.setflags(write=False)
    return result


def add_speckle(power: Array, chance: Array, quantiles: Array, noise_power: float) -> Array:
    """Return one measured realisation: signal and thermal noise under speckle.

    Parameters
    ----------
    power
        (rows, columns) mean backscatter, linear.
    chance
        (rows, columns) independent values, uniform in (0, 1).
    quantiles
        From `speckle_quantiles`.
    noise_power
        Noise-equivalent backscatter, linear; it stays in the measurement.

    Returns
    -------
    float32 (rows, columns).
    """
    out = np.empty(power.shape, np.float32)
    _add_speckle(power, chance, quantiles, noise_power, out)
    return out


@njit(nogil=True, cache=True)
def _add_speckle(power, chance, quantiles, noise_power, out):  # type: ignore[no-untyped-def]
    size = quantiles.shape[0] - 1
    for r in range(power.shape[0]):
        for c in range(power.shape[1]):
            f = chance[r, c] * size
            i = min(size - 1, int(f))
            speckle = quantiles[i] + (f - i) * (quantiles[i + 1] - quantiles[i])
            out[r, c] = (power[r, c] + noise_power) * speckle
