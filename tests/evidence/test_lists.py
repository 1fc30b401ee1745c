"""Features in, lists out: a run on the whole scene, its bundle, and what `verify` says of it."""

from __future__ import annotations

import json
import shutil

import geopandas
import numpy as np
import pytest
import rasterio
from conftest import TIME, write_raster
from evidence_sample.lists import heights
from forger import forge
from shapely.geometry import Point, box

from mitoshi import evidence
from mitoshi.core import discovery
from mitoshi.core.errors import InputError, QuantityError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    real = discovery.find
    monkeypatch.setattr(discovery, "find", lambda name: heights if name == heights.name else real(name))


@pytest.fixture
def given(tmp_path):
    """A slope that falls by one metre per row from 99 m, and three buildings on known rows."""
    values = np.repeat(np.arange(99, -1, -1, dtype=np.float32)[:, None], 120, axis=1)[None]
    write_raster(tmp_path / "dem.tif", values)
    rows = [10, 49, 80]
    places = [
        box(500100 + 30 * n, 4000000 - 10 * r - 9, 500108 + 30 * n, 4000000 - 10 * r - 1) for n, r in enumerate(rows)
    ]
    frame = geopandas.GeoDataFrame({"id": ["a", "b", "c"], "note": [1, 2, 3]}, geometry=places, crs="EPSG:32631")
    frame.to_crs("EPSG:4326").to_file(tmp_path / "buildings.geojson", driver="GeoJSON")
    frame.to_file(tmp_path / "buildings.gpkg", layer="buildings", driver="GPKG")
    frame.to_parquet(tmp_path / "buildings.parquet")
    centres = frame.geometry.centroid.to_crs("EPSG:4326")
    table = frame.drop(columns="geometry").assign(longitude=centres.x, latitude=centres.y)
    table.to_csv(tmp_path / "buildings.csv", index=False)
    (tmp_path / "rain.csv").write_text("time_s,rate_mm_h\n0,1\n3600,2\n")
    return tmp_path


def run(folder, name="buildings.geojson", out="bundle", **more):
    sources = {"buildings": str(folder / name), "elevation": f"{folder}/dem.tif#quantity=elevation,units=m"} | more
    return evidence.run(heights, sources, {}, folder / out, time=TIME)


@pytest.mark.parametrize("name", ["buildings.geojson", "buildings.gpkg", "buildings.parquet", "buildings.csv"])
def test_every_format_gives_the_elevation_of_its_row(given, name):
    run(given, name)
    found = geopandas.read_parquet(given / "bundle/buildings.parquet")
    assert list(found["height"]) == [89.0, 50.0, 19.0]
    assert list(found["kind"]) == [2, 2, 1]
    assert list(found.columns) == ["id", "height", "kind", "geometry"]


def test_a_table_without_geometry_is_data_and_product(given):
    run(given, rain=str(given / "rain.csv"))
    import pandas

    assert pandas.read_parquet(given / "bundle/summary.parquet").to_dict("list") == {
        "kind": ["low", "high"],
        "count": [1, 2],
    }
    with rasterio.open(given / "bundle/lowered.tif") as dataset:
        assert dataset.read(1)[0, 0] == 99 - 3
        assert dataset.tags()["MITOSHI_QUANTITY"] == "elevation"


def test_a_rerun_gives_the_same_bytes_and_verifies_identical(given):
    run(given)
    run(given, out="again")
    names = sorted(p.relative_to(given / "bundle").as_posix() for p in (given / "bundle").rglob("*") if p.is_file())
    assert {"buildings.parquet", "summary.parquet", "lowered.tif", "stac/buildings.json"} <= set(names)
    for name in names:
        assert (given / "bundle" / name).read_bytes() == (given / "again" / name).read_bytes(), name
    assert evidence.verify(given / "bundle").status == "identical"


def test_a_changed_list_is_found_even_with_new_checksums(given):
    from mitoshi.evidence.bundle import sums_text

    run(given)
    path = given / "bundle/buildings.parquet"
    frame = geopandas.read_parquet(path)
    frame.loc[1, "height"] = 51.0
    frame.to_parquet(path)
    (given / "bundle/SHA256SUMS").write_bytes(sums_text(given / "bundle"))
    verdict = evidence.verify(given / "bundle")
    assert verdict.status == "different"
    assert "row 1" in verdict.reasons[0]
    assert "height" in verdict.reasons[0]


def test_the_bundle_describes_its_columns(given):
    run(given)
    item = json.loads((given / "bundle/stac/buildings.json").read_text())
    assert [c["name"] for c in item["assets"]["data"]["table:columns"]] == ["id", "height", "kind", "geometry"]
    record = json.loads((given / "bundle/run.json").read_text())
    assert record["products"]["buildings"]["columns"]["height"] == "m"
    assert set(record["content"]) == {"buildings", "elevation"}


def test_what_does_not_fit_is_told_in_one_line(given):
    with pytest.raises(InputError, match="needs elevation"):
        evidence.run(heights, {"buildings": str(given / "buildings.gpkg")}, {}, given / "x", time=TIME)
    with pytest.raises(QuantityError, match="must be buildings, but dem"):
        run(given, "dem.tif")
    (given / "lines.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": [[3, 36], [3.1, 36]]}}]})
    )  # fmt: skip
    with pytest.raises(QuantityError, match="holds LineString geometries; buildings are"):
        run(given, "lines.geojson")
    (given / "rain.csv").write_text("time_s,rate_mm_h\n0,much\n")
    with pytest.raises(QuantityError, match="rate_mm_h of row 1 is 'much'"):
        run(given, rain=str(given / "rain.csv"))
    (given / "rain.csv").write_text("time_s,rate\n0,1\n")
    with pytest.raises(InputError, match="column 'rate' states no unit"):
        run(given, rain=str(given / "rain.csv"))
    (given / "rain.csv").write_text("time_s,amount\n0,1\n")
    with pytest.raises(QuantityError, match="no column 'rate_mm_h'"):
        run(given, rain=str(given / "rain.csv"))


def test_several_layers_ask_for_a_choice(given):
    other = geopandas.GeoDataFrame({"id": ["p"]}, geometry=[Point(500100, 3999900)], crs="EPSG:32631")
    other.to_file(given / "two.gpkg", layer="wells", driver="GPKG")
    other.to_file(given / "two.gpkg", layer="sources", driver="GPKG")
    with pytest.raises(InputError, match="choose one with '#part="):
        run(given, "two.gpkg")
    run(given, "two.gpkg#part=wells")
    assert len(geopandas.read_parquet(given / "bundle/buildings.parquet")) == 1


def test_a_scene_that_would_not_fit_is_refused_before_anything_is_computed(given, monkeypatch):
    from mitoshi.core.method import Whole

    monkeypatch.setattr(heights, "support", Whole(bytes_per_pixel=10**6))
    with pytest.raises(InputError, match="has room for 0.0 megapixels"):
        run(given)


def relabelled(path, change):
    """Change what a GeoParquet file says of its geometry, its rows left as they are."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    change(geo["columns"]["geometry"])
    pq.write_table(
        table.replace_schema_metadata({**table.schema.metadata, b"geo": json.dumps(geo).encode()}),
        path,
        compression="zstd",
    )


def west_by_100_m(path):
    relabelled(path, lambda g: g.update(bbox=[g["bbox"][0] - 100.0, *g["bbox"][1:]]))


def another_crs(path):
    relabelled(path, lambda g: g["crs"].update(name="official grid"))


def between_two_steps(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    at = table.column_names.index("height")
    moved = pa.chunked_array([pa.array(np.asarray(table["height"]) - 0.02)])
    pq.write_table(table.set_column(at, table.schema.field(at), moved), path, compression="zstd")


def test_a_list_moved_by_one_step_with_all_that_follows_is_equivalent(given):
    from mitoshi.evidence import publication, rerun
    from mitoshi.evidence.bundle import read_json
    from mitoshi.evidence.digest import pretty_json
    from mitoshi.evidence.lists import read_list, write_list
    from mitoshi.evidence.locating import locate
    from mitoshi.evidence.replay import replayed

    run(given)
    bundle, again, made = (given / name for name in ("bundle", "again", "made"))
    made.mkdir()
    sealed = read_json(bundle, "run.json")
    plan, prepared, outcome = rerun._repeat(sealed, heights, locate(bundle, sealed["inputs"], None), again, None)
    moved = read_list(again / "buildings.parquet")
    moved["height"] = (moved["height"] + 0.1).round(1)
    write_list(moved, again / "buildings.parquet", heights.outputs[0], {})
    follows = replayed(plan, prepared, outcome, again, made)
    (made / "run.json").write_bytes(pretty_json(publication.record(plan, follows, follows.collector.totals())))
    publication.publish(plan, follows, made, final=bundle)
    verdict = evidence.verify(made, inputs=given)
    assert verdict.status == "equivalent", verdict.reasons
    assert verdict.reasons[0].startswith("buildings.parquet: buildings.parquet differs at row 0, column height: 89.1")
    for n, relabel in enumerate((west_by_100_m, another_crs, between_two_steps)):
        copy = shutil.copytree(made, given / f"copy-{n}")
        relabel(copy / "buildings.parquet")
        forge(copy, lambda b: None)
        assert evidence.verify(copy, inputs=given).status == "different", relabel.__name__
    moved["height"] += 5.0
    write_list(moved, again / "buildings.parquet", heights.outputs[0], {})
    follows = replayed(plan, prepared, outcome, again, made)
    publication.publish(plan, follows, made, final=bundle)
    assert evidence.verify(made, inputs=given).status == "different"
