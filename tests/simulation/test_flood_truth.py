"""The flood that the simulation calls true: a water surface above the ground, connected to a river or the sea."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from mitoshi.simulation import buildings, flood_depth, region, roads
from mitoshi.simulation.archive import flood_code
from mitoshi.simulation.terrain import LAND, SEA


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [1.0, 0.75, 0.15])
def test_every_flooded_cell_is_connected_to_a_river_or_the_sea(seed, share):
    ground = region((500, 640), seed=seed).ground()
    wet = (flood_depth(ground, share) > 0) | (ground.terrain.water != LAND)
    labels, _ = ndimage.label(wet, structure=np.ones((3, 3)))
    reached = np.unique(labels[ground.terrain.water != LAND])
    assert np.isin(labels[wet], reached).all()


def test_depth_is_surface_minus_ground():
    ground = region((500, 500), seed=2).ground()
    depth = flood_depth(ground)
    flooded = depth > 0
    surface = ground.terrain.elevation - ground.terrain.relative + ground.terrain.stage
    land = ground.terrain.water == LAND
    assert_array_equal(flooded[land], (ground.terrain.stage > ground.terrain.relative)[land])
    assert_allclose(depth[flooded], (surface - ground.terrain.elevation)[flooded], atol=1e-3)
    assert not flooded[~land].any()


def test_the_water_surface_is_level_across_a_valley_and_falls_to_the_sea():
    ground = region((600, 300), seed=4).ground()  # one river
    surface = ground.terrain.elevation + flood_depth(ground)
    river_side = flood_depth(ground) > 0
    along = [surface[r][river_side[r]] for r in range(600) if river_side[r].sum() > 5]
    assert max(np.ptp(row) for row in along) < 2e-3
    means = np.array([row.mean() for row in along])
    assert (np.diff(means) < 0.02).all()  # rows run southward: nowhere does the water climb towards the sea


def test_no_flood_without_a_share_and_more_with_a_larger_one():
    ground = region((400, 400), seed=1).ground()
    areas = [(flood_depth(ground, share) > 0).sum() for share in (0.0, 0.3, 0.7, 1.0)]
    assert areas[0] == 0
    assert areas == sorted(areas)
    assert areas[-1] > 0.04 * 400 * 400


def test_codes_keep_flood_and_permanent_water_apart():
    ground = region((400, 400), seed=1).ground()
    codes = flood_code(ground, 1.0)
    assert_array_equal(codes == 1, flood_depth(ground) > 0)
    assert_array_equal(codes == 2, ground.terrain.water != LAND)
    assert (ground.terrain.water == SEA).mean() == pytest.approx(0.12, abs=0.03)


def test_buildings_of_tiles_are_those_of_the_whole():
    place = region((500, 500), seed=6)
    ground = place.ground()
    whole = buildings(place, ground)
    parts = [
        buildings(place, place.ground((slice(r, r + 250), slice(c, c + 125))))
        for r in (0, 250)
        for c in range(0, 500, 125)
    ]
    joined = np.concatenate(parts)
    order = lambda table: table[np.lexsort(table.T)]  # noqa: E731
    assert len(whole) > 100
    assert_array_equal(order(joined), order(whole))
    assert (whole[:, 2] > whole[:, 0]).all()
    assert (whole[:, 3] > whole[:, 1]).all()
    assert whole[:, 4].min() > 3
    assert whole[:, 4].max() < 60


def test_people_live_where_there_are_buildings():
    ground = region((500, 500), seed=6).ground()
    urban = ground.cover.kind == 7
    assert ground.cover.population[~urban].sum() == 0
    assert ground.cover.building_height[~urban].max() == 0
    per_km2 = ground.cover.population[urban].sum() / (urban.sum() * 1e-4)
    assert 1_000 < per_km2 < 20_000  # the densely inhabited districts of Japan: 4,000 and more


def test_roads_are_drawn_where_the_raster_has_them():
    place = region((700, 700), seed=1)
    kind = place.ground().cover.kind
    points = np.concatenate(roads(place))
    column = ((points[:, 0] - place.west) / 10).astype(int)
    row = ((place.north - points[:, 1]) / 10).astype(int)
    inside = (column >= 0) & (column < 700) & (row >= 0) & (row < 700)
    found = kind[row[inside], column[inside]]
    open_land = np.isin(found, (3, 4, 5, 7, 8))  # roads are not drawn over water, steep land and river banks
    assert (found[open_land] == 8).mean() > 0.9
