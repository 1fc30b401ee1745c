import json
import struct
import tracemalloc
import zipfile

import pytest

from mitoshi.core.errors import InputError
from mitoshi.handover import sip4d
from mitoshi.handover.sip4d import archive as door
from mitoshi.handover.sip4d.rules import CATEGORIES

META = {
    "format": "SIP4D-ZIP",
    "version": "1.1",
    "payload_type": "VECTOR",
    "title": "浸水域",
    "ttid": "5363bffc-5ac8-37ba-905a-7634e2c0060a",
    "code": "01-008-03",
    "category": "洪水",
    "tags": [],
    "updated": "2026-11-22T21:05:00",
    "information_date": "2026-11-22T21:05:00",
    "author": {"name": "a"},
    "maintainer": {"name": "a", "e-mail": "a@example.jp"},
    "disaster": {"name": "d"},
    "openflg": "災害対応機関のみ公開可能",
    "testflg": "訓練",
    "character": "UTF-8",
    "license_id": "cc-by",
    "note": "n",
    "entry_num": 1,
    "entry": [{"type": "GeoJSON", "title": "t", "file": "f.geojson", "updated": "2026-11-22T21:05:00"}],
}
COLUMNS = {
    "version": "1",
    "code": "01-008-03",
    "num_column": 2,
    "columns": [
        {"name": "citycode", "connid": "citycode", "show": True, "type": "String"},
        {"name": "depth", "show": False, "type": "Double"},
    ],
}
STYLE = {
    "num_class": 1,
    "type": "polygon",
    "classes": [{"title": "t", "color": "0000FF", "stroke": 1, "fill": "0000FF"}],
}
SQUARE = [[[139.0, 35.0], [139.1, 35.0], [139.1, 35.1], [139.0, 35.0]]]


def feature(coordinates=SQUARE, kind="Polygon", **properties):
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def made(tmp_path):
    """Return a function that zips changed copies of a good package and checks them."""

    def make(meta=META, columns=COLUMNS, style=STYLE, data=None, **more):
        path = tmp_path / "p.zip"
        data = collection(feature(citycode="13101", depth=1.5)) if data is None else data
        members = {"sip4d_zip_meta.json": meta, "f_columns.json": columns, "f_style.json": style, "f.geojson": data}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in {**members, **more}.items():
                if content is not None:
                    raw = content if isinstance(content, (bytes, str)) else json.dumps(content, ensure_ascii=False)
                    file.writestr(name, raw)
        return sip4d.check(path)

    return make


def codes(verdict):
    return [r.code for r in verdict.errors]


def without(told, key):
    return {k: v for k, v in told.items() if k != key}


def test_a_right_package_is_accepted_without_a_word(made):
    verdict = made()
    assert verdict == sip4d.Verdict(True, (), "1.1", "01-008-03", "浸水域", 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"meta": None}, "missing_metadata"),
        ({"meta": "{"}, "not_json"),
        ({"meta": b"\xef\xbb\xbf" + json.dumps(META).encode()}, "bom"),
        ({"meta": json.dumps(META, ensure_ascii=False).encode("cp932", "replace")}, "not_utf8"),
        ({"meta": {**META, "version": "3"}}, "wrong_value"),
        ({"meta": {**META, "ttid": ""}}, "wrong_value"),
        ({"meta": {**META, "category": "flood"}}, "wrong_value"),
        ({"meta": {**META, "testflg": "exercise"}}, "wrong_value"),
        ({"meta": {**META, "updated": "2026-11-22T21:05:00Z"}}, "wrong_value"),
        ({"meta": {**META, "entry_num": 2}}, "wrong_count"),
        ({"meta": {**META, "entry_num": "1"}}, "wrong_type"),
        ({"meta": without(META, "disaster")}, "missing_key"),
        ({"meta": {**META, "maintainer": {"name": "a"}}}, "missing_key"),
        ({"meta": {**META, "lgcode": ["1"]}}, "wrong_value"),
        ({"data": ""}, "not_json"),
        ({"columns": None}, "missing_columns"),
        ({"columns": {**COLUMNS, "num_column": 3}}, "wrong_count"),
        ({"columns": {**COLUMNS, "code": "99-999-99"}}, "wrong_value"),
        ({"style": {**STYLE, "classes": [without(STYLE["classes"][0], "fill")]}}, "missing_key"),
        ({"style": {**STYLE, "classes": [{**STYLE["classes"][0], "fill": "#0000FF"}]}}, "wrong_value"),
        ({"style": {**STYLE, "num_class": 2, "classes": STYLE["classes"] * 2}}, "missing_key"),
        ({"style": {**STYLE, "type": "point", "classes": [{"title": "t", "point_type": "icon", "size": 9, "icon": "no.png"}]}}, "missing_file"),
        ({"data": collection(feature(), feature([139.0, 35.0], "Point"))}, "mixed_geometry"),
        ({"data": collection(feature([[[139.0, 35.0], [139.1, 35.0], [139.1, 35.1], [139.0, 35.1]]]))}, "open_ring"),
        ({"data": collection(feature([139, 35], "Point"))}, "bad_position"),
        ({"data": collection(feature([139.0, 35.0, 3.0], "Point"))}, "bad_position"),
        ({"data": collection(feature([500000.0, 35.0], "Point"))}, "out_of_range"),
        ({"data": collection(feature([[139.0, 35.0]], "LineString"))}, "bad_geometry"),
        ({"data": collection(feature([], "GeometryCollection"))}, "unknown_geometry"),
        ({"data": collection(feature(Depth=1.0))}, "property_name"),
        ({"data": collection(feature(depth="deep"))}, "wrong_type"),
        ({"data": collection(feature(depth=1))}, "wrong_type"),
        ({"data": collection(feature(citycode="1"))}, "wrong_value"),
        ({"data": collection({"type": "Feature", "properties": {}})}, "no_geometry"),
        ({"data": collection(feature([], {"a": 1}))}, "unknown_geometry"),
        ({"data": collection(feature([1e999, 0.0], "Point"))}, "not_json"),
        ({"meta": json.dumps(META)[:-1] + ', "x": NaN}'}, "not_json"),
        ({"meta": json.dumps(META)[:-1] + ', "x": ' + "9" * 5000 + "}"}, "not_json"),
        ({"data": {"type": "FeatureCollection"}}, "no_features"),
        ({"data": {"type": "Feature", "features": []}}, "no_collection"),
        ({"data": '{"type":"FeatureCollection","features":[{},]}'}, "not_json"),
        ({"data": '{"type":"FeatureCollection","features":[]} x'}, "not_json"),
        ({"data": '{"type":"FeatureCollection","features":[NaN]}'}, "not_json"),
        ({"data": '{"type":"FeatureCollection","features":[' + "[" * 100_000}, "not_json"),
        ({"data": '{"type":"FeatureCollection","x":' + "[" * 99 + "]" * 99 + ',"features":[]}'}, "not_json"),
        ({"data": '{"type":"FeatureCollection","features":[{"type":"Feature","type":"a"}]}'}, "not_json"),
        ({"data": '{"type":"FeatureCollection","features":[],"x":' + "9" * 400 + "}"}, "not_json"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_rejects(made, change, code):
    verdict = made(**change)
    assert not verdict.accepted
    assert code in codes(verdict)
    assert all(r.message.en and r.message.ja for r in verdict.reasons)


def test_a_missing_file_of_an_entry_is_named(made):
    entry = [{**META["entry"][0], "file": "other.geojson"}]
    assert codes(made(meta={**META, "entry": entry})) == ["missing_file"]


@pytest.mark.parametrize(
    ("kind", "coordinates", "shape", "symbol"),
    [
        ("MultiPolygon", [SQUARE], "polygon", {}),
        ("MultiLineString", [[[139.0, 35.0], [139.1, 35.0]]], "line", {}),
        ("MultiPoint", [[139.0, 35.0]], "point", {"point_type": "circle", "size": 9}),
    ],
)
def test_multi_geometries_of_one_kind_are_allowed(made, kind, coordinates, shape, symbol):
    style = {**STYLE, "type": shape, "classes": [{**STYLE["classes"][0], **symbol}]}
    verdict = made(style=style, data=collection(feature(coordinates, kind)))
    assert verdict.accepted
    assert [r.code for r in verdict.reasons] == ([] if shape == "polygon" else ["geometry_of_code"])


def test_what_is_unwise_is_said_but_accepted(made):
    verdict = made(style=None, data=collection())
    assert verdict.accepted
    assert [r.code for r in verdict.reasons] == ["no_style", "empty"]


def test_a_fault_of_many_features_is_said_once(made):
    verdict = made(data=collection(*[feature(Depth=1.0)] * 500))
    (reason,) = verdict.errors
    assert "500 times" in reason.message.en
    assert "500か所" in reason.message.ja


def test_required_attributes_follow_the_code(made):
    meta = {**META, "code": "01-001-01", "category": "避難"}
    columns = {"version": "1", "code": "01-001-01", "num_column": 1, "columns": [{"name": "name", "show": True}]}
    verdict = made(meta=meta, columns=columns)
    odd = {"name": "eststts", "show": True, "conn_attr_list": 5}
    assert "wrong_type" in codes(made(meta=meta, columns={**columns, "columns": [odd]}))
    assert [r.code for r in verdict.errors] == ["missing_attribute"] * 2
    assert "eststts" in verdict.errors[0].message.en


def test_a_list_has_keys_and_its_values_bind(made):
    column = {
        "name": "state",
        "show": True,
        "type": "List",
        "num_key": 2,
        "key_list": ["a", "b"],
        "value_list": ["A", "B"],
    }
    columns = {**COLUMNS, "num_column": 1, "columns": [column]}
    assert made(columns=columns, data=collection(feature(state="a"), feature(state=""), feature(state=None))).accepted
    assert codes(made(columns=columns, data=collection(feature(state="c")))) == ["wrong_value"]
    assert codes(made(columns={**columns, "columns": [without(column, "key_list")]})) == ["missing_key"]


def test_version_2_states_its_geometry(made):
    meta = {**META, "version": "2.0"}
    style = {"num_style": 1, "styles": [{"id": "1", "type": "Polygon", "num_class": 1, "classes": STYLE["classes"]}]}
    columns = {**COLUMNS, "type": "Polygon"}
    assert made(meta=meta, columns=columns, style=style).accepted
    assert codes(made(meta=meta, columns={**COLUMNS, "type": "Point"}, style=style)) == ["wrong_value"]
    verdict = made(meta=meta, columns=columns, style=style, data=collection(feature([139.0, 35.0], "Point")))
    assert codes(verdict) == ["geometry_type"]


# ------------------------------------------------------------------------------------------- hostile packages


@pytest.mark.parametrize("name", ["../evil.json", "/etc/cron.d/x", "a\\b", "C:x", "a//b", "./a", "a/../b"])
def test_a_name_that_leaves_the_package_is_refused(made, name):
    verdict = made(**{name: "x"})
    assert codes(verdict) == ["unsafe_name"]


def test_a_symbolic_link_is_refused(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as file:
        link = zipfile.ZipInfo("sip4d_zip_meta.json")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    assert codes(sip4d.check(path)) == ["unsafe_name"]


def test_a_bomb_is_refused_before_it_goes_off(made):
    verdict = made(**{"bomb.json": b"0" * (30 * 2**20)})
    assert codes(verdict) == ["bomb"]


def test_a_lying_size_does_not_cost_memory(tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("sip4d_zip_meta.json", b"0" * (200 * 2**20))
    raw = path.read_bytes()
    large, small = struct.pack("<I", 200 * 2**20), struct.pack("<I", 1000)
    assert raw.count(large) == 2
    path.write_bytes(raw.replace(large, small))
    tracemalloc.start()
    verdict = sip4d.check(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not verdict.accepted
    assert peak < 4 * 2**20


def test_a_huge_directory_is_refused_unread(tmp_path):
    path = tmp_path / "p.zip"
    path.write_bytes(b"x" * 64 + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, 2**31, 0, 0))
    assert codes(sip4d.check(path)) == ["too_large"]
    path.write_bytes(b"x" * 64 + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 60000, 60000, 100, 0, 0))
    assert codes(sip4d.check(path)) == ["too_many_files"]
    path.write_bytes(b"PK\x06\x07" + b"\0" * 16 + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 100, 0, 0))
    assert codes(sip4d.check(path)) == ["zip64"]


def test_a_member_larger_than_the_limit_is_not_read(made, monkeypatch):
    monkeypatch.setattr(door, "MOST_MEMBER_BYTES", 1000)
    verdict = made(**{"f.geojson": json.dumps(collection(*[feature()] * 50))})
    assert "too_large" in codes(verdict)


def test_damage_encryption_and_double_names_are_named(tmp_path, made):
    made()
    path = tmp_path / "p.zip"
    whole = path.read_bytes()
    at = whole.index(b"sip4d_zip_meta.json") + 60
    path.write_bytes(whole[:at] + b"\xff\xff\xff" + whole[at + 3 :])
    assert "damaged" in codes(sip4d.check(path))
    place = whole.index(b"PK\x01\x02") + 8
    path.write_bytes(whole[:place] + b"\x01" + whole[place + 1 :])
    assert "encrypted" in codes(sip4d.check(path))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a", "2")
    assert codes(sip4d.check(path)) == ["duplicate_name"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_zip_is_rejected(tmp_path, content):
    path = tmp_path / "p.zip"
    path.write_bytes(content)
    assert codes(sip4d.check(path)) == ["not_a_zip"]


def test_truncations_never_crash(tmp_path, made):
    made()
    whole = (tmp_path / "p.zip").read_bytes()
    path = tmp_path / "cut.zip"
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        assert not sip4d.check(path).accepted


def test_no_file_is_a_usage_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        sip4d.check(tmp_path / "no.zip")


def test_the_known_codes_are_those_of_the_standard():
    known = sip4d.information_codes()
    assert len(known) == 18
    assert {c.category for c in known.values()} <= set(CATEGORIES)
    assert known["01-008-03"].geometry == "polygon"
    assert known["01-005-02"].attribute("passstts").choices["road_close"] == "通行止め・閉鎖"


def test_no_damage_to_any_member_crashes_the_check(tmp_path, made):
    """Every node of every file is replaced by every kind of JSON in turn."""
    made()
    with zipfile.ZipFile(tmp_path / "p.zip") as file:
        members = {n: json.loads(file.read(n)) for n in file.namelist()}
    for name, told in members.items():
        for path in list(nodes(told)):
            for junk in (None, True, -1, 1.5, "", [], {}, [[]], [{}], {"a": [1]}):
                changed = put(json.loads(json.dumps(told)), path, junk)
                with zipfile.ZipFile(tmp_path / "q.zip", "w") as file:
                    for other, content in {**members, name: changed}.items():
                        file.writestr(other, json.dumps(content))
                assert isinstance(sip4d.check(tmp_path / "q.zip").accepted, bool)


def nodes(told, path=()):
    yield path
    for key in told if isinstance(told, dict) else range(len(told)) if isinstance(told, list) else ():
        yield from nodes(told[key], (*path, key))


def put(told, path, junk):
    if not path:
        return junk
    place = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    return told
