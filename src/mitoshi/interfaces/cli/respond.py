"""`respond`: everything a disaster headquarters asks for, published product by product."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar, store_option, store_path

if TYPE_CHECKING:
    from mitoshi.handover.layers import Issuer
    from mitoshi.workflows.respond import Response

__all__ = ["respond"]


@click.command()
@click.option("--area", required=True, help="West,south,east,north in degrees.")
@click.option("--event", required=True, help="Time of the event, ISO 8601.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the response; call again to go on."
)
@click.option(
    "--data", multiple=True, metavar="NAME=FILE", help="A data argument that is not in the catalogue; repeatable."
)
@click.option(
    "--set", "settings", multiple=True, metavar="STEP.PARAMETER=VALUE", help="A parameter of a step; repeatable."
)
@click.option("--step", "steps", multiple=True, metavar="NAME", help="Only these steps; repeatable.")
@click.option(
    "--watch", type=click.FloatRange(0.0, 24 * 30), metavar="HOURS", help="Wait for observations as long as this."
)
@click.option(
    "--every", type=click.FloatRange(1.0, 3600.0), default=30.0, show_default=True, help="Seconds between two looks."
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads.")
@click.option("--cluster", metavar="URL", help="Address of a dask scheduler that does the tiles.")
@click.option(
    "--issuer", help="Name of the organisation that answers for the handover.  [default: nobody, marked as a test]"
)
@click.option("--issuer-mail", help="Its mail address.")
@click.option(
    "--disaster", metavar="NAME", help="Name of the disaster, for the situation report; kept for later calls."
)
@click.option("--report", type=click.IntRange(1, 9999), metavar="N", help="Number of the situation report (第N報).")
@click.option("--time", "at", help="One time written everywhere, for byte-identical reruns.  [default: the clock]")
@store_option
@json_option
def respond(
    *,
    area: str,
    event: str,
    out: Path,
    data: tuple[str, ...],
    settings: tuple[str, ...],
    steps: tuple[str, ...],
    watch: float | None,
    every: float,
    workers: int,
    cluster: str | None,
    issuer: str | None,
    issuer_mail: str | None,
    disaster: str | None,
    report: int | None,
    at: str | None,
    store: Path | None,
    as_json: bool,
) -> int:
    """Map, measure, count and hand over: every product as soon as its inputs are there.

    Flood extent, depth, impact, building damage, landslides, forecasts; then the situation report, SIP4D-ZIP, GeoPackage and CSV.
    A second call goes on where the first one stopped, also after a kill, and takes up what has come since.
    """
    from mitoshi.core.grid import BBox
    from mitoshi.core.requirement import instant
    from mitoshi.workflows.respond import respond as carry_out

    fixed = instant(at) if at else None
    limit = datetime.now(UTC) + timedelta(hours=watch or 0.0)
    while True:
        with progress_bar("respond", quiet=as_json, lines=True) as progress:
            response = carry_out(
                out,
                area=BBox.parse(area),
                event=instant(event),
                store=store_path(store),
                now=lambda: fixed or datetime.now(UTC).replace(microsecond=0),
                data=_pairs(data),
                steps=steps or None,
                workers=workers,
                cluster=cluster,
                issuer=_issuer(issuer, issuer_mail),
                parameters=_parameters(settings),
                disaster=disaster,
                report=report,
                progress=progress,
            )
        if response.complete or watch is None or datetime.now(UTC) >= limit:
            break
        time.sleep(every)
    _show(response, as_json=as_json)
    return 1 if any(e.status == "failed" for e in response.record.entries.values()) else 0


def _issuer(name: str | None, mail: str | None) -> Issuer | None:
    from mitoshi.handover.layers import Issuer

    if (name is None) != (mail is None):
        raise InputError("give --issuer and --issuer-mail together, or neither")
    return None if name is None or mail is None else Issuer(name, mail)


def _parameters(settings: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    from mitoshi.core.discovery import find
    from mitoshi.core.errors import misspelt
    from mitoshi.workflows.response import STEPS

    found: dict[str, dict[str, Any]] = {}
    known = {s.name: s for s in STEPS}
    for text in settings:
        name, equals, value = text.partition("=")
        step, dot, parameter = name.strip().partition(".")
        if not (equals and dot):
            raise InputError(f"--set is STEP.PARAMETER=VALUE, such as depth.elevation_error_m=0.5; got {text!r}")
        if step not in known:
            raise InputError(misspelt("step", step, known))
        parameter = parameter.replace("-", "_")
        kinds = {p.name: p.type for p in find(known[step].method).parameters}
        if parameter not in kinds:
            raise InputError(misspelt(f"parameter of {step}", parameter, kinds))
        try:
            found.setdefault(step, {})[parameter] = kinds[parameter](value.strip())
        except ValueError:
            raise InputError(f"{name.strip()} must be {kinds[parameter].__name__}, got {value.strip()!r}") from None
    return found


def _pairs(data: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in data:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise InputError(f"--data is NAME=FILE, such as buildings=buildings.gpkg; got {text!r}")
        pairs[name.strip().replace("-", "_")] = file
    return pairs


def _show(response: Response, *, as_json: bool) -> None:
    from mitoshi.evidence.wording import said
    from mitoshi.workflows.response import clock_text, since

    record = response.record
    if as_json:
        print_json(_plain(response))
        return
    for entry in record.entries.values():
        after = clock_text(since(record.event, entry.finished)) if entry.finished else ""
        took = f"{since(record.began, entry.finished):.0f} s" if entry.finished else ""
        click.echo(f"{after:>12}  {took:>8}  {entry.step:<11} {entry.status:<10} {entry.reason}".rstrip())
        bundle = response.bundles.get(entry.step)
        for figure in bundle.figures if bundle else ():
            click.echo(f"{'':>25}{figure.title.en}: {said(figure, 'en')}")
    for path in response.handover:
        click.echo(f"handover: {path}")


def _plain(response: Response) -> dict[str, Any]:
    from dataclasses import asdict

    from mitoshi.workflows.response import since

    record = response.record
    return {
        "out": str(response.out),
        "area": list(record.area),
        "event": record.event,
        "began": record.began,
        "steps": [
            {
                **asdict(e),
                "seconds_since_event": since(record.event, e.finished) if e.finished else None,
                "seconds_since_start": since(record.began, e.finished) if e.finished else None,
            }
            for e in record.entries.values()
        ],
        "figures": {
            name: [
                {**f._asdict(), "title": f.title._asdict(), "reason": f.reason and f.reason.en} for f in bundle.figures
            ]
            for name, bundle in response.bundles.items()
        },
        "handover": [str(p) for p in response.handover],
    }
