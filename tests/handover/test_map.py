from io import BytesIO

import geopandas
import numpy as np
import pytest
import shapely
from PIL import Image, ImageFont

from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox
from mitoshi.core.text import Text
from mitoshi.evidence import fonts
from mitoshi.handover import situation_map
from mitoshi.handover.situation_map import MapLayer, render, renders
from mitoshi.handover.symbols import Label, draw_labels

BLUE = (0, 0, 255)


def layer(*shapes, symbol="area", colour="#0000ff", **more):
    features = geopandas.GeoDataFrame({"name": [f"N{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=4326)
    return MapLayer(Text("Flood", "浸水域"), features, colour, symbol, **{"opacity": 1.0, **more})


def picture(layers, **changed):
    given = {"area": BBox(139.0, 35.0, 139.1, 35.08), "language": "ja", "simulated": False, **changed}
    return np.asarray(Image.open(BytesIO(render(layers, **given))).convert("RGB")).astype(int)


def share(page, colour):
    return float((np.abs(page - np.array(colour)).max(axis=2) < 3).mean())


def test_the_same_layers_give_the_same_bytes():
    given = {"area": None, "language": "en", "simulated": True}
    flood = layer(shapely.box(139, 35, 139.1, 35.08))
    assert render([flood], **given) == render([flood], **given)


def test_all_languages_have_the_bytes_of_each_and_the_ground_is_drawn_once(monkeypatch):
    layers = [
        layer(shapely.box(139, 35, 139.1, 35.08), label="name"),
        layer(shapely.Point(139.05, 35.04), symbol="circle"),
    ]
    given = {"area": None, "simulated": True}
    each = {language: render(layers, language=language, **given) for language in ("en", "ja")}
    drawn, draw = [], situation_map._drawn
    monkeypatch.setattr(situation_map, "_drawn", lambda *a: (drawn.append(a), draw(*a))[1])
    assert renders(layers, languages=("en", "ja"), **given) == each
    assert len(drawn) == 1
    assert each["en"] != each["ja"]


def test_an_area_covers_its_share_of_the_map():
    whole, half = layer(shapely.box(139, 35, 139.1, 35.08)), layer(shapely.box(139, 35, 139.05, 35.08))
    assert share(picture([half]), BLUE) == pytest.approx(share(picture([whole]), BLUE) / 2, rel=0.02)


def test_a_hole_stays_dry():
    shape = shapely.box(139, 35, 139.1, 35.08)
    hole = shapely.box(139.02, 35.02, 139.08, 35.06)
    outer, inner = share(picture([layer(shape)]), BLUE), share(picture([layer(shape.difference(hole))]), BLUE)
    assert inner == pytest.approx(outer * (1 - hole.area / shape.area), rel=0.02)


def test_what_lies_east_is_on_the_right_and_north_is_up():
    page = picture([layer(shapely.box(139.08, 35.07, 139.1, 35.08))])
    rows, columns = np.nonzero(np.abs(page - np.array(BLUE)).max(axis=2) < 3)
    inside = columns < 1040  # the legend is further right
    assert columns[inside].min() > 700
    assert rows[inside].max() < 250


@pytest.mark.parametrize("symbol", ["circle", "square", "triangle", "diamond", "cross"])
def test_every_symbol_stands_where_its_feature_is(symbol):
    page = picture([layer(shapely.box(139.049, 35.039, 139.051, 35.041), symbol=symbol, size=40)])
    _, columns = np.nonzero(np.abs(page - np.array(BLUE)).max(axis=2) < 3)
    inside = columns < 1040
    assert np.ptp(columns[inside]) <= 48
    assert columns[inside].mean() == pytest.approx(112 + 918 / 2, abs=6)


def test_lines_points_and_empty_layers_are_drawn_in_any_crs():
    road = layer(shapely.LineString([(139, 35), (139.1, 35.08)]), symbol="line", size=6)
    far = MapLayer(road.title, road.features.to_crs(32654), "#0000ff", "line", 6)
    assert share(picture([road]), BLUE) == pytest.approx(share(picture([far]), BLUE), rel=0.01)
    picture(
        [layer(), layer(symbol="circle"), layer(symbol="line"), layer(shapely.Point(), symbol="circle", label="name")]
    )
    picture([layer(shapely.Point(200.0, 80.0), symbol="circle")])


def test_simulated_maps_say_so():
    amber = (255, 194, 14)
    flood = layer(shapely.box(139, 35, 139.1, 35.08))
    assert share(picture([flood]), amber) == 0.0
    assert share(picture([flood], simulated=True), amber) > 0.001


def test_names_never_lie_over_each_other():
    face = ImageFont.truetype(str(fonts.path("Bold")), 20)
    alone, crowd = Image.new("RGB", (300, 300), "#ffffff"), Image.new("RGB", (300, 300), "#ffffff")
    draw_labels(alone, [Label("北病院", 100, 100, 10)], face)
    draw_labels(crowd, [Label("北病院", 100, 100, 10), *(Label("南病院", 100, 101 + i, 10) for i in range(5))], face)
    ink = [int((np.asarray(p) < 128).all(axis=2).sum()) for p in (alone, crowd)]
    assert ink[0] > 50
    assert ink[1] <= 2.2 * ink[0]


def test_nothing_to_draw_and_no_crs_are_errors():
    with pytest.raises(InputError, match="nothing to draw"):
        render([layer()], area=None, language="en", simulated=False)
    bare = MapLayer(Text("x", "x"), geopandas.GeoDataFrame(geometry=[shapely.Point(0, 0)]), "#000000")
    with pytest.raises(InputError, match="has no CRS"):
        render([bare], area=None, language="en", simulated=False)
