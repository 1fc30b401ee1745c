import base64
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import NamedTuple

import pytest
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth

from mitoshi.core.errors import RunError
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.evidence import fonts
from mitoshi.handover import ranges, situation_blocks, situation_map, situation_words
from mitoshi.handover.ranges import ranged
from mitoshi.handover.situation import ClockRow, EvidenceRow, Section, Situation, Table, render
from mitoshi.handover.situation_words import elapsed

MARGIN, WIDTH, HEIGHT = 34.0, 595.28, 841.89
EVENT = datetime(2026, 11, 22, 8, 31, 5, tzinfo=UTC)


def png(width=1400, height=760):
    stream = BytesIO()
    Image.new("RGB", (width, height), "#88aacc").save(stream, "PNG")
    return stream.getvalue()


def figure(name, en, ja, value, lower, upper, units, reason=None):
    return Figure(name, Text(en, ja), value, lower, upper, units, None if lower is None else 0.9, reason)


FLOOD = Section(
    Text("Flood", "浸水"),
    (
        figure("flooded_area", "flooded area", "浸水面積", 103.2, 96.1, 110.4, "km2"),
        figure(
            "not_observable_share", "not observable", "観測不能の割合", 0.033, None, None, "1", Text("counted", "計数")
        ),
        figure("flood_volume", "flood water", "氾濫水量", 8.4e7, 6.1e7, 1.1e8, "m3"),
    ),
)
PEOPLE = Section(
    Text("People", "人"), (figure("affected", "affected population", "影響人口", 48230, 39100, 57700, "person"),)
)
COST = Section(
    Text("Drainage", "排水"),
    (
        figure("pumps", "pump trucks", "排水ポンプ車", 15.2, 11.9, 18.3, "truck"),
        figure("loss", "direct damage", "直接被害額", 6.24e10, 4.1e10, 9.3e10, "JPY"),
    ),
)


def situation(**changed):
    given = {
        "title": Text("Situation report no. 1", "状況報告（第1報）"),
        "event": Text("Heavy rain of 22 November", "11月22日豪雨"),
        "area": Text("Lower river", "川下流域"),
        "time": datetime(2026, 11, 22, 12, 5, tzinfo=UTC),
        "sections": (FLOOD, PEOPLE, COST),
        "simulated": True,
        "pictures": {"en": png(), "ja": png()},
        "unseen": (Text("Water under trees is not seen.", "樹木の下の浸水は検出できません。"),),
        "message": Text("Two hospitals stand in the water.", "病院2か所が浸水域内にあります。"),
        "happened": EVENT,
        "tables": (
            Table(
                Text("By district", "地区別"),
                (Text("district", "地区"), Text("houses", "家屋")),
                (("Kita", "12–18"), ("Minami", "3–5")),
                "districts.csv",
            ),
        ),
        "clock": (
            ClockRow(Text("Flood extent", "浸水域"), 1263.0, EVENT + timedelta(seconds=1263)),
            ClockRow(Text("Damage", "建物被害"), None, None, Text("waits for an image", "画像待ち")),
        ),
        "caveats": (Text("Affected population is not evacuees.", "影響人口は避難者数ではありません。"),),
        "sources": (Text("Sentinel-1 (Copernicus)", "Sentinel-1（Copernicus）"),),
        "evidence": (EvidenceRow(Text("Flood extent", "浸水域"), "disaster.flood-extent-5f2c9a1b", "flood"),),
    }
    return Situation(**{**given, **changed})


# ------------------------------------------------------------------------------------------ reading the pages back


class Run(NamedTuple):
    """One line of text as it stands on a page."""

    page: int
    x: float
    y: float
    width: float
    text: str


def stream(body):
    data = re.search(rb"stream\r?\n(.*?)endstream", body, re.S)[1]
    if b"ASCII85Decode" in body:
        data = base64.a85decode(data.strip().removesuffix(b"~>"))
    return zlib.decompress(data)


def faces(known):
    found = {}
    for body in known.values():
        if b"/ToUnicode" not in body or b"/BaseFont" not in body:
            continue
        to_unicode = stream(known[int(re.search(rb"/ToUnicode (\d+)", body)[1])]).decode("latin-1")
        table = re.search(r"beginbfchar\n(.*?)endbfchar", to_unicode, re.S)[1]
        codes = {int(c, 16): bytes.fromhex(t).decode("utf-16-be") for c, t in re.findall(r"<(\w+)> <(\w+)>", table)}
        name = re.search(rb"/Name /(\S+)", body)[1].decode()
        found[name] = ("Bold" if b"Bold" in re.search(rb"/BaseFont /(\S+)", body)[1] else "Regular", codes)
    return found


def unescaped(raw):
    return re.sub(rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else m[1], raw, flags=re.S)


def runs(pdf):
    known = {int(n): body for n, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.S)}
    shown, found = faces(known), []
    kids = next(re.search(rb"/Kids \[(.*?)\]", b)[1] for b in known.values() if b"/Kids" in b)
    for page, number in enumerate(re.findall(rb"(\d+) 0 R", kids), 1):
        content = stream(known[int(re.search(rb"/Contents (\d+)", known[int(number)])[1])])
        for block in re.findall(rb"BT (.*?) ET", content, re.S):
            x, y = (float(v) for v in re.search(rb"1 0 0 1 (\S+) (\S+) Tm", block).groups())
            text, width = "", 0.0
            for name, size, raw in re.findall(rb"/(\S+) (\S+) Tf.*?\(((?:\\.|[^\\)])*)\) Tj", block, re.S):
                weight, codes = shown[name.decode()]
                piece = "".join(codes[c] for c in unescaped(raw))
                text += piece
                width += stringWidth(piece, f"MitoshiSansJP-{weight}", float(size))
            found.append(Run(page, x, y, width, text))
    return found


def checked(pdf, pages=(1, 2, 3, 4)):
    """At most four pages, every letter on its page, no line on another; return the words."""
    found = runs(pdf)
    assert max(r.page for r in found) in pages
    for run in found:
        assert run.x >= MARGIN - 0.5
        assert run.x + run.width <= WIDTH - MARGIN + 0.5, run
        assert MARGIN - 15 <= run.y <= HEIGHT - MARGIN, run
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            beside = one.x + one.width <= other.x + 0.1 or other.x + other.width <= one.x + 0.1
            assert one.page != other.page or abs(one.y - other.y) > 4.5 or beside, (one, other)
    return "".join(r.text for r in found).replace("\u202f", "").replace(" ", "")


# -------------------------------------------------------------------------------------------------------- the tests


def test_the_japanese_report_says_what_a_headquarters_needs():
    text = checked(render(situation(), "ja"))
    for wanted in (
        "訓練・模擬（シミュレーション）",
        "状況報告（第1報）",
        "11月22日豪雨",
        "発災：2026年11月22日17:31JST(UTC+9)",
        "作成：2026年11月22日21:05JST(UTC+9)",
        "病院2か所が浸水域内にあります。",
        "96～110km²",
        "39000～58000人",
        "12～18台（最良推定15）",
        "410～930億円（最良推定620）",
        "観測できていない範囲",
        "観測不能の割合（浸水）：3.3%",
        "樹木の下の浸水は検出できません。",
        "T+21分3秒",
        "未完成",
        "画像待ち",
        "影響人口は避難者数ではありません。",
        "disaster.flood-extent-5f2c9a1b",
        "mitoshiverifyflood",
    ):
        assert wanted in text, wanted


def test_the_english_report_says_the_same():
    text = checked(render(situation(), "en"))
    for wanted in (
        "SIMULATED/訓練—notarealdisaster",
        "12–18trucks(best15)",
        "41–93billionJPY(best62)",
        "61–110millionm³(best84)",
        "Notobservable(Flood):3.3%",
        "T+21min3s",
        "notavailable",
        "page1of",
    ):
        assert wanted in text, wanted


def test_every_page_says_that_it_is_simulated_and_none_does_where_it_is_not():
    pdf = render(situation(tables=(many(120),)), "ja")
    pages = {r.page for r in runs(pdf)}
    assert len(pages) == 3
    for page in pages:
        assert sum("訓練・模擬" in r.text for r in runs(pdf) if r.page == page) == 2
    assert "訓練" not in checked(render(situation(simulated=False), "ja"))


def test_the_same_situation_gives_the_same_bytes_in_any_thread():
    given = situation()
    japanese, english = render(given, "ja"), render(given, "en")
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda language: render(given, language), ["en", "ja"] * 3))
    assert set(again[::2]) == {english}
    assert set(again[1::2]) == {japanese}


def many(rows):
    cells = tuple((f"第{i}地区", f"{i * 17}–{i * 23}") for i in range(rows))
    return Table(
        Text("By district", "地区別"), (Text("district", "地区"), Text("houses", "家屋")), cells, "districts.csv"
    )


def test_a_long_table_is_shortened_and_says_so():
    text = checked(render(situation(tables=(many(500),)), "ja"))
    assert re.search(r"ほか\d+件はdistricts.csvに記載しています", text)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_long_words_are_broken_and_nothing_runs_off_the_page(language):
    long_ja, long_en = "とても長い説明がここに続きます。" * 20, "a very long explanation goes on and on " * 14
    given = situation(
        event=Text("Averylongnamewithoutaspace" * 6, "長い名前の災害" * 20),
        area=Text(long_en, long_ja),
        message=Text(long_en, long_ja),
        unseen=tuple(Text(long_en, long_ja) for _ in range(6)),
        caveats=tuple(Text(long_en, long_ja) for _ in range(12)),
        sources=tuple(
            Text("https://example.jp/" + "path/" * 40, "https://example.jp/" + "path/" * 40) for _ in range(9)
        ),
        evidence=tuple(EvidenceRow(Text(long_en, long_ja), f"method-{i:064x}", "folder/" * 9) for i in range(9)),
    )
    assert checked(render(given, language))


def test_many_figures_fit():
    sections = tuple(
        Section(Text(f"Section {s}", f"区分{s}"), tuple(replace_name(PEOPLE.figures[0], f"f{i}") for i in range(14)))
        for s in range(6)
    )
    assert checked(render(situation(sections=sections), "en"))


def replace_name(figure, name):
    return figure._replace(name=name)


def test_without_figures_picture_or_words_the_report_still_stands():
    bare = situation(
        sections=(), pictures={}, unseen=(), message=None, happened=None, tables=(), clock=(), caveats=(), sources=(), evidence=()
    )  # fmt: skip
    text = checked(render(bare, "ja"), pages=(1,))
    assert "未観測・観測不能の割合は示されていません" in text


def test_a_report_that_cannot_fit_or_has_no_picture_is_an_error():
    endless = situation(
        caveats=tuple(Text("x " * 300, "あ" * 300) for _ in range(3)) * 60, title=Text("T " * 3000, "題" * 3000)
    )
    with pytest.raises(RunError, match="does not fit"):
        render(endless, "ja")
    with pytest.raises(RunError, match="is no image"):
        render(situation(pictures={"ja": b"no"}), "ja")


def test_the_headline_takes_the_first_figure_of_each_section():
    names = [f.name for f in situation().headline]
    assert names == ["flooded_area", "affected", "pumps", "loss", "flood_volume"]
    assert [f.name for f in situation().unseen_figures] == ["not_observable_share"]


@pytest.mark.parametrize(
    ("value", "lower", "upper", "units", "said"),
    [
        (15.2, 11.9, 18.3, "truck", "12–18 trucks (best 15)"),
        (0.0, 0.0, 0.0, "building", "0 buildings"),
        (2.0, None, None, "place", "2 places"),
        (0.42, 0.31, 0.55, "percent", "0.31–0.55 % (best 0.42)"),
        (1.2e13, 9.0e12, 1.6e13, "JPY", "9–16 trillion JPY (best 12)"),
        (float("nan"), None, None, "km2", "not determined"),
        (5.0, 0.2, 40.0, "person", "0–40 people (best 5)"),
        (-3.2, -5.0, -1.0, "m", "−5.0–−1.0 m (best −3.2)"),
        (3.0, 2.0, 4.0, "1", "2–4 (best 3)"),
        (2384.0, 1902.0, 2871.0, "1", "1900–2900 (best 2400)"),
    ],
)
def test_numbers_are_said_as_ranges(value, lower, upper, units, said):
    given = Figure(
        "x", Text("x", "x"), value, lower, upper, units, None if lower is None else 0.9, Text("counted", "計数")
    )
    assert ranged(given, "en").said.replace("\u202f", " ") == said


def test_an_interval_without_width_keeps_its_level():
    given = Figure("x", Text("x", "x"), 0.0, 0.0, 0.0, "1", 0.9)
    assert ranged(given, "en").note.replace("\u202f", " ") == "90 % interval"


def test_a_share_is_said_in_percent():
    given = Figure("cut_off_share", Text("x", "x"), 0.12, 0.08, 0.17, "1", 0.9)
    assert ranged(given, "ja").said.replace("\u202f", " ") == "8～17 %（最良推定 12）"


def test_the_clock_counts_in_both_directions():
    assert [elapsed(s, "ja").replace("\u202f", "") for s in (5, 65, 10583, -60)] == [
        "T+5秒",
        "T+1分5秒",
        "T+2時間56分",
        "T−1分0秒",
    ]


def test_the_fonts_hold_every_character_of_the_report():
    told = [
        v for m in (situation_blocks, situation_words, situation_map) for v in vars(m).values() if isinstance(v, Text)
    ]
    told += list(ranges.COUNTED.values()) + [
        Text(w, w) for s in ranges.LARGE.values() for p in s.values() for _, w in p
    ]
    missing = {c for t in told for c in t.en + t.ja if ord(c) not in fonts.characters()}
    assert not missing


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_was_not_seen_is_said_to_its_end(language):
    """Several products state shares: the line of all of them is longer than any sentence, and no part of it is cut."""
    figures = tuple(
        Figure(
            f"not_observed_{n}_share",
            Text(f"share number {n} of what was not observed", f"未観測の割合{n}番"),
            0.01 * n,
            None,
            None,
            "1",
            None,
        )
        for n in range(1, 13)
    )
    long = Text(
        "A limit that is told in a sentence of some length, " * 8 + "to its end.", "限界は文末まで記載します。" * 20
    )
    given = situation(sections=(Section(Text("Flood", "浸水"), figures),), caveats=(long,) * 3)
    text = checked(render(given, language))
    assert all(f"{n}" in text for n in ("12%", "1%"))
    assert "…" not in text
    assert text.count(long.in_(language).replace(" ", "")) == 3
