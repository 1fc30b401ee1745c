"""The catalogue on real and on hostile STAC."""

from __future__ import annotations

import json

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import UnknownFileError

pytestmark = [pytest.mark.real, pytest.mark.slow]


def unknown(path):
    raise UnknownFileError(f"{path} is unknown to every reader")


@pytest.mark.parametrize("name", ["100-landsat-items", "100-sentinel-2-items"])
def test_real_stac_geoparquet_is_imported_item_by_item(tmp_path, shared_data, name):
    import pyarrow.parquet as pq
    from stac_geoparquet.arrow import stac_table_to_items

    path = shared_data(f"platform/stac/{name}.parquet")
    catalogue = Catalogue(tmp_path / "c")
    report = catalogue.ingest([path], unknown)
    assert (len(report.added), report.refused) == (100, ())
    theirs = {i["id"]: i for i in stac_table_to_items(pq.read_table(path))}
    found = catalogue.search()
    assert {i.id for i in found} == set(theirs)
    for ours in found:
        given = theirs[ours.id]
        assert ours.collection_id == given["collection"]
        assert {k: a.href for k, a in ours.assets.items()} == {k: a["href"] for k, a in given["assets"].items()}
        assert ours.properties["eo:cloud_cover"] == given["properties"]["eo:cloud_cover"]
        assert ours.datetime.isoformat()[:19] == str(given["properties"]["datetime"]).replace(" ", "T")[:19]
    again = catalogue.ingest([path], unknown)
    assert (again.added, again.updated, len(again.unchanged)) == ((), (), 100)


def test_the_pool_of_real_items_is_catalogued_and_what_is_not_is_said(tmp_path, shared_data):
    catalogue = Catalogue(tmp_path / "c")
    folder = shared_data("platform/stac")
    report = catalogue.ingest(sorted(folder.glob("*.json")) + sorted(folder.glob("*.parquet")), unknown)
    assert len(report.added) == 226
    refused = sorted(r.reason.split(":")[0] for r in report.refused)
    # Three land-cover items whose footprints cross themselves, one OData answer, one item whose assets lie outside its
    # folder, and one with a list of mixed types.
    assert len(refused) == 6, refused
    crossing = catalogue.search(collections=["io-lulc-annual-v02"], bbox=(179.0, 50.0, -179.0, 70.0))
    assert [i.id for i in crossing] == ["60V-2023"]
    assert crossing[0].bbox[0] > crossing[0].bbox[2]
    catalogue.check()


def test_hostile_stac_is_refused_or_harmless(tmp_path, shared_data):
    catalogue = Catalogue(tmp_path / "c")
    report = catalogue.ingest([shared_data("platform/hostile/stac")], unknown)
    reasons = {r.source.rsplit("/", 1)[-1]: r.reason for r in report.refused}
    assert set(reasons) == {
        "bad_values.json",
        "deep_nesting_note.txt",
        "href_path_traversal.json",
        "polygon_bowtie.geojson",
        "pystacclient_invalid-collection.json",
        "staccheck_core-item-bad-links.json",
        "staccheck_invalid-antimeridian-bbox.json",
    }
    assert all("\n" not in r and len(r) <= 400 for r in reasons.values())
    for item in catalogue.search():
        text = json.dumps(item.to_dict(transform_hrefs=False))
        assert "passwd" not in text
        assert "169.254" not in text
    assert not (tmp_path.parent / "pwned").exists()


def test_the_bowtie_as_an_item_is_refused(tmp_path, shared_data):
    bowtie = json.loads(shared_data("platform/hostile/stac/polygon_bowtie.geojson").read_bytes())
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "bowtie",
        "geometry": bowtie,
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "links": [],
        "assets": {},
    }
    report = Catalogue(tmp_path / "c").add([item])
    assert "Self-intersection" in report.refused[0].reason


@pytest.mark.slow
def test_native_products_through_the_readers(tmp_path, shared_data):
    from mitoshi import cube, sensors

    paths = [
        shared_data("platform/sentinel2/cog_29RKH_20200219"),
        shared_data("platform/sentinel2/metadata"),
        *sorted(shared_data("platform/sentinel1").glob("S1*.zip")),
        shared_data("platform/jaxa/N23W161_20_MOS_F02DAR.tar.gz"),
    ]
    catalogue = Catalogue(tmp_path / "c")
    report = cube.ingest(catalogue, paths)
    found = {i.id: i for i in catalogue.search()}
    assert len(found) == len(report.added) >= 6
    for item in found.values():
        assert item.properties["mitoshi:reader"]
        assert all(len(a.extra_fields["file:checksum"]) == 68 for a in item.assets.values())
    # Two Sentinel-2 tiles lie across the antimeridian; their stactools items say the same footprints.
    crossing = {i.id[-35:-16] for i in catalogue.search(bbox=(179.5, -80, -179.5, 80))}
    assert len(crossing) == 2
    again = cube.ingest(catalogue, paths)
    assert (again.added, again.updated) == ((), ())
    # What was catalogued opens again.
    item = next(i for n, i in found.items() if "29RKH" in n)
    values = sensors.open_item(item).layers["surface_reflectance"]
    assert 0.0 < float(values.isel(y=slice(500, 520), x=slice(500, 520)).mean()) < 1.0
