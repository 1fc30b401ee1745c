"""The eight sample packages of the authors of SIP4D-ZIP, and their templates."""

import json

import pytest

from mitoshi.handover import sip4d

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
