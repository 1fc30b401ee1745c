"""A zip from outside, read with bounded memory: names that leave the package, bombs and damage are refused before reading."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from mitoshi.core.text import Text
from mitoshi.handover.sip4d.schema import filled
from mitoshi.sensors.guard import one_line, regular_file

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from mitoshi.handover.sip4d.reasons import Findings

__all__ = ["MOST_MEMBER_BYTES", "Archive", "open_archive"]

MOST_MEMBERS = 1000
MOST_DIRECTORY_BYTES = 2**20
MOST_MEMBER_BYTES = 64 * 2**20  # of one file, unpacked
MOST_BYTES = 512 * 2**20  # of all files, unpacked
MOST_EXPANSION = 400  # unpacked bytes per stored byte of a file above FREE_BYTES; repetitive GeoJSON reaches 60
FREE_BYTES = 2**20
STEP = 2**20  # read at once: zipfile unpacks as much as is asked for, whatever size an entry claims
END, END_SIZE, LONGEST_COMMENT = b"PK\x05\x06", 22, 0xFFFF
ZIP64_LOCATOR, ZIP64_LOCATOR_SIZE = b"PK\x06\x07", 20
ENCRYPTED = 0x1

NOT_A_ZIP = Text(
    "this is no zip file ({0}); give a SIP4D-ZIP", "ZIPファイルではありません（{0}）。SIP4D-ZIPを指定してください"
)
TOO_MANY = Text(
    "it claims {0} files; a SIP4D-ZIP has at most {1}: refused",
    "{0}個のファイルを含むとされています。SIP4D-ZIPは最大{1}個です（拒否）",
)
LARGE_DIRECTORY = Text("its directory claims {0} bytes; refused", "目次が{0}バイトとされています（拒否）")
ZIP64 = Text("it is a ZIP64 archive; write an ordinary zip", "ZIP64形式です。通常のZIPで作成してください")
UNSAFE = Text(
    "the name leaves the package or is no plain file name: refused; give plain names",
    "パッケージの外を指す名前、または通常のファイル名ではありません（拒否）。単純なファイル名にしてください",
)
TWICE = Text("the name occurs twice; keep one", "同じ名前が2つあります。1つにしてください")
LOCKED = Text(
    "the file is encrypted; write it without a password", "暗号化されています。パスワードなしで作成してください"
)
TOO_LARGE = Text(
    "unpacked it has more than {0} MiB; split the data into several entries",
    "展開後の大きさが{0} MiBを超えます。複数のファイルに分けてください",
)
BOMB = Text(
    "{0} bytes unpack to {1}: this looks like a bomb and is refused",
    "{0}バイトが{1}バイトに展開されます。圧縮爆弾の疑いがあるため拒否しました",
)
DAMAGED = Text("the file is damaged ({0}); make the package again", "ファイルが壊れています（{0}）。作り直してください")


class Archive:
    """The members of a zip that may be read.

    Attributes
    ----------
    names
        Of the files, in the order of the directory.
    """

    def __init__(self, opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> None:
        self._zip, self._members = opened, members
        self.names = tuple(members)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def read(self, name: str, findings: Findings) -> bytes | None:
        """Return a member's bytes, never more than `MOST_MEMBER_BYTES`; None where it cannot be read, with the reason noted."""
        try:
            content = bytearray()
            with self._zip.open(self._members[name]) as file:
                while len(content) <= MOST_MEMBER_BYTES and (piece := file.read(STEP)):
                    content += piece
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            findings.error("damaged", name, filled(DAMAGED, one_line(error)))
            return None
        if len(content) <= MOST_MEMBER_BYTES:
            return bytes(content)
        findings.error("too_large", name, filled(TOO_LARGE, MOST_MEMBER_BYTES >> 20))
        return None


def open_archive(path: Path, findings: Findings) -> Archive | None:
    """Return a zip whose names and sizes are harmless; None where it may not be read, with the reasons noted.

    Raises
    ------
    InputError
        If there is no such regular file.
    """
    found = regular_file(path)
    if not _harmless_directory(found, findings):
        return None
    try:
        opened = zipfile.ZipFile(found)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, struct.error) as error:
        findings.error("not_a_zip", "", filled(NOT_A_ZIP, one_line(error)))
        return None
    members = _harmless(opened.infolist(), findings)
    if members is None:
        opened.close()
        return None
    return Archive(opened, members)


def _harmless_directory(path: Path, findings: Findings) -> bool:
    """Tell whether the directory is small enough to be read at all; it is read whole by `zipfile`."""
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - END_SIZE - LONGEST_COMMENT - ZIP64_LOCATOR_SIZE))
        tail = file.read()
    at = len(tail) - END_SIZE if tail[-END_SIZE:].startswith(END) and tail.endswith(b"\0\0") else tail.rfind(END)
    if at < 0 or len(tail) < at + END_SIZE:
        findings.error("not_a_zip", "", filled(NOT_A_ZIP, path.name))
        return False
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    if tail[max(0, at - ZIP64_LOCATOR_SIZE) : at].startswith(ZIP64_LOCATOR):
        findings.error("zip64", "", ZIP64)
    elif count > MOST_MEMBERS:
        findings.error("too_many_files", "", filled(TOO_MANY, count, MOST_MEMBERS))
    elif directory > MOST_DIRECTORY_BYTES:
        findings.error("too_large", "", filled(LARGE_DIRECTORY, directory))
    else:
        return True
    return False


def _harmless(entries: list[zipfile.ZipInfo], findings: Findings) -> dict[str, zipfile.ZipInfo] | None:
    members: dict[str, zipfile.ZipInfo] = {}
    total, refused = 0, False
    for entry in entries:
        reason = _refusal(entry)
        shown = entry.filename[:120]
        if reason is not None:
            findings.error(reason[0], shown, reason[1])
            refused = True
        elif not entry.is_dir():
            if entry.filename in members:
                findings.error("duplicate_name", shown, TWICE)
                refused = True
            members[entry.filename] = entry
            total += entry.file_size
    if len(entries) > MOST_MEMBERS:
        findings.error("too_many_files", "", filled(TOO_MANY, len(entries), MOST_MEMBERS))
        refused = True
    if total > MOST_BYTES:
        findings.error("too_large", "", filled(TOO_LARGE, MOST_BYTES >> 20))
        refused = True
    return None if refused else members


def _refusal(entry: zipfile.ZipInfo) -> tuple[str, Text] | None:
    """Return why an entry may not be read, or None."""
    name = entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = name.rstrip("/").split("/")
    if (
        not name
        or any(c in name for c in "\\:\0")
        or any(p in ("", ".", "..") for p in parts)
        or len(name) > 255
        or any(ord(c) < 32 for c in name)
        or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
    ):
        return "unsafe_name", UNSAFE
    if entry.flag_bits & ENCRYPTED:
        return "encrypted", LOCKED
    if entry.file_size > FREE_BYTES and entry.file_size > MOST_EXPANSION * max(1, entry.compress_size):
        return "bomb", filled(BOMB, entry.compress_size, entry.file_size)
    if entry.file_size > MOST_MEMBER_BYTES:
        return "too_large", filled(TOO_LARGE, MOST_MEMBER_BYTES >> 20)
    return None
