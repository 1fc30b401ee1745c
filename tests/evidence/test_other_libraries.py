"""Honest bundles whose files another version of a library wrote, and products moved within the tolerance of their method."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import SAID, TIME, write_raster
from evidence_sample import methods
from forger import edit, forge, paint

from mitoshi import evidence
from mitoshi.core.resolution import total_step
from mitoshi.evidence import publication
from mitoshi.evidence.bundle import read_json
from mitoshi.evidence.document_check import check_document
from mitoshi.evidence.picture_check import compare_pixels
from mitoshi.evidence.raster_check import check_raster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    rng = np.random.default_rng(1)
    power = (0.1 * rng.gamma(4, 0.25, (2, 600, 160))).astype(np.float32)
    power[:, 20:60, 30:70] *= 0.02
    write_raster(folder / "after.tif", power)
    evidence.run(
        methods.scene_dark, {"after": f"{folder}/after.tif#{SAID}"}, {}, folder / "bundle", time=TIME, tile_size=512
    )
    return folder


@pytest.fixture
def bundle(honest, tmp_path):
    shutil.copytree(honest, tmp_path / "case")
    return tmp_path / "case/bundle"


def states(verdict):
    return {f.name: f.state for f in verdict.files}


def repacked_picture(bundle):
    from PIL import Image

    for name in ("quicklook.png", "quicklook.ja.png"):
        with Image.open(bundle / name) as image:
            image.save(bundle / name, "PNG", compress_level=1)


def repacked_report(bundle):
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, TextStringObject

    for name in ("report.en.pdf", "report.ja.pdf"):
        writer = PdfWriter(clone_from=PdfReader(bundle / name))
        writer._info[NameObject("/Producer")] = TextStringObject(PdfReader(bundle / name).metadata.producer)
        stream = io.BytesIO()
        writer.write(stream)
        (bundle / name).write_bytes(stream.getvalue())


def test_pictures_and_reports_packed_in_another_way_are_the_same(bundle):
    forge(bundle, lambda b: (repacked_picture(b), repacked_report(b)))
    verdict = evidence.verify(bundle)
    assert verdict.status == "equivalent", verdict.reasons
    assert states(verdict)["quicklook.png"] == states(verdict)["report.ja.pdf"] == "within tolerance"
    assert all("same content in other bytes" in line for line in verdict.reasons)


def test_a_raster_of_another_compressor_is_the_same(bundle, monkeypatch):
    """Blocks of another DEFLATE level: other bytes, the same pixels on every level."""
    from mitoshi.evidence import layers

    real = layers.encoding_of
    from dataclasses import replace

    made = bundle.parent / "made"
    with monkeypatch.context() as patch:
        for module in ("execution", "products"):
            patch.setattr(f"mitoshi.evidence.{module}.encoding_of", lambda o: replace(real(o), level=9))
        evidence.run(
            methods.scene_dark, {"after": f"{bundle.parent}/after.tif#{SAID}"}, {}, made, time=TIME, tile_size=512
        )
    assert (made / "share.tif").read_bytes() != (bundle / "share.tif").read_bytes()
    verdict = evidence.verify(made)
    assert verdict.status == "equivalent", verdict.reasons
    assert check_raster("share.tif", made / "share.tif", bundle / "share.tif").state == "within tolerance"


def test_an_overview_that_does_not_show_its_pixels_is_different(bundle):
    import rasterio
    from rasterio.enums import Resampling

    path = bundle / "share.tif"
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        assert dataset.overviews(1) == [2]
        dataset.build_overviews([2], Resampling.nearest)
    forge(bundle, lambda b: None)
    verdict = evidence.verify(bundle)
    assert verdict.status == "different"
    assert "share.tif" in verdict.reasons[0]


def moved(bundle, change):
    """Move a product within its tolerance and write again all that follows, as only our own code can."""
    from mitoshi.evidence import rerun
    from mitoshi.evidence.digest import pretty_json, text_digest
    from mitoshi.evidence.locating import locate
    from mitoshi.evidence.replay import replayed

    run = read_json(bundle, "run.json")
    method = methods.scene_dark
    again, made = bundle.parent / "again", bundle.parent / "made"
    made.mkdir()
    plan, prepared, outcome = rerun._repeat(run, method, locate(bundle, run["inputs"], None), again, None)
    paint(again / "share.tif", change)
    follows = replayed(plan, prepared, outcome, again, made)
    now = publication.record(plan, follows, follows.collector.totals())
    (made / "run.json").write_bytes(pretty_json(now))
    publication.publish(plan, follows, made, final=bundle)
    assert text_digest(read_json(made, "run.json")) == text_digest(now)
    shutil.rmtree(bundle)
    made.rename(bundle)


def step(values):
    values[100:110] = (np.round(values[100:110] / 0.01) * 0.01 + 0.01).astype(np.float32)
    return values


def test_a_product_moved_within_its_tolerance_everywhere_at_once_is_equivalent_and_not_more(bundle):
    moved(bundle, step)
    verdict = evidence.verify(bundle)
    assert verdict.status == "equivalent", verdict.reasons
    assert verdict.reasons[0].startswith("share.tif: share.tif differs at row 100, column 0")
    assert states(verdict)["share.tif"] == "within tolerance"
    assert set(states(verdict).values()) == {"within tolerance", "equal", "not checked"}
    assert verdict.accepted


@pytest.mark.parametrize(
    "change",
    [
        lambda b: edit(b / "dark.geojson", lambda c: c["features"].pop()),
        lambda b: edit(b / "figures.json", lambda f: f["figures"][0].update(value=f["figures"][0]["value"] * 1.005)),
        lambda b: edit(b / "run.json", lambda r: r["totals"].update(area_m2=r["totals"]["area_m2"] * 1.00001)),
        lambda b: edit(b / "stac/share.json", lambda i: i["assets"]["data"].update({"file:size": 1})),
    ],
)
def test_the_tolerance_of_a_product_covers_nothing_that_is_said_of_it(bundle, change):
    moved(bundle, step)
    forge(bundle, change) if "stac" not in str(change.__code__.co_consts) else _sealed(bundle, change)
    assert evidence.verify(bundle).status == "different"


def _sealed(bundle, change):
    from forger import reseal

    change(bundle)
    reseal(bundle)


@pytest.mark.parametrize(
    ("steps", "expected"), [(0.4, "identical"), (1, "equivalent"), (2, "different"), (0.5001, "different")]
)
def test_totals_may_be_one_step_of_their_resolution_off(bundle, monkeypatch, steps, expected):
    """Sums drift in their last bits; what a run records is a multiple of the step, so 0.5001 steps is what no run writes."""
    made, real = bundle.parent / "made", publication.recorded_total

    def drifted(value):
        moved = real(value) + steps * total_step(value)
        return moved if steps == 0.5001 else real(moved)

    with monkeypatch.context() as patch:
        patch.setattr(publication, "recorded_total", drifted)
        evidence.run(
            methods.scene_dark, {"after": f"{bundle.parent}/after.tif#{SAID}"}, {}, made, time=TIME, tile_size=512
        )
    verdict = evidence.verify(made)
    assert verdict.status == expected, verdict.reasons
    assert states(verdict)["figures.json"] == ("not checked" if expected == "different" else "equal")


def test_letters_of_another_library_leave_a_picture_unchecked_and_marks_make_it_different():
    rng = np.random.default_rng(3)
    page = np.full((200, 300, 3), 255, np.uint8)
    page[50:60, 50:200] = rng.integers(0, 255, (10, 150, 1))
    assert compare_pixels(page, page) == ("equal", "")
    near = page.copy()
    near[100, 100] -= 2
    assert compare_pixels(page, near)[0] == "within tolerance"
    letters = page.copy()
    letters[50:60, 50:200:7] = 255 - (255 - letters[50:60, 50:200:7]) // 2
    assert compare_pixels(page, letters)[0] in ("not checked", "different")
    marked = page.copy()
    marked[120:126, 120:126] = (255, 0, 0)
    assert compare_pixels(page, marked)[0] == "different"


def test_a_report_with_one_other_digit_is_different(bundle, tmp_path):
    """The same words but one digit in the drawing: drawn again with another figure."""
    run = json.loads((bundle / "run.json").read_text())
    assert run["totals"]["pixels"] > 0
    other = Path(shutil.copytree(bundle, tmp_path / "other"))
    seen = []
    real = publication.report.render

    def render(*, figures, **more):
        first = figures[0]._replace(value=figures[0].value * 1.1)
        seen.append(first)
        return real(figures=(first, *figures[1:]), **more)

    publication.report.render = render
    try:
        evidence.run(
            methods.scene_dark,
            {"after": f"{bundle.parent}/after.tif#{SAID}"},
            {},
            tmp_path / "case/forged",
            time=TIME,
            tile_size=512,
        )
    finally:
        publication.report.render = real
    forged = (tmp_path / "case/forged/report.en.pdf").read_bytes()
    found = check_document("report.en.pdf", other / "report.en.pdf", forged)
    assert seen
    assert found.state == "different"
    assert "says" in found.words
