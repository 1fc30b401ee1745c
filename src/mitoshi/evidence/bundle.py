"""The folder that a run leaves behind: written whole or not at all, read with suspicion."""

from __future__ import annotations

import glob
import hashlib
import json
import math
import os
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from mitoshi.core.errors import BundleError, InputError
from mitoshi.core.isolation import attempt
from mitoshi.core.product import Figure
from mitoshi.core.strict_json import nesting, parse_json
from mitoshi.core.text import Text
from mitoshi.evidence.digest import file_digest, text_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Bundle",
    "Existing",
    "draft",
    "kept",
    "list_files",
    "read_json",
    "read_sums",
    "scratch",
    "sums_text",
    "write_file",
]

Existing = Literal["repeated", "kept", "replaced"]

SUMS, SIGNATURE, PUBLIC_KEY = "SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.pub"
UNLISTED = frozenset({SUMS, SIGNATURE, PUBLIC_KEY})
LONGEST_NAME = 200  # bytes of a folder's name that a draft repeats
MAX_JSON, MAX_FILES, MAX_DEPTH = 32 * 2**20, 10_000, 64
MAX_STATEMENT = 4 * 2**20  # bytes of environment.json and inputs/locations.json


@dataclass(frozen=True)
class Bundle:
    """An evidence bundle.

    Attributes
    ----------
    path
        The folder.
    id
        SHA-256 of the content of ``run.json``.
    method, version
        What ran.
    products
        Names of the product files: rasters and outlines.
    figures
        Numbers with their intervals.
    assumptions, choice
        What had to be supposed, and why these inputs.
    """

    path: Path
    id: str
    method: str
    version: str
    products: tuple[str, ...]
    figures: tuple[Figure, ...]
    assumptions: tuple[Text, ...]
    choice: tuple[Text, ...]

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Read a bundle's own account of itself, without checking it; see `mitoshi.evidence.verify`.

        Raises
        ------
        BundleError
            If the folder is no readable bundle.
        """
        files = list_files(path)
        run, figures = (read_json(path, name) for name in ("run.json", "figures.json"))
        try:
            rasters = [str(p["file"]) for p in run["products"].values()]
            outlines = [f"{name}.geojson" for name in run["products"] if f"{name}.geojson" in files]
            return cls(
                path,
                text_digest(run),
                str(run["method"]["name"]),
                str(run["method"]["version"]),
                tuple(sorted(rasters + outlines)),
                tuple(_figure(f) for f in figures["figures"]),
                tuple(Text(**t) for t in run["assumptions"]),
                tuple(Text(**t) for t in run["choice"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"run.json of {path.name} is incomplete ({error}); get the bundle again") from None


def _figure(told: dict[str, Any]) -> Figure:
    """Return a figure as it was before it became JSON, which writes a number that could not be determined as null."""
    value = math.nan if told["value"] is None else told["value"]
    reason = None if told["reason"] is None else Text(**told["reason"])
    return Figure(**{**told, "value": value, "title": Text(**told["title"]), "reason": reason})


def list_files(path: Path) -> dict[str, Path]:
    """Return every file of a bundle by its name in it.

    Raises
    ------
    BundleError
        If there is no such folder, or it holds links, devices or too many files.
    """
    if path.is_symlink() or not path.is_dir():
        raise BundleError(f"{path} is no folder; give the folder of an evidence bundle")
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(path):
        for name in folders + names:
            here = Path(folder) / name
            mode = here.lstat().st_mode
            relative = here.relative_to(path).as_posix()
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise BundleError(f"{relative!r} is a link or a device; a bundle holds plain files only")
            if stat.S_ISREG(mode):
                found[relative] = here
        if len(found) > MAX_FILES:
            raise BundleError(f"{path.name} holds more than {MAX_FILES} files; it is no evidence bundle")
    return dict(sorted(found.items()))


def checked_name(name: str) -> str:
    """Return a file name of a bundle after making sure that it stays inside.

    Raises
    ------
    BundleError
        If it is absolute, climbs, or is no plain relative path.
    """
    parts = PurePosixPath(name).parts
    plain = bool(parts) and "/".join(parts) == name and not name.startswith("/") and ".." not in parts
    if not plain or "\\" in name or any(ord(c) < 32 for c in name) or len(name) > 1024:
        raise BundleError(f"the bundle names a file outside itself: {name[:80]!r}; do not trust it")
    return name


def read_json(path: Path, name: str, *, most_bytes: int = MAX_JSON) -> Any:
    """Return a JSON file of a bundle, bounded in size and depth.

    Parameters
    ----------
    path, name
        The bundle, and the file's name in it.
    most_bytes
        Largest size.

    Raises
    ------
    BundleError
        If it is missing, too large, too deep or no JSON.
    """
    file = path / checked_name(name)
    try:
        if file.is_symlink() or not stat.S_ISREG(file.lstat().st_mode):
            raise BundleError(f"{name} is a link or a device; a bundle holds plain files only")
        size = file.stat().st_size
        if size > most_bytes:
            raise BundleError(f"{name} is {size >> 20} MiB; the limit is {most_bytes >> 20} MiB")
        content = file.read_bytes()
    except OSError:
        raise BundleError(f"{path.name} holds no {name}; is it an evidence bundle?") from None
    if nesting(content, MAX_DEPTH) > MAX_DEPTH:
        raise BundleError(f"{name} is not the JSON of a bundle (an object of moderate depth); get the bundle again")
    with attempt(file):
        value = parse_json(content, name, most_bytes=most_bytes, error=BundleError)
    if not isinstance(value, dict):
        raise BundleError(f"{name} is not the JSON of a bundle (an object of moderate depth); get the bundle again")
    return value


def sums_text(path: Path) -> bytes:
    """Return ``SHA256SUMS`` over every other file of a bundle, as ``sha256sum -c`` reads it."""
    lines = [f"{file_digest(file)}  {name}\n" for name, file in list_files(path).items() if name not in UNLISTED]
    return "".join(lines).encode()


def read_sums(path: Path) -> dict[str, str]:
    """Return the recorded SHA-256 of every file.

    Raises
    ------
    BundleError
        If ``SHA256SUMS`` is missing, too large, or not in its form.
    """
    file = path / SUMS
    if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_JSON:
        raise BundleError(f"{path.name} holds no usable {SUMS}; is it an evidence bundle?")
    found: dict[str, str] = {}
    for line in file.read_bytes().decode("utf-8", "replace").removesuffix("\n").split("\n"):
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap != "  " or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise BundleError(f"{SUMS} has a line that is no checksum: {line[:80]!r}; get the bundle again")
        if checked_name(name) in found:
            raise BundleError(f"{SUMS} names {name!r} twice; get the bundle again")
        found[name] = digest
    return found


def write_file(path: Path, content: bytes) -> None:
    """Write a file and flush it to disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def is_free(out: Path) -> bool:
    """Return whether a folder is new or empty.

    Raises
    ------
    InputError
        If it is a link or no folder.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is not a folder; give another --out")
    return not out.exists() or not any(out.iterdir())


def kept(out: Path, plan: dict[str, Any], existing: Existing) -> Bundle | None:
    """Make sure that a run may write to `out`, and return the bundle that it need not make again; see `mitoshi.evidence.run`.

    Parameters
    ----------
    out
        Folder of the bundle.
    plan
        What the run's record will say.
    existing
        What becomes of a bundle that is there.

    Raises
    ------
    InputError
        If something else is there, or a bundle that is not to be replaced.
    """
    if is_free(out):
        return None
    try:
        there = read_json(out, "run.json")
    except BundleError:
        raise InputError(f"{out} holds other files; give a new folder with --out") from None
    if existing == "replaced":
        return None
    wanted = json.loads(json.dumps(plan))
    if _identity(there) != _identity(wanted):
        raise InputError(f"{out} holds the bundle of another run; give a new folder with --out, or --replace")
    return None if existing == "repeated" else _as_sealed(out, there, wanted)


def _as_sealed(out: Path, there: dict[str, Any], wanted: dict[str, Any]) -> Bundle:
    """Return the bundle of the same run after making sure that it is whole and of the code that is installed."""
    from mitoshi.evidence.checking import first_mismatch

    try:
        broken = first_mismatch(out, read_sums(out))
    except BundleError as error:
        broken = str(error)
    if broken is not None:
        raise InputError(f"{out} holds a damaged bundle of this run ({broken}); --replace makes it again")
    if there["method"].get("source_sha256") != wanted["method"]["source_sha256"]:
        raise InputError(f"{out} holds this run by other code of the method; --replace makes it again")
    return Bundle.open(out)


def _identity(run: dict[str, Any]) -> list[Any]:
    method = run.get("method")
    named = [method.get("name"), method.get("version")] if isinstance(method, dict) else []
    return [named, *(run.get(k) for k in ("parameters", "inputs", "grid", "area", "event"))]


@contextmanager
def draft(out: Path) -> Iterator[Path]:
    """Open a folder beside `out` that takes its place when the block ends well, and vanishes when it does not.

    After a SIGKILL `out` is what it was; the draft (``.NAME.mitoshi-…``) is swept away by the next run to the same place.
    """
    import fcntl
    import tempfile

    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{_short_name(out.name)}.mitoshi-"
    for stale in out.parent.glob(f"{glob.escape(prefix)}*"):
        _sweep(stale)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    folder.chmod(0o755)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
        _put_in_place(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(lock)


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Open a folder for temporary files; those of processes that were killed are swept away first.

    Parameters
    ----------
    name
        First part of the folders' names.
    """
    import fcntl
    import tempfile

    for stale in Path(tempfile.gettempdir()).glob(f"{name}-*"):
        if stale.lstat().st_uid == os.getuid():
            _sweep(stale)
    # Locked before it has the name by which others sweep.
    made = Path(tempfile.mkdtemp(prefix=f".{name}-"))
    folder = made.with_name(made.name[1:])
    lock = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made.rename(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _short_name(name: str) -> str:
    """Return a name that leaves room for what a draft's name adds, for file systems take 255 bytes."""
    raw = os.fsencode(name)
    return name if len(raw) <= LONGEST_NAME else f"{name[:40]}-{hashlib.sha256(raw).hexdigest()[:16]}"


def _sweep(stale: Path) -> None:
    """Remove the draft of a run that was killed; one that is still at work holds its lock and stays."""
    import fcntl

    if stale.is_symlink() or not stale.is_dir():
        return
    lock = os.open(stale, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(stale, ignore_errors=True)
    finally:
        os.close(lock)


def _put_in_place(folder: Path, out: Path) -> None:
    for directory in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        _sync(directory)
    if out.exists():
        # Named like a draft: should the process be killed between the two renames, the next run sweeps it away.
        aside = folder.with_name(f"{folder.name}-old")
        out.rename(aside)
        folder.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        folder.rename(out)
    _sync(out.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
