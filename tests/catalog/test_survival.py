"""A catalogue that is killed at every step of every write, runs out of disk, or is written by two at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import BundleError, RunError

# Forks once per step; each child ingests into its own copy of the store and is killed by the kernel at that step.
KILLER = """
import os, signal, sys
from pathlib import Path
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import UnknownFileError

def describe(path):
    raise UnknownFileError(path)

def ingest(store, last):
    seen = 0
    def watch(step):
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
    Catalogue(store, watch=watch).ingest([sys.argv[2]], describe)
    os._exit(0)

for number, store in enumerate(sorted(Path(sys.argv[1]).iterdir()), 1):
    child = os.fork()
    if child == 0:
        ingest(store, number)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}")
"""

FULL_DISK = """
import resource, sys
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import RunError, UnknownFileError

def describe(path):
    raise UnknownFileError(path)

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    Catalogue(sys.argv[1]).ingest([sys.argv[2]], describe)
except RunError as error:
    print(error)
"""

INGEST = """
import sys
from mitoshi.catalog import Catalogue
from mitoshi.core.errors import UnknownFileError

def describe(path):
    raise UnknownFileError(path)

report = Catalogue(sys.argv[1]).ingest(sys.argv[2:], describe)
print(len(report.added), len(report.unchanged), len(report.refused))
"""


def unknown(path):
    from mitoshi.core.errors import UnknownFileError

    raise UnknownFileError(f"{path} is unknown")


def run(program: str, *arguments: object) -> list[str]:
    # In one process: each of its forked children would start a reader of its own.
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"MITOSHI_ISOLATION": "0"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def ids(store: Path) -> list[str]:
    return [i.id for i in Catalogue(store).search()]


def written(folder: Path, items: list[dict]) -> Path:
    folder.mkdir()
    for number, one in enumerate(items):
        (folder / f"{number:03}.json").write_text(json.dumps(one))
    return folder


@pytest.mark.slow
def test_a_kill_at_any_write_leaves_the_old_or_the_new_state_and_the_next_ingest_completes_it(tmp_path, item):
    # Eight small parts are there, so the ingest adds a ninth, merges all nine, and removes the old ones.
    store = tmp_path / "store"
    for number in range(8):
        Catalogue(store).add([item(f"old-{number}", west=130.0 + number), item(f"also-{number}", west=130.0 + number)])
    # One item is new, one replaces an old one.
    new = written(tmp_path / "new", [item("new-0"), item("old-0", west=130.0, cloud=1)])
    steps: list[str] = []
    shutil.copytree(store, tmp_path / "whole")
    Catalogue(tmp_path / "whole", watch=steps.append).ingest([new], unknown)
    assert len([s for s in steps if s.startswith("renamed")]) == 3  # the part, the merged part, the manifest
    assert len([s for s in steps if s.startswith("remove")]) == 9
    after = ids(tmp_path / "whole")
    before = ids(store)
    assert len(before) == 16
    assert len(after) == 17

    copies = tmp_path / "copies"
    for number in range(len(steps)):
        shutil.copytree(store, copies / f"{number:03}")
    outcomes = run(KILLER, copies, new)
    assert outcomes == ["killed"] * len(steps)

    published = next(n for n, s in enumerate(steps) if s == "renamed manifest.json")
    for number, copy in enumerate(sorted(copies.iterdir())):
        assert ids(copy) == (after if number >= published else before), steps[number]
        Catalogue(copy).check()
        Catalogue(copy).ingest([new], unknown)
        assert ids(copy) == after, steps[number]
        changed = next(i for i in Catalogue(copy).search() if i.id == "old-0")
        assert changed.properties["cloud"] == 1
        Catalogue(copy).check()
        # A second ingest of anything sweeps what a killed one left.
        Catalogue(copy).add([item("later", time="2030-01-01T00:00:00Z")])
        assert not [p.name for p in copy.iterdir() if p.name.startswith(".new-")]


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line_and_changes_nothing(tmp_path, item):
    store = tmp_path / "store"
    Catalogue(store).add([item("old")])
    kept = {p.name: p.read_bytes() for p in store.iterdir()}
    new = written(tmp_path / "new", [item(f"new-{n}", title="x" * n) for n in range(50)])
    (line,) = run(FULL_DISK, store, new)
    assert line == f"catalogue {store} was left as it was: the disk is full; free some space and ingest again"
    assert {p.name: p.read_bytes() for p in store.iterdir()} == kept
    report = Catalogue(store).ingest([new], unknown)
    assert len(report.added) == 50
    assert len(ids(store)) == 51


@pytest.mark.slow
def test_two_ingests_at_once_lose_and_double_nothing(tmp_path, item):
    store = tmp_path / "store"
    folders = [
        written(tmp_path / f"source-{k}", [item(f"item-{n}", west=n / 2) for n in range(30 * k, 30 * k + 60)])
        for k in range(3)
    ]
    running = [
        subprocess.Popen([sys.executable, "-c", INGEST, str(store), str(f)], stdout=subprocess.PIPE) for f in folders
    ]
    counts = [list(map(int, p.communicate(timeout=120)[0].split())) for p in running]
    assert sum(c[0] for c in counts) == 120
    assert sum(c[1] for c in counts) == 60
    assert sorted(ids(store)) == sorted(f"item-{n}" for n in range(120))
    Catalogue(store).check()


def test_a_reader_that_is_overtaken_by_a_merge_reads_the_newer_state(tmp_path, item):
    store = tmp_path / "store"
    for number in range(8):
        Catalogue(store).add([item(f"old-{number}")])
    reader = Catalogue(store)
    stale = reader._store.manifest()
    Catalogue(store).add([item("new")])
    manifests = iter([stale])
    real = reader._store.manifest
    reader._store.manifest = lambda: next(manifests, None) or real()
    assert len(reader.search()) == 9


@pytest.mark.parametrize("where", ["page", "footer", "length", "manifest", "gone"])
def test_damage_is_found_and_named(tmp_path, item, where):
    store = tmp_path / "store"
    Catalogue(store).add([item(f"item-{n}", title=f"{n:09}" * 40) for n in range(200)])
    (part,) = store.glob("*.parquet")
    data = bytearray(part.read_bytes())
    if where == "page":
        data[len(data) // 4] ^= 0xFF
    elif where == "footer":
        data[-100] ^= 0xFF
    elif where == "length":
        data = data[:-1]
    part.write_bytes(data)
    if where == "manifest":
        path = store / "manifest.json"
        path.write_bytes(path.read_bytes().replace(b"sentinel-1-grd", b"sentinel-1-slc"))
    if where == "gone":
        part.unlink()
    with pytest.raises(BundleError) as caught:
        Catalogue(store).search()
    assert str(store) in str(caught.value)
    assert "\n" not in str(caught.value)
    if where != "manifest":
        with pytest.raises(BundleError):
            Catalogue(store).check()


def test_the_lock_of_a_dead_process_does_not_block(tmp_path, item):
    store = tmp_path / "store"
    program = """
import os, signal, sys
from pathlib import Path
from mitoshi.catalog.store import Store
with Store(Path(sys.argv[1])).locked():
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(store)], check=False, timeout=60)
    assert done.returncode == -9
    assert (store / "lock").exists()
    assert Catalogue(store).add([item("a")]).added == ("a",)


def test_a_living_writer_is_waited_for_and_named(tmp_path, item, monkeypatch):
    from mitoshi.catalog import store as module

    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    catalogue = Catalogue(tmp_path / "store")
    with (
        module.Store(tmp_path / "store").locked(),
        pytest.raises(RunError, match="being written by another ingest; try later"),
    ):
        catalogue.add([item("a")])


def test_an_interrupted_ingest_keeps_what_was_committed_and_is_resumed(tmp_path, item, monkeypatch):
    from mitoshi.catalog import catalogue as module

    monkeypatch.setattr(module, "COMMIT_ITEMS", 10)
    new = written(tmp_path / "new", [item(f"new-{n:02}") for n in range(35)])
    seen = []

    def stop(source):
        seen.append(source)
        if len(seen) == 27:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Catalogue(tmp_path / "store").ingest([new], unknown, progress=stop)
    assert ids(tmp_path / "store") == [f"new-{n:02}" for n in range(20)]
    report = Catalogue(tmp_path / "store").ingest([new], unknown)
    assert (len(report.added), len(report.unchanged)) == (15, 20)
    assert ids(tmp_path / "store") == [f"new-{n:02}" for n in range(35)]
