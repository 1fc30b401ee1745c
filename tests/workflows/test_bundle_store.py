"""The bundle_store of bundles, and their products as items of the catalogue."""

from __future__ import annotations

import json
import logging
import os
import shutil

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import find, methods
from mitoshi.core.errors import BundleError, InputError, UnmetNeedError
from mitoshi.core.product import Listed
from mitoshi.core.quantity import WATER_DEPTH
from mitoshi.cube import resolve
from mitoshi.evidence.bundle import Bundle
from mitoshi.sensors import open_item
from mitoshi.workflows import bundle_store as module
from mitoshi.workflows.adoption import Adoption, adopt, adopted_by_chain, adoption_of, withdraw
from mitoshi.workflows.bundle_store import BundleStore, publish

LATER = "2026-11-24T00:00:00Z"


@pytest.fixture(scope="module")
def flood(built_region):
    return built_region / "catalogue" / "service" / "runs" / "first"


def retold(bundle, **changes):
    """Change what a bundle says of itself, as the bundle of another run would."""
    path = bundle / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def two(flood, tmp_path):
    """Return a root with two bundles at different depths; the deeper one was made later."""
    shutil.copytree(flood, tmp_path / "one")
    shutil.copytree(flood, tmp_path / "a" / "b" / "two")
    retold(tmp_path / "a" / "b" / "two", time=LATER)
    return tmp_path


def names(bundle_store):
    return [b.path.name for b in bundle_store.bundles()]


def test_bundles_are_found_at_most_three_levels_deep_the_latest_first(flood, two):
    shutil.copytree(flood, two / "a" / "b" / "c" / "too-deep")
    shutil.copytree(flood, two / ".one.mitoshi-draft")
    (two / "link").symlink_to(two / "a", target_is_directory=True)
    (two / "no-bundle").mkdir()
    (two / "no-bundle" / "run.json").write_text("{}")
    assert names(BundleStore([two])) == ["two", "one"]
    assert names(BundleStore([two / "one"])) == ["one"]
    assert names(BundleStore([two / "nowhere", two / "no-bundle"])) == []
    assert names(BundleStore([])) == []


def test_one_bundle_in_two_folders_is_shown_once(flood, two):
    assert names(BundleStore([two / "one", flood.parent, two])) == ["two", "one"]


def test_a_bundle_is_found_by_its_id_or_its_first_12_digits(two):
    bundle_store = BundleStore([two])
    later, first = bundle_store.bundles()
    assert bundle_store.find(first.id) == first
    assert bundle_store.find(later.id[:12]) == later
    for name in (first.id[:11], "", "../one", "f" * 64, first.id + "0", "one"):
        assert bundle_store.find(name) is None


def test_what_has_not_changed_is_not_read_again(two, monkeypatch):
    bundle_store = BundleStore([two])
    assert len(bundle_store.bundles()) == 2
    reads = []
    monkeypatch.setattr(module.Bundle, "open", lambda path: reads.append(path))
    assert len(bundle_store.bundles()) == 2
    assert reads == []


def test_what_comes_goes_or_changes_is_seen_at_once(flood, two):
    bundle_store = BundleStore([two])
    assert names(bundle_store) == ["two", "one"]
    shutil.copytree(flood, two / "three")
    retold(two / "three", time="2026-11-25T00:00:00Z")
    assert names(bundle_store) == ["three", "two", "one"]
    shutil.rmtree(two / "a")
    assert names(bundle_store) == ["three", "one"]
    before = bundle_store.bundles()[1].id
    retold(two / "one", time="2026-11-26T00:00:00Z")
    os.utime(two / "one" / "run.json", (1, 1))
    assert names(bundle_store) == ["one", "three"]
    assert bundle_store.bundles()[0].id != before


def test_a_folder_seen_long_ago_is_not_listed_again_until_it_changes(two, monkeypatch):
    for folder in (two, two / "a", two / "a" / "b"):
        os.utime(folder, (1, 1))
    bundle_store = BundleStore([two])
    assert names(bundle_store) == ["two", "one"]
    listed = []
    real = os.scandir
    monkeypatch.setattr(module.os, "scandir", lambda path: listed.append(path) or real(path))
    assert names(bundle_store) == ["two", "one"]
    assert two not in listed
    assert two / "a" / "b" not in listed


@pytest.mark.parametrize("content", ["", "[]", "{", '{"method": 1}', "x" * 100])
def test_a_broken_bundle_is_passed_over_with_one_warning(two, caplog, content):
    (two / "one" / "run.json").write_text(content)
    bundle_store = BundleStore([two])
    with caplog.at_level(logging.WARNING, "mitoshi.service"):
        assert names(bundle_store) == ["two"]
        assert names(bundle_store) == ["two"]
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith("the bundle in one is passed over: ")
    assert str(two) not in caplog.messages[0]


def _side_on_the_ellipsoid(path):
    """Return the square root of the area of the centre pixel, as a geodesic polygon [m]."""
    import rasterio
    from pyproj import Geod, Transformer

    with rasterio.open(path) as file:
        row, column = file.height // 2, file.width // 2
        corners = [file.transform @ (column + x, row + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
        place = Transformer.from_crs(file.crs, "EPSG:4326", always_xy=True).transform(*zip(*corners, strict=True))
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(*place)[0]) ** 0.5


def test_products_become_items_that_a_reader_opens(flood, tmp_path):
    bundle, catalogue = Bundle.open(flood), Catalogue(tmp_path / "catalogue")
    ids = publish(bundle, catalogue)
    assert ids == (f"{bundle.id[:12]}-flood", f"{bundle.id[:12]}-flood_probability")
    item = next(i for i in catalogue.search(collections=["disaster.flood-extent"]) if i.id == ids[0])
    assert item.properties["mitoshi:bundle"] == bundle.id
    assert item.properties["mitoshi:output"] == "flood"
    assert item.properties["mitoshi:simulated"] is True
    assert item.properties["mitoshi:quantities"] == ["flood_extent"]
    assert item.properties["gsd"] == pytest.approx(_side_on_the_ellipsoid(flood / "flood.tif"), rel=1e-5)
    assert item.links == []
    for asset in item.assets.values():
        assert os.path.isabs(asset.href)
        assert os.path.getsize(asset.href) == asset.extra_fields["file:size"]
    layer = open_item(item).layers["flood_extent"]
    assert list(layer.shape[-2:]) == item.properties["proj:shape"]


def test_publishing_again_changes_nothing(flood, tmp_path):
    bundle, catalogue = Bundle.open(flood), Catalogue(tmp_path / "catalogue")
    first = publish(bundle, catalogue)
    manifest = (catalogue.folder / "manifest.json").read_bytes()
    assert publish(bundle, catalogue) == first
    assert (catalogue.folder / "manifest.json").read_bytes() == manifest
    assert len(catalogue) == 2


def test_a_moved_bundle_is_published_where_it_lies_now(flood, tmp_path):
    catalogue = Catalogue(tmp_path / "catalogue")
    publish(Bundle.open(flood), catalogue)
    shutil.copytree(flood, tmp_path / "moved")
    publish(Bundle.open(tmp_path / "moved"), catalogue)
    hrefs = {i.assets["data"].href for i in catalogue.search()}
    assert hrefs == {str(tmp_path / "moved" / "flood.tif"), str(tmp_path / "moved" / "flood_probability.tif")}


@pytest.mark.parametrize("href", ["../../other/secret.tif", "/etc/passwd", "../a/../../b", ""])
def test_a_bundle_cannot_name_a_file_outside_itself(flood, tmp_path, href):
    shutil.copytree(flood, tmp_path / "evil")
    path = tmp_path / "evil" / "stac" / "flood.json"
    item = json.loads(path.read_text())
    item["assets"]["data"]["href"] = href
    path.write_text(json.dumps(item))
    catalogue = Catalogue(tmp_path / "catalogue")
    with pytest.raises(BundleError, match="names a file outside itself"):
        publish(Bundle.open(tmp_path / "evil"), catalogue)
    assert len(catalogue) == 0


def test_no_product_takes_the_place_of_what_it_was_made_of():
    """Asked the same twice, a method must find the same: nothing it made is offered as what it takes."""
    for method in methods().values():
        taken = {name for d in method.data for name in (d.quantity.name, *d.quantity.members)}
        for output in method.outputs:
            native = ["buildings", "features"] if isinstance(output.layer, Listed) else []
            offered = module._offered(method, output, native)
            assert not taken & set(offered), (method.name, output.name)
            assert "features" not in offered


def test_an_uncertainty_is_not_offered_as_what_it_is_the_uncertainty_of():
    outputs = {o.name: o for o in find("disaster.tsunami").outputs}
    tsunami = find("disaster.tsunami")
    assert module._offered(tsunami, outputs["maximum_depth"], []) == [WATER_DEPTH.name]
    assert module._offered(tsunami, outputs["maximum_depth_uncertainty"], []) == []
    assert module._offered(tsunami, outputs["hazard"], ["relative_backscatter"]) == []


def test_a_bundle_of_another_version_offers_no_data(flood, tmp_path):
    shutil.copytree(flood, tmp_path / "old")
    told = json.loads((tmp_path / "old" / "run.json").read_text())
    retold(tmp_path / "old", method={**told["method"], "version": "0.0.1"})
    catalogue = Catalogue(tmp_path / "catalogue")
    assert len(publish(Bundle.open(tmp_path / "old"), catalogue)) == 2
    assert catalogue.search(quantity="flood_extent") == []


def _asked(store, area):
    from mitoshi.core.grid import BBox
    from mitoshi.core.requirement import instant
    from mitoshi.simulation import EVENT

    return resolve(find("disaster.flood-depth"), BBox.checked(area), instant(EVENT), Catalogue(store))


def test_a_trial_product_is_passed_over_with_a_word_until_a_person_adopts_it(fresh_store, area):
    catalogue = Catalogue(fresh_store)
    item = next(i.id for i in catalogue.search(quantity="flood_extent"))
    trial = _asked(fresh_store, area)
    assert "flood" not in trial.picked
    why = next(r.why for r in trial.rejected if r.items == (item,))
    assert f"mitoshi adopt {item}" in why.en
    assert f"mitoshi adopt {item}" in why.ja
    with pytest.raises(UnmetNeedError, match=f"{item}: a trial product, which no run takes by itself"):
        trial.require()

    act = Adoption("Hanako Sato", LATER, "checked against aerial photographs")
    assert adopt(catalogue, [item], act) == (item,)
    assert [i.id for i in _asked(fresh_store, area).picked["flood"].items] == [item]
    stated = catalogue.search(ids=[item])[0].properties
    assert adoption_of(stated) == act

    bundle = Bundle.open(fresh_store / "service" / "runs" / "first")
    publish(bundle, catalogue)  # as every start of a service does
    assert adoption_of(catalogue.search(ids=[item])[0].properties) == act

    assert set(withdraw(catalogue, [bundle.id[:12]])) == {item, f"{item}_probability"}
    assert "flood" not in _asked(fresh_store, area).picked
    assert adoption_of(catalogue.search(ids=[item])[0].properties) is None


def test_products_of_a_chain_are_adopted_by_it_until_it_supersedes_them(flood, tmp_path):
    out = tmp_path / "response"
    shutil.copytree(flood, out / "flood")
    bundle, catalogue = Bundle.open(out / "flood"), Catalogue(tmp_path / "catalogue")
    entry = {"step": "flood", "status": "done", "bundle": bundle.id, "finished": LATER}
    (out / "respond.json").write_text(json.dumps({"entries": [entry]}))
    publish(bundle, catalogue)
    adopted = {i.id: adoption_of(i.properties) for i in catalogue.search()}
    assert set(adopted.values()) == {Adoption("chain respond", LATER)}
    (out / "respond.json").write_text(json.dumps({"entries": [{**entry, "bundle": "f" * 64}]}))
    publish(bundle, catalogue)
    assert {adoption_of(i.properties) for i in catalogue.search()} == {None}


@pytest.mark.parametrize("record", ["", "[]", '{"entries": 3}', '{"entries": [{"bundle": 1}]}', "\0"])
def test_a_broken_record_of_a_chain_adopts_nothing(flood, tmp_path, record):
    shutil.copytree(flood, tmp_path / "flood")
    (tmp_path / "respond.json").write_text(record)
    assert adopted_by_chain(Bundle.open(tmp_path / "flood")) is None


@pytest.mark.parametrize("name", ["nothing", "f" * 12, "f" * 64, "", "0" * 11, "*"])
def test_what_is_no_product_is_not_adopted(fresh_store, name):
    catalogue = Catalogue(fresh_store)
    observed = next(i.id for i in catalogue.search(quantity="elevation"))
    for wanted in (name, observed):
        with pytest.raises(InputError, match="no product .* of a run lies in the catalogue; give"):
            adopt(catalogue, [wanted], Adoption("Hanako Sato", LATER))


def test_a_person_does_not_adopt_in_the_name_of_a_chain(fresh_store):
    """What a chain adopts is withdrawn where its record no longer says so: such an act would be lost without a word."""
    item = next(i.id for i in Catalogue(fresh_store).search(quantity="flood_extent"))
    with pytest.raises(InputError, match="is a chain's, got ' chain respond'; give a person's name"):
        adopt(Catalogue(fresh_store), [item], Adoption(" chain respond", LATER))


@pytest.mark.parametrize(("by", "reason"), [("", ""), ("  ", ""), ("x" * 201, ""), ("a\nb", ""), ("a", "b\x1b[2J")])
def test_an_adoption_names_its_adopter_in_plain_words(by, reason):
    with pytest.raises(InputError):
        Adoption(by, LATER, reason)
