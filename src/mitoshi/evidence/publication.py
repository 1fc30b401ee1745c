"""Write what people and catalogues read of a run: outlines, figures, pictures, reports, STAC, RO-Crate, checksums."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mitoshi.core.product import Coded, Figure
from mitoshi.core.resolution import recorded_figure
from mitoshi.core.text import Text
from mitoshi.evidence import quicklook, report, stac
from mitoshi.evidence.bundle import SUMS, sums_text, write_file
from mitoshi.evidence.carried import shown_method, shown_title
from mitoshi.evidence.crate import crate
from mitoshi.evidence.digest import feature_lines, pretty_json, text_digest
from mitoshi.evidence.environment import environment
from mitoshi.evidence.lists import ground_apart, picture_of
from mitoshi.evidence.outline import outlines, thinning
from mitoshi.evidence.record import TOTALS, product_record, recorded_total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.core.product import Listed
    from mitoshi.core.text import Language
    from mitoshi.evidence.inputs import Given
    from mitoshi.evidence.products import Collector
    from mitoshi.evidence.record import Plan

__all__ = ["Outcome", "Sealed", "file_names", "publish", "record"]

PICTURES: tuple[tuple[Language, str], ...] = (("en", "quicklook.png"), ("ja", "quicklook.ja.png"))
REPORTS: tuple[tuple[Language, str], ...] = (("en", "report.en.pdf"), ("ja", "report.ja.pdf"))
ENVIRONMENT, LOCATIONS, CRATE = "environment.json", "inputs/locations.json", "ro-crate-metadata.json"
MOST_CLIMBS = 4  # an input further away than this many folders is known by its checksum alone


@dataclass(frozen=True)
class Outcome:
    """What came out of the tiles.

    Attributes
    ----------
    given, digests
        Opened inputs and the SHA-256 of their files.
    contents
        Content digest of each data argument on the grid.
    survey
        Digest of the survey's summary, or None.
    collector
        Holds totals, masks and pictures.
    """

    given: Mapping[str, tuple[Given, ...]]
    digests: Mapping[Path, str]
    contents: Mapping[str, str]
    survey: str | None
    collector: Collector


@dataclass(frozen=True)
class Sealed:
    """What a sealed bundle states of itself: whoever writes it again to compare takes these words from it.

    Attributes
    ----------
    folder
        The bundle; STAC and RO-Crate state sizes and checksums of its files.
    run
        Its ``run.json``, whose digest is its identifier.
    version
        The mitoshi that it says it was made by.
    """

    folder: Path
    run: Mapping[str, Any]
    version: str


def record(plan: Plan, outcome: Outcome, totals: Mapping[str, float]) -> dict[str, Any]:
    """Return ``run.json``."""
    return {
        **plan.described(),
        "content": dict(outcome.contents),
        "survey_sha256": outcome.survey,
        "products": {o.name: product_record(o, outcome.collector.digest(o)) for o in plan.method.outputs},
        "totals": {k: recorded_total(v) for k, v in totals.items()},
        "totals_resolution": TOTALS,
    }


def publish(
    plan: Plan,
    outcome: Outcome,
    folder: Path,
    *,
    final: Path,
    sealed: Sealed | None = None,
) -> None:
    """Write everything but the rasters, which are there, into a bundle's folder.

    Parameters
    ----------
    plan, outcome
        What ran and what came out.
    folder
        Where the bundle is being made.
    final
        Where it will lie; inputs are named relative to it.
    sealed
        The bundle that is written again to be compared with, or None for a new one: what follows from its record and what is
        said of its files is then taken from it.
    """
    import mitoshi

    run: Mapping[str, Any] = record(plan, outcome, outcome.collector.totals()) if sealed is None else sealed.run
    # From the recorded totals: so the figures are a function of the record.
    totals = {k: float("nan") if v is None else v for k, v in run["totals"].items()}
    figures = tuple(map(recorded_figure, plan.method.figured(totals, plan.parameters, frozenset(plan.inputs))))
    bundle_id = text_digest(run)
    version = mitoshi.__version__ if sealed is None else sealed.version
    write_file(folder / "run.json", pretty_json(run))
    write_file(folder / "figures.json", pretty_json({"figures": [_figure(f) for f in figures]}))
    write_file(folder / ENVIRONMENT, pretty_json(environment()))
    _write_outlines(plan, outcome, folder, figures)
    items = _write_inputs(outcome, folder)
    write_file(folder / LOCATIONS, pretty_json(_locations(outcome, final)))
    _write_pictures(plan, outcome, folder, figures, bundle_id)
    shown = folder if sealed is None else sealed.folder
    write_file(folder / "stac" / "catalog.json", pretty_json(stac.catalog(plan)))
    for output in plan.method.outputs:
        described = stac.item(plan, output, shown, bundle_id, items, version)
        write_file(folder / "stac" / f"{output.name}.json", pretty_json(described))
    write_file(folder / CRATE, pretty_json(crate(plan, shown, bundle_id, items, version, file_names(plan, outcome))))
    write_file(folder / SUMS, sums_text(folder))


def file_names(plan: Plan, outcome: Outcome) -> set[str]:
    """Return the name of every file of a bundle, the seal apart."""
    outputs = plan.method.outputs
    outlined = [o for o in outputs if outcome.collector.mask(o) is not None and isinstance(o.layer, Coded)]
    return {
        "run.json",
        "figures.json",
        ENVIRONMENT,
        LOCATIONS,
        CRATE,
        "stac/catalog.json",
        *(name for _, name in (*PICTURES, *REPORTS)),
        *(f"{o.name}.{'tif' if o.is_raster else 'parquet'}" for o in outputs),
        *(f"stac/{o.name}.json" for o in outputs),
        *(f"{o.name}.geojson" for o in outlined),
        *(
            _input_name(argument, n)
            for argument, group in outcome.given.items()
            for n in range(1, len(group) + 1)
        ),
    }  # fmt: skip


def _input_name(argument: str, number: int) -> str:
    return f"inputs/{argument}.json" if number == 1 else f"inputs/{argument}-{number}.json"


def finite(value: float | None) -> float | None:
    """Return the number, or None where it is NaN or infinite: JSON has no word for those."""
    return None if value is None or not np.isfinite(value) else float(value)


def _figure(figure: Figure) -> dict[str, Any]:
    plain = figure._replace(value=finite(figure.value), lower=finite(figure.lower), upper=finite(figure.upper))  # type: ignore[arg-type]
    reason = None if figure.reason is None else figure.reason._asdict()
    return {**plain._asdict(), "title": figure.title._asdict(), "reason": reason}


def _write_outlines(plan: Plan, outcome: Outcome, folder: Path, figures: tuple[Figure, ...]) -> None:
    factor = thinning(plan.frame.shape)
    described = [_figure(f) for f in figures]
    for output in plan.method.outputs:
        mask = outcome.collector.mask(output)
        if mask is None or not isinstance(output.layer, Coded):
            continue
        collection = outlines(mask, plan.frame, factor, name=output.name, figures=described)
        write_file(folder / f"{output.name}.geojson", feature_lines(collection))


def _write_inputs(outcome: Outcome, folder: Path) -> dict[str, str]:
    """Write the STAC item of every input; return file name → item identifier."""
    found = {}
    for argument, group in outcome.given.items():
        for n, given in enumerate(group, 1):
            name = _input_name(argument, n)
            write_file(folder / name, pretty_json(given.item(outcome.digests)))
            found[name] = given.observation.item.id
    return found


def _locations(outcome: Outcome, final: Path) -> dict[str, str]:
    """Return where each input file lies relative to the bundle, where that says nothing of the rest of the machine."""
    found = {}
    base = final.resolve()
    for file, digest in outcome.digests.items():
        relative = Path(os.path.relpath(file, base))
        climbs = sum(part == ".." for part in relative.parts)
        if not relative.is_absolute() and climbs <= min(MOST_CLIMBS, len(base.parts) - 2):
            found[digest] = relative.as_posix()
    return found


def _write_pictures(plan: Plan, outcome: Outcome, folder: Path, figures: tuple[Figure, ...], bundle_id: str) -> None:
    import xarray as xr

    collector = outcome.collector
    layers: dict[str, Any] = collector.pictures(folder)
    grid = plan.frame.geobox if collector.level == 0 else plan.frame.geobox.zoom_out(2**collector.level)
    for output in plan.method.outputs:
        if output.name in collector.lists and cast("Listed", output.layer).geometry and plan.frame.georeferenced:
            shape = (int(grid.shape[0]), int(grid.shape[1]))
            layers[output.name] = picture_of(
                collector.lists[output.name], output, grid, shape, ground=ground_apart(output, plan.method)
            )
    background = collector.background()
    given = next(g[0] for g in outcome.given.values() if not g[0].argument.is_features)
    under = (
        None if background is None else xr.DataArray(background, dims=("y", "x"), attrs=cast("Any", given.layer).attrs)
    )
    simulated = any(g.simulated for group in outcome.given.values() for g in group)
    caveats = tuple(plan.method.caveats)
    for (language, picture), (_, page) in zip(PICTURES, REPORTS, strict=True):
        image = quicklook.render(
            layers,
            shown_method(plan),
            grid=grid if plan.frame.georeferenced else None,
            background=under,
            language=language,
            title=shown_title(plan),
            simulated=simulated,
        )
        write_file(folder / picture, image)
        document = report.render(
            method=plan.method,
            figures=figures,
            parameters=plan.parameters,
            assumptions=plan.assumptions,
            inputs=_table(outcome),
            picture=image,
            language=language,
            bundle_id=bundle_id,
            simulated=simulated,
            area_text=_area_text(plan),
            time=plan.time,
            caveats=caveats,
            choice=plan.choice,
        )
        write_file(folder / page, document)


def _table(outcome: Outcome) -> list[dict[str, str]]:
    return [
        {
            "argument": argument,
            "id": given.observation.item.id,
            "datetime": given.datetime,
            "platform": str(given.properties.get("platform") or ""),
            "checksum": outcome.digests[min(given.observation.files)] if given.observation.files else "",
        }
        for argument, group in outcome.given.items()
        for given in group
    ]


def _area_text(plan: Plan) -> Text | None:
    if plan.area is None:
        return None
    west, south, east, north = plan.area
    return Text(
        f"{_angle(west, 'EW')} to {_angle(east, 'EW')}, {_angle(south, 'NS')} to {_angle(north, 'NS')}",
        f"{_angle(west, ('東経', '西経'))}～{_angle(east, ('東経', '西経'))}、"
        f"{_angle(south, ('北緯', '南緯'))}～{_angle(north, ('北緯', '南緯'))}",
    )


def _angle(value: float, signs: Sequence[str]) -> str:
    """Return an angle with the letter of its half; Japanese puts the word before it."""
    side = signs[0] if value >= 0 else signs[1]
    return f"{abs(value):g}°{side}" if len(side) == 1 else f"{side}{abs(value):g}°"
