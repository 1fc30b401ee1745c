"""Classes of a comparison: which code means what, in the product and in the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, ParameterError
from mitoshi.core.product import Coded, CodedClass
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "MISSING",
    "MOST_CLASSES",
    "Classes",
    "Codebook",
    "Threshold",
    "as_codes",
    "classes_of",
    "codebook",
    "parse_map",
    "threshold_classes",
]

MISSING = 255
MOST_CLASSES = 31
LOWEST, HIGHEST = -32768, 65535
UNKNOWN = 254
NONE = ("none", "nodata", "")
PALETTE = ("#f2efe6", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442")


@dataclass(frozen=True)
class Classes:
    """The classes that are compared, in ascending order of their codes.

    Attributes
    ----------
    kinds
        Code, words and colour of each.
    positive
        Codes that together are what is looked for, such as water.
    ordered
        Whether the order of the codes means something, such as degrees of damage.
    """

    kinds: tuple[CodedClass, ...]
    positive: tuple[int, ...]
    ordered: bool = False

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the classes."""
        return tuple(k.code for k in self.kinds)

    @property
    def named(self) -> str:
        """The codes with their names, for messages: ``0 = dry, 1 = flooded``."""
        return ", ".join(
            str(k.code) if k.title == _unnamed(k.code, 0).title else f"{k.code} = {k.title.en}" for k in self.kinds
        )

    @cached_property
    def is_positive(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each class is positive, (classes,)."""
        return np.isin(self.codes, self.positive)

    @property
    def positive_title(self) -> Text:
        """Words for the positive classes together."""
        titles = [k.title for k in self.kinds if k.code in self.positive]
        return Text(" or ".join(t.en for t in titles), "または".join(t.ja for t in titles))


def parse_map(text: str | None, option: str) -> dict[int, int | None] | None:
    """Return what codes mean from ``1=1,2=1,255=none``; None where nothing is said.

    Raises
    ------
    ParameterError
        If it is not of this form, or a code stands twice.

    >>> parse_map("1=1,2=1,255=none", "--map")
    {1: 1, 2: 1, 255: None}
    """
    if text is None:
        return None
    found: dict[int, int | None] = {}
    for pair in filter(None, text.replace(" ", "").split(",")):
        code, equals, meaning = pair.partition("=")
        try:
            number, target = int(code), None if meaning.lower() in NONE else int(meaning)
        except ValueError:
            equals = ""
        if not equals or not LOWEST <= number <= HIGHEST:
            raise ParameterError(f"{option} takes CODE=CLASS pairs such as '1=1,2=1,255=none', got {pair[:40]!r}")
        if number in found:
            raise ParameterError(f"{option} says twice what code {number} means")
        found[number] = target
    return found


class Codebook:
    """Turns the codes of one file into class numbers, 0 to n - 1, and `MISSING`.

    Parameters
    ----------
    meaning
        Class of each code; None for "not observed" or "no reference".
    classes
        Of the comparison.
    name, option
        Of the file, and the option that says what its codes mean, for messages.
    """

    def __init__(self, meaning: Mapping[int, int | None], classes: Classes, name: str, option: str) -> None:
        self._name, self._option, self._classes = name, option, classes
        self._table = np.full(HIGHEST - LOWEST + 1, UNKNOWN, np.uint8)
        for code, target in meaning.items():
            self._table[code - LOWEST] = MISSING if target is None else classes.codes.index(target)

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return class numbers of an array of codes; NaN is `MISSING`.

        Raises
        ------
        InputError
            If a value is no code, or it is not said what the code means.
        """
        out = np.full(values.shape, MISSING, np.uint8)
        known = np.isfinite(values)
        codes = as_codes(values[known], self._name)
        found = self._table[codes - LOWEST]
        if (found == UNKNOWN).any():
            code = int(codes[found == UNKNOWN][0])
            raise InputError(
                f"{self._name} holds code {code}, which is none of the classes "
                f"({self._classes.named}); say what it means with {self._option} '{code}=CLASS' or '{code}=none' (with those of "
                "the other codes)"
            )
        out[known] = found
        return out


@dataclass(frozen=True)
class Threshold:
    """Turns probabilities into class numbers: 1 from a threshold on, 0 below, `MISSING` where there is none."""

    least: float
    percent: bool

    def __call__(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return class numbers of an array of probabilities."""
        with np.errstate(invalid="ignore"):
            reached = values >= self.least * (100.0 if self.percent else 1.0)
        return np.where(np.isfinite(values), reached, MISSING).astype(np.uint8)


def threshold_classes(least: float) -> Classes:
    """Return the two classes of a probability."""
    below = CodedClass(0, Text(f"probability below {least:g}", f"確率 {least:g} 未満"), PALETTE[0])
    reached = CodedClass(1, Text(f"probability {least:g} or more", f"確率 {least:g} 以上"), PALETTE[1])
    return Classes((below, reached), (1,))


def _odd(values: np.ndarray[Any, Any]) -> float:
    """Return the value that lies farthest beyond the codes."""
    return float(values.max() if values.max() > HIGHEST else values.min())


def as_codes(values: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return values as whole numbers.

    Raises
    ------
    InputError
        If one is not whole, or beyond what codes are.
    """
    if values.size and not (values.min() >= LOWEST and values.max() <= HIGHEST):
        raise InputError(
            f"{name}: the value {_odd(values):g} is no code ({LOWEST} to {HIGHEST}); if it means 'no data', say '#nodata=…' "
            "with the number as the file stores it"
        )
    codes = values.astype(np.int32)
    if not np.array_equal(codes, values):
        odd = float(values[codes != values][0])
        raise InputError(
            f"{name}: the value {odd:g} is no whole number and so no code; say --kind measured or --kind probability if the "
            "file has such values"
        )
    return codes


def codebook(
    meaning: Mapping[int, int | None] | None, classes: Classes, name: str, option: str, missing: Iterable[int] = ()
) -> Codebook:
    """Return the codebook of a file; without a map every class has its own code.

    Parameters
    ----------
    meaning
        From `parse_map`, or None.
    classes
        Of the comparison.
    name, option
        Of the file and of the option.
    missing
        Codes that mean "not observed" where there is no map.

    Raises
    ------
    ParameterError
        If the map names a class that there is not.
    """
    if meaning is None:
        meaning = {**{code: code for code in classes.codes}, **dict.fromkeys(missing)}
    for code, target in meaning.items():
        if target is not None and target not in classes.codes:
            raise ParameterError(
                f"{option} turns code {code} into class {target}, which there is not; classes: {classes.named}"
            )
    return Codebook(meaning, classes, name, option)


def classes_of(
    layer: Coded | None, codes: Iterable[int], meaning: Mapping[int, int | None] | None, positive: tuple[int, ...]
) -> Classes:
    """Return the classes of a comparison.

    Parameters
    ----------
    layer
        Declaration of the product; None for a file of another tool.
    codes
        That occur in such a file.
    meaning
        What the product's codes mean, from `parse_map`.
    positive
        What the user calls positive; () takes the outlined class of the declaration, or class 1, or the higher one of two.

    Raises
    ------
    InputError
        If there are too few or too many classes, or none is plainly the positive one.
    """
    declared = () if layer is None else tuple(c for c in layer.classes if c.code != layer.nodata)
    named = {c.code: c for c in declared}
    if meaning is not None:
        wanted = {target for target in meaning.values() if target is not None}
    else:
        wanted = set(named) if layer is not None else set(codes)
    if not 2 <= len(wanted) <= MOST_CLASSES:
        raise InputError(
            f"a map of classes has 2 to {MOST_CLASSES} of them, got {len(wanted)}; say what the product's codes mean with "
            "--product-map, or that it is measured with --kind measured"
        )
    kinds = tuple(named.get(code) or _unnamed(code, n) for n, code in enumerate(sorted(wanted)))
    return Classes(kinds, _positive(layer, tuple(k.code for k in kinds), positive))


def _unnamed(code: int, place: int) -> CodedClass:
    return CodedClass(code, Text(f"class {code}", f"区分 {code}"), PALETTE[place % len(PALETTE)])


def _positive(layer: Coded | None, codes: tuple[int, ...], said: tuple[int, ...]) -> tuple[int, ...]:
    for code in said:
        if code not in codes:
            raise ParameterError(
                f"--positive names class {code}, which there is not; classes: {', '.join(map(str, codes))}"
            )
    if said:
        if len(set(said)) == len(codes):
            raise ParameterError("--positive names every class; leave at least one out")
        return tuple(sorted(set(said)))
    if layer is not None and layer.outline in codes:
        return (int(layer.outline),)
    if 1 in codes:
        return (1,)
    if len(codes) == 2:
        return (max(codes),)
    raise InputError(f"which class is looked for is not plain; say it with --positive: {', '.join(map(str, codes))}")
