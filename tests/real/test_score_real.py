"""`mitoshi score` on real products and references, against numbers computed in another way."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from mitoshi.evidence.score import Settings, score
from mitoshi.evidence.score.measures import measures
from mitoshi.methods.statistics.confusion import two_classes

pytestmark = [pytest.mark.real, pytest.mark.slow]

DSWX = "disaster/dswx_hls_validation/"
# Where the corner of the 3 m truth lies on the 30 m lattice of the product: (1900020 - 1805622) / 30 and (772092 - 699960) / 30.
ROW, DOWN, COLUMN, RIGHT = 3146, 6, 2404, 4


@pytest.fixture(scope="module")
def water(shared_data):
    product, truth = (
        shared_data(DSWX + n) for n in ("dswx_hls_20211011_B01_WTR.tif", "planet_classified_truth_20211011.tif")
    )
    with rasterio.open(truth) as source:
        fine = source.read(1).astype(float)
    rows, columns = -(-(fine.shape[0] + DOWN) // 10), -(-(fine.shape[1] + RIGHT) // 10)
    padded = np.full((rows * 10, columns * 10), np.nan)
    padded[DOWN : DOWN + fine.shape[0], RIGHT : RIGHT + fine.shape[1]] = fine
    blocks = padded.reshape(rows, 10, columns, 10)
    seen = np.isfinite(blocks).sum(axis=(1, 3))
    wet = np.nansum(blocks, axis=(1, 3))
    with rasterio.open(product) as source:
        codes = source.read(1)[ROW : ROW + rows, COLUMN : COLUMN + columns]
    return str(product), str(truth), codes, seen >= 50, 2 * wet > seen


def test_surface_water_of_dswx_against_planet(water):
    """OPERA's own validation pair. With cloud as "not water" this is the accuracy 0.96 and the IoU 0.67 of SOURCE.md."""
    product, truth, codes, known, wet = water
    found = score(product, Settings(truth, product_map="0=0,1=1,2=1,252=0,253=0,255=none"))
    mapped = np.isin(codes, (1, 2))
    hits, misses, alarms = ((mapped & wet & known).sum(), (~mapped & wet & known).sum(), (mapped & ~wet & known).sum())
    of = measures(found.tally, found.classes)
    assert found.tally.compared.sum() == known.sum()
    assert of["intersection_over_union"] == pytest.approx(hits / (hits + misses + alarms), abs=1e-12)
    assert of["overall_accuracy"] == pytest.approx((mapped == wet)[known].mean(), abs=1e-12)
    assert of["overall_accuracy"] == pytest.approx(0.963, abs=0.002)
    assert of["intersection_over_union"] == pytest.approx(0.671, abs=0.006)


def test_cloud_is_not_observed_and_counted(water):
    product, truth, codes, known, wet = water
    found = score(product, Settings(truth, product_map="0=0,1=1,2=1,252=none,253=none"))
    unseen = np.isin(codes, (252, 253)) & known
    np.testing.assert_array_equal(found.tally.unobserved, [(unseen & ~wet).sum(), (unseen & wet).sum()])
    of = measures(found.tally, found.classes)
    assert of["not_observed_positive_share"] == pytest.approx((unseen & wet).sum() / (wet & known).sum())
    assert of["intersection_over_union"] > 0.69  # as "not water", 238 cells of cloud would be misses
    print(
        f"DSWx against Planet: IoU {of['intersection_over_union']:.3f}, {of['not_observed_positive_share']:.1%} not seen"
    )


def test_damage_as_polygons_and_as_a_raster(shared_data):
    """The polygons were made from the raster: cell by cell they say the same."""
    folder = "disaster/damage_joplin2011/"
    raster, polygons = (str(shared_data(folder + n)) for n in ("0_damage_xview2.tif", "xview2_damage_polygons.gpkg"))
    settings = Settings(polygons, kind="coded", column="dmg", positive=(4,), product_map="0=0,1=1,2=2,3=3,4=4")
    found = score(raster, settings)
    matrix = found.tally.compared
    assert matrix.sum() == np.trace(matrix) == 1024 * 1024
    assert two_classes(matrix, found.classes.is_positive)[1, 1] == 145_571


def test_depths_of_two_solvers(shared_data):
    folder = "disaster/flood_carlisle2005/"
    paths = [shared_data(folder + f"carlisle_depth_{n}_5m.tif") for n in ("wd", "dat")]
    depths = []
    for path in paths:
        with rasterio.open(path) as source:
            depths.append(source.read(1, masked=True).astype(float).filled(np.nan))
    found = score(f"{paths[0]}#units=m", Settings(f"{paths[1]}#units=m", at_least=0.1))
    wet = np.fmax(*depths) >= 0.1
    error = (depths[0] - depths[1])[wet]
    error = error[np.isfinite(error)]
    of = measures(found.tally, None)
    assert of["root_mean_square_error"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert of["bias"] == pytest.approx(error.mean(), rel=1e-5)
    assert found.tally.differences.cells == error.size
