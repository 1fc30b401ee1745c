"""The built page in the package belongs to its sources, asks nobody else for anything, and is small."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from mitoshi.interfaces.api.pages import STATIC

SOURCES = Path(__file__).parent.parent.parent / "viewer"
MADE_FROM = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src")
MOST_BYTES = 15_000_000


def _digest(folder: Path) -> str:
    """Return one SHA-256 over the sources: of each file its address, a NUL, its SHA-256 and a newline."""
    paths = [p for name in MADE_FROM for p in ((folder / name).rglob("*") if name == "src" else [folder / name])]
    named = sorted((p.relative_to(folder).as_posix(), p) for p in paths if p.is_file())
    lines = (f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for name, path in named)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.skipif(not SOURCES.exists(), reason="an installed package has no sources of the page")
def test_the_build_was_made_from_these_sources():
    said = json.loads((STATIC / "build.json").read_text())
    assert said["sources"] == _digest(SOURCES), "run npm run build in viewer/ and commit what it makes"


@pytest.mark.skipif(not SOURCES.exists(), reason="an installed package has no sources of the page")
def test_the_lock_file_names_no_host():
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert set(lock["packages"][""]["dependencies"]) == {"@cesium/engine"}


def test_the_page_needs_no_inline_script_or_style():
    page = (STATIC / "index.html").read_text()
    assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
    assert re.search(r"<style|\sstyle=|\son\w+=|javascript:", page) is None
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    assert all((STATIC / address).is_file() for address in addresses)


def test_the_build_is_small_and_says_whose_work_it_is():
    files = [p for p in STATIC.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < MOST_BYTES
    assert not [p.name for p in files if p.suffix == ".map"]
    assert any("Apache License" in p.read_text() for p in files if p.name.startswith("LICENSE"))
