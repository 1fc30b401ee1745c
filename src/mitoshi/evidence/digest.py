"""Digests: of files as they lie on disk, and of array content however it is stored.

The content digest of a layer does not depend on the file format, on the tile size or on the number of workers. The scene is
cut into blocks of 512 × 512 pixels from its origin, in row-major order; each block (with all leading dimensions) is hashed as
little-endian bytes in C order with one NaN and without negative zero; the layer's digest is the SHA-256 of one line of JSON
(dims, shape, data type, units, coordinates) followed by the block digests.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.grid import tiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = [
    "BLOCK",
    "blocks",
    "canonical",
    "canonical_json",
    "content_digest",
    "feature_lines",
    "file_digest",
    "multihash",
    "pretty_json",
    "text_digest",
]

BLOCK = 512  # side of the blocks that are hashed and stored, in pixels


def canonical(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the values little-endian and contiguous, with one NaN and no negative zero.

    >>> canonical(np.array([-0.0], dtype=">f4")).tobytes().hex()
    '00000000'
    """
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    if little.dtype.kind not in "fc":
        return little
    clean: npt.NDArray[Any] = little + little.dtype.type(0)  # -0 + 0 is +0
    missing = np.isnan(clean)
    if missing.any():
        clean[missing] = little.dtype.type(np.nan)
    return clean


def blocks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield the 512 × 512 blocks of an array (…, y, x) from its origin, in row-major order; edge blocks are smaller."""
    for tile in tiles((values.shape[-2], values.shape[-1]), BLOCK):
        yield values[..., tile.read[0], tile.read[1]]


def block_digests(values: npt.NDArray[Any]) -> list[bytes]:
    """Return the SHA-256 of each block of an array (…, y, x)."""
    return [hashlib.sha256(canonical(block).reshape(-1).view(np.uint8).data).digest() for block in blocks(values)]


def content_digest(header: Mapping[str, Any], digests: Iterable[bytes]) -> str:
    """Return the digest of a layer from its header and its block digests in row-major order, as hexadecimal text."""
    digest = hashlib.sha256(canonical_json({**header, "block": BLOCK}) + b"\n")
    for block in digests:
        digest.update(block)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return JSON without spaces and with sorted keys: the form that is hashed.

    >>> canonical_json({"b": 1, "a": None})
    b'{"a":null,"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def pretty_json(value: Any) -> bytes:
    """Return JSON for people: sorted keys, two spaces, a final newline."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def feature_lines(collection: Mapping[str, Any]) -> bytes:
    """Return a GeoJSON FeatureCollection with one feature to a line; many times faster to write than indented JSON."""
    rest = {k: v for k, v in collection.items() if k != "features"}
    head = json.dumps(rest, sort_keys=True, ensure_ascii=False, allow_nan=False)[:-1]
    features = ",\n".join(
        json.dumps(f, sort_keys=True, separators=(",", ":"), allow_nan=False) for f in collection["features"]
    )
    return f'{head}, "features": [\n{features}\n]}}\n'.encode()


def text_digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def multihash(sha256: str) -> str:
    """Return the multihash of a SHA-256: 0x12 is sha2-256, 0x20 its length in bytes.

    >>> multihash("ab" * 32)[:6]
    '1220ab'
    """
    return f"1220{sha256}"
