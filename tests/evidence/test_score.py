"""The comparison of a product with a reference: known answers, what is refused, and files that are the same every time."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import geopandas
import numpy as np
import pypdf
import pytest
import rasterio
import shapely
from affine import Affine

from mitoshi.core.errors import BundleError, InputError, ParameterError, QuantityError
from mitoshi.core.product import Coded, CodedClass, Figure
from mitoshi.core.text import Text
from mitoshi.evidence.score import Settings, score
from mitoshi.evidence.score.classes import codebook, parse_map
from mitoshi.evidence.score.coded import FALSE_ALARM, HIT, MISS, NO_REFERENCE, NOT_OBSERVED, REJECTION
from mitoshi.evidence.score.figures import FigureCheck, area_check, given_checks
from mitoshi.evidence.score.measures import measures
from mitoshi.evidence.score.output import write_score
from mitoshi.evidence.score.pairs import Pair, PairsScore, mean_measures, read_pairs, score_pairs
from mitoshi.evidence.score.pairs_output import write_pairs
from mitoshi.evidence.score.record import record
from mitoshi.evidence.score.sketch import FALSE_ALARM as LISTED_ALARM
from mitoshi.evidence.score.sketch import GROUND, NEITHER, ONLY_PRODUCT, ONLY_REFERENCE
from mitoshi.evidence.score.sketch import NOT_OBSERVED as LISTED_UNSEEN
from mitoshi.evidence.score.tables import tables_of
from mitoshi.methods.statistics.coverage import wilson_interval

HERE = Affine(10, 0, 400000, 0, -10, 4000000)


def write(path, values, *, crs="EPSG:32654", transform=HERE, nodata=None, units=None, **tags):
    place = {"crs": crs, "transform": transform} if crs else {}
    values = np.asarray(values)
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
    }
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **profile, nodata=nodata, **place) as out:
            out.write(values, 1)
            if units:
                out.set_band_unit(1, units)
            out.update_tags(**tags)
    return str(path)


@pytest.fixture
def known(tmp_path):
    """Ten cells whose comparison is done by hand; 255 is not observed, 9 is no reference."""
    mapped = np.array([[1, 1, 1, 0, 0], [0, 1, 255, 255, 1]], np.uint8)
    truth = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 9]], np.uint8)
    return write(tmp_path / "map.tif", mapped, nodata=255), write(tmp_path / "truth.tif", truth)


NINE = "0=0,1=1,9=none"


def test_ten_cells_by_hand(known):
    found = score(known[0], Settings(known[1], mapping=NINE))
    np.testing.assert_array_equal(found.tally.cells, [[2, 1, 0], [1, 3, 1], [1, 1, 0]])
    of = measures(found.tally, found.classes)
    assert of["intersection_over_union"] == pytest.approx(3 / 5)
    assert (of["precision"], of["recall"], of["f1"]) == pytest.approx((3 / 4, 3 / 4, 3 / 4))
    assert of["overall_accuracy"] == pytest.approx(5 / 7)
    assert of["kappa"] == pytest.approx((5 / 7 - 25 / 49) / (1 - 25 / 49))
    assert of["not_observed_share"] == pytest.approx(2 / 9)
    assert of["not_observed_positive_share"] == pytest.approx(1 / 5)
    np.testing.assert_array_equal(
        found.errors,
        [
            [HIT, HIT, FALSE_ALARM, REJECTION, MISS],
            [REJECTION, HIT, NOT_OBSERVED, NOT_OBSERVED, NO_REFERENCE],
        ],
    )


def test_areas_are_those_of_the_ellipsoid(known):
    """A cell of 10 m in UTM near the edge of its zone is a little larger or smaller than 100 m2, but less than 0.2 %."""
    found = score(known[0], Settings(known[1], mapping=NINE))
    of = measures(found.tally, found.classes)
    assert of["mapped_area"] == pytest.approx(400.0, rel=2e-3)
    assert of["mapped_area"] != 400.0
    assert of["area_bias"] == pytest.approx(0.0, abs=1e-9)


def test_without_georeference_cells_are_counted(tmp_path):
    one = write(tmp_path / "a.tif", np.eye(6, dtype=np.uint8), crs=None)
    other = write(tmp_path / "b.tif", np.eye(6, dtype=np.uint8), crs=None)
    found = score(one, Settings(other))
    of = measures(found.tally, found.classes)
    assert (of["intersection_over_union"], of["mapped_area"], found.tally.georeferenced) == (1.0, 6.0, False)


def test_many_blocks_are_one_scene(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    mapped, truth = (rng.random((300, 70)).round().astype(np.uint8) for _ in range(2))
    paths = write(tmp_path / "map.tif", mapped), write(tmp_path / "truth.tif", truth)
    whole = record(score(paths[0], Settings(paths[1])))
    monkeypatch.setattr("mitoshi.evidence.score.coded.BLOCK_CELLS", 70 * 16)
    parts = record(score(paths[0], Settings(paths[1])))
    areas = [r["score"].pop("confusion_area") for r in (whole, parts)]
    np.testing.assert_allclose(*areas, rtol=1e-9)
    for r in (whole, parts):
        r["score"].pop("by_class")
        r["score"]["measures"] = {k: v for k, v in r["score"]["measures"].items() if "area" not in k}
    assert whole == parts


def test_another_reference_system_gives_the_same_truth(tmp_path):
    """The truth is a half-plane in degrees; the product is the same one on a UTM grid."""
    rng = np.linspace(0, 1, 240)
    degrees = Affine(1e-4, 0, 139.88, 0, -1e-4, 36.17)
    truth = np.broadcast_to((rng > 0.5).astype(np.uint8), (240, 240))
    reference = write(tmp_path / "truth.tif", truth, crs="EPSG:4326", transform=degrees)
    from pyproj import Transformer

    to = Transformer.from_crs("EPSG:32654", "EPSG:4326", always_xy=True)
    x, y = np.meshgrid(399700 + 10 * (np.arange(120) + 0.5), 4002600 - 10 * (np.arange(120) + 0.5))
    longitude, _ = to.transform(x, y)
    mapped = (longitude > 139.88 + 0.0001 * 120).astype(np.uint8)
    assert 0.2 < mapped.mean() < 0.8
    product = write(tmp_path / "map.tif", mapped, transform=Affine(10, 0, 399700, 0, -10, 4002600))
    found = score(product, Settings(reference))
    of = measures(found.tally, found.classes)
    assert of["intersection_over_union"] > 0.99
    assert of["pure_intersection_over_union"] == 1.0
    assert any("another grid" in n.en for n in found.notes)


def test_polygons_and_a_raster_of_the_same_truth_agree(tmp_path):
    mapped = np.zeros((60, 80), np.uint8)
    mapped[12:34, 20:61] = 1
    product = write(tmp_path / "map.tif", mapped)
    truth = np.zeros((60, 80), np.uint8)
    truth[10:40, 22:60] = 1
    raster = score(product, Settings(write(tmp_path / "truth.tif", truth)))
    box = shapely.box(400000 + 220, 4000000 - 400, 400000 + 600, 4000000 - 100)
    whole = shapely.box(400000, 4000000 - 600, 400000 + 800, 4000000)
    for name, geometry in (("truth.gpkg", box), ("area.gpkg", whole)):
        geopandas.GeoDataFrame(geometry=[geometry], crs="EPSG:32654").to_file(tmp_path / name)
    settings = Settings(str(tmp_path / "truth.gpkg"), reference_area=str(tmp_path / "area.gpkg"))
    polygons = score(product, settings)
    np.testing.assert_array_equal(polygons.tally.cells, raster.tally.cells)
    # In degrees, as GeoJSON wants it, the same.
    geopandas.GeoDataFrame(geometry=[box], crs="EPSG:32654").to_crs(4326).to_file(tmp_path / "truth.geojson")
    again = score(product, Settings(str(tmp_path / "truth.geojson"), reference_area=settings.reference_area))
    np.testing.assert_array_equal(again.tally.cells, raster.tally.cells)
    # Without an area, the rectangle that holds the polygons is all that is compared.
    alone = score(product, Settings(settings.reference))
    assert alone.tally.compared.sum() == 30 * 38
    assert any("rectangle" in n.en for n in alone.notes)


def test_polygons_as_product(tmp_path):
    truth = np.zeros((40, 40), np.uint8)
    truth[:, :20] = 1
    geopandas.GeoDataFrame(geometry=[shapely.box(400000, 3999600, 400300, 4000000)], crs=32654).to_file(
        tmp_path / "p.gpkg"
    )
    found = score(str(tmp_path / "p.gpkg"), Settings(write(tmp_path / "truth.tif", truth)))
    np.testing.assert_array_equal(found.tally.compared, [[400, 0], [400, 800]])


def test_mixed_cells_of_a_finer_reference(tmp_path):
    truth = np.zeros((100, 100), np.uint8)
    truth[:, 43:] = 1  # the fifth column of cells of 10 has 3 of 10 cells dry
    fine = write(tmp_path / "truth.tif", truth, transform=Affine(1, 0, 400000, 0, -1, 4000000))
    mapped = np.zeros((10, 10), np.uint8)
    mapped[:, 4:] = 1
    found = score(write(tmp_path / "map.tif", mapped), Settings(fine))
    of = measures(found.tally, found.classes)
    assert of["intersection_over_union"] == 1.0
    assert found.tally.compared.sum() - found.tally.pure.sum() == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "code 9.*--map"),
        ({"mapping": "0=0,1=7,9=none"}, "class 7, which there is not"),
        ({"mapping": "0=0;1"}, "CODE=CLASS"),
        ({"mapping": NINE, "positive": (4,)}, "--positive names class 4"),
        ({"mapping": NINE, "positive": (0, 1)}, "leave at least one out"),
        ({"mapping": NINE, "product": "flood"}, "no evidence bundle"),
        ({"mapping": NINE, "kind": "measured"}, "states no unit"),
        ({"mapping": NINE, "kind": "listed"}, "lists are compared with lists"),
        ({"mapping": NINE, "zones": "gone.tif"}, "gone.tif"),
    ],
)
def test_bad_settings_are_refused_with_what_to_do(known, change, message):
    with pytest.raises(InputError, match=message):
        score(known[0], Settings(known[1], **change))


def test_maps_are_read_once():
    assert parse_map("1=1, 2=1,-1=none", "--map") == {1: 1, 2: 1, -1: None}
    with pytest.raises(ParameterError, match="twice"):
        parse_map("1=1,1=0", "--map")


def test_places_that_do_not_fit_are_refused(known, tmp_path):
    ones = np.ones((3, 3), np.uint8)
    ones[0] = 0
    with pytest.raises(InputError, match="states no coordinate reference system"):
        score(known[0], Settings(write(tmp_path / "nowhere.tif", ones, crs=None)))
    nowhere = write(tmp_path / "small.tif", ones, crs=None)
    with pytest.raises(InputError, match="must have one shape"):
        score(write(tmp_path / "large.tif", np.eye(4, dtype=np.uint8), crs=None), Settings(nowhere))
    with pytest.raises(InputError, match="does not overlap"):
        score(known[0], Settings(write(tmp_path / "far.tif", ones, transform=Affine(10, 0, 5e5, 0, -10, 4e6))))
    empty = write(tmp_path / "empty.tif", np.full((2, 5), 7, np.uint8), nodata=7)
    with pytest.raises(InputError, match="says nothing"):
        score(known[0], Settings(empty))


def test_times_are_stated(known, tmp_path):
    found = score(f"{known[0]}#time=2026-09-14T00:00Z", Settings(f"{known[1]}#time=2026-09-15T12:00Z", mapping=NINE))
    assert "reference 36.0 h later than the product" in found.notes[0].en
    assert "36.0 時間後" in found.notes[0].ja
    assert "states no time" in score(known[0], Settings(known[1], mapping=NINE)).notes[0].en


def test_zones_and_a_baseline(known, tmp_path):
    zones = geopandas.GeoDataFrame(
        {"name": ["left", "right"]},
        geometry=[shapely.box(400000, 3999980, 400020, 4000000), shapely.box(400020, 3999980, 400050, 4000000)],
        crs=32654,
    )
    zones.to_file(tmp_path / "zones.gpkg")
    dry = write(tmp_path / "dry.tif", np.zeros((2, 5), np.uint8))
    settings = Settings(known[1], mapping=NINE, zones=str(tmp_path / "zones.gpkg"), baseline=dry)
    found = score(known[0], settings)
    np.testing.assert_array_equal(found.tally.zones["left"], [[1, 0, 0], [0, 3, 0], [0, 0, 0]])
    np.testing.assert_array_equal(sum(found.tally.zones.values()), found.tally.cells)
    assert measures(found.other, found.classes)["recall"] == 0.0
    assert [len(row) for row in tables_of(found)[0].rows] == [3] * len(tables_of(found)[0].rows)
    codes = write(tmp_path / "cover.tif", np.array([[5, 5, 5, 5, 5], [8, 8, 8, 8, 8]], np.uint8))
    by_cover = score(known[0], Settings(known[1], mapping=NINE, zones=codes))
    assert list(by_cover.tally.zones) == ["5", "8"]
    np.testing.assert_array_equal(by_cover.tally.zones["8"], [[1, 0, 0], [0, 1, 1], [1, 1, 0]])


def test_probabilities_of_another_tool(tmp_path):
    rng = np.random.default_rng(3)
    chance = rng.random((200, 300)).round(3)
    truth = (rng.random(chance.shape) < chance).astype(np.uint8)
    reference = write(tmp_path / "truth.tif", truth)
    fractions = write(tmp_path / "p.tif", chance.astype(np.float32))
    found = score(fractions, Settings(reference, kind="probability"))
    of = measures(found.tally, found.classes)
    assert of["expected_calibration_error"] < 0.01
    assert of["brier_score"] == pytest.approx(1 / 6, abs=0.01)
    assert of["roc_auc"] == pytest.approx(5 / 6, abs=0.01)  # uniform and calibrated
    percent = write(
        tmp_path / "percent.tif", (100 * chance).astype(np.float32), units="%", MITOSHI_QUANTITY="probability"
    )
    again = measures(*(lambda s: (s.tally, s.classes))(score(percent, Settings(reference))))
    assert again["expected_calibration_error"] == pytest.approx(of["expected_calibration_error"], abs=1e-4)
    assert again["intersection_over_union"] == of["intersection_over_union"]
    classes = write(tmp_path / "map.tif", (chance > 0.5).astype(np.uint8))
    beside = score(classes, Settings(reference, uncertainty=fractions))
    assert measures(beside.tally, beside.classes)["roc_auc"] == of["roc_auc"]


@pytest.fixture
def depths(tmp_path):
    """A depth with errors of the stated size, and the truth in centimetres."""
    rng = np.random.default_rng(11)
    truth = rng.uniform(0.2, 4.0, (120, 130))
    spread = rng.uniform(0.1, 0.5, truth.shape)
    value = truth + rng.normal(0.05, spread)
    value[:4, :10] = np.nan
    paths = (
        write(tmp_path / "depth.tif", value.astype(np.float32), units="m", MITOSHI_QUANTITY="elevation", nodata=np.nan),
        write(tmp_path / "truth.tif", (100 * truth).astype(np.float32), units="cm"),
        write(tmp_path / "sigma.tif", spread.astype(np.float32), units="m"),
    )
    return paths, value, truth, spread


def test_measured_values_and_their_coverage(depths):
    (product, reference, sigma), value, truth, spread = depths
    found = score(product, Settings(reference, uncertainty=sigma))
    of, error = measures(found.tally, None), value - truth
    assert of["bias"] == pytest.approx(np.nanmean(error), abs=1e-5)
    assert of["root_mean_square_error"] == pytest.approx(math.sqrt(np.nanmean(error**2)), abs=1e-5)
    assert of["median_absolute_deviation"] == pytest.approx(np.nanmedian(np.abs(error - np.nanmedian(error))), abs=1e-5)
    inside = np.abs(error) <= 1.6448536 * spread
    assert of["coverage_90"] == pytest.approx(inside[np.isfinite(error)].mean(), abs=2e-4)
    assert abs(of["coverage_90"] - 0.9) < 0.02
    assert of["not_observed_share"] == pytest.approx(40 / error.size)
    deep = score(product, Settings(reference, at_least=2.0))
    kept = np.fmax(value, truth) >= 2.0
    assert deep.tally.differences.cells == np.isfinite(error[kept]).sum()


def test_units_that_are_unknown_or_do_not_fit_are_refused(depths, tmp_path):
    (product, _, _), _, truth, _ = depths
    bare = write(tmp_path / "bare.tif", truth.astype(np.float32))
    with pytest.raises(QuantityError, match=r"bare\.tif states no unit"):
        score(product, Settings(bare))
    assert score(product, Settings(f"{bare}#units=m")).tally.differences.cells > 0
    with pytest.raises(QuantityError, match="cannot be turned"):
        score(product, Settings(f"{bare}#units=K"))


def test_gauge_marks(depths, tmp_path):
    (product, _, sigma), value, _, _ = depths
    rows, columns = np.array([10, 50, 1, 110]), np.array([20, 60, 3, 5])
    x, y = 400000 + 10 * (columns + 0.5), 4000000 - 10 * (rows + 0.5)
    marks = geopandas.GeoDataFrame(
        {"name": list("abcde"), "mark_cm": [*(100 * (value[rows, columns] - 0.1)), 50.0]},
        geometry=geopandas.points_from_xy([*x, 390000.0], [*y, 4000000.0]),
        crs=32654,
    )
    marks.loc[2, "mark_cm"] = 70.0  # where nothing was observed
    marks.to_file(tmp_path / "marks.gpkg")
    found = score(product, Settings(str(tmp_path / "marks.gpkg"), column="mark_cm", uncertainty=sigma))
    assert found.tally.differences.cells == 3
    assert found.tally.unobserved == 2
    assert found.tally.differences.bias == pytest.approx(0.1, abs=1e-6)
    assert any("1 of 5 points lie outside" in n.en for n in found.notes)
    with pytest.raises(InputError, match="give --column: name, mark_cm"):
        score(product, Settings(str(tmp_path / "marks.gpkg")))


PLACES = {
    5.0: NEITHER,
    105.0: LISTED_ALARM,
    205.0: LISTED_UNSEEN,
    305.0: ONLY_PRODUCT,
    905.0: ONLY_REFERENCE,
    500.0: GROUND,
}


def boxes(places, codes, side=10.0):
    shapes = [shapely.box(x, y, x + side, y + side) for x, y in places]
    return geopandas.GeoDataFrame({"damage": codes}, geometry=shapes, crs=32654)


def test_lists_match_by_place(tmp_path):
    boxes([(0, 0), (100, 0), (200, 0), (300, 0)], [0, 1, 255, 1]).to_file(tmp_path / "ours.gpkg")
    boxes([(1, 1), (102, 0), (200, 0), (900, 0)], [0, 0, 1, 1]).to_file(tmp_path / "theirs.gpkg")
    settings = Settings(str(tmp_path / "theirs.gpkg"), product_column="damage")
    found = score(str(tmp_path / "ours.gpkg"), settings)
    np.testing.assert_array_equal(found.tally.cells, [[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(found.tally.only_product, [0, 1, 0])
    np.testing.assert_array_equal(found.tally.only_reference, [0, 1, 0])
    # What the picture shows at places inside the features, and between them.
    at = {
        x: int(found.sketch.codes[tuple(int(v) for v in (~found.sketch.grid.affine @ (x, 5.0))[::-1])]) for x in PLACES
    }
    assert at == PLACES
    assert {"errors.en.png", "errors.ja.png"} <= set(write_score(found, tmp_path / "out"))
    strict = score(str(tmp_path / "ours.gpkg"), Settings(settings.reference, product_column="damage", overlap=0.7))
    assert strict.tally.cells.sum() == 1  # 81 of 119 m2 are 0.68, 80 of 120 are 0.67
    assert measures(found.tally, found.classes)["matched_reference_share"] == 0.75
    centred = score(
        str(tmp_path / "ours.gpkg"), Settings(settings.reference, product_column="damage", matching="centroid")
    )
    assert centred.tally.cells.sum() == 3


def test_a_bundle_must_be_the_sealed_one(case):
    found = score(case / "bundle", Settings(str(case / "bundle" / "dark.tif")))
    assert found.product.method.startswith("test.scene-dark ")
    of = measures(found.tally, found.classes)
    assert of["intersection_over_union"] == 1.0
    with rasterio.open(case / "bundle" / "dark.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.update_tags(CHANGED="yes")
    with pytest.raises(BundleError, match="is not the file that the bundle was sealed with"):
        score(case / "bundle", Settings(str(case / "after.tif")))
    with pytest.raises(InputError, match="did you mean 'dark'"):
        score(case / "bundle", Settings(str(case / "after.tif"), product="drak"))


FLOOD = Coded(
    Text("flood", "浸水域"),
    (CodedClass(0, Text("dry", "非浸水"), "#ffffff"), CodedClass(1, Text("flooded", "浸水"), "#0000ff")),
    outline=1,
)


def area(value, lower, upper):
    return Figure("flooded_area", Text("flooded area", "浸水面積"), value, lower, upper, "m2", 0.9)


def test_an_area_interval_against_the_area_of_the_reference(known, tmp_path):
    full = write(tmp_path / "full.tif", np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], np.uint8))
    found = score(known[0], Settings(full))
    product = replace(found.product, layer=FLOOD, figures=(area(500.0, 250.0, 1000.0),))
    (check,), texts = area_check(product, found.tally, found.classes, 1.0)
    assert check.truth == pytest.approx(400.0, rel=2e-3)  # four cells are wet and observed, one is wet and not observed
    assert (check.inside, check.ratio, texts) == (True, 4.0, ())
    narrow = replace(product, figures=(area(500.0, 450.0, 550.0),))
    assert not area_check(narrow, found.tally, found.classes, 1.0)[0][0].inside
    # A reference that leaves a part of the observed cells open has no area to compare with.
    part = score(known[0], Settings(known[1], mapping=NINE))
    checks, (text,) = area_check(product, part.tally, part.classes, 1.0)
    assert checks == ()
    assert "covers 87.5% of what the product observed" in text.en
    assert area_check(product, found.tally, found.classes, 0.5)[0] == ()


def test_numbers_and_areas_are_whole_and_have_their_units(tmp_path):
    """A Japanese report said 1.661e+04 pixel, and areas without georeference had no unit."""
    values = np.zeros((200, 200), np.uint8)
    values[:, :100] = 1
    product = write(tmp_path / "a.tif", values, crs=None)
    values[:, 100:125] = 1
    found = score(product, Settings(write(tmp_path / "b.tif", values, crs=None)))
    figure = Figure("flooded_area", Text("flooded area", "浸水面積"), 16608.0, 15500.0, 17700.0, "pixel", 0.9)
    tables = {t.name: t for t in tables_of(replace(found, checks=(FigureCheck(figure, 17012.0),)))}
    plain = {"en": [], "ja": []}
    for language, words in plain.items():
        words += [c.in_(language).replace("\u202f", " ") for c in tables["figures"].rows[0] if isinstance(c, Text)]
    assert plain["en"][1:4] == ["16 600 pixels", "15 500–17 700 pixels", "17 000 pixels"]
    assert plain["ja"][1:4] == ["16 600 画素", "15 500–17 700 画素", "17 000 画素"]
    summary = {row[0].en: row[1].ja.replace("\u202f", " ") for row in tables["summary"].rows}
    assert summary["area in the product"] == "20 000 画素"
    assert [c.en.replace("\u202f", " ") for c in tables["classes"].rows[1][6:8]] == ["20 000 pixels", "25 000 pixels"]


def test_areas_that_disagree_are_said_with_by_how_much(known):
    notes = [n for n in score(known[0], Settings(known[1], mapping=NINE)).notes if n.en.startswith("area of")]
    assert notes == []  # four cells each
    (note,) = [
        n for n in score(known[0], Settings(known[1], mapping="0=0,1=0,9=1")).notes if n.en.startswith("area of")
    ]
    assert note.en.replace("\u202f", " ").endswith(
        "product 0.05 ha, reference 0.01 ha: the product's is 400.0 % larger"
    )
    assert note.ja.replace("\u202f", " ").endswith("プロダクトのほうが 400.0 % 広いです")


def test_codes_of_unknown_meaning_are_refused_with_the_names_of_the_known_ones(known):
    scene = replace(score(known[0], Settings(known[1], mapping=NINE)).classes, kinds=FLOOD.classes[:2])
    with pytest.raises(InputError, match=r"code 9, .*\(0 = dry, 1 = flooded\); say what it means"):
        codebook(None, scene, "truth.tif", "--map")(np.array([0.0, 9.0]))


def test_figures_whose_truth_is_given(known):
    product = replace(score(known[0], Settings(known[1], mapping=NINE)).product, figures=(area(500.0, 250.0, 1000.0),))
    (check,) = given_checks(product, {"flooded_area": 1001.0})
    assert not check.inside
    with pytest.raises(InputError, match="did you mean 'flooded_area'"):
        given_checks(product, {"floded_area": 1.0})


def test_how_often_intervals_hold_the_truth(known):
    found = score(known[0], Settings(known[1], mapping=NINE))
    figures = [area(1.0, 0.5, 2.0), area(1.0, 0.5, 1.5), area(1.0, 0.1, 2.0)]
    scores = tuple(replace(found, checks=(FigureCheck(f, 1.8),)) for f in figures)
    pairs = tuple(Pair("map.tif", "truth.tif", "") for _ in scores)
    (of,) = PairsScore(pairs, scores, found.settings).coverages
    assert (of.inside, of.pairs, of.median_ratio) == (2, 3, 4.0)
    assert (of.lower, of.upper) == pytest.approx(wilson_interval(2, 3, 0.9))


def test_the_folder_is_the_same_every_time(known, tmp_path):
    files = {}
    for name in ("one", "two"):
        out = tmp_path / name
        names = write_score(score(known[0], Settings(known[1], mapping=NINE)), out)
        files[name] = {n: (out / n).read_bytes() for n in names}
    assert files["one"] == files["two"]
    said = json.loads(files["one"]["score.json"])
    assert said["score"]["confusion"] == [[2, 1, 0], [1, 3, 1], [1, 1, 0]]
    assert set(said["sha256"]) == {"product/map.tif", "reference/truth.tif"}
    assert str(tmp_path) not in files["one"]["score.json"].decode()
    with rasterio.open(tmp_path / "one" / "errors.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1)[0], [HIT, HIT, FALSE_ALARM, REJECTION, MISS])
        assert dataset.nodata == NO_REFERENCE
        assert dataset.crs.to_epsg() == 32654
    for language, words in (("en", "over 7 compared cells"), ("ja", "比較した 7 セル")):
        reader = pypdf.PdfReader(tmp_path / "one" / f"score.{language}.pdf")
        text = "".join(page.extract_text() for page in reader.pages).replace("\u202f", " ")
        assert "0.600" in text
        assert words in text
    csv = files["one"]["score.csv"].decode("utf-8-sig")
    assert "summary,intersection over union (IoU),0.600" in csv


def test_simulated_data_are_called_so(known, tmp_path):
    truth = write(
        tmp_path / "drill.tif", np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], np.uint8), MITOSHI_SIMULATED="true"
    )
    found = score(known[0], Settings(truth))
    write_score(found, tmp_path / "out")
    assert found.simulated
    assert json.loads((tmp_path / "out" / "score.json").read_text())["simulated"]
    with rasterio.open(tmp_path / "out" / "errors.tif") as dataset:
        assert dataset.tags()["MITOSHI_SIMULATED"] == "true"
    for language, words in (("en", "not a real observation"), ("ja", "実際の観測ではありません")):
        assert words in pypdf.PdfReader(tmp_path / "out" / f"score.{language}.pdf").pages[0].extract_text()


def test_a_folder_of_other_files_is_left_alone(known, tmp_path):
    found = score(known[0], Settings(known[1], mapping=NINE))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        write_score(found, tmp_path / "there")
    assert (tmp_path / "there" / "mine.txt").read_text() == "mine"


def test_pairs_pool_counts_and_average_scores(known, tmp_path):
    better = write(tmp_path / "better.tif", np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 0]], np.uint8))
    (tmp_path / "pairs.csv").write_text("product,reference,group\nmap.tif,truth.tif,one\nbetter.tif,truth.tif,two\n")
    found = score_pairs(read_pairs(tmp_path / "pairs.csv"), Settings("", mapping=NINE), lambda *_: None)
    pooled = measures(found.pooled, found.classes)
    assert pooled["intersection_over_union"] == pytest.approx((3 + 5) / (5 + 5))
    assert mean_measures(found.scores)["intersection_over_union"] == pytest.approx((3 / 5 + 1.0) / 2)
    assert measures(found.groups["two"], found.classes)["intersection_over_union"] == 1.0
    assert better
    names = write_pairs(found, tmp_path / "out")
    assert names == ("score.csv", "score.en.pdf", "score.ja.pdf", "score.json")
    text = pypdf.PdfReader(tmp_path / "out" / "score.ja.pdf").pages[0].extract_text()
    assert "0.800" in text
    (tmp_path / "pairs.csv").write_text("product,reference\nmap.tif,gone.tif\n")
    with pytest.raises(InputError, match=r"pair 1 \(map.tif\)"):
        score_pairs(read_pairs(tmp_path / "pairs.csv"), Settings(""), lambda *_: None)
    (tmp_path / "pairs.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'product'"):
        read_pairs(tmp_path / "pairs.csv")
