"""Contract: the tools say of every method what its signature says, and nothing else."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator

from mitoshi.core.describe import describe, json_schema
from mitoshi.core.discovery import methods
from mitoshi.core.errors import ParameterError
from mitoshi.interfaces.mcp.context import told
from mitoshi.interfaces.mcp.tools import arguments_of, tool_name, tools

EVERY_RUN = {"area", "event", "wait_seconds", "language"}
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what every known client allows


@pytest.mark.parametrize("name", methods())
def test_the_tool_of_a_method_agrees_with_its_signature(name):
    method = methods()[name]
    schema = tools()[tool_name(name)].definition.input_schema
    described, parameters = describe(method), json_schema(method)["properties"]
    properties = schema["properties"]
    assert set(properties) == {d["name"] for d in described["data"]} | set(parameters) | EVERY_RUN
    assert {n: properties[n] for n in parameters} == parameters
    for argument in described["data"]:
        assert properties[argument["name"]]["type"] == "string"
        assert all(kind in properties[argument["name"]]["description"] for kind in argument["accepts"])
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", methods())
def test_the_tool_of_a_method_is_told_in_both_languages_with_its_source_and_caveats(name):
    method, tool = methods()[name], tools()[tool_name(name)].definition
    assert tool.title == f"{method.title.en} / {method.title.ja}"
    assert method.reference in tool.description
    assert all(caveat.en in tool.description for caveat in method.caveats)
    assert all(output.name in tool.description for output in method.outputs)
    assert "Parameters\n---" not in tool.description


def test_every_tool_is_one_that_clients_take():
    for name, tool in tools().items():
        definition = tool.definition
        assert NAME.fullmatch(name)
        Draft202012Validator.check_schema(definition.input_schema)
        Draft202012Validator.check_schema(definition.output_schema)
        assert definition.input_schema["type"] == definition.output_schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf"} & set(definition.input_schema)  # several models' interfaces refuse these
        assert definition.annotations.read_only_hint is not None
        assert definition.annotations.destructive_hint is (name == "cancel")
        assert all(
            "description" in p or p.get("type") != "string" for p in definition.input_schema["properties"].values()
        )


def test_every_method_and_nothing_but_the_house_tools_besides():
    assert set(tools()) - {tool_name(n) for n in methods()} == {
        "search",
        "describe",
        "verify",
        "score",
        "job",
        "cancel",
        "value",
    }


def test_what_a_tool_does_not_take_is_refused_with_the_nearest_name():
    search = tools()["search"]
    assert arguments_of(search, {}) == {"limit": 20, "offset": 0, "language": "en"}
    assert arguments_of(search, {"quantity": None}) == arguments_of(search, {})
    with pytest.raises(ParameterError, match="did you mean 'quantity'"):
        arguments_of(search, {"quantty": "elevation"})
    for wrong in ({"limit": 101}, {"limit": 0}, {"offset": -1}, {"bbox": [1, 2, 3]}, {"language": "fr"}, {"time": 5}):
        with pytest.raises(ParameterError):
            arguments_of(search, wrong)
    with pytest.raises(ParameterError, match="needs bundle"):
        arguments_of(tools()["verify"], {})
    with pytest.raises(ParameterError, match="wait_seconds"):
        arguments_of(tools()["disaster_flood-extent"], {"wait_seconds": 1e9})


def test_an_error_tells_no_folder_of_the_machine_and_keeps_addresses():
    error = ValueError("/srv/store/service/runs/a/flood.tif is not '/etc/x' but https://example.org/a/b, 1.0/2.0")
    assert told(error) == "flood.tif is not 'x' but https://example.org/a/b, 1.0/2.0"
    assert len(told(ValueError("x" * 10_000))) == 600
    assert "\n" not in told(ValueError("a\nb"))
