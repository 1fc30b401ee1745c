"""Blocked channels: the lake behind each slide's deposit, and when it overtops."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.landslide_segments import mean_area
from mitoshi.methods.terrain.blockage import Lake, blocked_lakes, filled_surface
from mitoshi.methods.terrain.drainage import upstream_area

if TYPE_CHECKING:
    from mitoshi.applications.disaster.landslide_evidence import Terrain

__all__ = ["DammedLake", "Inflow", "catchments", "dammed_lakes"]

NORMAL_90 = 1.645
FAINTEST = 3.0
"""Depth in standard deviations of the elevation change below which a lake is noise."""


class Inflow(NamedTuple):
    """What is known of the water that comes in.

    Attributes
    ----------
    discharge
        m3/s, 0 where not known.
    rainfall_mm_h
        Rain over the catchment, 0 where not known.
    runoff
        Share of the rain that runs off.
    doubt
        Factor by which the inflow may be off either way.
    """

    discharge: float
    rainfall_mm_h: float
    runoff: float
    doubt: float

    def of(self, catchment_km2: float) -> tuple[float, float, float]:
        """Return the inflow and its range in m3/s, NaN where nothing is known: the discharge, else f r A / 3.6."""
        value = self.discharge or self.runoff * self.rainfall_mm_h * catchment_km2 / 3.6
        if value <= 0:
            return (float("nan"),) * 3
        return value, value / self.doubt, value * self.doubt


class DammedLake(NamedTuple):
    """A lake behind a slide, at the moment it overtops; ranges are 90 %."""

    slide: int
    window: tuple[slice, slice]
    inside: NDArray[np.bool_]
    crest: tuple[float, float, float]
    area: tuple[float, float, float]
    volume: tuple[float, float, float]
    depth: float
    catchment_km2: float
    inflow: tuple[float, float, float]
    hours: tuple[float, float, float]
    cut: bool


def catchments(terrain: Terrain, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area in km2 that drains through each cell before the slide, within the grid; shape (y, x)."""
    if terrain.drainage is None:
        raise TypeError("catchments need a terrain")
    return upstream_area(terrain.drainage, areas * 1e-6)


def dammed_lakes(
    terrain: Terrain,
    labels: NDArray[np.int32],
    areas: NDArray[np.float64],
    inflow: Inflow,
    *,
    channel_km2: float,
    smallest_m3: float,
) -> list[DammedLake]:
    """Return the lakes that the slides hold back.

    Parameters
    ----------
    terrain
        Terrain before and its change; without either there are no lakes.
    labels
        Slides, numbered from 1, shape (y, x).
    areas
        Of the cells [m2], broadcasting to (y, x).
    inflow
        What is known of the inflow.
    channel_km2
        Catchment from which a valley counts as a channel.
    smallest_m3
        Lakes that hold less are left out.

    Returns
    -------
    list of DammedLake
        Outside the slides the terrain before is kept, since changes there are noise. The range of the crest is the noise of a
        single cell of the elevation change; area and volume follow from filling again with the deposit lower and higher by so
        much.
    """
    if terrain.before is None or terrain.change is None or terrain.noise is None or not labels.any():
        return []
    slide = labels > 0
    before = terrain.before.astype(np.float64)
    moved = np.where(slide, np.nan_to_num(terrain.change - terrain.noise.bias), 0.0)
    margin = NORMAL_90 * terrain.noise.sigma
    ponds = filled_surface(before) - before
    mean = float(areas.mean())
    usual, lower, higher = (
        [
            _in_its_place(lake, areas, mean)
            for lake in blocked_lakes(
                before, before + moved + shift * slide, slide, cell_area_m2=mean, smallest_m3=least, ponds=ponds
            )
        ]
        for least, shift in ((smallest_m3, 0.0), (0.0, -margin), (0.0, margin))
    )
    drained = catchments(terrain, areas)
    found = []
    for lake in usual:
        catchment = float(drained[lake.window][lake.inside].max())
        if catchment < channel_km2 or lake.depth < FAINTEST * terrain.noise.sigma:
            continue
        found.append(_dammed(lake, _same(lake, lower), _same(lake, higher), labels, catchment, inflow, margin))
    return found


def _in_its_place(lake: Lake, areas: NDArray[np.float64], mean: float) -> Lake:
    """Return a lake that was measured in cells of the mean area, in those of its own place."""
    share = mean_area(areas, lake.window, lake.inside) / mean
    return lake._replace(area=lake.area * share, volume=lake.volume * share)


def _same(lake: Lake, others: list[Lake]) -> Lake | None:
    """Return the other lake over the deepest point of this one."""
    return next((o for o in others if o.holds(lake.deepest)), None)


def _dammed(
    lake: Lake,
    low: Lake | None,
    high: Lake | None,
    labels: NDArray[np.int32],
    catchment: float,
    inflow: Inflow,
    margin: float,
) -> DammedLake:
    from scipy import ndimage

    rows, columns = (slice(max(0, s.start - 1), s.stop + 1) for s in lake.window)
    pads = [(s.start - t.start, t.stop - s.stop) for s, t in zip(lake.window, (rows, columns), strict=True)]
    around = ndimage.binary_dilation(np.pad(lake.inside, pads), np.ones((3, 3), bool))
    part = labels[rows, columns]
    beside = part[around[: part.shape[0], : part.shape[1]]]
    volume = (
        lake.volume,
        0.0 if low is None else min(low.volume, lake.volume),
        max((high or lake).volume, lake.volume),
    )
    area = (lake.area, 0.0 if low is None else min(low.area, lake.area), max((high or lake).area, lake.area))
    water = inflow.of(catchment)
    hours = (volume[0] / water[0] / 3600.0, volume[1] / water[2] / 3600.0, volume[2] / water[1] / 3600.0)
    return DammedLake(
        int(np.bincount(beside[beside > 0]).argmax()),
        lake.window,
        lake.inside,
        (lake.level, lake.level - margin, lake.level + margin),
        area,
        volume,
        lake.depth,
        catchment,
        water,
        hours,
        lake.cut,
    )
