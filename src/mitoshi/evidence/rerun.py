"""Run a bundle again and say identical, equivalent, different or unverifiable, the first difference first.

What a bundle says of where it ran decides nothing. Products are compared with their recomputation within the method's tolerance;
everything else is derived again from the sealed products, and every file gets a state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mitoshi.core import discovery
from mitoshi.core.errors import BundleError, InputError, MitoshiError, RefusedError
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import read_json, read_sums, scratch
from mitoshi.evidence.checking import first_mismatch
from mitoshi.evidence.claims import check_signed, stated, too_early
from mitoshi.evidence.comparison import ProductDifference, compare_product, file_name
from mitoshi.evidence.file_checks import Repeated, file_checks
from mitoshi.evidence.locating import Found, locate, under_recorded_names
from mitoshi.evidence.publication import CRATE
from mitoshi.evidence.record import FORMAT
from mitoshi.evidence.signature import check_signature
from mitoshi.evidence.verdict import Verdict, decided, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mitoshi.core.method import Method
    from mitoshi.evidence.publication import Outcome
    from mitoshi.evidence.record import Plan
    from mitoshi.evidence.runner import Prepared
    from mitoshi.evidence.verdict import FileCheck

    Progress = Callable[[int, int, str], None]

__all__ = ["verdict"]

MAX_TILE = 16384


def verdict(directory: Path, key: Path | None, inputs: Path | None, progress: Progress | None = None) -> Verdict:
    """Return the verdict on a bundle; the arguments are those of `mitoshi.evidence.verify`.

    Raises
    ------
    BundleError
        If the folder is no readable bundle.
    InputError
        If the key cannot be read.
    """
    broken = first_mismatch(directory, read_sums(directory))
    if broken is not None:
        return Verdict("different", (broken,))
    trusted, note = check_signature(directory, key)
    notes = (note,) if note else ()
    if not trusted:
        return Verdict("different", notes)
    run = read_json(directory, "run.json")
    try:
        method = _method(run)
        found = locate(directory, run["inputs"], inputs)
    except _CannotRunError as error:
        return Verdict("unverifiable", (str(error), *notes))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleError(f"run.json of {directory.name} is incomplete ({error!r}); get the bundle again") from None
    if found.changed:
        return Verdict("different", (*found.changed, *found.missing, *notes))
    if found.missing:
        return Verdict("unverifiable", (*found.missing, *notes))
    return _run_again(directory, run, method, found, notes, progress)


class _CannotRunError(Exception):
    """The installed software cannot repeat the run."""


def _method(run: dict[str, Any]) -> Method[..., Any]:
    if run.get("format") != FORMAT:
        raise _CannotRunError(f"run.json has the format {str(run.get('format'))[:40]!r}; this mitoshi reads {FORMAT!r}")
    name, version = str(run["method"]["name"])[:120], str(run["method"]["version"])[:40]
    try:
        method = discovery.find(name)
    except InputError:
        raise _CannotRunError(f"the method {name!r} is not installed here; install what declares it") from None
    if method.version != version:
        raise _CannotRunError(
            f"the bundle was made by {name} {version}, installed is {method.version}; install the mitoshi that has {version}"
        )
    return method


def _run_again(
    directory: Path,
    run: dict[str, Any],
    method: Method[..., Any],
    found: Found,
    notes: tuple[str, ...],
    progress: Progress | None,
) -> Verdict:
    with scratch("mitoshi-check") as temporary:
        again = temporary / "again"
        try:
            named = replace(found, sources=under_recorded_names(found, temporary / "inputs"))
            repeated = Repeated(*_repeat(run, method, named, again, progress), again)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BundleError(
                f"run.json of {directory.name} is not in its form ({error}); get the bundle again"
            ) from None
        except MitoshiError as error:
            return Verdict("unverifiable", (f"the run cannot be repeated: {error}", *notes))
        return _compared(directory, run, repeated, temporary / "expected", notes)


def _repeat(
    run: dict[str, Any], method: Method[..., Any], found: Found, again: Path, progress: Progress | None
) -> tuple[Plan, Prepared, Outcome]:
    from mitoshi.evidence.runner import repeat

    tile = run["tile_size"]
    if not isinstance(tile, int) or isinstance(tile, bool) or not 0 < tile <= MAX_TILE:
        raise ValueError(f"tile size {str(tile)[:40]}")
    return repeat(
        method,
        dict(found.sources),
        run["parameters"],
        again,
        time=instant(run["time"]),
        area=None if run["area"] is None else BBox.checked(run["area"]),
        event=None if run["event"] is None else instant(run["event"]),
        choice=[Text(str(t["en"]), str(t["ja"])) for t in run["choice"]],
        tile_size=tile,
        progress=progress,
    )


def _compared(
    directory: Path, run: dict[str, Any], repeated: Repeated, folder: Path, notes: tuple[str, ...]
) -> Verdict:
    products = _products(directory, repeated)
    checked = file_checks(directory, run, repeated, products, folder)
    files = (*checked.files, *check_signed(directory, checked=any("is valid" in note for note in notes)))
    early = too_early(run)
    lines = [p.line() for p in products if p.status == "different"]
    lines += [early] if early else []
    # The crate last: it states the checksum of every other file.
    lines += [
        f"{f.name} {f.words}" for f in sorted(files, key=_is_crate) if f.state == "different" and f.words not in lines
    ]
    lines = list(dict.fromkeys(lines))
    if lines and not any(p.status == "different" for p in products):
        # What a product has of its own, within its tolerance, comes before what does not follow from it.
        lines = [*(p.line() for p in products if p.status == "equivalent"), *lines]
    if lines:
        return Verdict("different", (*map(printable, lines), *notes), products, files, stated(run))
    status = decided(files, confirmed=not checked.unconfirmed)
    near = [f.line() for f in files if f.state == "within tolerance" or (f.state == "not checked" and not f.claim)]
    return Verdict(status, (*near, *notes), products, files, (*stated(run), *checked.unconfirmed))


def _products(directory: Path, repeated: Repeated) -> tuple[ProductDifference, ...]:
    """Return how the products compare; after one that is refused no other is read."""
    method = repeated.plan.method
    found: list[ProductDifference] = []
    for output in method.outputs:
        try:
            found.append(compare_product(directory, repeated.products, output, method))
        except RefusedError as error:
            return (*found, ProductDifference(file_name(output), "different", words=str(error)))
    return tuple(found)


def _is_crate(check: FileCheck) -> bool:
    return check.name == CRATE
