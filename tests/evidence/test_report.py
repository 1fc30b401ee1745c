import base64
import importlib.util
import math
import re
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Annotated, NamedTuple

import pytest
from annotated_types import Ge, Le
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth

from mitoshi.core.errors import RunError
from mitoshi.core.method import Pixel, method
from mitoshi.core.product import Coded, CodedClass, Figure
from mitoshi.core.quantity import BACKSCATTER, Raster
from mitoshi.core.text import Text
from mitoshi.evidence import report
from mitoshi.evidence.wording import worded

MARGIN, WIDTH, HEIGHT = 34.0, 595.28, 841.89


class Flood(NamedTuple):
    """Flood."""

    flood: Annotated[
        Raster,
        Coded(
            Text("flood", "浸水域"),
            (CodedClass(0, Text("no", "なし"), "#ffffff"),),
            no_uncertainty=Text("a test", "試験用"),
        ),
    ]


@method(
    version="1.2.3",
    reference="Twele et al. (2016), doi:10.1080/01431161.2016.1192304",
    support=Pixel(),
    title=Text("Flood extent from radar images", "レーダー画像による浸水域"),
    name="test.flood-page",
)
def flood(after: Annotated[Raster, BACKSCATTER], /, *, level: Annotated[float, Ge(0), Le(1)] = 0.5) -> Flood:
    """Nothing: only its declaration is printed."""
    raise NotImplementedError


def png(width=1400, height=900):
    stream = BytesIO()
    Image.new("RGB", (width, height), "#88aacc").save(stream, "PNG")
    return stream.getvalue()


def figures(count=3):
    first = [
        Figure("flooded_area", Text("Flooded area", "浸水面積"), 21.372, 19.84, 23.11, "km2", 0.9),
        Figure(
            "not_observable_share",
            Text("Not observable", "観測不能の割合"),
            0.0332,
            None,
            None,
            "1",
            None,
            Text("counted", "計数"),
        ),
        Figure("largest", Text("Largest flood", "最大の浸水域"), 13.19, 12.2, 14.3, "km2", 0.9),
    ]
    return (first + [first[2]] * 100)[:count]


def entry(argument="after", id_="S1A_IW_GRDH_1SDV_20261122T083105", time="2026-11-22T08:31:05Z"):
    return {
        "argument": argument,
        "id": id_,
        "datetime": time,
        "platform": "Sentinel-1A",
        "checksum": "1220" + "3fa9c41d0be2" + "0" * 52,
    }


def printed(language="ja", **changed):
    given = {
        "method": flood,
        "figures": figures(),
        "parameters": {"level": 0.5, "window": 7},
        "assumptions": [Text("after: read as dB.", "after：dB として読みました。")],
        "inputs": [entry("before", time="2026-11-10T08:31:05Z"), entry(), entry("elevation", "DEM_N35", "")],
        "picture": png(),
        "language": language,
        "bundle_id": "test.flood-page-5f2c9a1b",
        "simulated": False,
        "area_text": Text("Lower river", "川下流域"),
        "time": datetime(2026, 11, 22, 12, 5, tzinfo=UTC),
        "caveats": [Text("Water under trees is not seen.", "樹木の下の浸水は検出できません。")],
        "choice": [Text("after: the first after the event.", "after：事象後の最初の画像です。")],
    }
    return report.render(**{**given, **changed})


# ------------------------------------------------------------------------------------------- reading the page back


def objects(pdf):
    for number, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.S):
        yield int(number), body


def stream(body):
    data = re.search(rb"stream\r?\n(.*?)endstream", body, re.S)[1]
    if b"ASCII85Decode" in body:
        data = base64.a85decode(data.strip().removesuffix(b"~>"))
    return zlib.decompress(data)


def fonts_of(pdf):
    """Return for each font name on the page its base font and its code → character map."""
    known = dict(objects(pdf))
    found = {}
    for body in known.values():
        if b"/ToUnicode" not in body or b"/BaseFont" not in body:
            continue
        to_unicode = stream(known[int(re.search(rb"/ToUnicode (\d+)", body)[1])]).decode("latin-1")
        table = re.search(r"beginbfchar\n(.*?)endbfchar", to_unicode, re.S)[1]
        codes = {int(c, 16): bytes.fromhex(t).decode("utf-16-be") for c, t in re.findall(r"<(\w+)> <(\w+)>", table)}
        name = re.search(rb"/Name /(\S+)", body)[1].decode()
        found[name] = (re.search(rb"/BaseFont /\w+\+?(\S+)", body)[1].decode(), codes)
    return found


def unescaped(raw):
    return re.sub(rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else m[1], raw, flags=re.S)


class Run(NamedTuple):
    """One line of text as it stands on a page."""

    page: int
    x: float
    y: float
    width: float
    text: str


def runs(pdf):
    known, faces = dict(objects(pdf)), fonts_of(pdf)
    tree = next(b for b in known.values() if b"/Kids" in b)
    kids = re.search(rb"/Kids \[(.*?)\]", tree, re.S)[1]
    found = []
    for number, page in enumerate(re.findall(rb"(\d+) 0 R", kids), 1):
        content = stream(known[int(re.search(rb"/Contents (\d+)", known[int(page)])[1])])
        found += runs_of(number, content, faces)
    return found


def runs_of(page, content, faces):
    found = []
    for block in re.findall(rb"BT (.*?) ET", content, re.S):
        placed = re.search(rb"1 0 0 1 (\S+) (\S+) Tm", block)
        if placed is None:
            continue
        x, y = (float(v) for v in placed.groups())
        text, width = "", 0.0
        for name, size, raw in re.findall(rb"/(\S+) (\S+) Tf.*?\(((?:\\.|[^\\)])*)\) Tj", block, re.S):
            base, codes = faces[name.decode()]
            piece = "".join(codes[c] for c in unescaped(raw))
            text += piece
            weight = "Bold" if "Bold" in base else "Regular"
            width += stringWidth(piece, f"MitoshiSansJP-{weight}", float(size))
        found.append(Run(page, x, y, width, text))
    return found


def words(pdf):
    return "".join(run.text for run in runs(pdf)).replace("\u202f", " ").replace(" ", "")


def check_page(pdf, most=1):
    """At most so many pages, every letter within the margins, lines on top of none."""
    pages = len(re.findall(rb"/Type /Page\b(?!s)", pdf))
    assert pages <= most
    found = runs(pdf)
    assert {run.page for run in found} == set(range(1, pages + 1))
    for run in found:
        assert run.x >= MARGIN - 0.5
        assert run.x + run.width <= WIDTH - MARGIN + 0.5, run.text
        assert MARGIN - 0.5 <= run.y <= HEIGHT - MARGIN
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            apart = (
                one.page != other.page
                or abs(one.y - other.y) > 4.5
                or one.x + one.width <= other.x + 0.1
                or other.x + other.width <= one.x + 0.1
            )
            assert apart, (one, other)
    return words(pdf)


# ---------------------------------------------------------------------------------------------------------- the tests


def test_the_same_arguments_give_the_same_bytes_in_any_order_and_thread():
    japanese, english = printed("ja"), printed("en")
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(printed, ["en", "ja"] * 3))
    assert set(again[::2]) == {english}
    assert set(again[1::2]) == {japanese}


def test_every_font_is_embedded():
    pdf = printed("ja")
    fonts = [body for _, body in objects(pdf) if re.search(rb"/Type /Font\b(?!Descriptor)", body)]
    assert fonts
    assert all(b"MitoshiSansJP" in body and b"/FontDescriptor" in body for body in fonts)
    assert pdf.count(b"/FontFile2") >= 2


def test_the_japanese_page_says_what_a_headquarters_needs():
    text = check_page(printed("ja"))
    for wanted in (
        "レーダー画像による浸水域",
        "対象範囲：川下流域",
        "観測：2026年11月22日17:31JST(UTC+9)",
        "作成：2026年11月22日21:05JST(UTC+9)",
        "浸水面積21.4km²19.8～23.1km²（90%信頼区間）",
        "観測不能の割合3.3%",
        "1件の仮定に基づきます",
        "after：dBとして読みました。",
        "樹木の下の浸水は検出できません。",
        "after：事象後の最初の画像です。",
        "S1A_IW_GRDH_1SDV_20261122T083105",
        "3fa9c41d0be2",
        "test.flood-page1.2.3",
        "doi:10.1080/01431161.2016.1192304",
        "level=0.5、window=7",
        "mitoshiverifyDIR",
        "証跡一式：test.flood-page-5f2c9a1b",
    ):
        assert wanted in text, wanted
    assert "模擬" not in text


def test_the_english_page_says_it_in_english_and_in_utc():
    text = check_page(printed("en"))
    for wanted in (
        "Floodextentfromradarimages",
        "Observed:2026-11-2208:31UTC",
        "Made:2026-11-2212:05UTC",
        "between19.8and23.1km²(90%confidenceinterval)",
        "nointerval:counted",
        "Thisresultrestsononeassumption",
        "Howtheimageswerechosen",
        "mitoshiverifyDIR",
    ):
        assert wanted in text, wanted
    assert not re.search("[\u3040-\u30fa\u4e00-\u9fff]", text)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_simulated_data_are_called_so_before_anything_else(language):
    pdf = printed(language, simulated=True)
    check_page(pdf)
    first = max(runs(pdf), key=lambda run: run.y).text
    assert "模擬" in first
    assert ("SIMULATED" in first) == (language == "en")


def test_the_first_page_names_only_the_sections_that_follow():
    """Without a list of how the images were chosen, none is announced; the other sections are."""
    long = [Text("word " * 300, "語句、" * 300)] * 8
    for language, choice, others in (
        ("en", "howtheimageswerechosen", "limitsofthisresult,method"),
        ("ja", "画像の選び方", "この結果の限界、手法"),
    ):
        without = check_page(printed(language, caveats=long, choice=[]), most=5)
        assert choice not in without
        assert others in without
        assert choice in check_page(printed(language, caveats=long), most=5)


@pytest.mark.parametrize(("language", "words"), [("en", "notgiven"), ("ja", "指定なし")])
def test_a_number_that_stands_for_what_is_not_known_is_printed_in_words(language, words):
    from mitoshi.applications.disaster.flood_extent import flood_extent
    from mitoshi.applications.disaster.impact import impact

    for declared, values in (
        (impact, {"house_value": 0.0, "pump_inflow": 0.0}),
        (flood_extent, {"look_azimuth_deg": -1.0, "incidence_deg": 0.0}),
    ):
        page = check_page(printed(language, method=declared, parameters=values), most=5)
        first, second = values
        assert f"{first}={words}" in page
        assert f"{second}=" + ("0" if declared is impact else words) in page
    assert "house_value=250000" in check_page(
        printed(language, method=impact, parameters={"house_value": 250_000.0}), most=5
    )


@pytest.mark.parametrize("language", ["en", "ja"])
def test_figures_beyond_the_cards_stand_on_the_further_pages(language):
    more = [
        Figure(f"more_{n}", Text(f"Further number {n}", f"そのほかの数{n}"), 10.0 + n, 5.0, 90.0, "1", 0.9)
        for n in range(9)
    ]
    long = [Text("word " * 300, "語句、" * 300)] * 8
    page = check_page(printed(language, figures=[*figures(), *more], caveats=long), most=5)
    for n in range(9):
        title = f"Furthernumber{n}" if language == "en" else f"そのほかの数{n}"
        assert title in page
        assert f"{10 + n}" in page


def test_a_hundred_assumptions_are_counted_not_cut():
    many = [
        Text(f"assumption {i}: " + "word " * 40, f"仮定{i}：" + "値の意味が記載されていません。" * 8)
        for i in range(100)
    ]
    for language, more in (("ja", r"ほか(\d+)件はrun\.jsonに"), ("en", r"and(\d+)moreinrun\.json")):
        text = check_page(printed(language, assumptions=many), most=5)
        shown = len(re.findall(r"仮定\d+：|assumption\d+:", text))
        assert shown >= 3
        assert int(re.search(more, text)[1]) == 100 - shown
        assert "100件の仮定" in text or "100assumptions" in text


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    "changed",
    [
        {"inputs": [entry(f"argument_{i}", "X" * 300, "not a time") for i in range(60)]},
        {"assumptions": [Text("x" * 5000, "長" * 5000)]},
        {"caveats": [Text("word " * 300, "語句、" * 300)] * 30, "choice": [Text("y " * 900, "選" * 900)] * 30},
        {"parameters": {f"parameter_{i}": "v" * 50 for i in range(60)}},
        {"area_text": Text("place " * 200, "地名・" * 200), "bundle_id": "b" * 900},
        {"figures": figures(40)},
        {
            "figures": [Figure("n", Text("name " * 30, "名前" * 30), 1.23456789e15, 1e15, 1.5e15, "kg m-2 s-1", 0.95)]
            * 7
        },
    ],
    ids=["inputs", "one endless assumption", "caveats", "parameters", "area", "forty figures", "long figures"],
)
def test_whatever_is_long_stays_on_five_pages(language, changed):
    everything = {"simulated": True, "assumptions": [Text("one", "一つ")] * 3, **changed}
    text = check_page(printed(language, **everything), most=5)
    assert ("mitoshidescribetest.flood-page" in text) == ("caveats" in changed)
    assert "run.json" in text or "figures" in changed
    assert ("figures.json" in text) == (len(changed.get("figures", ())) == 40)


def test_everything_long_at_once_still_fits():
    long = [Text("word " * 100, "語句、" * 100)] * 50
    check_page(
        printed(
            simulated=True,
            figures=figures(40),
            assumptions=long,
            caveats=long,
            choice=long,
            inputs=[entry("a" * 90, "X" * 300)] * 50,
            parameters={f"parameter_{i}": "v" * 50 for i in range(60)},
            area_text=Text("place " * 200, "地名・" * 200),
            bundle_id="b" * 900,
            picture=png(1400, 1150),
        ),
        most=5,
    )


LONG_NAMES = ("depth_uncertainty", "water_probability", "coherence_across", "after")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_of_an_ordinary_run_no_sentence_is_cut_and_no_word_is_broken(language):
    """As many and as long sentences as the methods of the house have: all of them whole, each identifier in one piece."""
    said = [
        Text(
            f"Limit {n}: " + "ranges hold errors that are shared over a distance, " * 4,
            f"限界{n}：" + "誤差は距離とともに減ります。" * 6,
        )
        for n in range(7)
    ]
    parameters = {f"assumed_uncertainty_{n}": 0.5 for n in range(19)}
    pdf = printed(
        language,
        simulated=True,
        figures=figures(7),
        assumptions=said[:5],
        caveats=said,
        choice=said * 2,
        inputs=[entry(name, f"SIM_{name}-0c010150") for name in LONG_NAMES * 3],
        parameters=parameters,
    )
    text = check_page(pdf, most=3)
    assert "…[" not in text
    assert not re.search(r"and\d+morein|ほか\d+件は(?:run|mitoshi)", text)
    for sentence in said:
        whole = sentence.in_(language).strip().replace(" ", "")
        assert text.count(whole) >= 3 if sentence in said[:5] else text.count(whole) >= 2
    assert all(f"{name}=0.5" in text for name in parameters)
    lines = [run.text for run in runs(pdf)]
    for name in LONG_NAMES:
        assert lines.count(name) == 3  # the whole cell on one line
        assert lines.count(f"SIM_{name}-0c010150") == 3
    for run in runs(pdf):  # words of letters are never broken: none ends in the middle of one of its own
        for word in ("uncertainty", "probability", "distance", "errors"):
            assert not any(run.text.endswith(f" {word[:cut]}") for cut in range(3, len(word))), run.text


def test_nothing_but_one_figure_is_a_page_too():
    pdf = printed(
        "en", figures=[Figure("ships", Text("Ships", "船舶"), 12.0, None, None, "1")], assumptions=[], inputs=[],
        parameters={}, caveats=[], choice=[], area_text=None,
    )  # fmt: skip
    text = check_page(pdf)
    assert "thewholescene" in text
    assert "Noassumptionsweremade" in text
    assert "Howmuchcouldnotbeobservedisnotamongthismethod'sfigures." in text
    assert check_page(printed("ja", figures=[])).startswith("レーダー")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_any_number_of_figures_stands_in_even_rows(count):
    same = Figure("area", Text("Area", "面積"), 21.4, 19.8, 23.1, "km2", 0.9)
    found = [run for run in runs(printed("en", figures=[same] * count)) if run.text.startswith("21.4")]
    assert len(found) == count
    rows = sorted({round(run.y) for run in found[1:]}, reverse=True)
    assert len(rows) == count // 2
    check_page(printed("en", figures=[same] * count))


def test_a_figure_without_value_is_said_in_one_line():
    unknown = Figure("area", Text("Area", "面積"), math.nan, math.nan, math.nan, "km2", 0.9)
    for language, said in (("en", "not determined"), ("ja", "算出できません")):
        pdf = printed(language, figures=[unknown] * 5)
        assert [run.text for run in runs(pdf)].count(said) == 5


def test_the_time_of_observation_is_that_after_the_event_or_else_the_latest():
    def observed(*inputs):
        return re.search(r"Observed:(\S+?UTC)", words(printed("en", inputs=inputs)))

    early, late = "2026-11-10T08:31:05Z", "2026-11-25T08:31:05+09:00"
    assert observed(entry("after", time=early), entry("elevation", time=late))[1] == "2026-11-1008:31UTC"
    assert observed(entry("first", time=early), entry("second", time=late))[1] == "2026-11-2423:31UTC"
    assert observed(entry("first", time="2026-11-10T08:31:05"), entry("second", time=""))[1] == "2026-11-1008:31UTC"
    assert observed(entry("first", time="unknown")) is None


def test_letters_outside_the_fonts_are_seen_to_be_missing():
    text = check_page(printed(assumptions=[Text("🛰", "🛰 航跡\x00\u202e")]))
    assert "・〓航跡" in text


def test_a_picture_that_is_none_is_refused():
    with pytest.raises(RunError, match="picture is no image"):
        printed(picture=b"GIF? no")


def test_an_independent_reader_finds_the_same_words(tmp_path):
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext (poppler-utils) is not on this machine")
    path = tmp_path / "report.pdf"
    path.write_bytes(printed("ja", simulated=True))
    text = subprocess.run([reader, "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert text.count("\f") == 1
    flat = re.sub(r"\s", "", text)
    for wanted in ("模擬（シミュレーション）", "21.4km²", "19.8～23.1km²（90%信頼区間）", "mitoshiverifyDIR"):
        assert wanted in flat


@pytest.mark.slow
def test_the_gallery_runs():
    script = Path(__file__).parents[2] / "docs" / "gallery" / "quicklook_and_report.py"
    spec = importlib.util.spec_from_file_location("quicklook_and_report", script)
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    picture, page = gallery.documents("ja")
    assert Image.open(BytesIO(picture)).width == 1400
    text = check_page(page)
    assert "模擬（シミュレーション）" in text
    said = worded(gallery.figures(gallery.scene(seed=7)[0])[0], "ja")
    assert f"{said.quantity}{said.interval}".replace("\u202f", "") in text
