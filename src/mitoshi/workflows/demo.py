"""The demonstration: simulate, ingest, respond, verify, and compare with what is known."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.catalog import Catalogue
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.evidence import verify
from mitoshi.evidence.wording import number, said
from mitoshi.handover.writing import LANGUAGES
from mitoshi.methods.statistics.agreement import Agreement, agreement
from mitoshi.methods.statistics.calibration import expected_calibration_error
from mitoshi.sensors import items
from mitoshi.simulation import EVENT, region, write_exposure, write_region
from mitoshi.workflows.demo_story import Story, classes_of, draw
from mitoshi.workflows.drill import DRILL
from mitoshi.workflows.people_words import people_words
from mitoshi.workflows.respond import respond

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from affine import Affine

    from mitoshi.evidence import Bundle, Verdict
    from mitoshi.workflows.respond import Response

__all__ = ["PARAMETERS", "DemoResult", "run_demo"]

ELEVATION_ERROR_M = 0.6  # of the simulated elevation model, as docs/simulation.md states it
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"depth": {"elevation_error_m": ELEVATION_ERROR_M}}
"""Of the steps of the response, where they differ from their defaults."""


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration shows.

    Attributes
    ----------
    out
        Folder of everything.
    bundle
        The flood map's evidence.
    verdict
        What `verify` says of it.
    response
        The whole drill: every product, its clock, and the handover.
    verdicts
        What `verify` says of each product.
    depth_error
        Root mean square difference between the depth and the truth where both are wet [m].
    score
        Agreement with the simulated truth where the radar can see and the map says something.
    left_out
        Share of the flood that the radar can see and that the map calls not observable: ground beside towns, woods and roads.
    calibration_error
        Expected calibration error of the probability, there too.
    not_observable
        Share of the area that the map calls not observable.
    people
        People in water in truth, beside the figure ``affected_population`` of the impact.
    iou_as_dry
        IoU of the map with what it calls not observable counted as dry.
    """

    out: Path
    bundle: Bundle
    verdict: Verdict
    response: Response
    verdicts: Mapping[str, str]
    depth_error: float
    score: Agreement
    calibration_error: float
    not_observable: float
    people: float
    left_out: float
    iou_as_dry: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "simulated": True,
            "out": str(self.out),
            "bundle": str(self.bundle.path),
            "id": self.bundle.id,
            "choice": [c.en for c in self.bundle.choice],
            "figures": [
                {**f._asdict(), "title": f.title._asdict(), "reason": f.reason and f.reason.en}
                for f in self.bundle.figures
            ],
            "verify": self.verdict.status,
            "verified": dict(self.verdicts),
            "steps": {name: entry.status for name, entry in self.response.record.entries.items()},
            "depth_root_mean_square_error_m": self.depth_error,
            "handover": [str(p) for p in self.response.handover],
            "score": self.score._asdict(),
            "expected_calibration_error": self.calibration_error,
            "not_observable_share": self.not_observable,
            "visible_flood_not_mapped_share": self.left_out,
            "iou_with_not_observable_as_dry": self.iou_as_dry,
            "people_in_water_truth": self.people,
            "story": [str(self.out / f"story.{language}.png") for language in LANGUAGES],
        }

    def lines(self) -> list[str]:
        """Return what the terminal shows."""
        figures = [f"  {f.title.en}: {said(f, 'en')}" for f in self.bundle.figures]
        return [
            "A SIMULATED coastal region; nothing here is an observation of the Earth. 模擬データです。",
            *(f"  {c.en}" for c in self.bundle.choice),
            *figures,
            f"  agreement with the known truth, outside what radar cannot see: "
            f"IoU {self.score.intersection_over_union:.3f}, commission {self.score.commission_error:.3f}, "
            f"omission {self.score.omission_error:.3f}, expected calibration error {self.calibration_error:.3f}",
            f"  not observable: {self.not_observable:.1%} of the area, and {self.left_out:.1%} of the flood that a radar sees",
            f"  depth against the known truth: root mean square error {self.depth_error:.2f} m",
            *self._people(),
            *self._steps(),
            f"  verify: {', '.join(f'{name} {status}' for name, status in self.verdicts.items())}",
            f"Look at {self.out}/story.en.png or story.ja.png first: the flood as estimated, and the truth beside it",
            f"Open {self.response.out}/handover/situation.en.pdf or situation.ja.pdf; each product's report lies beside it",
        ]

    def _people(self) -> list[str]:
        """Return the people in water beside the truth."""
        bundle = self.response.bundles.get("impact")
        told = None if bundle is None else people_words(bundle.figures)
        return [] if told is None else [f"  {told.line.en}; in truth {self.people:,.0f}"]

    def _steps(self) -> list[str]:
        """Return one line per further product, with its first figures."""
        lines = []
        for name, entry in self.response.record.entries.items():
            bundle = self.response.bundles.get(name)
            if name in ("flood", "handover"):
                continue
            told = "; ".join(f"{f.title.en}: {said(f, 'en')}" for f in bundle.figures[:3]) if bundle else entry.reason
            lines.append(f"  {name}: {entry.status}; {told}")
        return lines


def run_demo(
    out: Path,
    *,
    seed: int,
    size: int,
    time: datetime | None = None,
    progress: Callable[[int, int, str], None],
    parameters: Mapping[str, Mapping[str, Any]] = PARAMETERS,
) -> DemoResult:
    """Run the whole path on a simulated region.

    Parameters
    ----------
    out
        Folder of everything; a second demonstration with the same seed and size writes the same again.
    seed, size
        Of the region; `size` pixels of 10 m along each side.
    time
        Written everywhere; None takes the clock of the drill (`mitoshi.workflows.drill`).
    progress
        Called as ``progress(done, total, message)``.
    parameters
        Step of the response → parameters of its method that differ from their defaults.
    """
    progress(0, 4, "simulate")
    place = region((size, size), seed=seed)
    folder = out / f"region-{seed}-{size}"
    write_region(place, folder)
    write_exposure(folder / "archive", (size, size), seed=seed)
    hydrographs = folder / "truth" / "inflows.geojson"  # a forecast of the rivers that happens to be right
    if hydrographs.exists():
        shutil.copyfile(hydrographs, folder / "archive" / hydrographs.name)
    progress(1, 4, "ingest")
    store = folder / "catalogue"
    count = itertools.count(1)
    Catalogue(store).ingest([folder / "archive"], describe=items, progress=lambda name: progress(next(count), 0, name))
    progress(2, 4, "respond")
    response = respond(
        out / "response",
        area=place.bbox,
        event=instant(EVENT),
        store=store,
        now=lambda: time or instant(EVENT),
        drill=DRILL if time is None else None,
        parameters=parameters,
        progress=lambda _done, _total, message: progress(2, 4, message),
    )
    progress(3, 4, "verify")
    verdicts = {name: verify(bundle.path) for name, bundle in response.bundles.items()}
    bundle = response.bundles["flood"]
    score, error, unseen, left_out, as_dry = compared(bundle.path, folder / "truth")
    depth = depth_error(response.bundles["depth"].path, folder / "truth")
    told = {name: verdict.status for name, verdict in verdicts.items()}
    people = tell_story(out, response.bundles, folder)
    return DemoResult(
        out, bundle, verdicts["flood"], response, told, depth, score, error, unseen, people, left_out, as_dry
    )


def tell_story(out: Path, bundles: Mapping[str, Bundle], folder: Path) -> float:
    """Draw the flood as estimated with the truth beside it, as ``story.en.png`` and ``story.ja.png``.

    Parameters
    ----------
    out
        Where the pictures go.
    bundles
        Step → evidence bundle; the story has flood, depth and impact in it.
    folder
        Of the region, with its truth.

    Returns
    -------
    People in water in truth.
    """
    people, frame = _read(folder / "truth" / "population.tif")
    flood, _ = _read(folder / "truth" / "flood.tif")
    true = float(people[flood == 1].sum())
    if not {"flood", "depth", "impact"} <= bundles.keys():
        return true
    mapped = _onto(frame, flood.shape, *_read(bundles["flood"].path / "flood.tif"), outside=255)
    chance = _onto(frame, flood.shape, *_read(bundles["depth"].path / "water_probability.tif"), outside=0)
    told = people_words(bundles["impact"].figures)
    if told is None:
        return true
    truth = Text(f"People in water: {number(true, 0)}\u202fpeople", f"浸水域内人口：{number(true, 0)}\u202f人")
    estimate, known = classes_of(mapped, chance, people), classes_of(flood, (flood == 1).astype(float), people)
    story = Story(estimate, known, abs(frame.a), *told, truth)
    for language in LANGUAGES:
        (out / f"story.{language}.png").write_bytes(draw(story, language))
    return true


def depth_error(bundle: Path, truth: Path) -> float:
    """Return the root mean square difference of depth where the map and the truth are both wet [m]; NaN where nothing is."""
    depth, frame = _read(bundle / "depth.tif")
    known = _onto(frame, depth.shape, *_read(truth / "flood_depth.tif"), outside=0)
    wet = (known > 0) & (np.nan_to_num(depth) > 0)
    return float(np.sqrt(np.mean((depth[wet] - known[wet]) ** 2))) if wet.any() else float("nan")


def compared(bundle: Path, truth: Path) -> tuple[Agreement, float, float, float, float]:
    """Return agreement, calibration error and two shares of a bundle against the truth of its region.

    What the map calls not observable is no claim that it is dry: it is left out of the agreement, and its share of the area and
    of the flood that the radar can see stand beside it. The last is the IoU with it counted as dry.
    """
    codes, frame = _read(bundle / "flood.tif")
    probability, _ = _read(bundle / "flood_probability.tif")
    flood = _onto(frame, codes.shape, *_read(truth / "flood.tif"), outside=0) == 1
    seen = _onto(frame, codes.shape, *_read(truth / "not_observable.tif"), outside=1) == 0
    score = agreement(codes == 1, flood, seen & (codes != 255))
    said = seen & np.isfinite(probability)
    error = expected_calibration_error(probability[said], flood[said])
    left_out = float((codes[flood & seen] == 255).mean()) if (flood & seen).any() else 0.0
    as_dry = agreement(codes == 1, flood, seen).intersection_over_union
    return score, error, float((codes == 255).mean()), left_out, as_dry


def _read(path: Path) -> tuple[np.ndarray[Any, Any], Affine]:
    """Return the first band and where it lies."""
    from mitoshi.sensors import guard

    with guard.open_raster(path) as dataset:
        return dataset.read(1), dataset.transform


def _onto(
    frame: Affine, shape: tuple[int, ...], values: np.ndarray[Any, Any], transform: Affine, *, outside: int
) -> np.ndarray[Any, Any]:
    """Return `values` shifted by whole pixels onto a frame of the same pixels; `outside` where they end."""
    left, top = (round(v) for v in ~frame @ (transform.c, transform.f))
    placed = np.full(shape, outside, values.dtype)
    rows = slice(max(0, top), min(shape[0], top + values.shape[0]))
    columns = slice(max(0, left), min(shape[1], left + values.shape[1]))
    placed[rows, columns] = values[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return placed
