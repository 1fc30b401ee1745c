"""Features with a class against features with a class: matched by place, and compared where they match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.product import Coded, Listed
from mitoshi.evidence.score.classes import MISSING, Classes, Codebook, classes_of, codebook, parse_map
from mitoshi.methods.statistics.confusion import confusion_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.features import Features
    from mitoshi.evidence.score.inputs import FeatureInput, Product
    from mitoshi.evidence.score.result import Settings

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["ListedTally", "Match", "class_column", "classes_of_column", "match", "on_one_crs", "tally_listed"]

Match = Literal["iou", "centroid"]


@dataclass(frozen=True)
class ListedTally:
    """Counts of features; those of several comparisons are added.

    Attributes
    ----------
    cells
        Confusion matrix of matched features; the last row is what the product does not observe, the last column what the
        reference does not say, (classes + 1, classes + 1).
    only_product, only_reference
        Features of each class without a partner, (classes + 1,).
    """

    cells: Floats
    only_product: Integers
    only_reference: Integers

    def __add__(self, other: ListedTally) -> ListedTally:
        """Return the sums over both."""
        return ListedTally(
            self.cells + other.cells,
            self.only_product + other.only_product,
            self.only_reference + other.only_reference,
        )

    @property
    def compared(self) -> Floats:
        """Confusion matrix of the matched features that both say something of, (classes, classes)."""
        return np.asarray(self.cells[:-1, :-1])


def class_column(found: FeatureInput, column: str | None, default: str | None, option: str) -> Any:
    """Return the codes of features as floating numbers, NaN where missing.

    Parameters
    ----------
    found
        Features.
    column
        That the user names, or None.
    default
        That is taken otherwise, or None.
    option
        That names it.

    Raises
    ------
    InputError
        If there is no such column or it holds no numbers.
    """
    import pandas as pd

    held = [str(c) for c in found.features.columns]
    name = column or default
    if name is None:
        raise InputError(f"which column of {found.name} holds the class is not said; give {option}: {', '.join(held)}")
    if name not in held:
        raise InputError(f"{misspelt(f'column of {found.name}', name, held)}; give {option}")
    series = found.features[name]
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(float, na_value=np.nan)
    bad = np.isnan(numbers) & ~series.isna().to_numpy()
    if bad.any():
        raise InputError(
            f"{found.name}: {name} holds {str(series[bad].iloc[0])[:40]!r}, which is no code; give numbers"
        )
    return numbers


def classes_of_column(product: Product, codes: Any, settings: Settings) -> tuple[Classes, Codebook]:
    """Return the classes of a product of features, and what its codes mean.

    Parameters
    ----------
    product
        Features, with the declaration of a method or without.
    codes
        Of its features, from `class_column`.
    settings
        Of the comparison.
    """
    layer = product.layer if isinstance(product.layer, Listed) else None
    meaning = parse_map(settings.product_map, "--product-map")
    coded = Coded(layer.title, layer.classes) if layer is not None and layer.classes else None
    seen = set(codes[np.isfinite(codes)].astype(int).tolist()) - {MISSING}
    classes = classes_of(coded, seen, meaning, settings.positive or _highest(coded, meaning, seen))
    book = codebook(meaning, classes, product.source.name, "--product-map", (MISSING,))
    return replace(classes, ordered=settings.ordered), book


def _highest(layer: Coded | None, meaning: Mapping[int, int | None] | None, codes: set[int]) -> tuple[int, ...]:
    """Return the highest class of an ordered list, such as destroyed."""
    if meaning is not None:
        codes = {target for target in meaning.values() if target is not None}
    known = {c.code for c in layer.classes if c.code != MISSING} if layer is not None and meaning is None else codes
    return (max(known),) if known else ()


def on_one_crs(one: FeatureInput, other: FeatureInput) -> tuple[Features, Features]:
    """Return two lists in the CRS of the first; degrees become metres about their middle, so that areas are right.

    Raises
    ------
    InputError
        If just one of them says where it lies, or they do not overlap.
    """
    a, b = one.features, other.features
    if (a.crs is None) != (b.crs is None):
        name = one.name if a.crs is None else other.name
        raise InputError(
            f"{name} states no coordinate reference system but the other does; state it with '#crs=EPSG:…'"
        )
    if a.crs is not None:
        metric = a.estimate_utm_crs() if a.crs.is_geographic else a.crs
        a, b = a.to_crs(metric), b.to_crs(metric)
    if not len(a) or not len(b):
        raise InputError(f"{one.name if not len(a) else other.name} holds no features; there is nothing to compare")
    west, south, east, north = a.total_bounds
    left, low, right, high = b.total_bounds
    if not (left <= east and right >= west and low <= north and high >= south):
        raise InputError(f"{other.name} does not overlap {one.name}; give a reference of the same place")
    return a, b


def match(product: Features, reference: Features, how: Match, least: float) -> tuple[Integers, Integers]:
    """Return the rows of features that belong together, each at most once, the best overlap first.

    Parameters
    ----------
    product, reference
        In one CRS.
    how
        "iou": intersection over union; "centroid": the middle of one lies in the other.
    least
        Smallest intersection over union of a match.
    """
    import shapely

    a, b = (np.asarray(f.geometry.to_numpy(), object) for f in (product, reference))
    tree = shapely.STRtree(b)
    if how == "centroid":
        inner = shapely.point_on_surface(a)
        pairs = np.concatenate([tree.query(inner, predicate="intersects"), _reverse(a, b)], axis=1)
        pairs = np.unique(pairs, axis=1) if pairs.size else pairs
        quality = -shapely.distance(shapely.centroid(a[pairs[0]]), shapely.centroid(b[pairs[1]]))
    else:
        pairs = tree.query(a, predicate="intersects")
        shared = shapely.area(shapely.intersection(a[pairs[0]], b[pairs[1]]))
        union = shapely.area(a[pairs[0]]) + shapely.area(b[pairs[1]]) - shared
        quality = np.divide(shared, union, out=np.zeros(union.shape), where=union > 0)
        pairs, quality = pairs[:, quality >= least], quality[quality >= least]
    return _one_to_one(pairs, quality, (len(a), len(b)))


def _reverse(a: Any, b: Any) -> Any:
    """Return pairs in which the inner point of the reference's feature lies in the product's."""
    import shapely

    found = shapely.STRtree(a).query(shapely.point_on_surface(b), predicate="intersects")
    return found[::-1]


def _one_to_one(pairs: Any, quality: Any, sizes: tuple[int, int]) -> tuple[Integers, Integers]:
    order = np.lexsort((pairs[1], pairs[0], -quality))
    free = [np.ones(n, bool) for n in sizes]
    kept = []
    for n in order:
        i, j = int(pairs[0][n]), int(pairs[1][n])
        if free[0][i] and free[1][j]:
            free[0][i] = free[1][j] = False
            kept.append(n)
    chosen = np.sort(np.array(kept, np.int64))
    return pairs[0][chosen].astype(np.int64), pairs[1][chosen].astype(np.int64)


def tally_listed(mapped: Any, truth: Any, pairs: tuple[Integers, Integers], classes: int) -> ListedTally:
    """Return the counts of matched and unmatched features.

    Parameters
    ----------
    mapped, truth
        Class numbers, 255 where missing.
    pairs
        From `match`.
    classes
        How many there are.
    """
    one, other = (np.where(c == MISSING, classes, c).astype(np.int64) for c in (mapped, truth))
    size = classes + 1
    alone = []
    for codes, used in ((one, pairs[0]), (other, pairs[1])):
        rest = np.ones(codes.size, bool)
        rest[used] = False
        alone.append(np.bincount(codes[rest], minlength=size))
    return ListedTally(confusion_matrix(one[pairs[0]], other[pairs[1]], size), alone[0], alone[1])
