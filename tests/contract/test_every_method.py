"""What every declared method keeps, whoever wrote it."""

from __future__ import annotations

import json
import pickle
import re

import numpy as np
import pytest
from click.testing import CliRunner

from mitoshi.core.describe import describe, json_schema
from mitoshi.core.discovery import find
from mitoshi.core.errors import ParameterError
from mitoshi.core.grid import tiles
from mitoshi.core.method import Scene, Whole
from mitoshi.core.product import Coded, Listed
from mitoshi.core.scene import ArrayScene


def layers(result):
    """Return the rasters of a result."""
    return {name: np.asarray(value) for name, value in result._asdict().items() if not hasattr(value, "columns")}


def same(one, other):
    for name, values in layers(one).items():
        np.testing.assert_array_equal(values, layers(other)[name], err_msg=name)
    for name, values in one._asdict().items():
        if hasattr(values, "columns"):
            assert values.equals(getattr(other, name)), name


def cut(arrays, rows, columns):
    """Return a window of every raster; lists of features stay whole, as a runner hands them over."""
    return [a if hasattr(a, "columns") else a[..., rows, columns] for a in arrays]


def grid(arrays):
    """Return the position of the first raster."""
    return next(n for n, a in enumerate(arrays) if not hasattr(a, "columns"))


def surveyed(declared, arrays):
    """Return the keyword that hands over the survey, as the runner does it."""
    if not isinstance(declared.support, Scene):
        return {}
    view = ArrayScene({d.name: a for d, a in zip(declared.data, arrays, strict=True)})
    return {declared.surveyed: declared.survey(view, declared.bind_parameters({}))}


def test_it_is_found_by_name_and_pickles(declared):
    assert find(declared.name) is declared
    assert pickle.loads(pickle.dumps(declared)) is declared
    assert re.fullmatch(r"[a-z]+\.[a-z0-9-]+", declared.name)
    assert re.fullmatch(r"\d+\.\d+\.\d+", declared.version)


def test_everything_is_documented_in_both_languages(declared):
    assert declared.reference
    assert len(declared.doc) > 200
    for text in (declared.title, *declared.caveats, *(o.layer.title for o in declared.outputs)):
        assert text.en
        assert re.search(r"[぀-ヿ一-鿿]", text.ja), text
    for part in (*declared.data, *declared.parameters, *declared.outputs):
        assert part.doc, f"{part.name} is not documented"


def test_data_arguments_and_parameters_are_described_in_both_languages(declared):
    described = describe(declared)
    for part in (*described["data"], *described["parameters"]):
        assert part["text"]["en"], part["name"]
        assert re.search(r"[぀-ヿ一-鿿]", part["text"]["ja"]), f"{part['name']} has no Japanese description"


def test_parameters_are_bounded_and_their_defaults_fit(declared):
    for p in declared.parameters:
        assert p.choices or p.type is bool or (p.lower is not None and p.upper is not None), f"{p.name} has no bounds"
        assert p.checked(p.default) == p.default
        if p.upper is not None:
            with pytest.raises(ParameterError, match=p.name):
                p.checked(p.type(p.upper + 1))


def test_every_output_has_its_uncertainty_or_the_reason_why_not(declared):
    names = {o.name for o in declared.outputs}
    for o in declared.outputs:
        inside = {c.name for c in o.layer.columns} if isinstance(o.layer, Listed) else set()
        named = {part.strip() for part in (o.layer.uncertainty or "").split(",") if part.strip()}
        assert (named and named <= names | inside) or all(len(t) > 5 for t in o.layer.no_uncertainty or ("",)), o.name
        if isinstance(o.layer, Listed):
            assert all(re.search(r"[぀-ヿ一-鿿]", c.title.ja) for c in o.layer.columns), o.name
        if isinstance(o.layer, Coded):
            assert o.layer.nodata in {c.code for c in o.layer.classes}


def test_a_rerun_is_identical_and_leaves_its_inputs_alone(declared, inputs):
    arrays = inputs(declared)
    kept = [a.copy(deep=True) for a in arrays]
    same(declared(*arrays), declared(*arrays))
    for before, after in zip(kept, arrays, strict=True):
        if hasattr(before, "columns"):
            assert before.equals(after)
        else:
            np.testing.assert_array_equal(before, after)
        assert before.attrs == after.attrs


@pytest.mark.parametrize("size", [97, 160])
def test_tiled_equals_whole(declared, inputs, size):
    if isinstance(declared.support, Whole):
        pytest.skip("the method sees the whole scene and is never called in tiles")
    arrays = inputs(declared)
    whole = layers(declared(*arrays))
    found = surveyed(declared, arrays)
    lists = {n: v for n, v in declared(*arrays)._asdict().items() if hasattr(v, "columns")}
    for tile in tiles(arrays[grid(arrays)].shape[-2:], size, declared.support.margin):
        part = declared(*cut(arrays, *tile.read), **found)
        for name, values in layers(part).items():
            np.testing.assert_array_equal(values[tile.crop], whole[name][tile.write], err_msg=f"{name} {tile}")
        for name, values in lists.items():  # lists come from the survey: every tile gives the same ones
            assert values.equals(getattr(part, name)), f"{name} {tile}"


def test_what_is_missing_spreads_only_within_the_support(declared, inputs):
    """With the survey held fixed, one missing pixel changes nothing beyond the margin."""
    if isinstance(declared.support, Whole):
        pytest.skip("the method's support is the whole scene")
    arrays = inputs(declared)
    found = surveyed(declared, arrays)
    row, column = 150, 170
    holed = [a.copy(deep=True) for a in arrays]
    holed[grid(holed)][..., row, column] = np.nan
    reach = declared.support.margin
    for name, values in layers(declared(*arrays, **found)).items():
        changed = values != layers(declared(*holed, **found))[name]
        both = (
            np.isnan(values) & np.isnan(layers(declared(*holed, **found))[name]) if values.dtype.kind == "f" else False
        )
        rows, columns = np.nonzero(changed & ~both)
        assert (np.abs(rows - row) <= reach).all(), name
        assert (np.abs(columns - column) <= reach).all(), name


def test_coded_layers_use_their_codes_alone(declared, inputs):
    result = layers(declared(*inputs(declared)))
    for o in declared.outputs:
        if isinstance(o.layer, Coded):
            assert result[o.name].dtype == np.uint8
            assert set(np.unique(result[o.name])) <= {c.code for c in o.layer.classes}
        elif o.is_raster:
            assert result[o.name].dtype == np.float32


def test_the_command_line_and_the_schema_say_what_the_signature_says(declared):
    from mitoshi.interfaces.cli.run import method_command

    command = method_command(declared)
    options = {p.name: p for p in command.params}
    schema = json_schema(declared)
    assert schema["additionalProperties"] is False
    for p in declared.parameters:
        assert options[p.name].default == p.default == schema["properties"][p.name]["default"]
    for d in declared.data:
        assert f"--{d.name.replace('_', '-')}" in options[d.name].opts
    assert json.loads(json.dumps(describe(declared)))["name"] == declared.name
    wrong = CliRunner().invoke(command, ["--out", "x", "--no-such-thing", "1"])
    assert wrong.exit_code == 2
    assert "no-such-thing" in wrong.output
