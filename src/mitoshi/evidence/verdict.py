"""The answer of `verify`: one state for each file of a bundle, and what no recomputation can confirm."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mitoshi.evidence.comparison import ProductDifference

__all__ = ["SAME_CONTENT", "FileCheck", "FileState", "Status", "Verdict", "decided", "printable"]

Status = Literal["identical", "equivalent", "different", "unverifiable"]
SAME_CONTENT = "holds the same content in other bytes"
FileState = Literal["equal", "within tolerance", "not checked", "different"]


def printable(line: str) -> str:
    """Return a line that moves no cursor and begins no other line, whatever a bundle's names hold."""
    return "".join(c if c.isprintable() else "?" for c in line)


@dataclass(frozen=True)
class FileCheck:
    """What the verification says of one file of a bundle.

    Attributes
    ----------
    name
        In the bundle.
    state
        "equal": recomputed, with the same bytes. "within tolerance": recomputed, equal by a declared tolerance, or the same
        content in other bytes, as another version of a library writes it.
        "not checked": no recomputation can confirm it. "different": it says something else.
    words
        The difference, the tolerance, or why it was not checked; empty for "equal".
    claim
        The file states what only its maker can know (where it ran), or a signature; it decides nothing.
    """

    name: str
    state: FileState
    words: str = ""
    claim: bool = False

    def line(self) -> str:
        """Return one line for people."""
        return printable(f"{self.name}: {self.words or self.state}")


@dataclass(frozen=True)
class Verdict:
    """The answer of `verify`.

    Attributes
    ----------
    status
        "identical": every file was made again and is equal, except what only its maker can state. "equivalent": at least one
        is equal only within its declared tolerance, or a statement could not be confirmed. "different": the bundle, an input
        or the result is not what it says. "unverifiable": it cannot be run here.
    reasons
        The first difference first; then what else is worth knowing.
    products
        How each product compares; empty where nothing was run.
    files
        The state of every file of the bundle and of every file that it lacks; empty where nothing was run.
    stated
        What the record states and no recomputation can confirm, such as the time of the run.
    """

    status: Status
    reasons: tuple[str, ...] = ()
    products: tuple[ProductDifference, ...] = ()
    files: tuple[FileCheck, ...] = ()
    stated: tuple[str, ...] = field(default=())

    @property
    def accepted(self) -> bool:
        """Whether the bundle is what it says: identical or equivalent."""
        return self.status in ("identical", "equivalent")

    @property
    def not_checked(self) -> tuple[str, ...]:
        """One line for each file and each statement that was not checked."""
        return (*(f.line() for f in self.files if f.state == "not checked"), *self.stated)

    def plain(self) -> dict[str, Any]:
        """Return the verdict as plain data for JSON."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "products": [asdict(p) for p in self.products],
            "files": [{"name": f.name, "state": f.state, "words": f.words} for f in self.files],
            "not_checked": list(self.not_checked),
        }


def decided(files: Iterable[FileCheck], *, confirmed: bool) -> Status:
    """Return what the states of all files come to.

    Parameters
    ----------
    files
        One check a file.
    confirmed
        Whether every digest of the record was confirmed; otherwise the bundle is equivalent at best.

    >>> decided([FileCheck("a.tif", "equal"), FileCheck("environment.json", "not checked", claim=True)], confirmed=True)
    'identical'
    >>> decided([FileCheck("a.tif", "equal"), FileCheck("a.png", "not checked")], confirmed=True)
    'equivalent'
    """
    checked = list(files)
    if any(f.state == "different" for f in checked):
        return "different"
    exact = all(f.state == "equal" or (f.state == "not checked" and f.claim) for f in checked)
    return "identical" if exact and confirmed else "equivalent"
