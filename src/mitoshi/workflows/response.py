"""What a response consists of: steps, the products they hand to each other, and the record that survives a kill."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mitoshi.evidence import Bundle

__all__ = [
    "HANDOVER",
    "RECORD",
    "STEPS",
    "Entry",
    "Record",
    "Step",
    "read_record",
    "set_aside",
    "simulated",
    "write_record",
]

RECORD = "respond.json"
HANDOVER = "handover"
FORMAT = "mitoshi-respond/1"
Status = Literal["done", "waiting", "impossible", "failed"]


@dataclass(frozen=True)
class Step:
    """One product of a response.

    Attributes
    ----------
    name
        Of its folder.
    method
        What makes it.
    title
        Words for people.
    wires
        Data argument → the products that answer it, (step, file), the preferred one first. Everything else comes from the
        catalogue.
    needs
        Data arguments of which at least one must be there, beside those that the method itself requires.
    modes
        Step that answers a wire → parameters that follow from it.
    """

    name: str
    method: str
    title: Text
    wires: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    modes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


STEPS = (
    Step("flood", "disaster.flood-extent", Text("Flood extent", "浸水域")),
    Step(
        "depth",
        "disaster.flood-depth",
        Text("Flood depth", "浸水深"),
        {"flood": (("flood", "flood.tif"),)},
    ),
    Step(
        "impact",
        "disaster.impact",
        Text("Impact", "被害推定"),
        {
            "depth": (("depth", "depth.tif"), ("tsunami", "maximum_depth.tif"), ("inundation", "maximum_depth.tif")),
            "depth_uncertainty": (
                ("depth", "depth_uncertainty.tif"),
                ("tsunami", "maximum_depth_uncertainty.tif"),
                ("inundation", "maximum_depth_uncertainty.tif"),
            ),
            "water_probability": (("depth", "water_probability.tif"),),
        },
        modes={"tsunami": {"hazard": "tsunami"}},
    ),
    Step(
        "damage",
        "disaster.building-damage",
        Text("Building damage", "建物被害"),
        needs=("coherence_across", "after", "after_optical"),
    ),
    Step(
        "landslide",
        "disaster.landslide",
        Text("Landslides", "土砂災害"),
        {"flood": (("flood", "flood.tif"),)},
        needs=("after", "after_optical", "elevation_change", "elevation_after"),
    ),
    Step(
        "inundation",
        "disaster.inundation",
        Text("Inundation forecast", "浸水予測"),
        needs=("inflow", "rain", "water_level"),
    ),
    Step("tsunami", "disaster.tsunami", Text("Tsunami inundation", "津波浸水"), needs=("fault", "initial_surface")),
)


@dataclass(frozen=True)
class Entry:
    """What became of one step.

    Attributes
    ----------
    step, status
        Which, and how it stands.
    key
        Digest of method, version, parameters and inputs: while it stays the same the step is not run again.
    bundle
        Identifier of its evidence bundle, or "".
    reason
        Why it waits, is impossible or failed.
    started, finished
        ISO 8601.
    """

    step: str
    status: Status
    key: str = ""
    bundle: str = ""
    reason: str = ""
    started: str = ""
    finished: str = ""


@dataclass(frozen=True)
class Record:
    """A response as it stands.

    Attributes
    ----------
    area, event
        What was asked.
    began
        When.
    entries
        One per step and for the handover.
    disaster, report
        Name of the disaster, and number of the situation report; "" and 0 where nobody gave them.
    clock
        "simulated" where the times are those of a drill; "" where they are the real ones.
    """

    area: tuple[float, ...]
    event: str
    began: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    disaster: str = ""
    report: int = 0
    clock: str = ""

    def with_entry(self, entry: Entry) -> Record:
        """Return the record with one entry added or replaced, in the order of the steps whatever came first."""
        entries = {**self.entries, entry.step: entry}
        order = {step.name: n for n, step in enumerate(STEPS)}
        return replace(self, entries={k: entries[k] for k in sorted(entries, key=lambda k: order.get(k, len(order)))})

    @property
    def products(self) -> Mapping[str, Entry]:
        """The entries of the steps, without the handover made from them."""
        return {name: entry for name, entry in self.entries.items() if name != HANDOVER}

    def done(self, step: str) -> Entry | None:
        """Return the entry of a step that is done."""
        entry = self.entries.get(step)
        return entry if entry is not None and entry.status == "done" else None


def set_aside(out: Path, folder: Path) -> None:
    """Move an older bundle of a step out of the way: it stays evidence of what was known before."""
    from mitoshi.core.errors import MitoshiError
    from mitoshi.evidence import Bundle

    if not folder.exists():
        return
    try:
        name = Bundle.open(folder).id[:12]
    except MitoshiError:
        name = "unreadable"
    aside = out / "superseded"
    aside.mkdir(exist_ok=True)
    target = aside / f"{folder.name}-{name}"
    count = 1
    while target.exists():
        count += 1
        target = aside / f"{folder.name}-{name}-{count}"
    folder.rename(target)


def simulated(bundle: Bundle) -> bool:
    """Tell whether any input of a bundle is simulated."""
    told = json.loads((bundle.path / "run.json").read_text("utf-8"))
    return any(r["simulated"] for records in told["inputs"].values() for r in records)


def clock_text(seconds: float) -> str:
    """Return a span as ``T+h:mm:ss``.

    >>> clock_text(3723)
    'T+1:02:03'
    """
    sign, whole = ("-" if seconds < 0 else "+"), abs(round(seconds))
    return f"T{sign}{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def since(start: str, end: str) -> float:
    """Return the seconds between two ISO 8601 times."""
    return (_time(end) - _time(start)).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def write_record(out: Path, record: Record) -> None:
    """Replace ``respond.json`` in one step."""
    content = {"format": FORMAT, **asdict(record), "entries": [asdict(e) for e in record.entries.values()]}
    draft = out / f".{RECORD}.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(out / RECORD)


def read_record(out: Path) -> Record | None:
    """Return the record of an earlier call, or None where there is none.

    Raises
    ------
    InputError
        If the folder holds something else.
    """
    path = out / RECORD
    if not path.is_file():
        if out.exists() and any(p for p in out.iterdir() if not p.name.startswith(".")):
            raise InputError(f"{out} holds other files and no {RECORD}; give a new folder with --out")
        return None
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if told["format"] != FORMAT:
            raise InputError(f"{RECORD} has the format {str(told['format'])[:40]!r}; give a new folder with --out")
        entries = {e["step"]: Entry(**e) for e in told["entries"]}
        named = str(told.get("disaster", "")), int(told.get("report", 0)), str(told.get("clock", ""))
        return Record(tuple(told["area"]), told["event"], told["began"], entries, *named)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{RECORD} cannot be read ({type(error).__name__}); give a new folder with --out") from None
