"""Compare PNG pictures by their pixels, where another version of a library wrote other bytes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.evidence.sealed_files import unequal_bytes
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["check_picture", "compare_pixels"]

LEVELS = 3  # of 255: how far a pixel may be off where colours were rounded in another way
BLUR, BLURRED_LEVELS = 5, 24  # letters drawn by another version of FreeType keep the mean of 5 × 5 pixels within this
LETTERS = 0.03  # share of the pixels that may be off for letters
HEAD = b"\x89PNG\r\n\x1a\n"


def check_picture(name: str, sealed: Path, now: bytes) -> FileCheck:
    """Compare a PNG of a bundle with its recomputation."""
    content = unequal_bytes(name, sealed, now)
    if isinstance(content, FileCheck):
        return content
    one, two = _chunks(content), _chunks(now)
    if one is None or two is None or one != two or not _packed_whole(content, _size(now)):
        return FileCheck(name, "different", "is no PNG with the header and the parts that the recomputation writes")
    try:
        state, words = compare_pixels(_pixels(content), _pixels(now))
    except (OSError, ValueError, SyntaxError):
        return FileCheck(name, "different", "is no picture that can be read")
    if state == "equal":
        return FileCheck(name, "within tolerance", SAME_CONTENT)
    return FileCheck(name, state, words)  # type: ignore[arg-type]


def compare_pixels(sealed: npt.NDArray[Any], now: npt.NDArray[Any]) -> tuple[str, str]:
    """Return the state of a picture, and words about it.

    Parameters
    ----------
    sealed, now
        (row, column, channel) of uint8.
    """
    if sealed.shape != now.shape:
        return "different", f"has {sealed.shape[:2]} pixels, the recomputation {now.shape[:2]}"
    difference = np.abs(sealed.astype(np.int16) - now.astype(np.int16)).max(axis=2)
    if not difference.any():
        return "equal", ""
    most = int(difference.max())
    if most <= LEVELS:
        return "within tolerance", f"colours differ by at most {most} of 255 levels"
    share = float((difference > LEVELS).mean())
    if share <= LETTERS and _blurred(sealed, now) <= BLURRED_LEVELS:
        return "not checked", f"{share:.2%} of the pixels differ as letters of another drawing library do"
    row, column = (int(v) for v in np.argwhere(difference > LEVELS)[0])
    return "different", f"shows something else at row {row}, column {column} ({share:.2%} of the pixels)"


def _blurred(sealed: npt.NDArray[Any], now: npt.NDArray[Any]) -> float:
    """Return the largest difference of the means over 5 × 5 pixels."""
    from scipy.ndimage import uniform_filter

    means = uniform_filter(sealed.astype(np.float32) - now.astype(np.float32), size=(BLUR, BLUR, 1))
    return float(np.abs(means).max())


def _size(content: bytes) -> int:
    """Return how many bytes the pixels of a PNG take at most: four samples of two bytes, and a filter to a row."""
    width, height = struct.unpack_from(">II", content, 16)
    return int(height * (8 * width + 1))


def _packed_whole(content: bytes, most: int) -> bool:
    """Tell whether the packed pixels of a PNG end where their stream ends, and are no more than a picture holds."""
    engine = zlib.decompressobj()
    try:
        unpacked = engine.decompress(_joined(content), most)
    except zlib.error:
        return False
    return engine.eof and not engine.unused_data and len(unpacked) <= most


def _joined(content: bytes) -> bytes:
    parts, at = [], len(HEAD)
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        if content[at + 4 : at + 8] == b"IDAT":
            parts.append(content[at + 8 : at + 8 + size])
        at += 12 + size
    return b"".join(parts)


def _pixels(content: bytes) -> npt.NDArray[Any]:
    from PIL import Image

    with Image.open(BytesIO(content), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def _chunks(content: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return every part of a PNG but its pixels, or None where it is not one from the first to the last byte."""
    if not content.startswith(HEAD):
        return None
    found: list[tuple[bytes, bytes]] = []
    at = len(HEAD)
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        at += 12 + size
        if kind != b"IDAT":
            found.append((kind, body))
        if kind == b"IEND":
            return found if at == len(content) else None
    return None
