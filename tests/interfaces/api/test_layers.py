"""The list of layers says of every product and observation what a reader of the map must know."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from mitoshi.core.discovery import find
from mitoshi.interfaces.api.app import create_app
from mitoshi.interfaces.api.settings import Settings


@pytest.fixture(scope="module")
def layers(client):
    answer = client.get("/layers")
    assert answer.status_code == 200, answer.text
    return answer.json()


def by(layers, **wanted):
    return [one for one in layers["layers"] if all(one[k] == v for k, v in wanted.items())]


def test_every_layer_has_the_fields_of_the_contract(layers):
    expected = {
        "id", "field", "group", "title", "kind", "quantity", "units", "datetime", "start", "end", "bbox", "tiles", "minzoom",
        "maxzoom", "features", "tileset", "legend", "uncertainty", "noUncertainty", "bundle", "simulated", "visible", "series",
    }  # fmt: skip
    ids = [layer["id"] for layer in layers["layers"]]
    assert len(ids) == len(set(ids)) > 20
    for layer in layers["layers"]:
        assert expected <= set(layer)
        assert layer["title"]["en"]
        assert layer["title"]["ja"]
        assert layer["kind"] in {"coded", "measured", "image", "features", "buildings"}
        assert layer["tiles"] or layer["features"] or layer["noTiles"]
        assert layer["uncertainty"] in ids or (layer["uncertainty"] is None and layer["noUncertainty"])
        assert layer["simulated"] is True
        assert layer["field"] in {field["id"] for field in layers["fields"]}


def test_the_legend_of_a_product_is_that_of_its_method(layers):
    flood = find("disaster.flood-extent").outputs[0].layer
    (layer,) = by(layers, quantity="flood_extent", kind="coded")
    told = [(c["code"], c["title"]["ja"], c["colour"], c["nodata"]) for c in layer["legend"]["classes"]]
    assert told == [(c.code, c.title.ja, c.colour, c.code == flood.nodata) for c in flood.classes]
    assert layer["uncertainty"] == layer["id"].replace("-flood/", "-flood_probability/")
    assert layer["bundle"].startswith(layer["id"].split("/")[1][:12])


def test_what_is_on_at_first_is_the_flood_and_the_latest_picture(layers):
    shown = [layer for layer in layers["layers"] if layer["visible"]]
    assert sorted(layer["kind"] for layer in shown) == ["coded", "image"]
    pictures = [layer for layer in layers["layers"] if layer["id"].endswith("/true-colour")]
    assert max(layer["datetime"] for layer in pictures) == next(p["datetime"] for p in shown if p["kind"] == "image")


def test_one_track_and_polarisation_is_one_series_with_one_colour_scale(layers):
    radar = by(layers, quantity="gamma0")
    series = {layer["series"] for layer in radar}
    assert len(series) == 6  # two tracks and a scene elsewhere, two polarisations each
    for name in series:
        members = [layer for layer in radar if layer["series"] == name]
        assert len({json.dumps(layer["legend"]) for layer in members}) == 1
        assert all(layer["units"] == "dB" and layer["legend"]["units"] == "dB" for layer in members)
    elsewhere = [layer for layer in radar if "ELSEWHERE" in layer["id"]]
    assert not {layer["series"] for layer in elsewhere} & {layer["series"] for layer in radar if layer not in elsewhere}


def test_the_scale_of_backscatter_holds_its_middle_ninety_six_percent(layers, small_store):
    import numpy as np
    import rasterio

    for layer in by(layers, quantity="gamma0")[:2]:
        name = layer["id"].split("/")[1].rpartition("-")[0]
        with rasterio.open(small_store.parent / "archive" / f"{name}.tif") as dataset:
            band = dataset.descriptions.index(layer["id"].rpartition("/")[2]) + 1
            decibel = 10 * np.log10(dataset.read(band))
        low, high = np.nanpercentile(decibel, (2, 98))
        limits = layer["legend"]["limits"]
        assert limits[0] <= low < high <= limits[1]
        assert limits[1] - limits[0] < 1.3 * (high - low)


def test_a_ramp_has_at_most_sixteen_stops_from_end_to_end(layers):
    for layer in layers["layers"]:
        if layer["legend"]["type"] == "ramp":
            stops = layer["legend"]["stops"]
            assert stops[0][0] == 0
            assert stops[-1][0] == 1
            assert len(stops) <= 16
            assert layer["legend"]["limits"][0] < layer["legend"]["limits"][1]


def test_features_name_their_addresses_and_buildings_their_tileset(layers):
    (buildings,) = by(layers, kind="buildings")
    assert buildings["features"] == f"/vectors/{buildings['id']}.geojson"
    assert buildings["tileset"] == f"/buildings/{buildings['id']}/tileset.json"
    (roads,) = by(layers, quantity="roads")
    assert roads["kind"] == "features"
    assert roads["tileset"] is None
    assert roads["datetime"] is None


def test_time_runs_over_what_changes_and_the_box_over_what_is_shown(layers, area):
    first, last = layers["time"]
    moments = [layer["datetime"] for layer in layers["layers"] if layer["series"]]
    assert (first, last) == (min(moments), max(moments))
    assert layers["bbox"] == pytest.approx(area, abs=1e-3)


def test_layers_elsewhere_are_left_out_on_demand(client):
    far = client.get("/layers", params={"bbox": "0,0,1,1"}).json()
    assert far["layers"] == []
    assert far["bbox"] is None
    assert far["time"] is None
    assert len(client.get("/layers", params={"limit": 3}).json()["layers"]) == 3


@pytest.mark.parametrize(
    "query", ["bbox=1,2,3", "bbox=a,b,c,d", "bbox=0,10,1,-10", "limit=0", "limit=99999", "limit=x"]
)
def test_a_question_that_does_not_fit_is_refused(client, query):
    assert client.get(f"/layers?{query}").status_code == 400


def test_an_empty_store_has_no_layers(tmp_path):
    app = create_app(Settings(store=tmp_path, workers=0, names=("testserver",), port=80))
    with TestClient(app) as client:
        assert client.get("/layers").json()["layers"] == []


def test_a_new_product_appears_without_a_restart(fresh_store):
    from mitoshi.catalog import Catalogue

    settings = Settings(store=fresh_store, data=(fresh_store.parent,), workers=0, names=("testserver",), port=80)
    with TestClient(create_app(settings)) as client:
        before = client.get("/layers").json()["matched"]
        catalogue = Catalogue(fresh_store)
        item = catalogue.search(quantity="elevation")[0]
        again = {**item.to_dict(transform_hrefs=False), "id": "another-elevation"}
        catalogue.add([again])
        assert client.get("/layers").json()["matched"] == before + 1


def test_a_file_outside_the_folders_of_the_service_has_no_tiles(fresh_store):
    settings = Settings(store=fresh_store, workers=0, names=("testserver",), port=80)  # without --data
    with TestClient(create_app(settings)) as client:
        layers = client.get("/layers").json()["layers"]
    archive = [layer for layer in layers if layer["quantity"] == "elevation"]
    assert archive
    assert all(layer["tiles"] is None and "outside" in layer["noTiles"] for layer in archive)
