"""Carry out one job: run a method and publish its products, verify a bundle, or score a product."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import MitoshiError, RefusedError
from mitoshi.core.plain import plain
from mitoshi.sensors.guard import one_line
from mitoshi.workflows.jobs.database import disk_full

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pystac

    from mitoshi.core.text import Language
    from mitoshi.evidence import Bundle
    from mitoshi.workflows.jobs.job import Job
    from mitoshi.workflows.jobs.queue import Jobs

__all__ = ["DismissedError", "carry_out", "reason"]

LOG = logging.getLogger("mitoshi.jobs")
TELL_SECONDS = 0.25
COMPUTED = 95  # percentage at which the tiles are done
LONGEST_REASON = 600
LANGUAGES: tuple[Language, ...] = ("en", "ja")
PLACE = re.compile(r"(?P<address>https?://\S+)|/\S*/")  # an address of the web is told, a folder of this machine is not


class DismissedError(Exception):
    """The job is no longer this process's: somebody dismissed it."""


def reason(error: BaseException) -> str:
    """Return why a job failed, one line without a path of the machine."""
    if disk_full(error) or "No space left on device" in str(error) or "disk is full" in str(error):
        return "the disk is full; free some space and ask again"
    if isinstance(error, MemoryError):
        return "there was not enough memory; give a smaller area"
    if not isinstance(error, MitoshiError):
        return f"internal error: {type(error).__name__}: {one_line(error)}"
    text = PLACE.sub(lambda found: found["address"] or "", " ".join(str(error).split()))
    return (text or type(error).__name__)[:LONGEST_REASON]


def carry_out(
    job: Job, jobs: Jobs, store: Path, pid: int, interruptible: Callable[[], AbstractContextManager[None]]
) -> dict[str, Any]:
    """Do what a job asks for and return its result.

    Parameters
    ----------
    job, jobs
        Which, and the list it stands in.
    store
        Folder of the catalogue.
    pid
        The process that holds the job.
    interruptible
        The method runs within this context; what must not be broken off does not.

    Raises
    ------
    DismissedError
        If the job was dismissed meanwhile.
    MitoshiError
        If it cannot be done.
    """
    tell = _teller(job, jobs, pid)
    if job.kind == "verify":
        with interruptible():
            return _verified(job, jobs, store, tell)
    if job.kind == "score":
        with interruptible():
            return _scored(job, jobs, store, tell)
    with interruptible():
        bundle = _run(job, jobs, store, tell)
    if not jobs.seal(job.id, pid):
        raise DismissedError
    from mitoshi.catalog import Catalogue
    from mitoshi.workflows.bundle_store import publish

    items = publish(bundle, Catalogue(store))
    return {"bundle": bundle.id, "folder": str(bundle.path), "items": list(items)}


def _teller(job: Job, jobs: Jobs, pid: int) -> Callable[[int, int, str], None]:
    """Return a listener that notes the progress, a few times a second, and breaks off what was dismissed."""
    last = 0.0
    reached = 0

    def tell(done: int, total: int, message: str) -> None:
        nonlocal last, reached
        now = time.monotonic()
        if now - last < TELL_SECONDS and done < total:
            return
        last = now
        reached = max(reached, COMPUTED * done // total if total > 0 else 0)
        text = "writing" if done and done == total else f"{message} {done}/{total}" if total > 1 else message
        try:
            ours = jobs.tell(job.id, pid, reached, text)
        except MitoshiError as error:  # that it cannot be noted is no reason to break off
            LOG.warning("progress of %s is not noted: %s", job.id, one_line(error))
            return
        if not ours:
            raise DismissedError

    return tell


def _run(job: Job, jobs: Jobs, store: Path, tell: Callable[[int, int, str], None]) -> Bundle:
    """Run the method of a job; where an earlier attempt came as far as its bundle, that is the result."""
    from mitoshi.core.discovery import find
    from mitoshi.core.grid import BBox
    from mitoshi.core.requirement import instant
    from mitoshi.evidence import Bundle
    from mitoshi.workflows.task import run_method

    out = jobs.runs / job.id
    if (out / "run.json").is_file():
        return Bundle.open(out)
    asked = job.request
    return run_method(
        find(str(asked["method"])),
        {str(name): _address(str(name), value) for name, value in (asked.get("data") or {}).items()},
        asked.get("parameters") or {},
        out,
        # The first attempt's time, so that a repeated attempt writes the same bundle.
        time=instant(str(job.started)).replace(microsecond=0),
        store=store,
        area=None if asked.get("area") is None else BBox.checked(asked["area"]),
        event=None if asked.get("event") is None else instant(str(asked["event"])),
        progress=tell,
    )


def _address(argument: str, value: object) -> str | list[str]:
    """Return what a data argument was given, one or several dates, which is never a path of this machine.

    Raises
    ------
    RefusedError
        If it is neither an item of the catalogue nor an address of the web.
    """
    if isinstance(value, list):
        return [str(_address(argument, v)) for v in value if not isinstance(v, list)]
    if isinstance(value, str) and value.lower().startswith(("catalogue:", "https://", "http://")):
        return value
    raise RefusedError(f"{argument} is neither catalogue:ID nor an https address; give one of them")


def _verified(job: Job, jobs: Jobs, store: Path, tell: Callable[[int, int, str], None]) -> dict[str, Any]:
    from mitoshi.evidence import verify

    folder = Path(str(job.request["folder"]))
    scratch = jobs.folder / "scratch" / job.id
    scratch.mkdir(parents=True, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(scratch)
    try:
        verdict = verify(folder, inputs=_linked_inputs(folder, store, scratch / "inputs"), progress=tell)
    finally:
        tempfile.tempdir = before
        jobs.discard_scratch(job.id)
    told = plain(verdict.plain())
    shown = {key: [reason(MitoshiError(line)) for line in told[key]] for key in ("reasons", "not_checked")}
    return {**told, **shown}


def _scored(job: Job, jobs: Jobs, store: Path, tell: Callable[[int, int, str], None]) -> dict[str, Any]:
    """Compare, and leave the folder that `mitoshi score --out` leaves in place of a bundle."""
    from mitoshi.catalog import Catalogue
    from mitoshi.evidence.score.output import write_score
    from mitoshi.evidence.score.tables import table_text, tables_of
    from mitoshi.workflows.scoring import score_request

    found = score_request(job.request, Catalogue(store), tell)
    out = jobs.runs / job.id
    files = write_score(found, out)
    text = {
        language: "\n".join([table_text(tables_of(found)[0], language), *(f"- {n.in_(language)}" for n in found.notes)])
        for language in LANGUAGES
    }
    return {"folder": str(out), "files": list(files), "text": text}


def _linked_inputs(bundle: Path, store: Path, folder: Path) -> Path | None:
    """Link the catalogue's products that a bundle names but does not say where to find; None where there are none.

    A bundle says where its inputs lie only where that is near to it; the catalogue of the service knows where the others are.
    """
    from mitoshi.catalog import Catalogue
    from mitoshi.evidence.bundle import read_json
    from mitoshi.evidence.locating import locations_of

    told = locations_of(bundle)
    groups = read_json(bundle, "run.json")["inputs"].values()
    lost = {str(f["sha256"]) for group in groups for record in group for f in record["files"]} - told.keys()
    if not lost or not store.is_dir():
        return None
    items = [i for i in Catalogue(store).search() if lost & {_sha256(asset) for asset in i.assets.values()}]
    sources = [i.properties.get("mitoshi:source") for i in items]
    for number, source in enumerate(s for s in sources if isinstance(s, str)):
        _link(Path(source.partition("#")[0]), folder / str(number))
    return folder if folder.is_dir() else None


def _sha256(asset: pystac.Asset) -> str:
    """Return the digest of an asset as hexadecimal digits, without the four that name the kind of digest."""
    return str(asset.extra_fields.get("file:checksum", ""))[4:]


def _link(source: Path, folder: Path) -> None:
    """Link a file, or a folder's files one by one: a link to the folder itself would not be looked into."""
    files = [source] if source.is_file() else [p for p in sorted(source.rglob("*")) if p.is_file()]
    for file in files:
        link = folder / file.relative_to(source.parent)
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(file.resolve(), link)
