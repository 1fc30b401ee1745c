"""A response that is killed anywhere and called again comes to the same record and the same products as one that was not."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import methods
from mitoshi.core.errors import BundleError, UnmetNeedError
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant
from mitoshi.sensors import items
from mitoshi.simulation import EVENT, region, write_region
from mitoshi.workflows import respond as module
from mitoshi.workflows.response import RECORD, STEPS

TIME = instant("2026-10-13T01:00:00Z")
HERE = BBox(139.0, 36.0, 139.1, 36.1)
MADE = {"inundation": "maximum_depth.tif", "tsunami": "maximum_depth.tif", "flood": "flood.tif", "depth": "depth.tif"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


class Life:
    """Counts the boundaries at which a process may die, and dies at one of them."""

    def __init__(self):
        self.left = -1
        self.count = 0

    def boundary(self):
        self.count += 1
        if self.count - 1 == self.left:
            raise Killed


class FakeBundle(SimpleNamespace):
    """A folder with a record, for a run without a computation."""

    @classmethod
    def open(cls, path):
        try:
            told = json.loads((path / "run.json").read_text())
        except OSError:
            raise BundleError("no bundle") from None
        return cls(path=path, id=told["id"])


def stand_in(monkeypatch, available):
    """Replace the computation and the catalogue: a step's product is a function of its inputs, and of nothing else."""
    life = Life()

    def run(method, sources, parameters, folder, **_):
        life.boundary()
        inputs = {k: FakeBundle.open(Path(v).parent).id if isinstance(v, str) else v for k, v in sources.items()}
        told = {"id": f"{method.name}{sorted(inputs.items())}{sorted(parameters.items())}", "inputs": {}}
        folder.mkdir()
        (folder / MADE.get(folder.name, "product.tif")).write_text("pixels")
        (folder / "run.json").write_text(json.dumps(told))
        life.boundary()
        return FakeBundle.open(folder)

    def resolve(method, *_, **__):
        step = next(s.name for s in STEPS if s.method == method.name)

        def require():
            if step not in available:
                raise UnmetNeedError(f"nothing for {step}")
            return SimpleNamespace(picked={name: SimpleNamespace(items=()) for name in needed(step)})

        return SimpleNamespace(require=require)

    def needed(step):
        return next(s.needs for s in STEPS if s.name == step)

    def write(out, record, _write=module.write_record):
        life.boundary()
        _write(out, record)
        life.boundary()

    def hand_over(folder, bundles, record, **_):
        life.boundary()
        folder.mkdir(exist_ok=True)
        file = folder / "report.txt"
        file.write_text(json.dumps([{k: e.status for k, e in record.products.items()}, list(bundles)]))
        life.boundary()
        return (file,)

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "resolve", resolve)
    monkeypatch.setattr(module, "write_record", write)
    monkeypatch.setattr(module, "Bundle", FakeBundle)
    monkeypatch.setattr(module, "simulated", lambda _: True)
    monkeypatch.setattr(module, "explained", lambda *_: ())
    monkeypatch.setattr("mitoshi.workflows.situation.hand_over", hand_over)
    monkeypatch.setattr("mitoshi.evidence.environment.source_digest", lambda module: module)
    monkeypatch.setattr("os.fsync", lambda _: None)
    return life


def answer(out, life, *kills):
    """Respond, dying at the given boundaries of successive calls, and once more to the end; return what is left."""
    for left in (*kills, -1):
        life.left, life.count = left, 0
        try:
            module.respond(out, area=HERE, event=instant(EVENT), store=out.parent / "store", now=lambda: TIME)
        except Killed:
            continue
    steps = sorted(p for p in out.glob("*/run.json"))
    return (
        (out / RECORD).read_bytes(),
        (out / "handover/report.txt").read_bytes(),
        [(p.parent.name, p.read_text()) for p in steps],
    )


@pytest.mark.parametrize(
    "available",
    [
        ("inundation", "tsunami", "impact"),
        ("flood", "depth", "impact", "inundation", "tsunami"),
    ],
    ids=lambda names: "-".join(names),
)
def test_a_kill_at_any_boundary_changes_nothing(tmp_path, monkeypatch, available):
    life = stand_in(monkeypatch, available)
    whole = answer(tmp_path / "whole", life)
    boundaries = life.count
    statuses = {e["step"]: e["status"] for e in json.loads(whole[0])["entries"]}
    assert {s for s, status in statuses.items() if status == "done"} == {*available, "handover"}
    assert boundaries > 4 * len(available)
    assert answer(tmp_path / "whole", life) == whole, "a second call changes nothing"
    for left in range(boundaries):
        assert answer(tmp_path / f"killed-{left}", life, left) == whole, f"killed at boundary {left}"
    for left in range(0, boundaries, 5):
        assert answer(tmp_path / f"twice-{left}", life, left, left // 2) == whole, f"killed at {left} and {left // 2}"


def test_entries_stand_in_the_order_of_the_steps():
    from mitoshi.workflows.response import Entry, Record

    record = Record((0.0, 0.0, 1.0, 1.0), EVENT, EVENT)
    for name in ("handover", "tsunami", "impact", "flood"):
        record = record.with_entry(Entry(name, "done"))
    assert list(record.entries) == ["flood", "impact", "tsunami", "handover"]


@pytest.mark.slow
def test_a_real_response_killed_at_its_boundaries_gives_the_same_bytes(tmp_path, monkeypatch):
    place = region((256, 256), seed=5)
    write_region(place, tmp_path / "region")
    store = tmp_path / "store"
    assert not Catalogue(store).ingest([tmp_path / "region/archive"], describe=items).refused
    life = Life()
    assert "disaster.flood-extent" in methods()

    def dying(function):
        def called(*args, **more):
            life.boundary()
            result = function(*args, **more)
            life.boundary()
            return result

        return called

    monkeypatch.setattr(module, "run", dying(module.run))
    monkeypatch.setattr(module, "write_record", dying(module.write_record))

    def respond(folder, left):
        life.left, life.count = left, 0
        module.respond(
            tmp_path / folder,
            area=place.bbox,
            event=instant(EVENT),
            store=store,
            now=lambda: TIME,
            steps=("flood", "depth"),
            workers=2,
        )

    def left_behind(folder):
        sums = {p.parent.name: p.read_bytes() for p in (tmp_path / folder).glob("*/SHA256SUMS")}
        return (tmp_path / folder / RECORD).read_bytes(), sums

    respond("whole", -1)
    boundaries, whole = life.count, left_behind("whole")
    assert set(whole[1]) == {"flood", "depth"}
    for left in (3, boundaries - 3):
        with pytest.raises(Killed):
            respond(f"killed-{left}", left)
        respond(f"killed-{left}", -1)
        assert left_behind(f"killed-{left}") == whole, f"killed at boundary {left} of {boundaries}"
