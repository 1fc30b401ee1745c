"""`respond`: everything a disaster headquarters asks for, each product published the moment it is ready.

The steps run in the order of their urgency, as far as their inputs are there. Every product is an evidence bundle of its own and
is put in place in one step; after each, the handover (situation report, SIP4D-ZIP, GeoPackage, CSV) is made anew. Call it again
when more observations have come, or after a kill: what is done and would come out the same is not done again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mitoshi.catalog import Catalogue
from mitoshi.core.discovery import methods
from mitoshi.core.errors import InputError, MitoshiError, UnmetNeedError
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.cube import resolve
from mitoshi.evidence import Bundle, run
from mitoshi.evidence.digest import text_digest
from mitoshi.evidence.record import iso
from mitoshi.workflows.response import (
    HANDOVER,
    STEPS,
    Entry,
    Record,
    Step,
    read_record,
    set_aside,
    simulated,
    write_record,
)
from mitoshi.workflows.task import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from mitoshi.core.grid import BBox
    from mitoshi.core.method import Method
    from mitoshi.handover.layers import Issuer
    from mitoshi.workflows.drill import Drill

    Progress = Callable[[int, int, str], None]

__all__ = ["Response", "respond"]


@dataclass(frozen=True)
class Response:
    """What `respond` leaves behind.

    Attributes
    ----------
    out
        Folder of everything.
    record
        One entry per step.
    bundles
        Step → evidence bundle, of those that are done.
    handover
        Files for other systems and people.
    """

    out: Path
    record: Record
    bundles: Mapping[str, Bundle]
    handover: tuple[Path, ...]

    @property
    def complete(self) -> bool:
        """Whether no step waits for an observation or failed."""
        return all(e.status in ("done", "impossible") for e in self.record.entries.values())


@dataclass(frozen=True)
class _Asked:
    """What stays the same during one call."""

    out: Path
    area: BBox
    event: datetime
    catalogue: Catalogue
    data: Mapping[str, str]
    now: Callable[[], datetime]
    workers: int
    cluster: str | None
    issuer: Issuer | None
    parameters: Mapping[str, Mapping[str, Any]]
    tell: Progress
    drill: Drill | None


def respond(
    out: Path,
    *,
    area: BBox,
    event: datetime,
    store: Path,
    now: Callable[[], datetime],
    data: Mapping[str, str] | None = None,
    steps: tuple[str, ...] | None = None,
    workers: int = 2,
    cluster: str | None = None,
    issuer: Issuer | None = None,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    disaster: str | None = None,
    report: int | None = None,
    progress: Progress | None = None,
    drill: Drill | None = None,
) -> Response:
    """Run every step whose inputs are there, publish each product, and hand over.

    Parameters
    ----------
    out
        Folder of the response: new, empty, or of an earlier call for the same area and event.
    area, event
        Where and when.
    store
        Folder of the catalogue.
    now
        Tells the time: the clock of the response.
    data
        Data argument → file, for what is not in the catalogue; it answers every step that has such an argument.
    steps
        Names of the steps to run; None runs all.
    workers, cluster, progress
        As for `mitoshi.evidence.run`.
    issuer
        Who answers for what is handed over; None is nobody, and packages say that they are a test.
    parameters
        Step → parameters of its method that differ from their defaults.
    disaster, report
        Name of the disaster and number of the situation report; None keeps those of an earlier call.
    drill
        How long things take where the event is simulated: then the response has the drill's clock, and `now` is not asked.

    Raises
    ------
    InputError
        If `out` holds something else, or a step or a data argument is unknown.
    """
    chosen = _chosen(steps)
    given = dict(data or {})
    _check_names(given, chosen)
    _check_parameters(parameters or {})
    out.mkdir(parents=True, exist_ok=True)
    clock = "simulated" if drill else ""
    record = read_record(out) or Record(tuple(area), iso(event), iso(event if drill else now()), clock=clock)
    if tuple(record.area) != tuple(area) or record.event != iso(event):
        raise InputError(f"{out} holds the response to another area or event; give a new folder with --out")
    record = replace(
        record,
        disaster=record.disaster if disaster is None else disaster.strip(),
        report=record.report if report is None else report,
    )
    write_record(out, record)
    asked = _Asked(
        out,
        area,
        event,
        Catalogue(store),
        given,
        now,
        workers,
        cluster,
        issuer,
        dict(parameters or {}),
        progress or _silent,
        drill,
    )
    files: tuple[Path, ...] = ()
    handed: Mapping[str, Entry] | None = None
    origins: dict[str, Any] = {}
    # Twice: what could be made of a later step's product, such as the impact of a tsunami, is taken up in the second round.
    # A call that goes on after a kill has later products at once; both must come to the same record.
    for count, step in enumerate((*chosen, *(s for s in chosen if s.wires))):
        before = record.entries.get(step.name)
        made_of = _made_of(asked, record, step)
        if count >= len(chosen) and made_of == origins[step.name] and not _waits(before):
            continue
        origins[step.name] = made_of
        asked.tell(min(count, len(chosen) - 1), len(chosen), step.name)
        record = record.with_entry(_entry(asked, record, step))
        write_record(out, record)
        if record.done(step.name) and record.entries[step.name] != before:
            record, files = _hand_over(asked, record)
            handed = record.products
    if handed != record.products:
        record, files = _hand_over(asked, record)
    asked.tell(len(chosen), len(chosen), "done")
    return Response(out, record, _bundles(asked, record), files)


def _waits(entry: Entry | None) -> bool:
    return entry is None or entry.status == "waiting"


def _made_of(asked: _Asked, record: Record, step: Step) -> list[tuple[str, str, str]]:
    """Return which products of other steps a step would be made of now: (argument, step, bundle)."""
    return [(name, maker, record.entries[maker].bundle) for name, (maker, _) in _origins(asked, record, step)]


def _silent(done: int, total: int, message: str) -> None:
    del done, total, message


def _chosen(names: tuple[str, ...] | None) -> tuple[Step, ...]:
    from mitoshi.core.errors import misspelt

    known = {s.name: s for s in STEPS}
    for name in names or ():
        if name not in known:
            raise InputError(misspelt("step", name, known))
    installed = methods()
    return tuple(s for s in STEPS if (names is None or s.name in names) and s.method in installed)


def _check_parameters(parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Make sure, before anything runs, that every step and parameter exists and fits."""
    from mitoshi.core.errors import misspelt

    known = {s.name: s for s in STEPS}
    for name, told in parameters.items():
        if name not in known:
            raise InputError(misspelt("step", name, known))
        methods()[known[name].method].bind_parameters(told)


def _check_names(given: Mapping[str, str], chosen: tuple[Step, ...]) -> None:
    from mitoshi.core.errors import misspelt

    known = {d.name for s in chosen for d in methods()[s.method].data}
    for name in given:
        if name not in known:
            raise InputError(misspelt("data argument", name, known))


def _entry(asked: _Asked, record: Record, step: Step) -> Entry:
    """Run one step if something about it is new; return how it stands."""
    method = methods()[step.method]
    started = "" if asked.drill else iso(asked.now())
    try:
        sources, choice = _sources(asked, record, step, method)
        parameters = _parameters(asked, record, step)
        key = _key(method, sources, record, step, parameters)
        done = record.done(step.name)
        if done is not None and done.key == key and _intact(asked, done):
            return done
        time = asked.now() if asked.drill is None else _begins(asked, record, step, sources)
        started = started or iso(time)
        folder = asked.out / step.name
        set_aside(asked.out, folder)
        bundle = run(
            method,
            sources,
            parameters,
            folder,
            time=time,
            area=asked.area,
            event=asked.event,
            choice=choice,
            workers=asked.workers,
            cluster=asked.cluster,
            progress=lambda n, total, what: asked.tell(n, total, f"{step.name}: {what}"),
        )
    except UnmetNeedError as error:
        return Entry(step.name, "waiting", reason=str(error), started=started)
    except InputError as error:
        return Entry(step.name, "impossible", reason=str(error), started=started)
    except MitoshiError as error:
        finished = iso(asked.now()) if asked.drill is None else started
        return Entry(step.name, "failed", reason=str(error), started=started, finished=finished)
    ended = asked.now() if asked.drill is None else time + asked.drill.processing
    return Entry(step.name, "done", key, bundle.id, "", started, iso(ended))


def _begins(asked: _Asked, record: Record, step: Step, sources: Mapping[str, Any]) -> datetime:
    """Return when the work on a step begins in a drill."""
    assert asked.drill is not None  # noqa: S101 - the caller asked
    makers = {maker for _, (maker, _) in _origins(asked, record, step)}
    return asked.drill.begins(asked.event, sources, [instant(record.entries[maker].finished) for maker in makers])


def _handing_over(asked: _Asked, record: Record) -> datetime:
    """Return when the handover is made: in a drill as soon as its last product is done."""
    if asked.drill is None:
        return asked.now()
    return max([asked.event, *(instant(e.finished) for e in record.products.values() if e.finished)])


def _sources(
    asked: _Asked, record: Record, step: Step, method: Method[..., Any]
) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """Return the inputs of a step: products of other steps, files given by the caller, and what the catalogue has."""
    sources: dict[str, Any] = {}
    for argument in method.data:
        wired = _wired(asked, record, step, argument.name)
        if wired is not None:
            sources[argument.name] = wired
        elif argument.name in asked.data:
            sources[argument.name] = asked.data[argument.name]
        elif argument.required and step.wires.get(argument.name):
            makers = " or ".join(maker for maker, _ in step.wires[argument.name])
            raise UnmetNeedError(f"{argument.name} waits for {makers}")
    kinds = {simulated(Bundle.open(asked.out / maker)) for _, (maker, _) in _origins(asked, record, step)}
    resolution = resolve(
        method,
        asked.area,
        asked.event,
        asked.catalogue,
        dict.fromkeys(sources, ()),
        simulated=None if not kinds else True in kinds,
    ).require()
    sources |= {name: list(c.items) for name, c in resolution.picked.items() if name not in sources}
    if step.needs and not any(name in sources for name in step.needs):
        raise UnmetNeedError(f"the catalogue has none of {', '.join(step.needs)} for this area and event; ingest one")
    titles = {s.name: s.title for s in STEPS}
    made = {name: titles[maker] for name, (maker, _) in _origins(asked, record, step)}
    own = tuple(
        Text(f"{name}: the product “{title.en}” of this response", f"{name}：この対応の成果「{title.ja}」")
        for name, title in made.items()
    )
    return sources, (*own, *explained(method, resolution, (*made, *asked.data)))


def _wired(asked: _Asked, record: Record, step: Step, argument: str) -> str | None:
    for maker, file in step.wires.get(argument, ()):
        if record.done(maker) is not None and (asked.out / maker / file).is_file():
            return str(asked.out / maker / file)
    return None


def _origins(asked: _Asked, record: Record, step: Step) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for argument, makers in ((d.name, step.wires.get(d.name, ())) for d in methods()[step.method].data):
        for maker, file in makers:
            if record.done(maker) is not None and (asked.out / maker / file).is_file():
                found.append((argument, (maker, file)))
                break
    return found


def _parameters(asked: _Asked, record: Record, step: Step) -> dict[str, Any]:
    """Return the parameters that follow from where the inputs come from, and those that the caller gives."""
    makers = {maker for _, (maker, _) in _origins(asked, record, step)}
    following = {k: v for maker, told in step.modes.items() if maker in makers for k, v in told.items()}
    return {**following, **asked.parameters.get(step.name, {})}


def _key(
    method: Method[..., Any], sources: Mapping[str, Any], record: Record, step: Step, parameters: Mapping[str, Any]
) -> str:
    """Return a digest of everything that decides a step's result, without reading its inputs again."""
    from mitoshi.evidence.environment import source_digest

    told: dict[str, Any] = {}
    for name, value in sources.items():
        if isinstance(value, str):
            makers = [m for m, f in step.wires.get(name, ()) if value.endswith(f"/{m}/{f}")]
            told[name] = record.entries[makers[0]].bundle if makers else value
        else:
            told[name] = [
                [i.id, sorted(str(a.extra_fields.get("file:checksum")) for a in i.assets.values())] for i in value
            ]
    return text_digest([method.name, method.version, source_digest(method.function.__module__), dict(parameters), told])


def _intact(asked: _Asked, entry: Entry) -> bool:
    """Tell whether the bundle of an entry is still there."""
    try:
        return Bundle.open(asked.out / entry.step).id == entry.bundle
    except MitoshiError:
        return False


def _bundles(asked: _Asked, record: Record) -> dict[str, Bundle]:
    return {name: Bundle.open(asked.out / name) for name in record.products if record.done(name)}


def _hand_over(asked: _Asked, record: Record) -> tuple[Record, tuple[Path, ...]]:
    """Write the handover from what is done; a failure there never stops the products."""
    from mitoshi.workflows.situation import hand_over

    time = _handing_over(asked, record)
    started = iso(time)
    bundles = _bundles(asked, record)
    if not bundles:
        return record, ()
    try:
        files = hand_over(asked.out / "handover", bundles, record, now=time, issuer=asked.issuer)
    except MitoshiError as error:
        entry = Entry(
            HANDOVER, "failed", reason=str(error), started=started, finished=iso(_handing_over(asked, record))
        )
        files = ()
    else:
        key = text_digest(sorted(b.id for b in bundles.values()))
        entry = Entry(HANDOVER, "done", key, "", "", started, iso(_handing_over(asked, record)))
    record = record.with_entry(entry)
    write_record(asked.out, record)
    return record, files
