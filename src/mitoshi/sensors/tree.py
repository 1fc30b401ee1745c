"""A product as a tree of named files, whether it lies in a folder, a zip or a tar archive.

Names are checked before anything is read: no absolute name, no "..", no drive letter, no link, no bomb. Compressed members are
unpacked once into a private cache, because reading them at random positions would decompress them again and again.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, RefusedError, UnknownFileError
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Member", "Tree", "cache_folder", "open_tree"]

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 16 * 2**30
MAX_TOTAL_BYTES = 64 * 2**30
MAX_RATIO = 1100  # deflate itself cannot exceed 1032
MAX_DEPTH = 12
MAX_READ = guard.MAX_XML_BYTES
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of a tree: size in bytes, and where its bytes start if they are stored as they are."""

    size: int
    offset: int | None = None


@dataclass(frozen=True)
class Tree:
    """The files of a product by name relative to its root, with forward slashes.

    Attributes
    ----------
    path
        The folder or archive.
    kind
        "folder", "zip" or "tar".
    members
        Name to size and place.
    """

    path: Path
    kind: str
    members: Mapping[str, Member] = field(repr=False)

    def matching(self, pattern: str) -> list[str]:
        """Return the names that the regular expression finds, sorted."""
        return sorted(name for name in self.members if re.search(pattern, name, re.IGNORECASE))

    def read(self, name: str, limit: int = MAX_READ) -> bytes:
        """Return the content of a small file.

        Raises
        ------
        RefusedError
            If it is larger than `limit` bytes.
        """
        if self.members[name].size > limit:
            raise RefusedError(f"{self.path.name}: {name} is larger than {limit >> 20} MiB")
        if self.kind == "folder":
            return (self.path / name).read_bytes()
        return Path(self.locate(name).path).read_bytes() if self.kind == "tar" else self._read_zip(name, limit)

    def _read_zip(self, name: str, limit: int) -> bytes:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as member:
                content = member.read(limit + 1)
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            raise InputError(f"{self.path.name}: {name} cannot be unpacked ({_cause(error)})") from None
        if len(content) > limit:
            raise RefusedError(f"{self.path.name}: {name} is larger than {limit >> 20} MiB")
        return content

    def locate(self, name: str) -> guard.Location:
        """Return where the bytes of a file can be read at random; a compressed member is unpacked into the cache."""
        member = self.members[name]
        if self.kind == "folder":
            return guard.Location(str(self.path / name))
        if member.offset is not None and member.size:
            return guard.Location(str(self.path), member.offset, member.size)
        return guard.Location(str(self.file(name)))

    def file(self, name: str) -> Path:
        """Return a file of its own with the bytes of a member; that of an archive is unpacked into the cache."""
        return self.path / name if self.kind == "folder" else _unpacked(self, name)


def cache_folder() -> Path:
    """Return the private folder for unpacked members: ``$MITOSHI_CACHE``, else one of this user's own in the temporary folder.

    Raises
    ------
    RefusedError
        If the folder belongs to somebody else or is a link.
    """
    chosen = os.environ.get("MITOSHI_CACHE")
    folder = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"mitoshi-cache-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise RefusedError(f"cache folder {folder} belongs to somebody else; set MITOSHI_CACHE to a folder of yours")
    return folder


def _unpacked(tree: Tree, name: str) -> Path:
    status = tree.path.stat()
    identity = f"{tree.path}\0{status.st_size}\0{status.st_mtime_ns}\0{name}"
    folder = cache_folder() / hashlib.sha256(identity.encode()).hexdigest()[:32]
    target = folder / guard.safe_id(PurePosixPath(name).name)
    if target.exists() and target.stat().st_size == tree.members[name].size:
        return target
    folder.mkdir(mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in _chunks(tree, name):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _chunks(tree: Tree, name: str) -> Iterator[bytes]:
    expected, seen = tree.members[name].size, 0
    try:
        with _member(tree, name) as source:
            while chunk := source.read(CHUNK):
                seen += len(chunk)
                if seen > expected:
                    raise RefusedError(
                        f"{tree.path.name}: {name} is larger than the archive says; it looks like a bomb"
                    )
                yield chunk
    except (zipfile.BadZipFile, tarfile.TarError, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(f"{tree.path.name}: {name} cannot be unpacked ({_cause(error)})") from None
    if seen != expected:
        raise InputError(f"{tree.path.name}: {name} is cut short; fetch the archive again")


class _member:  # noqa: N801 - a context manager reads like a function
    def __init__(self, tree: Tree, name: str) -> None:
        self._tree, self._name = tree, name

    def __enter__(self) -> Any:
        archive: Any
        if self._tree.kind == "zip":
            archive = zipfile.ZipFile(self._tree.path)
            self._archive, source = archive, archive.open(self._name)
        else:
            archive = tarfile.open(self._tree.path)
            self._archive, source = archive, archive.extractfile(self._name)
        return source

    def __exit__(self, *_: object) -> None:
        self._archive.close()


def _cause(error: BaseException) -> str:
    """Return a library's reason; without words of its own, the kind of the error."""
    if isinstance(error, NotImplementedError):
        return f"a compression or version that is not read: {guard.one_line(error)[:60]}; pack it anew"
    return type(error).__name__


def _check_name(name: str, archive: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    bad = not parts or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name
    if bad or any(ord(c) < 32 for c in name) or len(name) > 1024:
        raise RefusedError(f"{archive} holds the name {name[:60]!r}, which leads out of the archive; it is not opened")


def _check_totals(sizes: list[int], archive: str) -> None:
    if len(sizes) > MAX_MEMBERS or sum(sizes) > MAX_TOTAL_BYTES or max(sizes, default=0) > MAX_MEMBER_BYTES:
        raise RefusedError(f"{archive} holds {len(sizes)} files of {sum(sizes) / 2**30:.1f} GiB; it looks like a bomb")


def _zip_tree(path: Path) -> Tree:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            with open(path, "rb") as raw:
                members = dict(_zip_members(infos, raw, path.name))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path.name} is a damaged zip archive ({_cause(error)})") from None
    return Tree(path, "zip", members)


def _zip_members(infos: list[zipfile.ZipInfo], raw: Any, archive: str) -> Iterator[tuple[str, Member]]:
    _check_totals([info.file_size for info in infos], archive)
    for info in infos:
        # zipfile rewrites bad names silently, so the name as stored is checked.
        _check_name(info.orig_filename, archive)
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise RefusedError(f"{archive} holds the link {info.filename[:60]!r}; links are not followed")
        if info.is_dir():
            continue
        if info.flag_bits & 0x1:
            raise InputError(f"{archive} is encrypted; unpack it first")
        if info.file_size > 64 * 2**20 and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise RefusedError(
                f"{archive}: {info.filename} expands {info.file_size // max(info.compress_size, 1)} times"
            )
        yield info.filename, Member(info.file_size, _stored_offset(info, raw))


def _stored_offset(info: zipfile.ZipInfo, raw: Any) -> int | None:
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return None
    raw.seek(info.header_offset + 26)  # local header: the lengths of name and extra field
    lengths = raw.read(4)
    return info.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")


def _tar_tree(path: Path) -> Tree:
    members: dict[str, Member] = {}
    try:
        with tarfile.open(path) as archive:
            total = 0
            for info in archive:
                _check_name(info.name, path.name)
                if info.issym() or info.islnk() or info.isdev():
                    raise RefusedError(f"{path.name} holds the link or device {info.name[:60]!r}; it is not opened")
                total += info.size
                bomb = total > 2**30 and total > MAX_RATIO * path.stat().st_size
                if len(members) > MAX_MEMBERS or total > MAX_TOTAL_BYTES or bomb:
                    raise RefusedError(f"{path.name} holds more than {total / 2**30:.0f} GiB; it looks like a bomb")
                if info.isfile():
                    members[info.name.removeprefix("./")] = Member(info.size)
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{path.name} is a damaged tar archive ({_cause(error)})") from None
    return Tree(path, "tar", members)


def _folder_files(folder: Path) -> Iterator[tuple[str, Member]]:
    count = 0
    for root, folders, files in os.walk(folder, followlinks=False):
        if len(Path(root).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
        for name in sorted(files):
            path = Path(root, name)
            if not path.is_file() or not guard.inside(folder, path):
                continue  # a link that leads out of the folder is not part of the product
            count += 1
            if count > MAX_MEMBERS:
                raise UnknownFileError(f"{folder.name} holds more than {MAX_MEMBERS} files; give one product of it")
            yield path.relative_to(folder).as_posix(), Member(path.stat().st_size)


def open_tree(path: Path) -> Tree | None:
    """Return the tree of a folder, zip or tar archive, or None where `path` is a single file.

    Raises
    ------
    RefusedError
        If a name leads out of the archive or the archive is a bomb.
    InputError
        If the archive is damaged.
    """
    if path.is_dir():
        return Tree(path, "folder", dict(sorted(_folder_files(path))))
    kind = guard.sniff(guard.magic(guard.Location(str(path))))
    if kind == "zip":
        return _zip_tree(path)
    return _tar_tree(path) if kind in {"tar", "gzip"} else None
