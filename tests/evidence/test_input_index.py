"""The private index: inputs that lie anywhere on this machine are found again, and nothing else is."""

from __future__ import annotations

import json
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256

import pytest

from mitoshi.evidence import input_index
from mitoshi.evidence.locating import locate


@pytest.fixture
def index(tmp_path, monkeypatch):
    file = tmp_path / "state" / "inputs.sqlite"
    monkeypatch.setenv("MITOSHI_INDEX", str(file))
    return file


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "data" / "scene.tif"
    path.parent.mkdir()
    path.write_bytes(b"pixels")
    return path


def bundle(folder, content=b"pixels"):
    (folder / "inputs").mkdir(parents=True)
    (folder / "inputs" / "locations.json").write_text("{}")
    (folder / "SHA256SUMS").write_text(f"{sha256(b'{}').hexdigest()}  inputs/locations.json\n")
    file = {"name": "scene.tif", "sha256": sha256(content).hexdigest(), "size": len(content)}
    return {"after": [{"name": "scene.tif", "kind": "file", "description": "", "files": [file]}]}


def test_an_input_elsewhere_is_found_by_its_checksum(index, scene, tmp_path):
    inputs = bundle(tmp_path / "home" / "flood")
    assert locate(tmp_path / "home" / "flood", inputs, None).missing
    input_index.record({scene: sha256(b"pixels").hexdigest()})
    assert locate(tmp_path / "home" / "flood", inputs, None).sources == {"after": [str(scene)]}


def test_a_file_that_changed_since_is_not_the_input(index, scene, tmp_path):
    input_index.record({scene: sha256(b"pixels").hexdigest()})
    scene.write_bytes(b"forged")
    result = locate(tmp_path / "b", bundle(tmp_path / "b"), None)
    assert "--inputs" in result.missing[0]
    assert result.sources == {}


def test_a_copy_is_taken_where_the_first_is_gone(index, scene, tmp_path):
    copy = tmp_path / "copy.tif"
    copy.write_bytes(b"pixels")
    digest = sha256(b"pixels").hexdigest()
    input_index.record({copy: digest})
    input_index.record({scene: digest})
    assert input_index.known_paths(digest) == (scene, copy)  # the latest first
    scene.unlink()
    assert locate(tmp_path / "b", bundle(tmp_path / "b"), None).sources == {"after": [str(copy)]}


def test_only_its_owner_may_read_it(index, scene):
    input_index.record({scene: "0" * 64})
    assert stat.S_IMODE(index.stat().st_mode) == 0o600
    assert stat.S_IMODE(index.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, but long enough to be looked at" * 40, b"SQLite format 3\0cut"]
)
def test_a_damaged_index_is_no_error_and_made_anew(index, scene, content):
    index.parent.mkdir()
    index.write_bytes(content)
    assert input_index.known_paths("0" * 64) == ()
    assert input_index.size() == 0
    input_index.record({scene: "0" * 64})
    assert input_index.known_paths("0" * 64) == (scene,)


def test_a_table_of_another_shape_is_no_error(index, scene):
    index.parent.mkdir()
    with sqlite3.connect(index) as database:
        database.execute("CREATE TABLE inputs (x)")
    database.close()
    assert input_index.known_paths("0" * 64) == ()
    input_index.record({scene: "0" * 64})


def test_a_folder_that_cannot_be_written_does_not_stop_a_run(monkeypatch, scene, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MITOSHI_INDEX", str(tmp_path / "file" / "index.sqlite"))
    input_index.record({scene: "0" * 64})
    assert input_index.size() == 0


def test_off_is_off(monkeypatch, scene):
    monkeypatch.setenv("MITOSHI_INDEX", "off")
    input_index.record({scene: "0" * 64})
    assert input_index.index_file() is None
    assert input_index.size() == 0


def test_the_home_is_the_default(monkeypatch, tmp_path):
    monkeypatch.delenv("MITOSHI_INDEX")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert input_index.index_file() == tmp_path / "mitoshi" / "inputs.sqlite"
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert input_index.index_file() == tmp_path / ".local" / "state" / "mitoshi" / "inputs.sqlite"


def test_the_oldest_leave_first(index, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(input_index, "MOST", 3)
    for n in range(5):
        input_index.record({tmp_path / f"{n}.tif": f"{n}" * 64})
    assert input_index.size() == 3
    assert input_index.known_paths("0" * 64) == ()
    assert input_index.known_paths("4" * 64) == (tmp_path / "4.tif",)


def _record(number):
    from pathlib import Path

    input_index.record({Path(f"/data/{number}.tif"): f"{number:064d}"})


def test_several_runs_write_at_once(index):
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(_record, range(24)))
    assert input_index.size() == 24


def test_forget_forgets(index, scene):
    from click.testing import CliRunner

    from mitoshi.interfaces.cli import cli

    input_index.record({scene: "0" * 64})
    assert json.loads(CliRunner().invoke(cli, ["index", "--json"]).output)["files"] == 1
    assert json.loads(CliRunner().invoke(cli, ["index", "--forget", "--json"]).output)["forgotten"] is True
    assert not index.exists()
    assert input_index.size() == 0
