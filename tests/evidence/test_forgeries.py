"""Forged bundles under new checksums and a changed environment record: none is identical, and honest ones stay so."""

from __future__ import annotations

import io
import json
import shutil

import geopandas
import numpy as np
import pytest
from conftest import SAID, TIME, write_raster
from evidence_sample import lists, methods
from forger import edit, entity, feature, forge, item, paint

from mitoshi import evidence
from mitoshi.core import discovery
from mitoshi.core.errors import BundleError
from mitoshi.evidence import publication

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A small scene with dark patches, its bundle, and a bundle of lists."""
    folder = tmp_path_factory.mktemp("honest")
    rng = np.random.default_rng(1)
    power = (0.1 * rng.gamma(4, 0.25, (2, 120, 160))).astype(np.float32)
    power[:, 20:60, 30:70] *= 0.02
    power[:, 80:100, 100:140] *= 0.02
    write_raster(folder / "after.tif", power)
    evidence.run(
        methods.scene_dark, {"after": f"{folder}/after.tif#{SAID}"}, {}, folder / "bundle", time=TIME, tile_size=512
    )
    from shapely.geometry import box

    height = np.repeat(np.arange(99, -1, -1, dtype=np.float32)[:, None], 120, axis=1)[None]
    write_raster(folder / "dem.tif", height)
    shapes = [box(500100 + 30 * n, 3999000 + 100 * n, 500108 + 30 * n, 3999008 + 100 * n) for n in range(3)]
    frame = geopandas.GeoDataFrame({"id": ["a", "b", "c"]}, geometry=shapes, crs="EPSG:32631")
    frame.to_parquet(folder / "buildings.parquet")
    sources = {
        "buildings": str(folder / "buildings.parquet"),
        "elevation": f"{folder}/dem.tif#quantity=elevation,units=m",
    }
    evidence.run(lists.heights, sources, {}, folder / "lists", time=TIME)
    return folder


@pytest.fixture(autouse=True)
def _lists_are_known(monkeypatch):
    real = discovery.find
    monkeypatch.setattr(discovery, "find", lambda name: lists.heights if name == lists.heights.name else real(name))


@pytest.fixture(scope="module", autouse=True)
def _drawn_once():
    """Pictures and reports of one record are the same: they are drawn once for all forgeries."""
    drawn, real = {}, publication._write_pictures

    def write(plan, outcome, folder, figures, bundle_id):
        names = [name for _, name in (*publication.PICTURES, *publication.REPORTS)]
        key = (bundle_id, repr(figures))
        if key not in drawn:
            real(plan, outcome, folder, figures, bundle_id)
            drawn[key] = [(folder / name).read_bytes() for name in names]
        for name, content in zip(names, drawn[key], strict=True):
            (folder / name).write_bytes(content)

    publication._write_pictures = write
    yield
    publication._write_pictures = real


@pytest.fixture
def bundle(honest, tmp_path):
    shutil.copytree(honest, tmp_path / "case")
    return tmp_path / "case/bundle"


def swap(one, two):
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)


def pdf(bundle, change):
    """Rewrite the English report with pypdf."""
    from pypdf import PdfReader, PdfWriter

    path = bundle / "report.en.pdf"
    writer = PdfWriter(clone_from=PdfReader(path))
    change(writer)
    stream = io.BytesIO()
    writer.write(stream)
    path.write_bytes(stream.getvalue())


def opening_script(writer):
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('x')")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)


def redrawn(bundle, change, name="quicklook.png"):
    from PIL import Image

    with Image.open(bundle / name) as image:
        changed = change(image.convert("RGB"))
    changed.save(bundle / name, "PNG", compress_level=9)


def painted_over(image):
    image.paste((255, 0, 0), (300, 300, 320, 320))
    return image


def rescaled(figures, factor):
    for figure in figures["figures"]:
        figure.update({k: figure[k] * factor for k in ("value", "lower", "upper") if figure[k] is not None})


def other_pdf(bundle):
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(bundle / "report.en.pdf"), invariant=1)
    canvas.drawString(72, 720, "Nothing was flooded.")
    canvas.save()


def ring(features, change):
    features[0]["geometry"]["coordinates"][0] = change(features[0]["geometry"]["coordinates"][0])
    return features


FORGERIES = {
    # reports and maps
    "another English report": other_pdf,
    "reports swapped": lambda b: swap(b / "report.en.pdf", b / "report.ja.pdf"),
    "maps swapped": lambda b: swap(b / "quicklook.png", b / "quicklook.ja.png"),
    "a second page": lambda b: pdf(b, lambda w: w.add_blank_page(595, 842)),
    "JavaScript in the report": lambda b: pdf(b, opening_script),
    "an attachment in the report": lambda b: pdf(b, lambda w: w.add_attachment("a.txt", b"hidden")),
    "a link in the report": lambda b: pdf(b, lambda w: w.add_uri(0, "https://example.org", (0, 0, 99, 99))),
    "the report's title": lambda b: pdf(b, lambda w: w.add_metadata({"/Title": "forged", "/Author": "somebody"})),
    "the report rotated": lambda b: pdf(b, lambda w: w.pages[0].rotate(90)),
    "the report cropped": lambda b: pdf(b, lambda w: setattr(w.pages[0], "cropbox", w.pages[0].mediabox.__class__((0, 400, 595, 842)))),
    "bytes behind the report": lambda b: (b / "report.ja.pdf").write_bytes((b / "report.ja.pdf").read_bytes() + b"PK\x03\x04"),
    "no report any more": lambda b: (b / "report.ja.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n"),
    "a recoloured map": lambda b: redrawn(b, lambda i: i.point(lambda v: 255 - v)),
    "a painted map": lambda b: redrawn(b, painted_over),
    "a smaller map": lambda b: redrawn(b, lambda i: i.resize((700, 400)), "quicklook.ja.png"),
    "words in the map's metadata": lambda b: png_words(b),
    "bytes behind the map": lambda b: (b / "quicklook.png").write_bytes((b / "quicklook.png").read_bytes() + b"x"),
    # outlines
    "outline cut to one feature": lambda b: feature(b, lambda f: f[:1]),
    "outline without features": lambda b: feature(b, lambda f: []),
    "outline shifted by a metre": lambda b: feature(b, lambda f: ring(f, lambda r: [[x + 1e-5, y] for x, y in r])),
    "outline with a corner left out": lambda b: feature(b, lambda f: ring(f, lambda r: [r[0], *r[2:]])),
    "an area of the outline": lambda b: edit(b / "dark.geojson", lambda c: c["features"][0]["properties"].update(area_km2=9.0)),
    "pixels of the outline": lambda b: edit(b / "dark.geojson", lambda c: c["features"][0]["properties"].update(pixels=9)),
    "a feature twice": lambda b: feature(b, lambda f: [*f, f[0]]),
    "figures inside the outline": lambda b: edit(b / "dark.geojson", lambda c: rescaled({"figures": c["mitoshi:figures"]}, 1.005)),
    "a key twice in the outline": lambda b: (b / "dark.geojson").write_text(
        (b / "dark.geojson").read_text().replace('"type": "FeatureCollection"', '"type": "x", "type": "FeatureCollection"')
    ),
    # figures
    "figures half a percent off": lambda b: edit(b / "figures.json", lambda f: rescaled(f, 1.005)),
    "figures a millionth off": lambda b: edit(b / "figures.json", lambda f: rescaled(f, 1 + 1e-6)),
    "a narrower interval": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(lower=f["figures"][0]["value"])),
    "another confidence": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(confidence=0.99)),
    "other units": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(units="m2")),
    "another title": lambda b: edit(b / "figures.json", lambda f: f["figures"][0]["title"].update(ja="浸水なし")),
    "a figure left out": lambda b: edit(b / "figures.json", lambda f: f["figures"].pop()),
    "a figure between two steps": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(value=f["figures"][0]["value"] + 3e-7)),
    "a coarse figure that says so": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(value=1.0, resolution=1.0)),
    "a coarser resolution of the figures": lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(resolution=1.0)),
    "an area of the outline with more digits": lambda b: edit(
        b / "dark.geojson", lambda c: c["features"][0]["properties"].update(area_km2=c["features"][0]["properties"]["area_km2"] * (1 + 2e-7))
    ),
    "a coarser resolution of the outline": lambda b: edit(b / "dark.geojson", lambda c: c["mitoshi:resolution"].update(coordinates_degree=1.0)),
    # crate
    "an author": lambda b: entity(b, "./", author={"@id": "https://orcid.org/0000-0000-0000-0001"}),
    "another licence": lambda b: entity(b, "./", license={"@id": "https://example.org/mine"}),
    "another name": lambda b: entity(b, "./", name="Official map"),
    "another date": lambda b: entity(b, "./", datePublished="2020-01-01T00:00:00Z"),
    "another version of the software": lambda b: edit(
        b / "ro-crate-metadata.json",
        lambda c: next(e for e in c["@graph"] if e["@type"] == "SoftwareApplication").update(softwareVersion="9 (mitoshi 9)"),
    ),
    "one more entity": lambda b: edit(b / "ro-crate-metadata.json", lambda c: c["@graph"].append({"@id": "#me", "@type": "Person"})),
    # STAC
    "STAC datetime": lambda b: item(b, lambda i: i["properties"].update(datetime="2020-01-01T00:00:00Z")),
    "STAC bbox": lambda b: item(b, lambda i: i["bbox"].__setitem__(0, i["bbox"][0] + 1e-5)),
    "STAC geometry": lambda b: item(b, lambda i: i["geometry"]["coordinates"][0].__setitem__(1, [0.0, 0.0])),
    "STAC href": lambda b: item(b, lambda i: i["assets"]["data"].update(href="../share.tif")),
    "STAC projection": lambda b: item(b, lambda i: i["properties"].update({"proj:code": "EPSG:4326"})),
    "STAC classes": lambda b: item(b, lambda i: i["assets"]["data"]["classification:classes"][0].update(title="flood")),
    "STAC asset": lambda b: item(b, lambda i: i["assets"].update(more={"href": "https://example.org/x"})),
    "STAC of an input": lambda b: edit(b / "inputs/after.json", lambda i: i["properties"].update(platform="other")),
    "STAC catalogue": lambda b: edit(b / "stac/catalog.json", lambda c: c["links"].pop()),
    # products
    "a pixel within the tolerance": lambda b: paint(b / "dark.tif", lambda v: one_pixel(v)),
    "a step within the tolerance": lambda b: paint(b / "share.tif", lambda v: np.round(v + 0.01, 2).astype(v.dtype)),
    "many pixels": lambda b: paint(b / "dark.tif", lambda v: np.zeros_like(v)),
    "tags of a product": lambda b: paint(b / "dark.tif", None, MITOSHI_DATETIME="2020-01-01T00:00:00Z"),
    "one more tag": lambda b: paint(b / "share.tif", None, AUTHOR="somebody"),
    "bytes behind a product": lambda b: (b / "dark.tif").write_bytes((b / "dark.tif").read_bytes() + b"\0" * 64),
    # the record
    "the record's parameters": lambda b: edit(b / "run.json", lambda r: r["parameters"].update(factor=0.500001)),
    "the record's grid": lambda b: edit(b / "run.json", lambda r: r["grid"]["transform"].__setitem__(2, 500010.0)),
    "the record's event": lambda b: edit(b / "run.json", lambda r: r.update(event="2025-12-30T00:00:00Z")),
    "the record's time": lambda b: edit(b / "run.json", lambda r: r.update(time="2020-01-01T00:00:00Z")),
    "the record's time, a year later": lambda b: edit(b / "run.json", lambda r: r.update(time="2027-01-01T00:00:00Z")),
    "the record's choice": lambda b: edit(b / "run.json", lambda r: r["choice"].append({"en": "the best", "ja": "最良"})),
    "the record's assumptions": lambda b: edit(b / "run.json", lambda r: r["assumptions"].append({"en": "none", "ja": "なし"})),
    "the record's totals": lambda b: edit(b / "run.json", lambda r: r["totals"].update(pixels=r["totals"]["pixels"] + 1)),
    "a total between two steps": lambda b: edit(b / "run.json", lambda r: r["totals"].update(area_m2=r["totals"]["area_m2"] * (1 + 1e-11))),
    "a coarser resolution of the totals": lambda b: edit(b / "run.json", lambda r: r["totals_resolution"].update(significant_digits=2)),
    "the record's units": lambda b: edit(b / "run.json", lambda r: r["products"]["share"].update(units="percent")),
    "the record's reference": lambda b: edit(b / "run.json", lambda r: r["method"].update(reference="a paper")),
    "the record's source": lambda b: edit(b / "run.json", lambda r: r["method"].update(source_sha256="0" * 64)),
    "the record's survey": lambda b: edit(b / "run.json", lambda r: r.update(survey_sha256="0" * 64)),
    "the record's content": lambda b: edit(b / "run.json", lambda r: r["content"].update(after="0" * 64)),
    "one more key in the record": lambda b: edit(b / "run.json", lambda r: r.update(approved_by="somebody")),
    # files
    "an executable": lambda b: executable(b / "open-me.sh"),
    "a hidden file": lambda b: (b / ".hidden").write_text("x"),
    "a file in a folder of its own": lambda b: ((b / "more").mkdir(), (b / "more/x.pdf").write_bytes(b"%PDF-")),
    "an empty folder": lambda b: (b / "more").mkdir(),
    "a second report": lambda b: shutil.copy(b / "report.en.pdf", b / "report.fr.pdf"),
    "no outline": lambda b: (b / "dark.geojson").unlink(),
    "no map": lambda b: (b / "quicklook.ja.png").unlink(),
    "no crate": lambda b: (b / "ro-crate-metadata.json").unlink(),
    "an input that is none": lambda b: edit(b / "inputs/locations.json", lambda v: v.update({"0" * 64: "../secret.tif"})),
    "an environment without packages": lambda b: edit(b / "environment.json", lambda e: e.pop("packages") and None),
    "an environment with a letter": lambda b: edit(b / "environment.json", lambda e: e.update(libc="x" * 5000)),
    "a public key without a signature": lambda b: (b / "SHA256SUMS.pub").write_text("key"),
}  # fmt: skip


def png_words(bundle):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_text("Author", "somebody")
    with Image.open(bundle / "quicklook.png") as image:
        image.save(bundle / "quicklook.png", "PNG", compress_level=9, pnginfo=words)


def one_pixel(values):
    values[5, 5] = 1 - values[5, 5]
    return values


def executable(path):
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(bundle, name):
    forge(bundle, FORGERIES[name])
    verdict = evidence.verify(bundle)
    assert verdict.status == "different", (verdict.reasons, verdict.files)
    assert verdict.reasons
    assert not verdict.accepted


@pytest.mark.parametrize("words", ["dates of the report", "nothing"])
def test_a_link_is_no_file_of_a_bundle(bundle, words):
    (bundle / words).symlink_to("run.json")
    forge(bundle, lambda b: None)
    with pytest.raises(BundleError, match="link or a device"):
        evidence.verify(bundle)


def seal(bundle, change):
    file = bundle / "SHA256SUMS"
    file.write_text(change(file.read_text().splitlines(keepends=True)))


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: "".join(lines[1:]),
        lambda lines: "".join([*lines, f"{'0' * 64}  more.txt\n"]),
        lambda lines: "".join([*lines, lines[0]]),
        lambda lines: "".join([*lines, "# approved\n"]),
    ],
)
def test_the_seal_names_every_file_once(bundle, change):
    seal(bundle, change)
    try:
        status = evidence.verify(bundle).status
    except BundleError:
        status = "no bundle"
    assert status in ("different", "no bundle")


def test_what_a_bundle_says_of_where_it_ran_decides_nothing(bundle):
    forge(bundle, lambda b: edit(b / "environment.json", lambda e: e.update(machine="another", python="9.9")))
    verdict = evidence.verify(bundle)
    assert (verdict.status, verdict.reasons) == ("identical", ())
    states = {f.name: f.state for f in verdict.files}
    assert {n for n, s in states.items() if s == "not checked"} == {"environment.json", "inputs/locations.json"}
    assert {s for n, s in states.items() if n not in ("environment.json", "inputs/locations.json")} == {"equal"}
    assert any("environment.json: stated by the maker" in line and "note" in line for line in verdict.not_checked)
    assert any("time: stated by the maker (2026-01-02T03:04:05Z)" in line for line in verdict.not_checked)
    plain = json.loads(json.dumps(verdict.plain()))
    assert {f["name"] for f in plain["files"]} == {
        p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file()
    }


def test_another_version_that_is_said_everywhere_is_the_makers_word(bundle):
    import mitoshi

    for path in (bundle / "environment.json", bundle / "ro-crate-metadata.json", *(bundle / "stac").glob("*.json")):
        text = path.read_text()
        path.write_text(
            text.replace(f'"version": "{mitoshi.__version__}"', '"version": "9.9.9"')
            .replace(f'"mitoshi": "{mitoshi.__version__}"', '"mitoshi": "9.9.9"')
            .replace(f"urn:mitoshi:{mitoshi.__version__}:", "urn:mitoshi:9.9.9:")
            .replace(f"(mitoshi {mitoshi.__version__})", "(mitoshi 9.9.9)")
        )
    forge(bundle, lambda b: None)
    assert evidence.verify(bundle).status == "identical"


def test_the_product_that_was_changed_is_named_before_the_record(bundle):
    """A change within the tolerance of its method shows in the record; what is named first is the product."""
    forge(bundle, FORGERIES["a pixel within the tolerance"])
    verdict = evidence.verify(bundle)
    assert verdict.reasons[0].startswith("dark.tif differs at row 5, column 5"), verdict.reasons
    assert {f.state for f in verdict.files if f.name == "dark.tif"} == {"within tolerance"}
