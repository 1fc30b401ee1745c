"""What `mitoshi score` once took in silence: exchanged classes, a reference of one class, polygons at odds, columns left aside."""

from __future__ import annotations

import re

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner

from mitoshi.core.errors import InputError
from mitoshi.evidence.score import Settings, score
from mitoshi.evidence.score.measures import measures
from mitoshi.evidence.score.record import record
from mitoshi.evidence.score.tables import tables_of
from mitoshi.interfaces.cli import cli

WEST, NORTH = 400_000.0, 4_000_000.0
TRUTH = np.zeros((40, 50), np.uint8)
TRUTH[10:20, 10:40] = 1
MAPPED = np.roll(TRUTH, 2, axis=0)


@pytest.fixture
def write(tmp_path):
    def raster(name, values, *, nodata=None, tags=None):
        place = {"crs": "EPSG:32654", "transform": Affine(10, 0, WEST, 0, -10, NORTH)}
        profile = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
        with rasterio.open(tmp_path / name, "w", driver="GTiff", nodata=nodata, **profile, **place) as file:
            file.write(values, 1)
            file.update_tags(**(tags or {}))
        return str(tmp_path / name)

    return raster


@pytest.fixture
def features(tmp_path):
    def table(name, shapes, **columns):
        geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:32654").to_file(tmp_path / name)
        return str(tmp_path / name)

    return table


def cells(left, top, right, bottom):
    """Return a rectangle from cells counted from the upper left."""
    return shapely.box(WEST + 10 * left, NORTH - 10 * bottom, WEST + 10 * right, NORTH - 10 * top)


def said(found):
    return " | ".join(note.en for note in found.notes)


def test_exchanged_classes_are_said(write):
    product = write("map.tif", MAPPED)
    assert "worse than chance" not in said(score(product, Settings(write("truth.tif", TRUTH))))
    exchanged = score(product, Settings(write("swapped.tif", 1 - TRUTH)))
    # 300 of 2000 cells are water in the map and dry in the truth, but for the 60 that the map misplaced.
    agreed, chance = (60 + 60) / 2000, (300 * 1700 + 1700 * 300) / 2000**2
    kappa = (agreed - chance) / (1 - chance)
    assert measures(exchanged.tally, exchanged.classes)["kappa"] == pytest.approx(kappa)
    assert f"worse than chance (kappa −{abs(kappa):.2f})" in said(exchanged)
    assert "classes may be exchanged (--map '0=1,1=0')" in said(exchanged)


@pytest.mark.parametrize(
    ("reference", "nodata", "words"),
    [
        (TRUTH, 0, "nothing but 'class 1' .* false alarms cannot occur; is the other class declared as 'no data'"),
        (TRUTH, 1, "nothing of 'class 1' .* misses cannot occur"),
        (np.zeros_like(TRUTH), None, "nothing of 'class 1' .* misses cannot occur"),
    ],
)
def test_a_reference_of_one_class_is_said(write, reference, nodata, words):
    found = score(write("map.tif", MAPPED), Settings(write("truth.tif", reference, nodata=nodata)))
    assert re.search(words, said(found))


def test_a_product_that_saw_nothing_is_no_miss(write):
    nothing = score(
        write("map.tif", np.full_like(TRUTH, 255)), Settings(write("truth.tif", TRUTH), product_map="0=0,1=1,255=none")
    )
    assert np.isnan(measures(nothing.tally, nothing.classes)["intersection_over_union"])
    assert "observed nothing where there is a reference" in said(nothing)
    metres = {"MITOSHI_QUANTITY": "water_depth", "MITOSHI_UNITS": "m"}
    depth = write("depth.tif", np.full(TRUTH.shape, np.nan, "float32"), tags=metres)
    values = score(depth, Settings(write("deep.tif", TRUTH.astype("float32"), tags=metres)))
    assert measures(values.tally, None)["not_observed_share"] == 1.0
    assert "observed nothing where there is a reference" in said(values)


def test_polygons_of_different_classes_that_overlap_are_said(write, features):
    shapes = [cells(0, 0, 50, 40), cells(10, 10, 40, 20)]
    nested = score(write("map.tif", MAPPED), Settings(features("nested.gpkg", shapes, code=[0, 1]), column="code"))
    assert "polygons of different classes overlap in nested.gpkg (pairs: 1; 13.0\u202f%" in said(nested)
    apart = features("apart.gpkg", [cells(0, 0, 50, 10), shapes[1]], code=[0, 1])
    assert "overlap" not in said(score(write("map.tif", MAPPED), Settings(apart, column="code")))


def test_a_product_of_polygons_has_the_classes_of_its_column(write, features):
    """Its dry polygons once counted as water, whatever --product-column said."""
    product = features("ours.gpkg", [cells(10, 10, 40, 20), cells(0, 30, 50, 40)], state=[1, 0])
    truth = write("truth.tif", TRUTH)
    by_column = score(product, Settings(truth, product_column="state"))
    np.testing.assert_array_equal(by_column.tally.compared, [[1700, 0], [0, 300]])
    every = score(product, Settings(truth))
    np.testing.assert_array_equal(every.tally.compared, [[1200, 0], [500, 300]])
    assert "Every polygon of the product counts as class 1; --product-column" in said(every)
    graded = features("graded.gpkg", [cells(10, 10, 40, 20), cells(0, 30, 50, 40)], state=[2, 1])
    unknown = score(graded, Settings(truth, product_column="state", mapping="0=1,1=2"))
    assert unknown.tally.compared.sum() == 800  # outside of them nothing is stated
    assert "nothing counts as observed" in said(unknown)


def test_features_against_a_raster_take_its_largest_share(write, features):
    """Whole cells, a majority, a house smaller than a cell, one on unlabelled ground, one beyond the raster."""
    labels = TRUTH.copy()
    labels[30:, :] = 9
    houses = [
        cells(12, 12, 14, 14),
        cells(8, 12, 12, 14.4),
        cells(38.7, 12, 42, 14),
        cells(20.1, 15.1, 20.15, 15.15),
        cells(5, 32, 7, 34),
        cells(60, 5, 62, 7),
    ]
    product = features("houses.gpkg", houses, damage=[1, 0, 0, 1, 1, 1])
    settings = Settings(write("labels.tif", labels), product_column="damage", kind="listed", mapping="0=0,1=1,9=none")
    found = score(product, settings)
    # 2 of 4 columns of the second are water: equal shares go to the lower class.
    np.testing.assert_array_equal(found.tally.cells, [[2, 0, 0], [0, 2, 2], [0, 0, 0]])
    assert "takes the class of labels.tif that has the largest share of it" in said(found)
    with pytest.raises(InputError, match="holds code 9"):
        score(product, Settings(settings.reference, product_column="damage", kind="listed"))
    with pytest.raises(InputError, match="--zones is for rasters"):
        score(product, Settings(settings.reference, product_column="damage", kind="listed", zones=settings.reference))


def test_a_raster_against_points_with_a_class(write, features):
    places = [(15.5, 12.5), (15.5, 10.5), (2.0, 2.0), (-0.5, 5.0)]  # the last lies just outside
    points = [shapely.Point(WEST + 10 * x, NORTH - 10 * y) for x, y in places]
    marks = features("marks.gpkg", points, water=[1, 1, 0, 1])
    found = score(write("map.tif", MAPPED), Settings(marks, column="water"))
    np.testing.assert_array_equal(found.tally.cells, [[1, 1, 0], [0, 1, 0], [0, 1, 0]])
    with pytest.raises(InputError, match="class is not said; give --column"):
        score(write("map.tif", MAPPED), Settings(marks))
    chance = write("chance.tif", MAPPED.astype("float32") * 0.8)
    with pytest.raises(InputError, match="a probability is compared with a raster or with polygons"):
        score(chance, Settings(marks, column="water", kind="probability"))


def test_answers_without_an_image_stand_beside_the_agreement(write):
    """300 of 2000 cells are water; a map of water alone has an IoU of 0.15, one of dry ground alone an accuracy of 0.85."""
    dry = write("dry.tif", np.zeros_like(TRUTH))
    found = score(write("map.tif", MAPPED), Settings(write("truth.tif", TRUTH), baseline=dry))
    of = measures(found.tally, found.classes)
    assert of["constant_intersection_over_union"] == pytest.approx(300 / 2000)
    assert of["constant_accuracy"] == pytest.approx(1700 / 2000)
    table = next(t for t in tables_of(found) if t.name == "classes")
    heads = [h.en for h in table.head]
    rows = {row[0].en: dict(zip(heads, row, strict=True)) for row in table.rows}
    assert rows["class 1"]["IoU, all this class"] == "0.150"
    assert rows["class 1"]["IoU, baseline"] == "0.000"
    assert rows["class 0"]["IoU, baseline"] == "0.850"


def test_degrees_of_damage_have_a_weighted_kappa(write, tmp_path):
    """By hand: one step off costs 1, two steps cost 2 (linear) or 4 (quadratic), against what the margins give."""
    mapped = np.array([[0, 0, 1, 1, 2, 2, 2, 0]], np.uint8)
    truth = np.array([[0, 0, 1, 2, 2, 2, 1, 2]], np.uint8)
    paths = write("map.tif", mapped), write("truth.tif", truth)
    found = score(paths[0], Settings(paths[1], ordered=True, positive=(2,)))
    of = measures(found.tally, found.classes)
    rows, columns = (np.bincount(v.ravel(), minlength=3) for v in (mapped, truth))
    step = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    for name, power, observed in (("linear_weighted_kappa", 1, 4.0), ("quadratic_weighted_kappa", 2, 6.0)):
        expected = (step**power * np.outer(rows, columns)).sum() / 8
        assert of[name] == pytest.approx(1 - observed / expected)
    plain = score(paths[0], Settings(paths[1], positive=(2,)))
    assert "quadratic_weighted_kappa" not in measures(plain.tally, plain.classes)
    assert record(found)["classes"]["ordered"] is True
    shown = CliRunner().invoke(cli, ["score", paths[0], "--reference", paths[1], "--ordered", "--positive", "2"])
    assert "weighted kappa, quadratic" in shown.output, shown.output
