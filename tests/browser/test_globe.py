"""The globe: what it draws lies where it belongs, in the colours of the legend, and what a hand or a key does is understood."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_allclose
from PIL import Image
from rasterio.warp import transform

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from playwright.sync_api import Browser, Page
    from service_fixtures import Served

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 800, 500
FLOOD = "disaster.flood-extent/flood"
IDLE_SECONDS = 60.0
SAME_COLOUR = 12  # of 255: the picture passes through a texture of eight bits
SAME_PLACE = 2e-5  # degree: two metres, less than a pixel of these pictures


class Earth(NamedTuple):
    """The open page, what the service says it shows, what the console said, and what was asked for."""

    page: Page
    layers: list[dict[str, Any]]
    bbox: list[float]
    complaints: list[str]
    asked: list[str]

    def idle(self) -> None:
        """Wait until the globe has drawn everything that is shown."""
        end = time.monotonic() + IDLE_SECONDS
        while not self.page.evaluate("window.mitoshi.globe.isIdle()"):
            assert time.monotonic() < end, self.page.evaluate("window.mitoshi.globe.errors")
            self.page.wait_for_timeout(50)

    def layer(self, part: str) -> dict[str, Any]:
        return next(layer for layer in self.layers if part in layer["id"])

    def show(self, *parts: str, **state: Any) -> None:
        """Show these layers alone, at the home view, and wait for them."""
        keys = [self.layer(part)["series"] or self.layer(part)["id"] for part in parts]
        apart = {"on": False, "before": None, "after": None, "position": 0.5}
        change = {"area": None, "picked": None, "time": None, "swipe": apart, **state}
        self.page.evaluate(
            "([keys, change]) => window.mitoshi.state.set({shown: new Set(keys), ...change})", [keys, change]
        )
        self.page.evaluate("bbox => window.mitoshi.globe.flyTo(bbox)", self.bbox)
        self.idle()

    def picture(self) -> npt.NDArray[np.int64]:
        """Return the window as it is seen (row, column, red-green-blue)."""
        with Image.open(io.BytesIO(self.page.screenshot())) as seen:
            return np.asarray(seen.convert("RGB"), dtype=np.int64)

    def where(self, lon: float, lat: float) -> tuple[float, float]:
        found = self.page.evaluate("([lon, lat]) => window.mitoshi.globe.screenOf(lon, lat)", [lon, lat])
        return found["x"], found["y"]

    def free(self, x: float, y: float) -> bool:
        """Tell whether a point of the window is globe, with nothing over it."""
        box = self.canvas()
        return box["x"] + 140 < x < box["x"] + box["width"] - 60 and box["y"] + 10 < y < box["y"] + box["height"] - 50

    def canvas(self) -> dict[str, float]:
        box = self.page.locator("#globe canvas").first.bounding_box()
        assert box is not None
        return dict(box)

    def click(self, lon: float, lat: float) -> dict[str, Any]:
        """Click a place and return what was read there."""
        self.page.evaluate("window.mitoshi.state.set({picked: null})")
        self.page.mouse.click(*self.where(lon, lat))
        self.page.wait_for_function("() => window.mitoshi.state.get('picked') !== null")
        return dict(self.page.evaluate("window.mitoshi.state.get('picked')"))


def _get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def opened(chromium: Browser, served: Served) -> Iterator[Earth]:
    """Return the page, opened once for all tests of this file."""
    told = _get(f"{served.url}/layers")
    context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    earth = Earth(page, told["layers"], told["bbox"], [], [])
    page.on("console", lambda said: said.type == "error" and earth.complaints.append(said.text))
    page.on("pageerror", lambda error: earth.complaints.append(str(error)))
    page.on("request", lambda asked: earth.asked.append(asked.url))
    page.goto(served.url)
    page.wait_for_function("() => window.mitoshi?.globe && window.mitoshi.state.get('catalogue') !== null")
    earth.idle()
    page.locator("#tab-layers").click()  # folds the panel away: the globe has the whole window
    yield earth
    context.close()


@pytest.fixture
def earth(opened: Earth, served: Served) -> Iterator[Earth]:
    """Return the page; whatever a test did to it, nothing was complained about and nobody else was called."""
    yield opened
    assert opened.complaints == []
    assert opened.page.evaluate("window.mitoshi.globe.errors") == []
    own = (f"{served.url}/", f"blob:{served.url}", "data:")
    assert [address for address in opened.asked if not address.startswith(own)] == []
    opened.page.evaluate("window.mitoshi.globe.cancelDrawing()")


def _file_of(served: Served, layer: dict[str, Any]) -> str:
    collection, item, asset = layer["id"].split("/")
    answer = _get(f"{served.url}/stac/collections/{collection}/items/{item}")
    return answer["assets"][asset]["href"]


def _raster(served: Served, layer: dict[str, Any], tmp_path: Any) -> rasterio.DatasetReader:
    target = tmp_path / f"{layer['id'].replace('/', '_')}.tif"
    with urllib.request.urlopen(_file_of(served, layer), timeout=20) as answer:
        target.write_bytes(answer.read())
    return rasterio.open(target)


def _inner(coded: npt.NDArray[Any], code: int, reach: int) -> npt.NDArray[np.intp]:
    """Return the cells whose whole neighbourhood has this code, so that no edge of a tile decides."""
    from scipy.ndimage import binary_erosion

    return np.argwhere(binary_erosion(coded == code, iterations=reach))


def test_flooded_ground_has_the_colour_of_the_legend_where_the_raster_has_the_class(
    earth: Earth, served: Served, tmp_path
):
    layer = earth.layer("-flood/")
    earth.show("-flood/")
    seen = earth.picture()
    with _raster(served, layer, tmp_path) as source:
        coded = source.read(1)
        checked = 0
        for entry in layer["legend"]["classes"]:
            if entry["title"]["en"] not in {"flooded", "permanent water"}:
                continue
            cells = _inner(coded, int(entry["code"]), 4)
            colour = [int(entry["colour"][i : i + 2], 16) for i in (1, 3, 5)]
            for row, column in cells[:: max(len(cells) // 20, 1)]:
                lon, lat = transform(source.crs, "EPSG:4326", *([v] for v in source.xy(row, column)))
                x, y = earth.where(lon[0], lat[0])
                if earth.free(x, y):
                    assert_allclose(seen[round(y), round(x)], colour, atol=SAME_COLOUR)
                    checked += 1
    assert checked >= 20


def test_a_click_reads_the_place_that_was_clicked_and_the_height_is_that_of_the_elevation_model(
    earth: Earth, served: Served, tmp_path
):
    earth.show("-flood/")
    west, south, east, north = earth.bbox
    box = earth.canvas()
    middle = ((west + east) / 2, (south + north) / 2)
    x, y = earth.where(*middle)
    assert_allclose((x, y), (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), atol=2)
    page = earth.page
    with _raster(served, earth.layer("SIM_DEM"), tmp_path) as source:
        for share in (0.3, 0.5, 0.8):
            lon, lat = west + share * (east - west), south + 0.85 * (north - south)
            picked = earth.click(lon, lat)
            assert_allclose((picked["lon"], picked["lat"]), (lon, lat), atol=2 * SAME_PLACE)
            page.mouse.move(*earth.where(lon, lat))
            page.wait_for_timeout(150)
            said = re.search(r"height ([\d.\u2212]+) m", page.locator(".globe-where").inner_text())
            assert said is not None
            projected = transform("EPSG:4326", source.crs, [lon], [lat])
            truth = float(next(source.sample([(projected[0][0], projected[1][0])]))[0])
            assert_allclose(float(said[1].replace("\u2212", "-")), truth, atol=8)


def test_time_shows_the_latest_at_or_before_it_and_the_same_again_when_it_returns(earth: Earth):
    images = sorted(
        (layer for layer in earth.layers if "true-colour" in layer["id"]), key=lambda layer: layer["datetime"]
    )
    assert len(images) > 1
    box = earth.canvas()
    row, column = round(box["y"] + box["height"] / 2), round(box["x"] + box["width"] / 2)
    rows, columns = slice(row - 100, row + 100), slice(column - 100, column + 100)
    pictures = []
    for moment in (images[0]["datetime"], images[-1]["datetime"], images[0]["datetime"], "2000-01-01T00:00:00Z"):
        earth.show("true-colour", time=moment)
        pictures.append(earth.picture()[rows, columns])
    first, last, again, never = pictures
    assert np.abs(first - last).mean() > 3
    assert np.abs(first - again).max() <= 1
    assert np.abs(never - never.mean(axis=(0, 1))).max() < 20  # nothing but sea


def test_the_divider_has_each_picture_on_its_own_side(earth: Earth):
    images = sorted(
        (layer for layer in earth.layers if "true-colour" in layer["id"]), key=lambda layer: layer["datetime"]
    )
    before, after = images[0], images[-1]
    whole = []
    for layer in (before, after):
        earth.show("true-colour", time=layer["datetime"])
        whole.append(earth.picture())
    swipe = {"on": True, "before": before["id"], "after": after["id"], "position": 0.5}
    earth.show("true-colour", swipe=swipe)
    seen = earth.picture()
    box = earth.canvas()
    middle = round(box["x"] + box["width"] / 2)
    rows = slice(round(box["y"]) + 100, round(box["y"]) + 150)
    assert np.abs(seen[rows, middle - 100 : middle - 30] - whole[0][rows, middle - 100 : middle - 30]).max() <= 2
    assert np.abs(seen[rows, middle + 30 : middle + 100] - whole[1][rows, middle + 30 : middle + 100]).max() <= 2


def test_mouse_and_keys_draw_the_same_rectangle_and_escape_gives_up(earth: Earth):
    earth.show("-flood/")
    page, box = earth.page, earth.canvas()
    x, y = box["x"] + round(box["width"] / 2), box["y"] + round(box["height"] / 2)
    begin = "kind => void window.mitoshi.globe.startDrawing(kind).then(area => { window.drawn = area ?? 'given up' })"
    drawn = []
    for keys in (True, False):
        page.evaluate("delete window.drawn")
        page.evaluate(begin, "rectangle")
        if keys:
            for key in ("ArrowLeft",) * 6 + ("ArrowUp",) * 5 + ("Enter",) + ("ArrowRight",) * 10 + ("ArrowDown",) * 8:
                page.keyboard.press(key)
            page.keyboard.press("Enter")
        else:
            page.mouse.click(x - 60, y - 50)
            page.mouse.click(x + 40, y + 30)
        page.wait_for_function("() => window.drawn !== undefined")
        drawn.append(page.evaluate("window.drawn.bbox"))
    assert_allclose(drawn[0], drawn[1], atol=SAME_PLACE)
    west, south, east, north = drawn[0]
    assert earth.bbox[0] < west < east < earth.bbox[2]
    assert earth.bbox[1] < south < north < earth.bbox[3]

    page.evaluate("delete window.drawn")
    page.evaluate(begin, "polygon")
    for dx, dy in ((-60, -40), (50, -50), (0, 40)):
        page.mouse.click(x + dx, y + dy)
        page.wait_for_timeout(400)  # three clicks, no double click
    page.mouse.click(x, y + 40)
    page.wait_for_function("() => window.drawn !== undefined")
    assert len(page.evaluate("window.drawn.ring")) == 3

    page.evaluate("delete window.drawn")
    page.evaluate(begin, "polygon")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_function("() => window.drawn === 'given up'")
    assert page.evaluate("window.mitoshi.state.get('drawing')") is None


def test_a_click_tells_the_feature_and_the_building_under_it(earth: Earth, served: Served):
    facilities = earth.layer("facilities")
    earth.show("facilities", "districts")
    told = _get(served.url + facilities["features"])["features"]
    inside = next(one for one in told if earth.free(*earth.where(*one["geometry"]["coordinates"])))
    picked = earth.click(*inside["geometry"]["coordinates"])
    assert picked["feature"]["layer"] == facilities["id"]
    assert picked["feature"]["properties"]["name"] in {one["properties"]["name"] for one in told}

    from shapely import Point
    from shapely.geometry import shape

    buildings = earth.layer("buildings")
    listed = {
        one["properties"]["id"]: shape(one["geometry"])
        for one in _get(f"{served.url}/vectors/{buildings['id']}.geojson?limit=10000")["features"]
    }
    largest = max(listed.values(), key=lambda footprint: footprint.area)
    lon, lat = largest.centroid.x, largest.centroid.y
    earth.show("buildings")
    earth.page.evaluate("bbox => window.mitoshi.globe.flyTo(bbox)", [lon - 1e-3, lat - 1e-3, lon + 1e-3, lat + 1e-3])
    earth.idle()
    picked = earth.click(lon, lat)
    assert picked["feature"]["layer"] == buildings["id"]
    footprint = listed[picked["feature"]["properties"]["id"]]
    assert footprint.distance(Point(lon, lat)) < 1e-4


def test_keys_alone_move_zoom_tilt_and_turn_the_view(earth: Earth):
    earth.show("-flood/")
    page = earth.page
    west, south, east, north = earth.bbox
    place = ((west + east) / 2, (south + north) / 2)
    corner = (west + 0.6 * (east - west), place[1])
    page.locator(".globe").focus()
    x0, y0 = earth.where(*place)

    page.keyboard.press("ArrowRight")
    earth.idle()
    assert earth.where(*place)[0] < x0 - 10
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    earth.idle()
    assert earth.where(*place)[1] > y0 + 10
    page.keyboard.press("ArrowDown")

    span = earth.where(*corner)[0] - earth.where(*place)[0]
    page.keyboard.press("+")
    earth.idle()
    assert earth.where(*corner)[0] - earth.where(*place)[0] == pytest.approx(span / 0.75, rel=0.05)
    page.keyboard.press("-")
    for _ in range(3):
        page.keyboard.press("PageDown")
    earth.idle()
    x, y = earth.where(*place)
    assert_allclose((x, y), (x0, y0), atol=12)  # what is in the middle stays there
    page.keyboard.press("]")
    earth.idle()
    assert abs(earth.where(*corner)[1] - earth.where(*place)[1]) > 3
    page.keyboard.press("n")
    page.keyboard.press("Home")
    earth.idle()
    assert_allclose(earth.where(*place), (x0, y0), atol=2)
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.mitoshi.state.get('picked') !== null")
    assert_allclose(
        page.evaluate("[window.mitoshi.state.get('picked').lon, window.mitoshi.state.get('picked').lat]"),
        place,
        atol=5e-5,
    )


def test_no_tile_is_asked_for_beside_its_layer_nor_finer_than_it_is(earth: Earth):
    layers = {layer["id"]: layer for layer in earth.layers}
    earth.asked.clear()
    earth.page.reload()
    earth.page.wait_for_function("() => window.mitoshi?.globe && window.mitoshi.state.get('catalogue') !== null")
    earth.idle()
    tiles = [re.search(r"/tiles/(.+)/(\d+)/(\d+)/(\d+)\.png", address) for address in earth.asked]
    found = [(match[1], *(int(match[n]) for n in (2, 3, 4))) for match in tiles if match]
    assert found
    for name, z, x, y in found:
        layer = layers[name]
        assert z <= layer["maxzoom"]
        west, east = (360 * (x + n) / 2**z - 180 for n in (0, 1))
        north, south = (np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + n) / 2**z)))) for n in (0, 1))
        assert west <= layer["bbox"][2] + 1e-4
        assert east >= layer["bbox"][0] - 1e-4
        assert south <= layer["bbox"][3] + 1e-4
        assert north >= layer["bbox"][1] - 1e-4
    assert len(found) < 60
