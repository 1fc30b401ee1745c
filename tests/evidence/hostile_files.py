"""Files made to kill, fill or stall their reader; small, and made from their formats' specifications."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

MEBIBYTE = 2**20
DEPTH = 100_000


def zeros(mebibytes: int) -> bytes:
    """Return a zlib stream (RFC 1950) of so many mebibytes of zeros, one deflated block repeated."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = block.compress(bytes(MEBIBYTE)) + block.flush(zlib.Z_FULL_FLUSH)
    checksum = (mebibytes * MEBIBYTE % 65521) << 16 | 1  # Adler-32 of zeros
    return b"\x78\x9c" + piece * mebibytes + b"\x03\x00" + checksum.to_bytes(4, "big")


def pdf_bomb(mebibytes: int = 8192) -> bytes:
    """Return a PDF of one page whose content stream is deflated twice and becomes gigabytes."""
    stream = zlib.compress(zeros(mebibytes), 9)
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>",
        b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    content, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return content + end % (table, len(content))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png_bomb(content: bytes) -> bytes:
    """Return a PNG with the parts of another, whose pixels become gigabytes."""
    at, parts = 8, []
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        parts.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    pixels = zeros(4096)[: 2**16]
    rest = [chunk(kind, body) for kind, body in parts if kind != b"IDAT"]
    return content[:8] + b"".join(rest[:-1]) + chunk(b"IDAT", pixels) + rest[-1]


def vast_png(content: bytes) -> bytes:
    """Return a PNG that claims 2,000,000 × 2,000,000 pixels."""
    head = struct.pack(">II", 2_000_000, 2_000_000) + content[24:29]
    return content[:8] + chunk(b"IHDR", head) + content[33:]


def vast_tiff(content: bytes) -> bytes:
    """Return a little-endian TIFF that claims 2^31 − 1 columns and rows."""
    big = content[2] == 43
    (at,) = struct.unpack_from("<Q" if big else "<I", content, 8 if big else 4)
    (count,) = struct.unpack_from("<Q" if big else "<H", content, at)
    first, step, value = (at + 8, 20, 12) if big else (at + 2, 12, 8)
    changed = bytearray(content)
    for n in range(count):
        entry = first + n * step
        (tag,) = struct.unpack_from("<H", content, entry)
        if tag in (256, 257):  # ImageWidth, ImageLength
            struct.pack_into("<HH", changed, entry, tag, 4)
            struct.pack_into("<I", changed, entry + value, 2**31 - 1)
    return bytes(changed)


def dense_tiff() -> bytes:
    """Return a small TIFF with one strip that must be decoded at once and becomes 400 MB."""
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile

    profile = {"driver": "GTiff", "width": 20_000, "height": 20_000, "count": 1, "dtype": "uint8"}
    with MemoryFile() as memory:
        with (
            rasterio.Env(GTIFF_WRITE_TOPLEFT_TILE="NO"),
            memory.open(
                **profile,
                compress="zstd",
                blockysize=20_000,
                crs="EPSG:32631",
                transform=rasterio.Affine(10, 0, 500_000, 0, -10, 4_000_000),
            ) as dataset,
        ):
            dataset.write(np.zeros((1, 20_000, 20_000), np.uint8))
        return bytes(memory.read())


def nested_wkb(depth: int = DEPTH) -> bytes:
    shell = b"\x01" + (7).to_bytes(4, "little") + (1).to_bytes(4, "little")
    return shell * depth + b"\x01" + (1).to_bytes(4, "little") + bytes(16)


def nested_parquet(content: bytes) -> bytes:
    """Return a GeoParquet file like another, whose first geometry nests 100,000 collections."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(BytesIO(content))
    values = [nested_wkb(), *table["geometry"].to_pylist()[1:]]
    place = table.schema.get_field_index("geometry")
    table = table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))
    return _parquet(table)


def dictionary_bomb(content: bytes) -> bytes:
    """Return a Parquet file with the columns of another, whose texts become gigabytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(BytesIO(content))
    rows = 8192
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * MEBIBYTE]))
    columns = [
        texts if pa.types.is_string(f.type) or pa.types.is_large_string(f.type) else pa.array([1] * rows).cast(f.type)
        for f in schema
    ]
    return _parquet(pa.table(dict(zip(schema.names, columns, strict=True))))


def _parquet(table) -> bytes:
    import pyarrow.parquet as pq

    stream = BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()


def deep_json(depth: int = DEPTH) -> bytes:
    return b'{"type":"FeatureCollection","features":' + b"[" * depth + b"]" * depth + b"}"


def deep_geojson(depth: int = 10_000) -> bytes:
    """Return a feature whose geometry collections nest."""
    shell = b'{"type":"GeometryCollection","geometries":['
    point = b'{"type":"Point","coordinates":[3,36]}'
    geometry = shell * depth + point + b"]}" * depth
    return (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"a"},"geometry":%s}]}' % geometry
    )


def deep_csv(depth: int = 5_000) -> bytes:
    """Return a table whose geometry nests thousands of collections, in a cell that is not too long."""
    return b"id,wkt\na," + b"GEOMETRYCOLLECTION (" * depth + b"POINT (3 36)" + b")" * depth + b"\n"


def zip_bomb() -> bytes:
    """Return a zip whose only member is ten gigabytes of zeros, deflated twice over."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("measurement/a.tiff", zeros(2048))
    return stream.getvalue()
