"""Simulated sensors over a simulated region: radar passes, optical passes, an elevation model and a water history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numba import njit

from mitoshi.methods.optical.forward import BANDS, surface_reflectance
from mitoshi.methods.sar.forward import (
    FOREST,
    LAYOVER_REACH,
    URBAN,
    WATER,
    Look,
    add_speckle,
    layover_and_shadow,
    local_incidence,
    mean_gamma0,
    speckle_quantiles,
)
from mitoshi.simulation.noise import fractal, fractal_field, key, uniform_field, value_noise
from mitoshi.simulation.region import Ground, Region, flood_depth, unseen_cover
from mitoshi.simulation.terrain import LAND

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

__all__ = ["OpticalPass", "OpticalView", "RadarPass", "elevation_model", "look", "observe_optical", "observe_radar"]
__all__ += ["unobservable", "water_occurrence"]

# Ground unit vectors from the target to a right-looking satellite at 12 degrees from the meridian, east and north.
_TOWARDS = {"ascending": (-0.978, -0.208), "descending": (0.978, -0.208)}
INCIDENCE_PER_M = 6e-5  # 30.5 to 46 degrees over the 250 km of an interferometric wide swath


@dataclass(frozen=True)
class RadarPass:
    """One radar acquisition.

    Attributes
    ----------
    time
        ISO 8601, UTC.
    orbit_state, relative_orbit
        Direction and track.
    incidence_deg
        Incidence at the region's centre.
    flood
        Height of the flood as a share of the full one.
    looks
        Equivalent number of looks; 4.4 is that of Sentinel-1 IW ground range detected at high resolution.
    noise_db
        Noise-equivalent gamma nought.
    wind_db
        Strength of the wind's patches on water.
    """

    time: str
    orbit_state: Literal["ascending", "descending"] = "ascending"
    relative_orbit: int = 39
    incidence_deg: float = 37.0
    flood: float = 0.0
    looks: float = 4.4
    noise_db: float = -27.0
    wind_db: float = 2.5


@dataclass(frozen=True)
class OpticalPass:
    """One optical acquisition.

    Attributes
    ----------
    time
        ISO 8601, UTC.
    cloud_share
        Share of the region under cloud.
    flood
        Height of the flood as a share of the full one.
    """

    time: str
    cloud_share: float = 0.1
    flood: float = 0.0


class OpticalView(NamedTuple):
    """What an optical pass saw of one tile.

    Attributes
    ----------
    reflectance
        (5, rows, columns) surface reflectance of `mitoshi.methods.optical.forward.BANDS`, float32.
    scene_class
        (rows, columns) codes of the Sentinel-2 scene classification: 3 cloud shadow, 4 vegetation, 5 bare, 6 water, 9 cloud.
    """

    reflectance: Array
    scene_class: Array


def look(place: Region, passage: RadarPass) -> Look:
    """Return the radar's view of the region."""
    east, north = _TOWARDS[passage.orbit_state]
    per_m = INCIDENCE_PER_M if east < 0 else -INCIDENCE_PER_M
    half = 0.5 * place.shape[1] * place.pixel_size
    return Look(passage.incidence_deg - per_m * half, per_m, east, north)


def _easting(place: Region, ground: Ground) -> Array:
    columns = ground.origin[1] + np.arange(ground.cover.kind.shape[1])
    result: Array = (columns + 0.5) * place.pixel_size
    return result


@njit(nogil=True, cache=True)
def _weather(row0, column0, pixel, wet, strength, stream, wind, land):  # type: ignore[no-untyped-def]
    """Fill wind roughening where there is water, and soil moisture and farming elsewhere [dB]."""
    for r in range(wet.shape[0]):
        y = (row0 + r) * pixel
        for c in range(wet.shape[1]):
            x = (column0 + c) * pixel
            wind[r, c], land[r, c] = 0.0, 0.0
            if wet[r, c]:
                patch = fractal(y / 1500.0, x / 1500.0, stream, 3, 0.5)
                wind[r, c] = strength * max(0.0, patch - 0.6)
            else:
                moisture = value_noise(y / 3000.0, x / 3000.0, stream + np.uint64(8))
                farming = value_noise(y / 90.0, x / 90.0, stream + np.uint64(9))
                land[r, c] = 1.4 * moisture + 1.2 * farming


def observe_radar(
    place: Region, ground: Ground, passage: RadarPass, polarisations: tuple[str, ...] = ("VV", "VH")
) -> Array:
    """Return what a radar pass measures of one tile.

    Parameters
    ----------
    place, ground
        The region and one of its tiles.
    passage
        The acquisition.
    polarisations
        "VV", "VH" or both.

    Returns
    -------
    float32 (polarisations, rows, columns), terrain-corrected gamma nought, linear power; NaN in radar shadow.
    """
    view, easting, size = look(place, passage), _easting(place, ground), place.pixel_size
    depth = flood_depth(ground, passage.flood)
    wet = (ground.cover.kind <= WATER) | (depth > 0)
    wind, land = np.empty(wet.shape, np.float32), np.empty(wet.shape, np.float32)
    _weather(*ground.origin, size, wet, passage.wind_db, key(place.seed, "weather", passage.time), wind, land)
    near = np.ascontiguousarray(ground.around[:, LAYOVER_REACH - 1 : ground.around.shape[1] - LAYOVER_REACH + 1])
    local = local_incidence(near, size, view, easting)
    incidence = view.incidence_deg + view.incidence_per_m * easting
    power = mean_gamma0(ground.cover.kind, incidence, local, depth, ground.cover.texture, wind, land)
    quantiles = speckle_quantiles(passage.looks)
    measured = np.empty((len(polarisations), *wet.shape), np.float32)
    shadow = layover_and_shadow(np.ascontiguousarray(ground.around[1:-1]), size, view, easting)[1]
    for n, name in enumerate(polarisations):
        chance = uniform_field(ground.origin, wet.shape, key(place.seed, "speckle", passage.time, name))
        measured[n] = add_speckle(power[("VV", "VH").index(name)], chance, quantiles, 10 ** (passage.noise_db / 10))
        measured[n][shadow] = np.nan
    return measured


def unobservable(place: Region, ground: Ground, passage: RadarPass) -> Array:
    """Return where the radar cannot see a flood: buildings, forest, layover, shadow; bool (rows, columns)."""
    layover, shadow = layover_and_shadow(
        np.ascontiguousarray(ground.around[1:-1]), place.pixel_size, look(place, passage), _easting(place, ground)
    )
    hidden: Array = unseen_cover(ground) | layover | shadow
    return hidden


def _cloud_threshold(stream: np.uint64, length: float, shape: tuple[int, int], share: float) -> float:
    """Return the level of the cloud field that the wanted share exceeds, from a sparse sample of the whole region."""
    rows, columns = np.linspace(0, shape[0] - 1, 160), np.linspace(0, shape[1] - 1, 160)
    sample = [fractal(y / length, x / length, stream, 5, 0.55) for y in rows for x in columns]
    return float(np.quantile(sample, 1.0 - share))


def observe_optical(place: Region, ground: Ground, passage: OpticalPass) -> OpticalView:
    """Return what an optical pass sees of one tile: reflectance under clouds and their shadows, and the scene's classes.

    Parameters
    ----------
    place, ground
        The region and one of its tiles.
    passage
        The acquisition.
    """
    stream, shape = key(place.seed, "cloud", passage.time), ground.cover.kind.shape
    length = min(4000.0 / place.pixel_size, 0.25 * min(place.shape))
    threshold = _cloud_threshold(stream, length, place.shape, passage.cloud_share)
    row, column = ground.origin
    across = int(600.0 / place.pixel_size)  # shadows fall to the north-west of clouds about 1 km high
    wide = (shape[0] + across, shape[1] + across)
    clouds = fractal_field((row, column), wide, length, stream, 5, 0.55) > threshold
    cloud, above = clouds[: shape[0], : shape[1]], clouds[across:, across:]
    opacity, shade = cloud * np.float32(0.9), (above & ~cloud).astype(np.float32)
    depth = flood_depth(ground, passage.flood)
    kind = ground.cover.kind
    tall = (kind == FOREST) | (kind == URBAN)
    noise = key(place.seed, "optical", passage.time)
    bands = []
    for n, band in enumerate(BANDS):
        seen = surface_reflectance(kind, depth, tall, ground.cover.texture, opacity, shade, band)
        bands.append(
            seen
            + np.float32(0.006) * (uniform_field(ground.origin, shape, noise + np.uint64(n)) - 0.5).astype(np.float32)
        )
    classes = _SCENE_CLASS[kind]
    classes[(depth > 0.1) & ~tall] = 6
    classes[above] = 3
    classes[cloud] = 9
    return OpticalView(np.stack(bands), classes)


_SCENE_CLASS = np.array((6, 6, 5, 5, 5, 4, 4, 5, 5), np.uint8)


def elevation_model(place: Region, ground: Ground, rmse: float = 0.6, length: float = 250.0) -> Array:
    """Return the terrain as an elevation model gives it: with a correlated error of known size.

    Parameters
    ----------
    place, ground
        The region and one of its tiles.
    rmse
        Root-mean-square error [m]. The default is near that of lidar models of open lowland at 5 to 10 m.
    length
        Correlation length [m].

    Returns
    -------
    float32 (rows, columns) [m], 0 on the sea.
    """
    shape = ground.terrain.elevation.shape
    stream = key(place.seed, "elevation-error")
    error = fractal_field(ground.origin, shape, length / place.pixel_size, stream, 3, 0.5)
    model: Array = np.where(ground.terrain.shore < 0, 0.0, ground.terrain.elevation + rmse * error).astype(np.float32)
    return model


def water_occurrence(ground: Ground) -> Array:
    """Return the share of time under water, float32 (rows, columns): permanent water, and less at its edges."""
    edge = np.clip(1.0 - ground.terrain.bank / 30.0, 0.0, 1.0) * 0.3
    share: Array = np.where(ground.terrain.water == LAND, edge, 0.97).astype(np.float32)
    return share
