"""The parts under a run: overview and blocks of the lazy scene, outlines across the antimeridian, digests, the TIFF writer."""

import hashlib

import numpy as np
import pytest
import rasterio
import xarray as xr
from evidence_sample import methods as sample
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio import Affine

from mitoshi.core.scene import ArrayScene
from mitoshi.evidence import cog, outline
from mitoshi.evidence.digest import block_digests, content_digest
from mitoshi.evidence.execution import LazyScene, mostly
from mitoshi.evidence.frame import Frame
from mitoshi.evidence.layers import halving_of, rounded
from mitoshi.evidence.pools import pool
from mitoshi.evidence.stac import footprint


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 4000), st.integers(0, 9))
def test_the_lazy_overview_is_that_of_the_whole_array_bit_for_bit(rows, columns, most, seed):
    rng = np.random.default_rng(seed)
    heights = rng.normal(100, 30, (rows, columns)).astype(np.float32)
    heights[rng.random((rows, columns)) < 0.1] = np.nan
    array = xr.DataArray(heights, dims=("y", "x"), attrs={"units": "m", "quantity": "elevation"})
    after = xr.DataArray(heights[None], dims=("polarisation", "y", "x"), attrs={"units": "1", "quantity": "sigma0"})
    whole = ArrayScene({"after": after, "elevation": array}).overview("elevation", most)
    with pool(2, None) as where:
        scene = LazyScene(sample.scene_dark.data, (after, array), where)
        lazy = scene.overview("elevation", most)
        assert scene.overview("nothing", most) is None
        sums = scene.map_blocks(sample.block_sum, 128)
    assert lazy.attrs == whole.attrs
    assert lazy.to_numpy().tobytes() == whole.to_numpy().tobytes()
    assert sums == ArrayScene({"after": after, "elevation": array}).map_blocks(sample.block_sum, 128)


def test_the_content_digest_is_the_documented_one():
    values = np.arange(600 * 700, dtype=">f4").reshape(600, 700)
    values[0, 0] = -0.0
    blocks = [values[r : r + 512, c : c + 512] for r in (0, 512) for c in (0, 512)]
    digest = hashlib.sha256(b'{"block":512,"dims":["y","x"]}\n')
    for block in blocks:
        digest.update(hashlib.sha256((block.astype("<f4") + np.float32(0)).tobytes()).digest())
    assert content_digest({"dims": ["y", "x"]}, block_digests(values)) == digest.hexdigest()


def test_every_nan_is_the_same_nan():
    one, two = (np.array([[bits]], dtype=np.uint32).view(np.float32) for bits in (0x7FC00001, 0xFFC00000))
    assert block_digests(one) == block_digests(two)


@pytest.mark.parametrize("crs", ["EPSG:32754", "EPSG:4326", None])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_writer_gives_back_what_it_was_given(tmp_path, monkeypatch, crs, big):
    if big:
        monkeypatch.setattr(cog, "CLASSIC_LIMIT", 0)
    shape = (1100, 1701)
    place = Affine(0.001, 0, 139, 0, -0.001, 36) if crs == "EPSG:4326" else Affine(10, 0, 4e5, 0, -10, 6e6)
    grid = GeoBox(shape, place if crs else Affine.identity(), crs)
    output = sample.scene_dark.outputs[1]
    from mitoshi.evidence.layers import encoding_of

    values = rounded(np.random.default_rng(0).random(shape), 0.01)
    pyramid = cog.Pyramid(shape, encoding_of(output), halving_of(output), tmp_path)
    pyramid.keep(1)
    for row in (0, 1024):
        pyramid.add(cog.encode(values[row : row + 1024], encoding_of(output)))
        pyramid.add_halved(halving_of(output)(values[row : row + 1024]))
    pyramid.finish(tmp_path / "x.tif", Frame(grid))
    assert (tmp_path / "x.tif").read_bytes()[2] == (43 if big else 42)
    with rasterio.open(tmp_path / "x.tif") as dataset:
        assert np.array_equal(dataset.read(1), values)
        assert dataset.crs == crs
        assert dataset.units == ("1",)
        assert dataset.transform == (place if crs else Affine.identity())
    with rasterio.open(tmp_path / "x.tif", overview_level=0) as dataset:
        assert np.array_equal(dataset.read(1), pyramid.picture(1))


def test_an_outline_across_the_antimeridian_is_cut_there():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 1
    frame = Frame(GeoBox((40, 40), Affine(0.01, 0, 179.8, 0, -0.01, -16), "EPSG:4326"))
    found = outline.outlines(mask, frame, 1, name="dark", figures=())
    (feature,) = found["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    longitudes = [x for part in feature["geometry"]["coordinates"] for ring in part for x, _ in ring]
    assert min(longitudes) == pytest.approx(-180)
    assert max(longitudes) == pytest.approx(180)
    assert sorted(round(abs(x), 4) for x in set(longitudes)) == [179.9, 179.9, 180.0, 180.0]
    utm = Frame(GeoBox((40, 40), Affine(1000, 0, 805000, 0, -1000, 8200000), "EPSG:32760"))
    (crossing,) = outline.outlines(mask, utm, 1, name="dark", figures=())["features"]
    assert crossing["geometry"]["type"] == "MultiPolygon"
    assert crossing["properties"]["area_km2"] == pytest.approx(400, rel=0.01)
    geometry, bbox = footprint(utm)
    assert geometry["type"] == "MultiPolygon"
    assert bbox[0] > bbox[2]


def test_holes_are_holes_and_too_many_polygons_are_counted(monkeypatch):
    mask = np.zeros((20, 20), np.uint8)
    mask[2:12, 2:12] = 1
    mask[5:7, 5:7] = 0
    mask[15, 15] = mask[18, 3] = 1
    frame = Frame(GeoBox((20, 20), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32631"))
    found = outline.outlines(mask, frame, 1, name="dark", figures=())
    ring, hole = found["features"][0]["geometry"]["coordinates"]
    assert found["features"][0]["properties"]["pixels"] == 96
    assert found["features"][0]["properties"]["area_km2"] == pytest.approx(0.0096, rel=2e-3)
    assert len(ring) == len(hole) == 5
    monkeypatch.setattr(outline, "MAX_POLYGONS", 2)
    fewer = outline.outlines(mask, frame, 1, name="dark", figures=())
    assert [f["properties"]["pixels"] for f in fewer["features"]] == [96, 1]
    assert (fewer["mitoshi:polygons_left_out"], fewer["mitoshi:cells_left_out"]) == (1, 1)


def test_thinning_keeps_what_covers_at_least_half_a_cell():
    mask = np.zeros((5, 4), bool)
    mask[0, :2] = True
    mask[2, 2] = True
    mask[4, 0] = True
    assert mostly(mask, 2).tolist() == [[1, 0], [0, 0], [1, 0]]


def test_the_cell_area_is_the_ellipsoids_not_the_projections():
    mercator = Frame(GeoBox((10, 10), Affine(100, 0, 0, 0, -100, 8399737.9), "EPSG:3857"))  # 60° N
    assert mercator.cell_areas_m2(0, 0, 10, 10).mean() == pytest.approx(1e4 * 0.25, rel=0.01)
    assert np.isnan(Frame(GeoBox((5, 5), Affine.identity(), None)).cell_areas_m2(0, 0, 5, 5)).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_survey_reads_only_what_it_asks_for(workers):
    from mitoshi.cube.lazy import lazy_like

    read = []

    class Recording:
        def window(self, _lead, rows, columns):
            read.append((rows.start, columns.start))
            return np.ones((2, rows.stop - rows.start, columns.stop - columns.start), np.float32)

    grid = GeoBox((128, 128), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32631")
    like = xr.DataArray(np.ones((2, 128, 128), np.float32), dims=("polarisation", "y", "x"))
    after = lazy_like(Recording(), like, grid, np.dtype("f4"), {"units": "1", "quantity": "sigma0"})

    def total_of_one(row, column, arrays):
        assert list(arrays) == ["after", "elevation"]
        assert arrays["elevation"] is None
        return float(arrays["after"].sum() + arrays["after"].sum()) if (row, column) == (64, 0) else None

    with pool(workers, None) as where:
        scene = LazyScene(sample.scene_dark.data, (after, None), where)
        assert scene.map_blocks(total_of_one, 64) == [None, None, 2 * 2 * 64 * 64.0, None]
    assert read == [(64, 0)]
