"""The exposure of a simulated region: consistent with its ground, connected, and the same bytes for a seed."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

from mitoshi import sensors
from mitoshi.simulation.exposure import exposure, write_exposure
from mitoshi.simulation.region import region
from mitoshi.simulation.terrain import LAND

SHAPE, SEED = (600, 700), 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("exposure")
    write_exposure(out, SHAPE, seed=SEED)
    return out


def lines(folder):
    return geopandas.read_file(folder / "roads.geojson").to_crs("EPSG:32654")


def ends(roads):
    """Return for each road the network nodes at its ends, by their coordinates to a decimetre."""
    return [[tuple(np.round(line.coords[n], 1)) for n in (0, -1)] for line in roads.geometry]


def test_the_network_is_connected_and_every_settlement_is_on_it(folder):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    roads = lines(folder)
    names = {}
    pairs = [[names.setdefault(node, len(names)) for node in pair] for pair in ends(roads)]
    a, b = np.array(pairs).T
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(names), len(names)))
    count, label = connected_components(graph, directed=False)
    assert np.bincount(label).max() / len(names) > 0.95, count
    towns = geopandas.read_file(folder / "settlements.geojson").to_crs("EPSG:32654")
    nodes = shapely.points(np.array(list(names)))
    tree = shapely.STRtree(nodes)
    distance = [p.distance(nodes[tree.nearest(p)]) for p in towns.geometry]
    main = shapely.union_all(roads.geometry.to_numpy())
    reached = np.array([p.distance(main) for p in towns.geometry])
    assert np.median(distance) < 1.0
    assert (reached < 1.0).mean() > 0.9


def test_a_bridge_crosses_permanent_water_and_other_roads_do_not(folder):
    place = region(SHAPE, 10.0, SEED)
    wet = place.ground().terrain.water != LAND
    roads = lines(folder)
    for bridge, line in zip(roads["bridge"], roads.geometry, strict=True):
        points = np.array([line.interpolate(s, normalized=True).coords[0] for s in np.linspace(0, 1, 400)])
        column = np.clip(((points[:, 0] - place.west) / 10).astype(int), 0, SHAPE[1] - 1)
        row = np.clip(((place.north - points[:, 1]) / 10).astype(int), 0, SHAPE[0] - 1)
        share = wet[row, column].mean()
        assert share > 0 if bridge else share < 0.05


def test_people_live_in_buildings_and_the_population_raster_agrees(folder):
    houses = geopandas.read_parquet(folder / "buildings.parquet")
    with rasterio.open(folder / "SIM_population.tif") as dataset:
        people = dataset.read(1).sum()
        assert dataset.tags()["MITOSHI_SIMULATED"] == "true"
    # The raster spreads heads over built-up cells; buildings used as offices have none.
    assert houses["occupants"].sum() == pytest.approx(0.88 * people, rel=0.25)
    assert (houses["floor_height_m"].between(0.45, 0.65)).all()
    assert set(houses["structure"]) <= {"wood", "steel", "reinforced_concrete"}


def test_every_file_says_what_it_is_and_that_it_is_simulated(folder):
    for name in (
        "roads.geojson",
        "facilities.geojson",
        "settlements.geojson",
        "districts.geojson",
        "buildings.parquet",
    ):
        opened = sensors.open_observation(folder / name)
        assert opened.item.properties["mitoshi:simulated"] is True
        assert list(opened.features) == [name.split(".")[0]]
    facilities = sensors.open_observation(folder / "facilities.geojson").features["facilities"]
    assert {"hospital", "shelter", "fire_station", "depot"} <= set(facilities["facility"])


def test_the_same_seed_writes_the_same_bytes(folder, tmp_path):
    write_exposure(tmp_path, SHAPE, seed=SEED)
    for path in sorted(folder.iterdir()):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_the_number_of_buildings_can_be_bounded():
    assert len(exposure(region(SHAPE, 10.0, SEED), most=100).buildings) == 100
