"""The page of what may be said of a file is what the code says, and each of its examples is understood."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from mitoshi.core.quantity import QUANTITIES
from mitoshi.sensors import Description
from mitoshi.sensors.observation import FEATURE_KINDS

DOCS = Path(__file__).parents[2] / "docs"
SPEC = importlib.util.spec_from_file_location("build_inputs", DOCS / "build_inputs.py")
build_inputs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build_inputs)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_is_what_the_code_says(language):
    written = build_inputs.PAGES[language].read_text("utf-8")
    assert written == build_inputs.page(language), "run python docs/build_inputs.py and commit what it writes"
    for name in (*Description.__dataclass_fields__, *QUANTITIES, *FEATURE_KINDS):
        assert f"| `{name}` |" in written


def test_every_example_is_understood():
    for name, key in build_inputs.KEYS.items():
        described = Description.parse(key.example.removeprefix("#"))
        assert getattr(described, name) not in (None, ())


def test_the_pages_can_be_found():
    for page, link in (
        ("docs/tour.md", "inputs.md"),
        ("README.md", "docs/inputs.md"),
        ("docs/ja/README.md", "inputs.md"),
    ):
        assert f"]({link})" in (DOCS.parent / page).read_text("utf-8")
