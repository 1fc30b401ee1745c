"""Several products against their references: each, by group, all pooled, and the mean of all."""

from __future__ import annotations

import csv
import functools
import math
import operator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, MitoshiError
from mitoshi.evidence.score import score
from mitoshi.evidence.score.measures import measures
from mitoshi.methods.statistics.coverage import wilson_interval
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from mitoshi.evidence.score.classes import Classes
    from mitoshi.evidence.score.coded import Progress
    from mitoshi.evidence.score.figures import FigureCheck
    from mitoshi.evidence.score.result import Score, Settings

__all__ = ["IntervalCoverage", "Pair", "PairsScore", "mean_measures", "read_pairs", "score_pairs"]

MOST_PAIRS = 10_000
MOST_BYTES = 16 * 2**20
LEVEL = 0.9  # of the interval of a share of pairs


@dataclass(frozen=True)
class Pair:
    """One product, its reference, and the group that it belongs to, such as an event."""

    product: str
    reference: str
    group: str

    @property
    def name(self) -> str:
        """Name of the product's file or folder."""
        return Path(self.product.partition("#")[0]).name


@dataclass(frozen=True)
class IntervalCoverage:
    """How often an interval of a figure holds the truth.

    Attributes
    ----------
    name
        Of the figure.
    inside, pairs
        In how many of how many pairs.
    lower, upper
        Wilson's 90 % interval of that share, as if pairs were independent.
    median_ratio
        Median of upper over lower bound.
    """

    name: str
    inside: int
    pairs: int
    lower: float
    upper: float
    median_ratio: float


@dataclass(frozen=True)
class PairsScore:
    """The comparison of several pairs.

    Attributes
    ----------
    pairs, scores
        Each pair and its score, without its map of errors.
    settings
        That all share.
    """

    pairs: tuple[Pair, ...]
    scores: tuple[Score, ...]
    settings: Settings

    @property
    def classes(self) -> Classes | None:
        """That all share."""
        return self.scores[0].classes

    @property
    def pooled(self) -> Any:
        """Sums over all pairs."""
        return _sum(s.tally for s in self.scores)

    @property
    def groups(self) -> dict[str, Any]:
        """Sums by group, in the order in which groups appear."""
        names = dict.fromkeys(p.group for p in self.pairs)
        return {n: _sum(s.tally for p, s in zip(self.pairs, self.scores, strict=True) if p.group == n) for n in names}

    @property
    def other(self) -> Any:
        """Sums of the baseline over all pairs; None where there is none."""
        return None if self.scores[0].other is None else _sum(s.other for s in self.scores)

    @property
    def coverages(self) -> tuple[IntervalCoverage, ...]:
        """How often each figure's interval holds the truth."""
        by_name: dict[str, list[FigureCheck]] = {}
        for found in self.scores:
            for check in found.checks:
                by_name.setdefault(check.figure.name, []).append(check)
        return tuple(_coverage(name, checks) for name, checks in by_name.items())

    @property
    def simulated(self) -> bool:
        """Whether any pair says that it is simulated."""
        return any(s.simulated for s in self.scores)


def _sum(tallies: Any) -> Any:
    return functools.reduce(operator.add, tallies)


def _coverage(name: str, checks: list[FigureCheck]) -> IntervalCoverage:
    inside = sum(c.inside for c in checks)
    lower, upper = wilson_interval(inside, len(checks), LEVEL)
    ratios = [c.ratio for c in checks if not math.isnan(c.ratio)]
    return IntervalCoverage(name, inside, len(checks), lower, upper, median(ratios) if ratios else math.nan)


def mean_measures(scores: tuple[Score, ...]) -> dict[str, float]:
    """Return the mean of each number over the pairs in which it is defined."""
    each = [measures(s.tally, s.classes) for s in scores]
    found = {}
    for name in dict.fromkeys(n for m in each for n in m):
        values = [m[name] for m in each if name in m and math.isfinite(m[name])]
        found[name] = math.fsum(values) / len(values) if values else math.nan
    return found


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Return the pairs of a CSV file with the columns product, reference and, if wanted, group.

    Parameters
    ----------
    path
        Of the file; the paths in it are relative to its folder.

    Raises
    ------
    InputError
        If it cannot be read, a column is missing or a row is incomplete.
    """
    try:
        guard.regular_file(str(path))
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.name} is larger than {MOST_BYTES >> 20} MiB; it is no list of pairs")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(
            f"{path.name} cannot be read ({why}); give a CSV file with columns product, reference, group"
        ) from None
    try:
        rows = csv.DictReader(text.splitlines())
        missing = [c for c in ("product", "reference") if c not in (rows.fieldnames or ())]
        table = list(rows)
    except csv.Error as error:
        raise InputError(f"{path.name} is no CSV ({error}); give columns product, reference, group") from None
    if missing:
        raise InputError(f"{path.name} has no column {missing[0]!r}; it needs product, reference and, if wanted, group")
    found = []
    for number, row in enumerate(table, 2):
        product, reference = ((row.get(c) or "").strip() for c in ("product", "reference"))
        if not product or not reference:
            raise InputError(f"row {number} of {path.name} names no product or no reference")
        group = (row.get("group") or "").strip()
        found.append(Pair(str(path.parent / product), str(path.parent / reference), group))
        if len(found) > MOST_PAIRS:
            raise InputError(f"{path.name} holds more than {MOST_PAIRS} pairs")
    if not found:
        raise InputError(f"{path.name} holds no pair")
    return tuple(found)


def score_pairs(pairs: tuple[Pair, ...], settings: Settings, progress: Progress) -> PairsScore:
    """Return the scores of several pairs.

    Parameters
    ----------
    pairs
        From `read_pairs`.
    settings
        That all share, the reference apart.
    progress
        Called once for each pair.

    Raises
    ------
    InputError
        If a pair cannot be compared, or is of another kind or has other classes than the first.
    """
    scores: list[Score] = []
    for number, pair in enumerate(pairs, 1):
        progress(number - 1, len(pairs), pair.name)
        try:
            found = score(pair.product, replace(settings, reference=pair.reference))
        except MitoshiError as error:
            raise type(error)(f"pair {number} ({pair.name}): {error}") from None
        if scores:
            _check_alike(number, pair, scores[0], found)
        scores.append(replace(found, errors=None, sketch=None))
    return PairsScore(pairs, tuple(scores), settings)


def _check_alike(number: int, pair: Pair, first: Score, found: Score) -> None:
    if found.kind != first.kind:
        raise InputError(f"pair {number} ({pair.name}) is {found.kind}, the first one {first.kind}; say --kind")
    one, other = (None if s.classes is None else s.classes.codes for s in (first, found))
    if one != other:
        raise InputError(
            f"pair {number} ({pair.name}) has classes {other}, the first one {one}; say what codes mean with --product-map"
        )
    if found.units != first.units:
        raise InputError(
            f"pair {number} ({pair.name}) is in {found.units!r}, the first one in {first.units!r}; convert it"
        )
