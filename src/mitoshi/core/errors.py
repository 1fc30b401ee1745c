"""The exception tree. Every message says what is wrong, what was got, and what to do, in one line.

MitoshiError                what a caller may catch; exit status 1
├── InputError              bad usage or bad input; exit status 2
│   ├── QuantityError       a quantity or unit that does not fit
│   ├── ParameterError      a misspelt, missing or out-of-range parameter
│   ├── NotFoundError       the catalogue or a list has nothing of this name
│   ├── UnknownFileError    no reader recognises the file
│   └── RefusedError        a file or address refused for safety
├── UnmetNeedError          the catalogue has no observation that meets a requirement
├── RunError                a run that could not finish
└── BundleError             an evidence bundle that cannot be read
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BundleError",
    "InputError",
    "MitoshiError",
    "NotFoundError",
    "ParameterError",
    "QuantityError",
    "RefusedError",
    "RunError",
    "UnknownFileError",
    "UnmetNeedError",
    "misspelt",
]


class MitoshiError(Exception):
    """Base of every error that mitoshi raises on purpose."""

    exit_status = 1


class InputError(MitoshiError):
    """Bad usage or bad input: the caller can mend it."""

    exit_status = 2


class QuantityError(InputError):
    """A quantity or a unit that does not fit what is declared."""


class ParameterError(InputError):
    """A parameter that is misspelt, missing, of the wrong type or out of its bounds."""


class NotFoundError(InputError):
    """The catalogue, a list or a layer has nothing of the name that is asked for."""


class UnknownFileError(InputError):
    """No reader recognises the file."""


class RefusedError(InputError):
    """A file or an address that is refused because reading it would not be safe."""


class UnmetNeedError(MitoshiError):
    """The catalogue holds no observation that meets a requirement."""


class RunError(MitoshiError):
    """A run that could not finish."""


class BundleError(MitoshiError):
    """An evidence bundle that cannot be read."""

    exit_status = 2


def misspelt(what: str, got: str, known: Iterable[str]) -> str:
    """Return one line for an unknown name, with the nearest right ones first.

    >>> misspelt("parameter", "treshold", ["threshold", "window"])
    "unknown parameter 'treshold'; did you mean 'threshold'? known: threshold, window"
    """
    names = sorted(known)
    near = get_close_matches(got, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {got!r}; {hint}known: {', '.join(names) or 'none'}"
