"""`ingest` and `search`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click

from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar, store_option, store_path

__all__ = ["ingest", "search"]


@click.command()
@click.argument("paths", nargs=-1, required=True)
@store_option
@json_option
def ingest(paths: tuple[str, ...], *, store: Path | None, as_json: bool) -> None:
    """Take native products into the catalogue; doing it twice changes nothing."""
    from mitoshi.catalog import Catalogue
    from mitoshi.sensors import items

    with progress_bar("ingest", quiet=as_json) as progress:
        done = itertools.count(1)
        report = Catalogue(store_path(store)).ingest(
            paths, describe=items, progress=lambda name: progress(next(done), 0, name)
        )
    if as_json:
        print_json(report._asdict() | {"refused": [r._asdict() for r in report.refused]})
    else:
        counts = f"{len(report.added)} added, {len(report.updated)} updated, {len(report.unchanged)} already there"
        click.echo(f"{counts}, {len(report.refused)} refused")
        for refusal in report.refused:
            click.echo(f"refused {refusal.source}: {refusal.reason}", err=True)
    if report.refused and not (report.added or report.updated or report.unchanged):
        first = report.refused[0]
        raise InputError(f"nothing was ingested; {len(report.refused)} refused, first {first.source}: {first.reason}")


@click.command()
@click.option("--bbox", help="West,south,east,north in degrees; west > east crosses the antimeridian.")
@click.option("--time", help="One instant, or a span A/B; '..' leaves an end open.")
@click.option("--collection", multiple=True, help="Collection name; may be given more than once.")
@click.option("--quantity", help="Only what holds this quantity, such as gamma0.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many.")
@click.option("--api", metavar="URL", help="Search this STAC API instead of the embedded catalogue.")
@store_option
@json_option
def search(
    *,
    bbox: str | None,
    time: str | None,
    collection: tuple[str, ...],
    quantity: str | None,
    limit: int | None,
    api: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    """Search the catalogue by place, time, collection and quantity."""
    from mitoshi.catalog import Catalogue, RemoteCatalogue
    from mitoshi.core.grid import BBox

    source: Any = RemoteCatalogue(api) if api else Catalogue(store_path(store))
    found = source.search(
        bbox=BBox.parse(bbox) if bbox else None,
        time=time,
        collections=list(collection) or None,
        quantity=quantity,
        limit=limit,
    )
    if as_json:
        print_json({"type": "FeatureCollection", "features": [item.to_dict(transform_hrefs=False) for item in found]})
        return
    for item in found:
        seen = item.properties.get("datetime") or item.properties.get("start_datetime") or ""
        seen = "time unknown" if seen[:4] in ("", "0001") else seen
        held = ", ".join(item.properties.get("mitoshi:quantities", sorted(item.assets)))
        click.echo(f"{seen}  {item.collection_id or '-':<24} {item.id}  {held}")
    click.echo(f"{len(found)} found", err=True)
