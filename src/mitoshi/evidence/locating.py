"""Find a bundle's inputs again: where it says they lie, by checksum below a folder, or where this user's runs used them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import BundleError
from mitoshi.evidence.bundle import MAX_STATEMENT, checked_name, read_json, read_sums
from mitoshi.evidence.digest import file_digest
from mitoshi.evidence.input_index import known_paths
from mitoshi.evidence.inputs import Fetched

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Found", "carried", "locate", "locations_of", "under_recorded_names"]

CARRIED = "inputs/"  # folder of a bundle in which it may carry its own inputs
MAX_CANDIDATES = 100_000
PIECE = 2**20


@dataclass(frozen=True)
class Found:
    """Where the inputs are.

    Attributes
    ----------
    sources
        Argument to the paths that answer it, as `mitoshi.sensors.open_observation` reads them.
    missing
        One line per input file that is nowhere.
    changed
        One line per input file that lies where it should, with another content.
    names
        Path to the name that the record gives it, where that is another.
    """

    sources: dict[str, list[str | Fetched]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    names: dict[Path, str] = field(default_factory=dict)


def locations_of(directory: Path) -> dict[str, str]:
    """Return SHA-256 → relative path as the bundle says.

    Raises
    ------
    BundleError
        If it says it in a form of its own.
    """
    told = read_json(directory, "inputs/locations.json", most_bytes=MAX_STATEMENT)
    if not all(isinstance(v, str) and len(v) < 4096 and "\0" not in v and not v.startswith("/") for v in told.values()):
        raise BundleError("inputs/locations.json names no relative paths; get the bundle again")
    return dict(told)


def carried(directory: Path, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return SHA-256 → name of the input files that a bundle carries inside: of any name below ``inputs/``, of no other content.

    Parameters
    ----------
    directory
        The bundle, whose files are those of its ``SHA256SUMS``.
    inputs
        The record's ``inputs``.
    """
    used = {str(f["sha256"]) for group in inputs.values() for record in group for f in record["files"]}
    sums = read_sums(directory)
    return {digest: name for name, digest in sums.items() if name.startswith(CARRIED) and digest in used}


def locate(directory: Path, inputs: Mapping[str, Any], folder: Path | None) -> Found:
    """Find every input file of a record.

    Parameters
    ----------
    directory
        The bundle.
    inputs
        The record's ``inputs``.
    folder
        Where to look by checksum for what does not lie where the bundle says.

    Raises
    ------
    BundleError
        If the record is not in its form.
    """
    told = locations_of(directory)
    sizes = {f["size"] for group in inputs.values() for r in group for f in r["files"]}
    by_digest = _by_digest(folder, sizes) if folder is not None else {}
    by_digest |= {digest: directory.resolve() / name for digest, name in carried(directory, inputs).items()}
    sources: dict[str, list[str | Fetched]] = {}
    missing: list[str] = []
    changed: list[str] = []
    names: dict[Path, str] = {}
    for argument, group in inputs.items():
        for record in group:
            root = _root(directory, record, told, by_digest, (missing, changed), argument)
            if root is not None:
                if root.name != record["name"]:
                    names[root] = checked_name(str(record["name"]))
                text = f"{root}#{record['description']}" if record["description"] else str(root)
                address = str(record.get("address") or "")
                sources.setdefault(argument, []).append(Fetched(text, address) if address else text)
    return Found(sources, tuple(missing), tuple(changed), names)


def under_recorded_names(found: Found, folder: Path) -> dict[str, list[str | Fetched]]:
    """Return the sources with every file or folder under the name that the record gives it: a name may say when it was observed.

    Parameters
    ----------
    found
        Where the inputs are.
    folder
        Where links or, on another file system, copies are made; it is made if it is needed.
    """
    moved = {
        str(path): str(_renamed(path, folder / str(n) / name)) for n, (path, name) in enumerate(found.names.items())
    }

    def again(text: str) -> str:
        path = next((p for p in moved if text == p or text.startswith(f"{p}#")), "")
        return moved[path] + text.removeprefix(path) if path else text

    return {
        argument: [s._replace(text=again(s.text)) if isinstance(s, Fetched) else again(s) for s in group]
        for argument, group in found.sources.items()
    }


def _renamed(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True)
    if path.is_dir():
        shutil.copytree(path, target, copy_function=_linked)
    else:
        _linked(path, target)
    return target


def _linked(path: Path | str, target: Path | str) -> None:
    try:
        os.link(path, target, follow_symlinks=True)
    except OSError:
        shutil.copyfile(path, target)


def _root(
    directory: Path,
    record: Mapping[str, Any],
    told: Mapping[str, str],
    by_digest: Mapping[str, Path],
    wrong: tuple[list[str], list[str]],
    argument: str,
) -> Path | None:
    """Return the file or folder of one record if all its files are there with the right content."""
    missing, changed = wrong
    roots = []
    for file in record["files"]:
        name, digest = checked_name(str(file["name"])), str(file["sha256"])
        beside = directory.resolve() / told[digest] if digest in told else None
        there = beside is not None and _is_file(beside)
        if beside is not None and there and _is_input(beside, file["size"], digest):
            roots.append(_above(beside, name))
        elif digest in by_digest:
            roots.append(_above(by_digest[digest], name))
        elif (known := _indexed(digest, file["size"])) is not None:
            roots.append(_above(known, name))
        elif there:
            changed.append(f"input {argument}: {name} is not the file that was used (its SHA-256 differs)")
            return None
        else:
            missing.append(
                f"input {argument}: {name} (SHA-256 {digest[:16]}…) is not at hand; "
                f"{_remedy(str(record.get('address') or ''))}"
            )
            return None
    usable = [r for r in roots if r is not None]
    if not usable or (len(set(usable)) > 1 and record["kind"] == "folder"):
        missing.append(f"input {argument}: the files of {record['name']} do not lie in one folder; restore the product")
        return None
    return next((r for r in usable if r.name == record["name"]), usable[0])


def _indexed(digest: str, size: int) -> Path | None:
    """Return where a run of this user's used the file, if the file there is still the same."""
    for path in known_paths(digest):
        with contextlib.suppress(OSError):
            if _is_input(path, size, digest):
                return path
    return None


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_file()
    return False


def _is_input(path: Path, size: int, digest: str) -> bool:
    """Tell whether a file is an input, reading no more of it than the input has bytes: a device has no end, and no size."""
    with contextlib.suppress(OSError):
        return size > 0 and path.is_file() and path.stat().st_size == size and _digest(path, size) == digest
    return False


def _digest(path: Path, size: int) -> str:
    seen, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        while seen <= size and (piece := file.read(min(PIECE, size + 1 - seen))):
            digest.update(piece)
            seen += len(piece)
    return digest.hexdigest()


def _remedy(address: str) -> str:
    """Say how to get a file again; verifying fetches nothing itself, for a bundle may name any address."""
    if not address:
        return "copy it to this machine and name its folder: mitoshi verify BUNDLE --inputs FOLDER"
    shown = "".join(c if c.isprintable() else "?" for c in address[:200])
    return f"fetch it from {shown} and name the folder that holds it with --inputs"


def _above(path: Path, name: str) -> Path | None:
    """Return the product's folder of a file that is called ``folder/…/file`` there, or the file itself."""
    parts = PurePosixPath(name).parts
    if len(parts) == 1:
        return path
    return path.parents[len(parts) - 2] if path.parts[-len(parts) + 1 :] == parts[1:] else None


def _by_digest(folder: Path, sizes: set[int]) -> dict[str, Path]:
    """Return the files below a folder whose size is that of an input, by SHA-256."""
    found: dict[str, Path] = {}
    seen = 0
    for here, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = Path(here) / name
            seen += 1
            if seen > MAX_CANDIDATES:
                raise BundleError(
                    f"{folder} holds more than {MAX_CANDIDATES} files; name a smaller folder with --inputs"
                )
            with contextlib.suppress(OSError):  # what may not be read is not the input
                if path.is_file() and path.stat().st_size in sizes:
                    found.setdefault(file_digest(path), path)
    return found
