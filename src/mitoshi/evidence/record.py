"""``run.json``: everything that decides the result, and the digests of what came out. Its own digest names the bundle."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.product import Coded, Listed
from mitoshi.core.resolution import FINEST, LIST_DIGITS, TOTAL_DIGITS, rounded, total_step
from mitoshi.evidence.digest import block_digests, content_digest, text_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mitoshi.core.grid import BBox
    from mitoshi.core.method import Method, Output
    from mitoshi.core.text import Text
    from mitoshi.evidence.frame import Frame

__all__ = ["FORMAT", "TOTALS", "Plan", "iso", "observed", "recorded_total", "summary_digest"]

FORMAT = "mitoshi-run/2"
TOTALS = {"significant_digits": TOTAL_DIGITS, "finest": FINEST}  # the resolution of totals, as a record states it


@dataclass(frozen=True)
class Plan:
    """What is to be run: known before anything is computed.

    Attributes
    ----------
    method, parameters
        With every parameter bound.
    inputs
        Argument to the records of its observations.
    frame, tile_size
        The grid and how it is cut.
    area, event, time
        As the caller gave them.
    choice, assumptions
        Why these inputs, and what the readers and the method had to suppose.
    """

    method: Method[..., Any]
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Sequence[Mapping[str, Any]]]
    frame: Frame
    tile_size: int
    area: BBox | None
    event: datetime | None
    time: datetime
    choice: tuple[Text, ...]
    assumptions: tuple[Text, ...]

    def described(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        from mitoshi.evidence.environment import source_digest

        return {
            "format": FORMAT,
            "method": {
                "name": self.method.name,
                "version": self.method.version,
                "reference": self.method.reference,
                "source_sha256": source_digest(self.method.function.__module__),
            },
            "parameters": dict(self.parameters),
            "inputs": {k: [dict(r) for r in v] for k, v in self.inputs.items()},
            "grid": self.frame.described(),
            "tile_size": self.tile_size,
            "area": None if self.area is None else list(self.area),
            "event": None if self.event is None else iso(self.event),
            "time": iso(self.time),
            "choice": [t._asdict() for t in self.choice],
            "assumptions": [t._asdict() for t in self.assumptions],
        }


def iso(time: datetime) -> str:
    """Return ISO 8601 in UTC with a Z.

    >>> from datetime import datetime
    >>> iso(datetime(2019, 9, 13, 6, tzinfo=UTC))
    '2019-09-13T06:00:00Z'
    """
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def observed(plan: Plan) -> dict[str, Any]:
    """Return the time of the latest dated input that was not there all along.

    Where every input was, that is the time of the event (a forecast of it), else the latest of them, else the widest interval.
    """
    lasting = {d.name for d in plan.method.data if d.need.when == "any"}
    changing = [r["datetime"] for name, records in plan.inputs.items() if name not in lasting for r in records]
    if plan.event is not None and not any(changing):
        return {"datetime": iso(plan.event)}
    dated = changing or [r["datetime"] for records in plan.inputs.values() for r in records]
    last = max((t.split("/")[-1] for t in dated if t), default=None)
    if last is not None:
        return {"datetime": last}
    return {"datetime": None, "start_datetime": "0001-01-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"}


def product_record(output: Output, digest: str) -> dict[str, Any]:
    """Return what ``run.json`` says of one product."""
    layer = output.layer
    if isinstance(layer, Listed):
        return {
            "file": f"{output.name}.parquet",
            "content_sha256": digest,
            "uncertainty": layer.uncertainty or None,
            "no_uncertainty": layer.no_uncertainty.en if layer.no_uncertainty else "",
            "columns": {c.name: c.units for c in layer.columns},
            "resolution": {c.name: c.resolution for c in layer.columns if c.dtype == "float"},
            "significant_digits": LIST_DIGITS,  # of a column whose resolution is null
        }
    stored: dict[str, Any] = (
        {"dtype": "uint8", "nodata": layer.nodata, "classes": {str(c.code): c.title.en for c in layer.classes}}
        if isinstance(layer, Coded)
        else {"dtype": "float32", "units": layer.quantity.units, "resolution": layer.resolution}
    )
    return {
        "file": f"{output.name}.tif",
        "content_sha256": digest,
        "uncertainty": layer.uncertainty,
        "no_uncertainty": layer.no_uncertainty.en if layer.no_uncertainty else "",
        **stored,
    }


def recorded_total(value: float) -> float | None:
    """Return a total as it is recorded: at its resolution, or None where it is no number, for which JSON has no word."""
    return rounded(float(value), total_step(float(value))) if np.isfinite(value) else None


def summary_digest(summary: Any) -> str:
    """Return the digest of a survey's summary: numbers to the last bit, arrays by content."""
    return text_digest(_plain(summary))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        array = value.reshape(1, -1) if value.ndim < 2 else value
        return content_digest({"shape": list(value.shape), "dtype": value.dtype.str}, block_digests(array))
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value.hex()
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "to_numpy"):
        return _plain(value.to_numpy())
    return repr(value)
