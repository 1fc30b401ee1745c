"""A comparison as plain data: every number, checksums, versions and parameters, and no clock."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.plain import plain
from mitoshi.evidence.score.coded import CodedTally
from mitoshi.evidence.score.listed import ListedTally
from mitoshi.evidence.score.measures import agreement_by_class, by_band, by_class, by_zone, measures
from mitoshi.methods.statistics.distance_bands import BANDS
from mitoshi.methods.statistics.patches import SIZES

if TYPE_CHECKING:
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.inputs import Input, Product
    from mitoshi.evidence.score.measured import MeasuredTally
    from mitoshi.evidence.score.result import Score, Settings

__all__ = ["FORMAT", "record", "settings_record", "tally_record", "versions"]

FORMAT = "mitoshi-score/1"
LIBRARIES = ("mitoshi", "numpy", "scipy", "rasterio", "pyproj", "shapely", "geopandas", "odc-geo", "numba")
PATHS = ("reference", "uncertainty", "reference_area", "zones", "baseline")


def record(score: Score) -> dict[str, Any]:
    """Return everything that is known of a comparison; NaN is null."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "kind": score.kind,
        "product": _product(score.product),
        "reference": _input(score.reference),
        "baseline": None if score.baseline is None else _product(score.baseline),
        "parameters": settings_record(score.settings),
        "sha256": dict(sorted(score.digests.items())),
        "versions": versions(),
        "simulated": score.simulated,
        "grid": _grid(score),
        "units": score.units or None,
        "classes": _classes(score.classes),
        "score": tally_record(score.tally, score.classes),
        "baseline_score": None if score.other is None else tally_record(score.other, score.classes),
        "figures": [
            {
                "name": c.figure.name,
                "value": c.figure.value,
                "lower": c.figure.lower,
                "upper": c.figure.upper,
                "units": c.figure.units,
                "confidence": c.figure.confidence,
                "truth": c.truth,
                "inside": c.inside,
                "upper_over_lower": c.ratio,
            }
            for c in score.checks
        ],
        "points": _points(score),
        "notes": [n._asdict() for n in score.notes],
    }
    kept: dict[str, Any] = plain(found)
    return kept


def settings_record(settings: Settings) -> dict[str, Any]:
    """Return the parameters of a comparison; files by their names, for their folders are of one machine."""
    found = asdict(settings)
    for name in PATHS:
        if found[name] is not None:
            path, mark, said = str(found[name]).partition("#")
            found[name] = Path(path).name + mark + said
    found["truths"] = dict(settings.truths)
    return found


def versions() -> dict[str, str]:
    """Return the versions of what computes the numbers."""
    import platform

    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def tally_record(tally: CodedTally | MeasuredTally | ListedTally, classes: Classes | None) -> dict[str, Any]:
    """Return the numbers of a comparison, and the sums that they are made of."""
    found: dict[str, Any] = {"measures": measures(tally, classes)}
    if isinstance(tally, CodedTally) and classes is not None:
        return found | _of_map(tally, classes)
    if isinstance(tally, ListedTally):
        return found | {
            "confusion": tally.cells.astype(int).tolist(),
            "only_product": tally.only_product.tolist(),
            "only_reference": tally.only_reference.tolist(),
            "by_class": _by_class_of_list(tally, classes),
        }
    if isinstance(tally, CodedTally):
        return found
    return found | {
        "zones": {
            name: {"compared": z.cells, "bias": z.bias, "root_mean_square_error": z.rmse, "mean_absolute_error": z.mae}
            for name, z in tally.zones.items()
        },
        "not_observed": tally.unobserved,
        "no_reference": tally.unreferenced,
    }


def _of_map(tally: CodedTally, classes: Classes) -> dict[str, Any]:
    bands = [
        {"cells_from": low, "cells_to": high, "metres_from": low * tally.side_m, "metres_to": high * tally.side_m, **of}
        for (low, high), of in zip(BANDS, by_band(tally), strict=True)
    ]
    patches = {
        name: None if counts is None else {"patches": list(counts.patches), "cells": list(counts.cells)}
        for name, counts in (("misses", tally.misses), ("false_alarms", tally.false_alarms))
    }
    found = {
        "confusion": tally.cells.astype(int).tolist(),
        "confusion_area": tally.areas.tolist(),
        "area_units": "m2" if tally.georeferenced else "cells",
        "confusion_without_mixed_cells": tally.pure.astype(int).tolist(),
        "by_class": [{"code": c, **of} for c, of in zip(classes.codes, by_class(tally), strict=True)],
        "by_distance": bands,
        "patches": {"largest_of_class": [*SIZES, None], **patches},
        "zones": {name: by_zone(matrix, classes) for name, matrix in tally.zones.items()},
    }
    if tally.probability is not None:
        table = tally.probability.reliability
        found["reliability"] = {
            "cells": table.cells.astype(int).tolist(),
            "stated": [s / n if n else None for s, n in zip(table.stated.tolist(), table.cells.tolist(), strict=True)],
            "observed": [
                o / n if n else None for o, n in zip(table.observed.tolist(), table.cells.tolist(), strict=True)
            ],
        }
    return found


def _by_class_of_list(tally: ListedTally, classes: Classes | None) -> list[dict[str, Any]]:
    rows = agreement_by_class(tally.compared)
    return [] if classes is None else [{"code": c, **of} for c, of in zip(classes.codes, rows, strict=True)]


def _product(product: Product) -> dict[str, Any]:
    return {**_input(product.source), "method": product.method or None, "bundle": product.bundle or None}


def _input(found: Input) -> dict[str, Any]:
    times = None if found.times is None else [t.isoformat() for t in found.times]
    return {"name": found.name, "files": [f.name for f in found.files], "times": times, "simulated": found.simulated}


def _classes(classes: Classes | None) -> dict[str, Any] | None:
    if classes is None:
        return None
    codes = {str(k.code): k.title._asdict() for k in classes.kinds}
    return {"codes": codes, "positive": list(classes.positive), "ordered": classes.ordered}


def _grid(score: Score) -> dict[str, Any] | None:
    from mitoshi.evidence.frame import Frame

    if score.grid is None or score.overlap is None:
        return None
    part = score.overlap
    return {
        **Frame(score.grid).described(),
        "compared_rows": [part.rows.start, part.rows.stop],
        "compared_columns": [part.columns.start, part.columns.stop],
        "reference_beyond_share": part.beyond,
    }


def _points(score: Score) -> list[dict[str, Any]] | None:
    if score.points is None:
        return None
    p = score.points
    rows = zip(p.names, p.truth.tolist(), p.value.tolist(), p.uncertainty.tolist(), p.inside.tolist(), strict=True)
    return [{"name": n, "reference": t, "product": v, "standard_uncertainty": u, "inside": i} for n, t, v, u, i in rows]
