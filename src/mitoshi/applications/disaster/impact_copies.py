"""What is listed twice: copies of a building, and ground that two districts claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mitoshi.applications.disaster.impact_lists import Given
from mitoshi.core.geometry_cost import made_valid
from mitoshi.core.places import finite_places

if TYPE_CHECKING:
    from mitoshi.applications.disaster.impact_grid import Grid
    from mitoshi.core.features import Features

__all__ = ["copy_rows", "overlap_rows", "without_copies"]

NEAR_M = 0.5
"""Footprints whose centres and sides differ by less are one house drawn twice (an assumption: no two houses stand so)."""
LEAST_OVERLAP = 0.001
"""Of the area of all districts: less is the play of outlines that were drawn apart (an assumption)."""


def without_copies(buildings: Features, grid: Grid) -> tuple[Features, tuple[int, int]]:
    """Return buildings without copies of an earlier one, how many there were, and how many near copies remain.

    A copy has the same outline and says the same, as in a file that was given twice. One that says something else, such as
    another identifier, may be a second dwelling: it is a near copy. Points stay: several households may be listed at one
    place. So does what states no place.

    Parameters
    ----------
    buildings
        As declared.
    grid
        The grid, for lengths in metres.
    """
    import pandas
    import shapely

    shapes = buildings.geometry.to_numpy()
    drawn = np.flatnonzero(finite_places(shapes) & (shapely.area(shapes) > 0))
    if drawn.size < 2:
        return buildings, (0, 0)
    said = pandas.DataFrame(buildings.drop(columns=buildings.geometry.name)).iloc[drawn].astype(str)
    said.insert(0, "outline", shapely.to_wkb(shapely.normalize(shapes[drawn])), allow_duplicates=True)
    twice = said.duplicated().to_numpy()
    rest = buildings.drop(index=buildings.index[drawn[twice]]).reset_index(drop=True) if twice.any() else buildings
    return rest, (int(twice.sum()), _near_copies(grid.plane(shapes[drawn[~twice]])))


def _near_copies(shapes: np.ndarray[tuple[int], np.dtype[np.object_]]) -> int:
    """Return how many footprints on the plane differ from an earlier one by less than `NEAR_M` in all four sides of their box."""
    import shapely
    from scipy.spatial import cKDTree

    pairs = cKDTree(shapely.bounds(shapes)).query_pairs(NEAR_M, p=np.inf, output_type="ndarray")
    return int(np.unique(pairs.max(axis=1)).size) if pairs.size else 0


def copy_rows(copies: tuple[int, int], buildings: Features | None) -> list[Given]:
    """Return what the list of data says of copies: `not_observed` holds how many.

    Parameters
    ----------
    copies
        Exact ones that were left out, and near ones that are counted.
    buildings
        Those that are counted.
    """
    if buildings is None:
        return []
    amount = float(len(buildings))
    names = ("building_copies", "building_near_copies")
    return [Given(n, given=True, amount=amount, not_observed=float(c)) for n, c in zip(names, copies, strict=True) if c]


def overlap_rows(districts: Features | None, buildings: Features | None, grid: Grid) -> list[Given]:
    """Return what the list of data says of districts that overlap: `not_observed` holds the buildings in several.

    Parameters
    ----------
    districts, buildings
        As declared.
    grid
        The grid, for areas in metres.
    """
    import shapely

    if districts is None or len(districts) < 2:
        return []
    areas = made_valid(districts.geometry.to_numpy())[0]
    areas = areas[finite_places(areas)]
    flat = made_valid(grid.plane(areas))[0]
    whole = float(shapely.area(shapely.union_all(flat))) if flat.size else 0.0
    if not whole > 0 or float(shapely.area(flat).sum()) < (1.0 + LEAST_OVERLAP) * whole:
        return []
    count = 0
    if buildings is not None:
        shapes = buildings.geometry.to_numpy()
        inner = shapely.point_on_surface(shapes[finite_places(shapes)])
        feature, _ = shapely.STRtree(areas).query(inner, predicate="within")
        count = int((np.bincount(feature, minlength=1) > 1).sum())
    share = float(shapely.area(flat).sum()) / whole - 1.0
    return [Given("district_overlap", given=True, amount=share, not_observed=float(count))]
