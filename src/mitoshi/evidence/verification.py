"""`verify`: run a bundle again and say identical, equivalent, different or unverifiable, the first difference first."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mitoshi.core import discovery
from mitoshi.core.errors import BundleError, InputError, MitoshiError
from mitoshi.core.grid import BBox
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import read_json, read_sums
from mitoshi.evidence.checking import first_mismatch
from mitoshi.evidence.comparison import (
    ProductDifference,
    compare_figures,
    compare_files,
    compare_product,
    compare_run,
    sealed_content,
)
from mitoshi.evidence.locating import Found, locate, locations_of
from mitoshi.evidence.record import FORMAT
from mitoshi.evidence.signature import check_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.core.method import Method

    Progress = Callable[[int, int, str], None]

__all__ = ["Verdict", "verify"]

Status = Literal["identical", "equivalent", "different", "unverifiable"]
MAX_TILE = 16384


@dataclass(frozen=True)
class Verdict:
    """The answer of `verify`.

    Attributes
    ----------
    status
        "identical": every product and statement came out the same. "equivalent": within the method's tolerance, in another
        environment; in the same environment a run is the same to the byte, and nothing is tolerated. "different": the
        bundle, an input or the result is not what it says. "unverifiable": it cannot be run here.
    reasons
        The first difference first; then what else is worth knowing.
    products
        How each raster compares; empty where nothing was run.
    """

    status: Status
    reasons: tuple[str, ...] = ()
    products: tuple[ProductDifference, ...] = ()


def verify(
    directory: Path, *, key: Path | None = None, inputs: Path | None = None, progress: Progress | None = None
) -> Verdict:
    """Check a bundle's seal, find its inputs, run it again, and compare.

    Parameters
    ----------
    directory
        The bundle.
    key
        Ed25519 public key (PEM) that the signature must match. The bundle's own copy is never trusted.
    inputs
        Folder below which inputs are looked for by checksum.
    progress
        Called as ``progress(done, total, message)``.

    Raises
    ------
    BundleError
        If the folder is no readable bundle.
    InputError
        If the key cannot be read.
    """
    directory = Path(directory)
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
    with tempfile.TemporaryDirectory(prefix="mitoshi-verify-") as temporary:
        again = Path(temporary) / "bundle"
        try:
            _repeat(directory, run, method, found, again, progress)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BundleError(
                f"run.json of {directory.name} is not in its form ({error}); get the bundle again"
            ) from None
        except MitoshiError as error:
            return Verdict("unverifiable", (f"the run cannot be repeated: {error}", *notes))
        return _compared(directory, again, run, method, notes)


def _repeat(
    directory: Path, run: dict[str, Any], method: Method[..., Any], found: Found, again: Path, progress: Progress | None
) -> None:
    from mitoshi.evidence.runner import repeat

    tile = run["tile_size"]
    if not isinstance(tile, int) or isinstance(tile, bool) or not 0 < tile <= MAX_TILE:
        raise ValueError(f"tile size {str(tile)[:40]}")
    repeat(
        method,
        dict(found.sources),
        run["parameters"],
        again,
        time=instant(run["time"]),
        area=None if run["area"] is None else BBox.checked(run["area"]),
        event=None if run["event"] is None else instant(run["event"]),
        choice=[Text(str(t["en"]), str(t["ja"])) for t in run["choice"]],
        tile_size=tile,
        locations=locations_of(directory),
        progress=progress,
    )


def _compared(
    directory: Path, again: Path, run: dict[str, Any], method: Method[..., Any], notes: tuple[str, ...]
) -> Verdict:
    now = read_json(again, "run.json")
    products = tuple(compare_product(directory, again, output, method) for output in method.outputs)
    exact = all(p.status == "identical" for p in products)
    notes = (*notes, *_code_note(run, now))
    environments = [read_json(p, "environment.json") for p in (directory, again)]
    same_place = environments[0] == environments[1]
    lines = [p.line() for p in products if p.status == "different" or (same_place and p.status != "identical")]
    told = [
        *(sealed_content(directory, output, run) for output in method.outputs if not exact),
        compare_run(run, now, exact=exact),
        compare_figures(directory, again, exact=exact),
    ]
    lines += [line for line in told if line is not None]
    unlike = compare_files(directory, again)
    if lines or (same_place and unlike):
        return Verdict("different", (*(lines or unlike), *notes), products)
    if not same_place:
        notes = (*notes, *_environment_note(environments[0], environments[1], unlike))
    if exact:
        return Verdict("identical", notes, products)
    return Verdict("equivalent", (*(p.line() for p in products if p.status != "identical"), *notes), products)


def _code_note(run: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    if run["method"].get("source_sha256") == now["method"]["source_sha256"]:
        return ()
    return ("the method's source code is not the one of the bundle, though its version is",)


def _environment_note(one: dict[str, Any], two: dict[str, Any], unlike: list[str]) -> tuple[str, ...]:
    keys = [k for k in sorted({*one, *two}) if one.get(k) != two.get(k)]
    note = f"run in another environment (differs in {', '.join(map(str, keys))})"
    return (note, *(f"{line}, which the environment may explain" for line in unlike))
