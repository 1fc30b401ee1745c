"""Versions of methods in the documentation are those of the declarations."""

from __future__ import annotations

import re
from pathlib import Path

from mitoshi.core.discovery import methods

ROOT = Path(__file__).resolve().parents[2]
VERSION = r"\d+\.\d+\.\d+"
STATED = re.compile(rf'\b([a-z]+\.[a-z][a-z-]*[a-z])`?(?:", "version": "| )({VERSION})\b')


def test_every_version_of_a_method_in_the_documentation_is_the_present_one():
    pages = [ROOT / "README.md", *(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts)]
    known = {name: declared.version for name, declared in methods().items()}
    stated = [(p.name, *m.groups()) for p in pages for m in STATED.finditer(p.read_text("utf-8")) if m[1] in known]
    assert stated, "no page gives a version; the pattern no longer fits"
    old = [f"{page}: {name} {version}, now {known[name]}" for page, name, version in stated if version != known[name]]
    assert not old
