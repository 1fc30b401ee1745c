"""The state of every file of a bundle, from a recomputation and what follows from the sealed products."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import BundleError, MitoshiError, RefusedError
from mitoshi.core.isolation import attempt
from mitoshi.core.resolution import total_step, within_step
from mitoshi.evidence.bundle import MAX_STATEMENT, UNLISTED, list_files, read_json
from mitoshi.evidence.claims import HEX, check_environment, check_locations
from mitoshi.evidence.digest import pretty_json
from mitoshi.evidence.document_check import check_document
from mitoshi.evidence.locating import carried
from mitoshi.evidence.picture_check import check_picture
from mitoshi.evidence.plain_check import Unlike, check_json, exactly, unlike
from mitoshi.evidence.publication import ENVIRONMENT, LOCATIONS, Sealed, file_names, publish, record
from mitoshi.evidence.raster_check import check_raster
from mitoshi.evidence.replay import Expected, expected
from mitoshi.evidence.table_check import check_table
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck, FileState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mitoshi.evidence.comparison import ProductDifference
    from mitoshi.evidence.publication import Outcome
    from mitoshi.evidence.record import Plan
    from mitoshi.evidence.runner import Prepared

__all__ = ["NOT_REACHED", "Checked", "Repeated", "file_checks"]

RUN = "run.json"
STATES: dict[str, FileState] = {"different": "different", "equivalent": "within tolerance"}
NOT_REACHED = "not compared, for the bundle differs elsewhere"


@dataclass(frozen=True)
class Repeated:
    """A recomputation.

    Attributes
    ----------
    plan, prepared, outcome
        What was run, on what, and what came out.
    products
        Folder with its products.
    """

    plan: Plan
    prepared: Prepared
    outcome: Outcome
    products: Path


class Checked(NamedTuple):
    """The state of every file but the seal, and the digests of the record that could not be confirmed."""

    files: tuple[FileCheck, ...]
    unconfirmed: tuple[str, ...] = ()


def file_checks(
    directory: Path,
    run: Mapping[str, Any],
    repeated: Repeated,
    products: Sequence[ProductDifference],
    folder: Path,
) -> Checked:
    """Return the state of every file of a bundle.

    Parameters
    ----------
    directory, run
        The bundle and its record.
    repeated, products
        The recomputation, and how each product compares with it.
    folder
        Where the expected files may be written.
    """
    names = file_names(repeated.plan, repeated.outcome)
    inside = set(carried(directory, run["inputs"]).values())
    found = _names(directory, names | inside) | {name: FileCheck(name, "equal") for name in inside}
    found |= {p.name: FileCheck(p.name, STATES[p.status], p.line()) for p in products if p.status in STATES}
    if not any(c.state == "different" for c in found.values()):
        found |= _claims(directory, run)
    if any(c.state == "different" for c in found.values()):
        return Checked(_complete(names, found))
    folder.mkdir()
    same = all(p.status == "identical" for p in products)
    try:
        follows = expected(
            repeated.plan, repeated.prepared, repeated.outcome, (directory, repeated.products), folder, same=same
        )
    except MitoshiError as error:
        name = next(p.name for p in products if p.status != "identical")
        found[name] = FileCheck(name, "different", f"is no product of the method ({error})")
        return Checked(_complete(names, found))
    found[RUN], unconfirmed = _check_run((directory / RUN).read_bytes(), run, repeated, follows)
    if found[RUN].state == "different":
        return Checked(_complete(names, found))
    found |= _contents(directory, run, repeated, follows, folder, {p.name: p for p in products})
    return Checked(_complete(names, found), unconfirmed)


def _complete(names: set[str], found: Mapping[str, FileCheck]) -> tuple[FileCheck, ...]:
    every = sorted({*names, *found})
    return tuple(found.get(name) or FileCheck(name, "not checked", NOT_REACHED) for name in every)


def _names(directory: Path, names: set[str]) -> dict[str, FileCheck]:
    """Return what a bundle holds though no run makes it, and what it lacks."""
    there = {name for name in list_files(directory) if name not in UNLISTED}
    folders = {Path(here).relative_to(directory).as_posix() for here, _, _ in os.walk(directory)} - {"."}
    wanted = {parent.as_posix() for name in names for parent in Path(name).parents} - {"."}
    more = "is no part of the recomputed bundle"
    found = {name: FileCheck(name, "different", more) for name in there - names}
    found |= {f"{name}/": FileCheck(f"{name}/", "different", more) for name in folders - wanted}
    return found | {name: FileCheck(name, "different", "is missing") for name in names - there}


def _claims(directory: Path, run: Mapping[str, Any]) -> dict[str, FileCheck]:
    found = {}
    for name in (ENVIRONMENT, LOCATIONS):
        try:
            value = read_json(directory, name, most_bytes=MAX_STATEMENT)
        except BundleError as error:
            found[name] = FileCheck(name, "different", f"cannot be read ({error})")
            continue
        found[name] = check_environment(value) if name == ENVIRONMENT else check_locations(value, run["inputs"])
    return found


def _check_run(
    content: bytes, run: Mapping[str, Any], repeated: Repeated, follows: Expected
) -> tuple[FileCheck, tuple[str, ...]]:
    """Compare the record with the one that the recomputation and the sealed products give."""
    now = record(repeated.plan, follows.outcome, follows.totals)
    unconfirmed = _unconfirmed(run, now, repeated)
    if unconfirmed:
        now = _with_digests_of(now, run, _resampled(repeated))

    def near(path: tuple[Any, ...], a: float, b: float) -> bool:
        if path[0] != "totals":
            return a == b
        slack = follows.slack.get(str(path[1]), 0.0)
        return any(within_step(a, b, total_step(n), slack=slack) for n in (a, b))

    found: Unlike | None = unlike(dict(run), now, near)
    if found is not None:
        return FileCheck(RUN, "different", found.words()), unconfirmed
    if unlike(dict(run), now, exactly) is not None:
        return FileCheck(
            RUN, "within tolerance", "totals differ by one step of their resolution, or by what its products allow"
        ), unconfirmed
    if content != pretty_json(run):
        return FileCheck(RUN, "within tolerance", SAME_CONTENT), unconfirmed
    return FileCheck(RUN, "equal"), unconfirmed


def _unconfirmed(run: Mapping[str, Any], now: Mapping[str, Any], repeated: Repeated) -> tuple[str, ...]:
    """Return one line for each digest that depends on more than the content of the bundle: code, and the last bits of numbers."""
    found = []
    if _digest(run.get("method"), "source_sha256") not in (None, now["method"]["source_sha256"]):
        found.append(
            "run.json, method, source_sha256: the method's source here is another, though its version is the same"
        )
    if _digest(run, "survey_sha256") not in (None, now["survey_sha256"]) and now["survey_sha256"] is not None:
        found.append("run.json, survey_sha256: the survey's numbers here differ in their last digits")
    found += [
        f"run.json, content, {name}: its pixels are brought onto the grid with other last digits here"
        for name in _resampled(repeated)
        if _digest(run.get("content"), name) not in (None, now["content"].get(name))
    ]
    return tuple(found)


def _digest(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) and HEX.fullmatch(found) else None


def _with_digests_of(now: dict[str, Any], run: Mapping[str, Any], resampled: list[str]) -> dict[str, Any]:
    """Return a record with the digests that may differ without being wrong taken from another; they are named instead."""
    taken = {**now, "method": {**now["method"]}, "content": {**now["content"]}}
    for value, key, other in [
        (taken["method"], "source_sha256", run.get("method")),
        (taken, "survey_sha256", run),
        *((taken["content"], name, run.get("content")) for name in now["content"] if name in resampled),
    ]:
        if value[key] is not None:
            value[key] = _digest(other, key) or value[key]
    return taken


def _resampled(repeated: Repeated) -> list[str]:
    """Return the arguments whose pixels are not those of their file: brought onto the run's grid by interpolation."""
    frame = repeated.plan.frame.geobox
    found = []
    for name, group in repeated.prepared.given.items():
        if group[0].argument.is_features:
            native = frame.crs is None
        else:
            own = group[0].layer.odc.geobox
            native = len(group) == 1 and own is not None and own.crs == frame.crs
            native = native and all(
                math.isclose(a, b, rel_tol=1e-12)
                for a, b in zip(own.affine[:6], frame.affine[:6], strict=True)
                if native
            )
        if not native:
            found.append(name)
    return found


def _contents(
    directory: Path,
    run: Mapping[str, Any],
    repeated: Repeated,
    follows: Expected,
    folder: Path,
    products: Mapping[str, ProductDifference],
) -> dict[str, FileCheck]:
    """Write the files that the sealed products give, and compare every one."""
    made = {p.name for p in folder.iterdir()}
    where = folder if made else repeated.products
    version = str(read_json(directory, ENVIRONMENT, most_bytes=MAX_STATEMENT)["mitoshi"]["version"])
    publish(repeated.plan, follows.outcome, where, final=directory, sealed=Sealed(directory, run, version))
    checks: dict[str, FileCheck] = {}
    for name in sorted(file_names(repeated.plan, follows.outcome) - {RUN, ENVIRONMENT, LOCATIONS}):
        try:
            checks[name] = _check(name, directory / name, where / name, products.get(name))
        except RefusedError as error:  # it is not safe to go on
            return checks | {name: FileCheck(name, "different", str(error))}
    return checks


def _check(name: str, sealed: Path, now: Path, product: ProductDifference | None) -> FileCheck:
    """Compare a file with its recomputation.

    Raises
    ------
    RefusedError
        If the file killed its reader before, or is not safe to read.
    """
    if product is not None:
        return _check_product(name, sealed, now, product)
    with attempt(sealed):
        if name.endswith(".png"):
            return check_picture(name, sealed, now.read_bytes())
        if name.endswith(".pdf"):
            return check_document(name, sealed, now.read_bytes())
        return check_json(name, sealed, now.read_bytes())


def _check_product(name: str, sealed: Path, now: Path, product: ProductDifference) -> FileCheck:
    """Compare a product: its values have been compared, so what remains is what the file says of itself."""
    check = (check_table if name.endswith(".parquet") else check_raster)(name, sealed, now)
    near = product.status == "equivalent"
    return FileCheck(name, "within tolerance", product.line()) if near and check.state == "equal" else check
