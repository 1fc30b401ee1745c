"""Files that say the same to one reader and something else to another, or hide bytes: none counts as the same content."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib

import numpy as np
import pytest

from mitoshi.evidence import cog
from mitoshi.evidence.document_check import check_document
from mitoshi.evidence.picture_check import check_picture
from mitoshi.evidence.raster_check import check_raster
from mitoshi.evidence.table_check import check_table


def report(words="4 km2", *, level=6):
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream, invariant=1, pageCompression=1)
    canvas.setTitle("Flood extent (90 %)")
    canvas.drawString(72, 720, f"Flooded: {words}")
    canvas.showPage()
    canvas.save()
    return packed(stream.getvalue(), level)


def objects(content):
    """Return number → body of the objects of a ReportLab file."""
    return {int(n): body for n, body in re.findall(rb"(?ms)^(\d+) 0 obj\n(.*?)\nendobj$", content)}


def built(head, parts, trailer, *, more=b"", table=None):
    """Write a PDF from the bodies of its objects, with a cross-reference table that is in order."""
    out, places = head, {}
    for number, body in parts:
        places.setdefault(number, len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    out += more
    start, count = len(out), max(places) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(
        b"%010d 00000 n \n" % places[n] for n in range(1, count)
    )
    out += table(out) if table else b""
    return out + trailer + b"startxref\n%d\n%%%%EOF\n" % start


def taken_apart(content):
    head = content[: content.index(b"1 0 obj")]
    return head, sorted(objects(content).items()), content[content.index(b"trailer") : content.index(b"startxref")]


def rebuilt(content, change=lambda parts: parts, **more):
    head, parts, trailer = taken_apart(content)
    return built(head, change(parts), trailer, **more)


def drawing(body):
    """Return the content stream of a page, unpacked."""
    packed = re.search(rb"stream\n(.*)~>endstream", body, re.DOTALL)
    return zlib.decompress(base64.a85decode(packed[1])) if packed else b""


def packed(content, level):
    """Pack the page of a report at another level, as another version of zlib does."""

    def again(parts):
        found = []
        for number, body in parts:
            text = drawing(body)
            if b"/Filter [ /ASCII85Decode" in body:
                stream = base64.a85encode(zlib.compress(text, level)) + b"~>"
                body = re.sub(rb"/Length \d+", b"/Length %d" % len(stream), body[: body.index(b"stream\n")])
                body += b"stream\n" + stream + b"endstream"
            found.append((number, body))
        return found

    return rebuilt(content, again)


def edited(old, new):
    return lambda parts: [(n, body.replace(old, new)) for n, body in parts]


def page_of(content):
    return next(n for n, body in objects(content).items() if drawing(body))


def other_page():
    content = report("nothing")
    return objects(content)[page_of(content)]


def twice(parts):
    """Hold the page's object twice: readers take the first or the last."""
    number = next(n for n, body in parts if drawing(body))
    return [*parts, (number, other_page())]


def second_section(parts):
    """Name a second page under the number of the first, in one more section of the table."""
    number = next(n for n, body in parts if drawing(body))
    return lambda out: b"%d 1\n%010d 00000 n \n" % (number, out.rindex(b"%d 0 obj" % number))


def hidden_section(content):
    _, parts, _ = taken_apart(content)
    return rebuilt(content, twice, table=second_section(parts))


SCRIPT = b"99 0 obj\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\nendobj\n"
DOCUMENTS = {
    "an object twice": lambda c: rebuilt(c, twice),
    "a second section of the table": hidden_section,
    "a filter more": lambda c: rebuilt(c, edited(b"/ASCII85Decode /FlateDecode ]", b"/ASCII85Decode /FlateDecode /DCTDecode ]")),
    "a filter that some skip": lambda c: rebuilt(
        c, edited(b"/ASCII85Decode /FlateDecode ]", b"/ASCII85Decode /FlateDecode /ASCIIHexDecode ] /DecodeParms [ null null ]")
    ),
    "parameters of a filter": lambda c: rebuilt(c, edited(b"/FlateDecode ]", b"/FlateDecode ] /DecodeParms [ null null ]")),
    "an object that the table does not name": lambda c: rebuilt(c, more=SCRIPT),
    "bytes between objects": lambda c: rebuilt(c, more=b"approved\n"),
    "a comment between objects": lambda c: rebuilt(c, more=b"% approved\n"),
    "a comment in an object": lambda c: rebuilt(c, edited(b"/Type /Catalog", b"/Type % approved\n/Catalog")),
    "another library": lambda c: rebuilt(c, edited(b"PDF Library", b"PDF Library, certified,")),
    "another title": lambda c: rebuilt(c, edited(b"Flood extent", b"No flood")),
    "an identifier in words": lambda c: re.sub(rb"/ID \n\[<\w+><\w+>\]", b"/ID \n[<6e6f20666c6f6f64><>]", c),
    "a newer version": lambda c: c.replace(b"%PDF-1.", b"%PDF-9.", 1),
    "bytes before": lambda c: b"MZ" + c,
    "bytes behind": lambda c: c + b"PK\x03\x04",
    "bytes behind a stream": lambda c: rebuilt(c, edited(b"~>endstream", b"~>hidden\nendstream")),
    "a bomb": lambda c: rebuilt(c, lambda parts: [(n, bomb(b) if drawing(b) else b) for n, b in parts]),
}  # fmt: skip


def bomb(body):
    engine = zlib.compressobj()
    data = b"".join(engine.compress(bytes(2**20)) for _ in range(64)) + engine.flush()
    head = re.sub(rb"/Length \d+", b"/Length %d" % len(data), body[: body.index(b"stream\n")])
    return head.replace(b"/ASCII85Decode ", b"") + b"stream\n" + data + b"\nendstream"


def test_a_report_in_other_bytes_is_within_tolerance(tmp_path):
    now = report()
    for content in (report(level=1), rebuilt(now, edited(b"- \\(opensource\\)", b"- www.reportlab.com"))):
        assert content != now
        (tmp_path / "a.pdf").write_bytes(content)
        assert check_document("a.pdf", tmp_path / "a.pdf", now).state == "within tolerance"
    (tmp_path / "a.pdf").write_bytes(now)
    assert check_document("a.pdf", tmp_path / "a.pdf", now).state == "equal"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_report_shows_another_reader_something_else(tmp_path, name):
    now = report()
    forged = DOCUMENTS[name](now)
    assert forged != now
    (tmp_path / "a.pdf").write_bytes(forged)
    found = check_document("a.pdf", tmp_path / "a.pdf", now)
    assert found.state == "different", found
    assert found.words


def parts_of(content):
    found, at = [], 8
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def png(parts):
    body = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_a_picture_hides_nothing_behind_its_pixels(tmp_path):
    from PIL import Image

    made = []
    for level in (9, 1):
        stream = io.BytesIO()
        Image.fromarray(np.arange(30_000, dtype=np.uint8).reshape(100, 100, 3)).save(
            stream, "PNG", compress_level=level
        )
        made.append(stream.getvalue())
    now, other = made
    (tmp_path / "a.png").write_bytes(other)
    assert check_picture("a.png", tmp_path / "a.png", now).state == "within tolerance"
    pixels = zlib.decompress(b"".join(c for k, c in parts_of(other) if k == b"IDAT"))
    rest = [p for p in parts_of(other) if p[0] != b"IDAT"]
    for data in (zlib.compress(pixels) + b"hidden", zlib.compress(pixels + bytes(2**20))):
        (tmp_path / "a.png").write_bytes(png([rest[0], (b"IDAT", data), *rest[1:]]))
        assert check_picture("a.png", tmp_path / "a.png", now).state == "different"


def raster(path, level, **tags):
    """Write a small tiled TIFF through GDAL; its layout is that of a run's products."""
    import rasterio
    from affine import Affine

    values = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "DEFLATE", "zlevel": level, "nodata": 255}
    grid = {"crs": "EPSG:32654", "transform": Affine(10, 0, 4e5, 0, -10, 4e6)}
    with rasterio.open(
        path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint8", **options, **grid
    ) as file:
        file.update_tags(**{"AREA": "here", **tags})
        file.write(values, 1)
    return path


def test_a_raster_says_nothing_beside_its_pixels(tmp_path):
    now, sealed = raster(tmp_path / "now.tif", 6), raster(tmp_path / "a.tif", 1)
    content = sealed.read_bytes()
    assert content != now.read_bytes()
    assert check_raster("a.tif", sealed, now).state == "within tolerance"
    tags = cog.read_tags(content)
    offset, size = (
        struct.unpack("<I", tags[t][2].ljust(4, b"\0"))[0] for t in (cog.TILE_OFFSETS, cog.TILE_BYTE_COUNTS)
    )
    forged = {
        "a comment of its metadata": content.replace(b"<Item name=\"AREA\">here<", b"<!--t--><Item name=\"AREA\">here<")[: len(content)],
        "the value of a tag": content.replace(b">here<", b">away<"),
        "its nodata in words": content.replace(b"255\0", b"25\0\0"),
        "bytes behind its block": content + b"hidden",
        "another block": content[:offset] + bytes(size) + content[offset + size :],
    }  # fmt: skip
    for name, data in forged.items():
        assert data != content, name
        sealed.write_bytes(data)
        assert check_raster("a.tif", sealed, now).state == "different", name


def test_a_crs_in_other_words_is_named(tmp_path):
    now, sealed = raster(tmp_path / "now.tif", 6), raster(tmp_path / "a.tif", 6)
    content = sealed.read_bytes()
    assert content.count(b"WGS 84 / UTM zone 54N|") == 1
    sealed.write_bytes(content.replace(b"WGS 84 / UTM zone 54N|", b"Approved by everybody|"))
    found = check_raster("a.tif", sealed, now)
    assert found.state in ("not checked", "different")
    assert found.state == "different" or "Approved by everybody" in found.words


def table(path, *, level=1, change=None, metadata=None, field=None, **options):
    import geopandas
    import pyarrow.parquet as pq
    from shapely.geometry import Point

    frame = geopandas.GeoDataFrame(
        {"id": ["a", "b", "c"], "depth": [0.5, 2.5, np.nan]}, geometry=[Point(n, n) for n in range(3)], crs="EPSG:32654"
    )
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    made = pq.read_table(stream)
    if change:
        made = change(made)
    if metadata:
        made = made.replace_schema_metadata(metadata(dict(made.schema.metadata)))
    if field:
        named = made.schema.field("depth").with_metadata(field)
        made = made.cast(made.schema.set(made.schema.get_field_index("depth"), named))
    pq.write_table(made, path, compression="zstd", compression_level=level, **options)
    return path


def footer(path, change):
    content = path.read_bytes()
    (size,) = struct.unpack("<I", content[-8:-4])
    path.write_bytes(content[: -8 - size] + change(content[-8 - size : -8]) + content[-8:])


def with_srid(made):
    import pyarrow as pa
    import shapely

    at = made.schema.get_field_index("geometry")
    shapes = shapely.set_srid(shapely.from_wkb(made["geometry"].to_pylist()), 3857)
    kept = pa.array(list(shapely.to_wkb(shapes, include_srid=True)), made.schema.field(at).type)
    return made.set_column(at, made.schema.field(at), kept)


def no_number(made):
    """Turn a missing value into NaN, or NaN into a missing value."""
    import pyarrow as pa

    at = made.schema.get_field_index("depth")
    values = made["depth"].to_pylist()
    turned = [None if v != v else float("nan") if v is None else v for v in values]
    return made.set_column(at, made.schema.field(at), pa.array(turned, pa.float64()))


def geo_twice(metadata):
    return {**metadata, b"geo": metadata[b"geo"].replace(b'"columns":', b'"columns": {}, "columns":', 1)}


TABLES = {
    "statistics that hide rows": lambda p: footer(table(p, level=5), lambda b: b.replace(struct.pack("<d", 2.5), bytes(8))),
    "another library": lambda p: footer(table(p, level=5), lambda b: b.replace(b"parquet-cpp-arrow", b"certified-by-all!")),
    "hidden bytes": lambda p: (table(p), p.write_bytes(p.read_bytes()[:4] + b"hidden" + p.read_bytes()[4:])),
    "units of a column": lambda p: table(p, field={b"units": b"ft"}),
    "a key of its metadata": lambda p: table(p, metadata=lambda m: {**m, b"note": b"approved"}),
    "a key twice": lambda p: table(p, metadata=geo_twice),
    "an author": lambda p: table(p, metadata=lambda m: {**m, b"geo": m[b"geo"].replace(b'"geopandas"', b'"the ministry"')}),
    "a coordinate system in a geometry": lambda p: table(p, change=with_srid),
    "no number for no value": lambda p: table(p, change=no_number),
    "a row less": lambda p: table(p, change=lambda t: t.slice(1)),
}  # fmt: skip


def test_a_table_of_another_compressor_is_within_tolerance(tmp_path):
    now, sealed = table(tmp_path / "now.parquet"), table(tmp_path / "a.parquet", data_page_version="2.0")
    assert sealed.read_bytes() != now.read_bytes()
    assert check_table("a.parquet", sealed, now).state == "within tolerance"


@pytest.mark.parametrize("name", TABLES)
def test_no_table_shows_another_reader_something_else(tmp_path, name):
    now = table(tmp_path / "now.parquet")
    TABLES[name](tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").read_bytes() != now.read_bytes()
    found = check_table("a.parquet", tmp_path / "a.parquet", now)
    assert found.state == "different", found
