"""One run of one method: what the caller gave, completed from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.catalog import Catalogue
from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.cube import resolve
from mitoshi.evidence import run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import pystac

    from mitoshi.core.grid import BBox
    from mitoshi.core.method import Method
    from mitoshi.cube import Resolution
    from mitoshi.evidence import Bundle
    from mitoshi.evidence.bundle import Existing

__all__ = ["CATALOGUE", "complete", "explained", "run_method"]

CATALOGUE = "catalogue:"  # an item of the embedded catalogue is given as catalogue:ID
PICKED = Text("{argument}: {items}: {why}", "{argument}：{items}：{why}")
NOTHING = Text(
    "{argument}: the catalogue has none; the run does without",
    "{argument}：カタログに該当データがないため、使用していません",
)


def run_method(
    method: Method[..., Any],
    data: Mapping[str, str | Sequence[str]],
    parameters: Mapping[str, Any],
    out: Path,
    *,
    time: datetime,
    store: Path,
    area: BBox | None = None,
    event: datetime | None = None,
    workers: int = 1,
    cluster: str | None = None,
    tile_size: int = 2048,
    progress: Callable[[int, int, str], None] | None = None,
    existing: Existing = "repeated",
) -> Bundle:
    """Run a method on the files and items given, and on what the catalogue has for the rest.

    Parameters
    ----------
    method
        A declared method.
    data
        Data argument to a file, an address, or ``catalogue:ID``; several of them where slices lie side by side or dates are
        stacked.
    parameters
        Those that differ from their defaults.
    out
        Folder of the bundle.
    time
        Written into the bundle.
    store
        Folder of the catalogue; asked only where `area` is given or an item is named.
    area, event
        Where and when. With an area, arguments that `data` leaves out are looked up in the catalogue.
    workers, cluster, tile_size, progress, existing
        As for `mitoshi.evidence.run`.

    Raises
    ------
    UnmetNeedError
        If the catalogue lacks a required observation.
    InputError
        If an item is named that the catalogue does not have.
    """
    sources: dict[str, Any] = {
        name: _source(value, store) if isinstance(value, str) else [_source(v, store) for v in value]
        for name, value in data.items()
    }
    choice: tuple[Text, ...] = ()
    complete_already = all(d.name in sources for d in method.data if d.required)
    searched = not complete_already or store.is_dir()  # no catalogue is needed where all that is required was given
    if area is not None and len(sources) < len(method.data) and searched:
        resolution = complete(method, sources, area, event, Catalogue(store))
        sources |= {name: list(c.items) for name, c in resolution.picked.items() if name not in sources}
        choice = explained(method, resolution, given=data)
    return run(
        method,
        sources,
        parameters,
        out,
        time=time,
        area=area,
        event=event,
        choice=choice,
        workers=workers,
        cluster=cluster,
        tile_size=tile_size,
        progress=progress,
        existing=existing,
    )


def _source(value: str, store: Path) -> str | pystac.Item:
    if not value.startswith(CATALOGUE):
        return value
    wanted = value.removeprefix(CATALOGUE)
    found = Catalogue(store).search(ids=[wanted])
    if not found:
        raise InputError(f"the catalogue has no item {wanted!r}; mitoshi search lists what it has")
    return found[0]


def complete(
    method: Method[..., Any],
    given: Mapping[str, Any],
    area: BBox,
    event: datetime | None,
    catalogue: Catalogue,
) -> Resolution:
    """Return what the catalogue has for the data arguments that were not given.

    Raises
    ------
    UnmetNeedError
        If a required one is missing.
    """
    overrides: dict[str, Sequence[pystac.Item]] = {
        name: tuple(v for v in (value if isinstance(value, list) else [value]) if not isinstance(v, str))
        for name, value in given.items()
    }
    return resolve(method, area, event, catalogue, overrides).require()


def explained(method: Method[..., Any], resolution: Resolution, given: Collection[str] = ()) -> tuple[Text, ...]:
    """Return one sentence per data argument: what was picked and why, or that there was nothing.

    Parameters
    ----------
    method
        What is run.
    resolution
        From the catalogue.
    given
        Arguments that the caller gave, of which there is nothing to say.
    """
    lines = []
    for argument in method.data:
        if argument.name in given:
            continue
        choice = resolution.picked.get(argument.name)
        if choice is None:
            lines.append(NOTHING.format(argument=argument.name))
        elif choice.items:
            ids = " + ".join(item.id for item in choice.items)
            lines.append(
                Text(
                    PICKED.en.format(argument=argument.name, items=ids, why=choice.why.en),
                    PICKED.ja.format(argument=argument.name, items=ids, why=choice.why.ja),
                )
            )
    return tuple(lines)
