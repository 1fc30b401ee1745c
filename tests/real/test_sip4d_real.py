"""The eight sample packages of the authors of SIP4D-ZIP, and their templates."""

import json
import re
import zipfile
from datetime import UTC, datetime
from io import BytesIO

import geopandas
import pytest
import shapely

from mitoshi.core.features import Column
from mitoshi.core.text import Text
from mitoshi.handover import sip4d
from mitoshi.handover.layers import Context, Issuer, LayerForHandover, Legend, LegendClass

pytestmark = pytest.mark.real

SAMPLES = {
    "052_20250801_0000000.zip": set(),
    "0100902_style.zip": {("wrong_value", "ttid")},  # its last digit is z
    "0304-02.zip": {("open_ring", "ring")},
    "20260609111841_R_1003665_20251004.zip": {("property_name", "iA1S"), ("property_name", "iRisk")},
    "bomtest.zip": {("bom", "byte order mark"), ("missing_key", "maintainer.e-mail")},
    "multi_geometry_type_err.zip": {("mixed_geometry", "Polygon + Point")},
    "polygon_style_err_sample.zip": {("missing_key", ".color"), ("missing_key", ".stroke"), ("missing_key", ".fill")},
    "ttid_nashi.zip": {("wrong_value", "ttid")},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_official_verdict_for_the_right_reason(shared_data, name):
    verdict = sip4d.check(shared_data(f"disaster/sip4d_zip/{name}"))
    wanted = SAMPLES[name]
    assert verdict.accepted == (not wanted)
    for code, words in wanted:
        assert any(r.code == code and words in r.message.en for r in verdict.errors), (code, verdict.errors)
    assert {r.code for r in verdict.errors} == {code for code, _ in wanted}


def test_every_feature_of_a_large_package_is_read(shared_data):
    verdict = sip4d.check(shared_data("disaster/sip4d_zip/20260609111841_R_1003665_20251004.zip"))
    assert verdict.features == 4658


@pytest.mark.parametrize("code", sorted(sip4d.information_codes()))
def test_our_codes_state_the_facts_of_the_templates(shared_data, code):
    told = json.loads(shared_data(f"disaster/sip4d_zip/template_1.1/{code}.json").read_text("utf-8"))
    columns = next(m for m in told["members"] if m["key"] == "columns")
    known = sip4d.information_code(code)
    assert [a.name for a in known.attributes] == [p["connid"] for p in told["properties_value"]]
    assert {a.name for a in known.attributes if a.declared} == {
        e["value"] for e in columns["exist_members"] if "value" in e
    }
    for ours, theirs in zip(known.attributes, told["properties_value"], strict=True):
        assert list(ours.choices.values()) == theirs.get("values", [])
        assert ours.kind == ("List" if "values" in theirs else theirs["type"])
        assert bool(ours.pattern) == ("string_formats" in theirs)


# ------------------------------------------------- our packages under the authors' own templates, read as they stand

PYTHON = {"String": str, "Integer": int, "Double": float, "Bool": bool, "Object": dict}


def breaches(data, template, path=""):
    """Yield what in `data` breaks a template of the authors (members, exist_members), interpreted independently of our rules."""
    for member in template["members"]:
        value, where = data.get(member["key"]), f"{path}.{member['key']}"
        if value is None:
            if member["necessary"]:
                yield f"{where} is missing"
            continue
        wanted = PYTHON.get(member["type"], list if member["type"].startswith("ArrayOf") else (int, float, str))
        if member["type"] == "Number":
            wanted = (int, float)
        if not isinstance(value, wanted):
            yield f"{where} is no {member['type']}"
        for text in value if member["type"] == "ArrayOfString" else [value] if isinstance(value, str) else []:
            rules = "values" in member or "string_formats" in member
            right = text in member.get("values", []) or any(re.match(f, text) for f in member.get("string_formats", []))
            if rules and not right and (member["necessary"] or text):
                yield f"{where} is {text}"
        if isinstance(value, (int, float)) and not member.get("min_value", value) <= value <= member.get(
            "max_value", value
        ):
            yield f"{where} is {value}"
        if "count_members" in member and data.get(member["count_members"]) not in (None, len(value)):
            yield f"{where} has another length than {member['count_members']}"
        for number, part in enumerate(value if member["type"] == "ArrayOfObject" else [value]):
            if "members" in member:
                yield from breaches(part, member, f"{where}[{number}]")
        for rule in member.get("exist_members", []):
            yield from missing(rule, data, value, where)


def missing(rule, parent, members, where):
    if "value" in rule:
        if rule["necessary"] and not any(m.get(k) == rule["value"] for m in members for k in rule["keys"]):
            yield f"{where} lacks {rule['value']}"
        return
    above = parent.get(rule.get("ifkey_p"))
    for member in members:
        asked = (
            above == rule["ifvalue_p"] if "ifvalue_p" in rule
            else above is not None and above >= rule["ifminvalue_p"] if "ifminvalue_p" in rule
            else any(member.get(k) == rule["ifvalue"] for k in rule.get("ifkeys", [rule.get("ifkey")]))
        )  # fmt: skip
        if asked and rule["necessary"]:
            yield from (f"{where} lacks {k}" for k in rule["keys"] if member.get(k) is None)


def layer_of(code):
    known = sip4d.information_code(code)
    shape = {"point": shapely.Point(139.5, 35.5), "line": shapely.LineString([(139, 35), (139.5, 35.5)])}.get(
        known.geometry, shapely.box(139, 35, 139.5, 35.5)
    )
    features = geopandas.GeoDataFrame(
        {"class": ["a", "b"], "depth": [1.5, None], "citycode": ["13101", None]}, geometry=[shape] * 2, crs=4326
    )
    columns = (
        Column("class", "str", Text("class", "区分")),
        Column("depth", "float", Text("depth", "浸水深"), "m"),
        Column("citycode", "str", Text("municipality code", "市区町村コード")),
    )
    classes = tuple(LegendClass(v, Text(v, v), "#2b8cbe") for v in "ab")
    return LayerForHandover(known.title, features, columns, code=code, legend=Legend("class", classes))


@pytest.mark.parametrize("code", sorted(sip4d.information_codes()))
def test_ours_break_no_template_of_the_authors(shared_data, code):
    folder = shared_data("disaster/sip4d_zip/template_1.1")
    context = Context(
        Text("Drill", "総合防災訓練"),
        datetime(2026, 11, 22, tzinfo=UTC),
        simulated=True,
        issuer=Issuer("市", "a@example.jp"),
    )
    content = sip4d.package(layer_of(code), "layer", context)
    with zipfile.ZipFile(BytesIO(content)) as file:
        members = {n: json.loads(file.read(n)) for n in file.namelist()}
    for suffix, template in (("meta.json", "temp_meta"), ("_columns.json", code), ("_style.json", "temp_style")):
        told = json.loads((folder / f"{template}.json").read_text("utf-8"))
        for name in (n for n in members if n.endswith(suffix)):
            assert list(breaches(members[name], told)) == [], name
    assert members["sip4d_zip_meta.json"]["testflg"] == "訓練"


def test_the_interpreter_of_the_templates_finds_what_the_samples_break(shared_data):
    folder = shared_data("disaster/sip4d_zip/template_1.1")
    for name, member, template, words in (
        ("ttid_nashi.zip", "sip4d_zip_meta.json", "temp_meta", "ttid"),
        (
            "polygon_style_err_sample.zip",
            "sample2_cti-flood_99-999-99_20251210090000_2_style.json",
            "temp_style",
            "fill",
        ),
    ):
        with zipfile.ZipFile(shared_data(f"disaster/sip4d_zip/{name}")) as file:
            data = json.loads(file.read(member))
        told = json.loads((folder / f"{template}.json").read_text("utf-8"))
        assert any(words in breach for breach in breaches(data, told))
