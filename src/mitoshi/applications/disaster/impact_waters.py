"""The second pass over the rasters: connected waters, and people, who need the water level near dry ground from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.impact_population import (
    ClassCounts,
    NearWater,
    add_people,
    add_unseen_people,
    empty_counts,
    people_layers,
    seen_people,
)
from mitoshi.applications.disaster.impact_pumps import places
from mitoshi.applications.disaster.impact_segments import Band, Segments, segments_of
from mitoshi.applications.disaster.impact_sharing import add_shares, empty_shares, half_width, unknown_share
from mitoshi.applications.disaster.impact_survey import BLOCK, Survey, Water, water_bands, window
from mitoshi.applications.disaster.impact_uncertainty import HIGH
from mitoshi.methods.statistics.zonal import empty_statistics, shapes_of, update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mitoshi.applications.disaster.impact_grid import Grid

__all__ = ["DistrictPeople", "Waters", "waters"]

Floats = NDArray[np.float64]


class DistrictPeople(NamedTuple):
    """People per district from the raster: all, flooded with range, not observed, not determined; (districts,)."""

    people: Floats
    flooded: Floats
    flooded_lower: Floats
    flooded_upper: Floats
    not_observed: Floats
    not_determined: Floats


class Waters(NamedTuple):
    """What the second pass found.

    Attributes
    ----------
    segments
        Connected waters, queried at the water near roads.
    people
        People by depth class; None without population.
    districts
        People per district; None without population or districts.
    unknown_share
        Share of the wet pixels without a count of people; NaN without population or water.
    """

    segments: Segments
    people: ClassCounts | None
    districts: DistrictPeople | None
    unknown_share: float = float("nan")


def waters(water: Water, grid: Grid, found: Survey, districts: NDArray[Any] | None) -> Waters:
    """Read the depth once more: label connected waters and count people.

    Parameters
    ----------
    water
        The rasters.
    grid
        Their grid.
    found
        The first pass.
    districts
        District polygons, or None.
    """
    apart = None if water.chance is None else grid
    counts = None if water.population is None else empty_counts(apart)
    areas = None if districts is None or counts is None else shapes_of(districts, grid.affine, grid.shape)
    people = None if areas is None else empty_statistics(areas, 6)

    shares = None if water.population is None else empty_shares(water.population, grid.shape)

    def read() -> Iterator[Band]:
        for band in water_bands(water, grid.shape, 0 if shares is None else 1):
            if counts is not None and shares is not None and water.population is not None:
                persons = window(water.population, band.first, band.last)
                near = _near(water, found, band.first, band.last)
                add_people(counts, band.depth, band.sigma, seen_people(band, persons), near)
                add_unseen_people(counts, band, persons)
                add_shares(shares, band.wide, persons, band.first)
                if areas is not None and people is not None:
                    update(people, areas, people_layers(band, persons, near), band.first)
            yield Band(band.first, band.depth, band.sigma)

    sample = places(found.roads)
    query = (
        (sample, sample)
        if found.roads is None
        else (found.roads.near_row[sample].astype(np.int64), found.roads.near_column[sample].astype(np.int64))
    )
    segments = segments_of(read(), grid.shape[1], grid.cell_area_m2, HIGH, query)
    by_district = None if people is None else DistrictPeople(*people.total.T)
    if counts is None or shares is None:
        return Waters(segments, counts, by_district)
    return Waters(segments, counts._replace(half_width=half_width(shares)), by_district, unknown_share(shares))


def _near(water: Water, found: Survey, first: int, last: int) -> NearWater:
    ground = np.zeros((0, 0), np.float32) if water.elevation is None else window(water.elevation, first, last)
    return NearWater(ground, found.water_level, found.water_sigma, BLOCK, first)
