"""Make docs/inputs.md and docs/ja/inputs.md from the code: every word after ``#`` and every name of a quantity.

    python docs/build_inputs.py

`tests/sensors/test_inputs_page.py` fails where a page is not what the code says.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mitoshi.core.discovery import methods
from mitoshi.core.feature_kinds import FEATURE_KINDS
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.text import Language, Text
from mitoshi.sensors import Description

DOCS = Path(__file__).parent
PAGES: dict[Language, Path] = {"en": DOCS / "inputs.md", "ja": DOCS / "ja" / "inputs.md"}


class Key(NamedTuple):
    """What a word after ``#`` says, and an example."""

    meaning: Text
    example: str


KEYS = {
    "quantity": Key(
        Text("what the values are: a name of the tables below", "値の種類（下の表の名前）"), "#quantity=elevation"
    ),
    "units": Key(
        Text("unit of the values; a linear or dB power is told apart", "値の単位（電力の真値と dB も区別）"),
        "#units=dB",
    ),
    "bands": Key(
        Text(
            "names of the bands in file order, joined by `+`; polarisations of radar; `-` skips a band",
            "ファイル内の順のバンド名（`+` でつなぐ）。レーダーでは偏波。`-` はそのバンドを読み飛ばす",
        ),
        "#bands=VV+VH",
    ),
    "time": Key(Text("time of the observation, ISO 8601", "観測時刻（ISO 8601）"), "#time=2026-09-14T21:00Z"),
    "nodata": Key(Text("the value that means “not observed”", "「未観測」を表す値"), "#nodata=-9999"),
    "scale": Key(Text("value = stored × scale + offset", "値＝格納値×scale＋offset"), "#scale=0.0001"),
    "offset": Key(Text("see scale", "scale を参照"), "#scale=0.0001,offset=-0.1"),
    "crs": Key(
        Text(
            "coordinate reference system of a file that states none",
            "座標参照系（ファイルに書かれていないとき）",
        ),
        "#crs=EPSG:32654",
    ),
    "variable": Key(
        Text("variables of a NetCDF or Zarr file, joined by `+`", "NetCDF・Zarr の変数名（`+` でつなぐ）"),
        "#variable=depth",
    ),
    "part": Key(
        Text(
            "which observation, where a product holds several; without it the refusal names them",
            "一つのプロダクトが複数の観測を含むとき、どれか（省くと候補を挙げて断ります）",
        ),
        "#part=IW1_VV",
    ),
}

TITLE = Text("Inputs: what to say of a file, and every quantity", "入力：ファイルに書き添えられることと、物理量の一覧")
LEAD = Text(
    "A file often does not say what it holds. Write it behind the path, and quote it:\n"
    "`--after 'after.tif#units=dB,bands=VV+VH'`. Several words are joined by `,`. What a file states itself need not be said.\n"
    "The words are kept in the record of the run. What nobody says is assumed where that is safe, and the report names the\n"
    "assumption; else the file is refused with the word that is missing. Over HTTP and for a language model the same words\n"
    "stand behind an `https://…` address. A misspelt word is refused with the likely one.",
    "ファイルに中身の説明がないときは、パスの後に書き添えます（引用符で囲んでください）：\n"
    "`--after 'after.tif#units=dB,bands=VV+VH'`。複数は `,` でつなぎます。ファイル自身に書かれていることは不要です。\n"
    "書き添えた語は実行の記録に残ります。どこにも示されていないことは、安全な範囲で仮定して報告書に明記し、そうでなければ\n"
    "不足している語を挙げて断ります。HTTP と言語モデルでは、`https://…` の後に同じ語を書けます。\n"
    "つづりの誤りは、近い語を示して断ります。",
)
MADE = Text(
    "This page is made from the code (`python docs/build_inputs.py`); a test fails where it is not what the code says.",
    "このページはコードから作られます（`python docs/build_inputs.py`）。コードと異なるときは試験が失敗します。",
)
WORDS = Text("Words after `#`", "`#` の後に書ける語")
SEVERAL = Text(
    "Several files of one argument are laid over each other, the first on top. Where they overlap a fixed sample is compared: a "
    "difference is named among the assumptions, and files that differ in more than half of the cells are refused. The files of "
    "one observation either all state a time or none does.",
    "一つの引数に複数のファイルを指定すると、先のものを優先して重ねます。重なる範囲から決まった位置の画素を抽出して比べ、値が異なれば仮定に記載し、"
    "半数を超える画素で異なれば受け付けません。一つの観測のファイルには、すべてに時刻を付けるか、すべてに付けないでください。",
)
RASTERS = Text("Quantities of rasters", "ラスターの物理量")
FEATURES = Text("Kinds of features", "地物の種類")
USED = Text("Which method takes what", "手法ごとの入力")
WORD_HEAD = Text("| word | says | example |", "| 語 | 意味 | 例 |")
RASTER_HEAD = Text("| `quantity=` | what it is | unit |", "| `quantity=` | 意味 | 単位 |")
FEATURE_HEAD = Text(
    "| `quantity=` | what it is | columns that are read (required ones in bold) |",
    "| `quantity=` | 意味 | 読み取る列（太字は必須） |",
)
USED_HEAD = Text("| method | data arguments, with their quantity |", "| 手法 | データ引数と物理量 |")
ALSO = Text("or {}", "または {}")


def page(language: Language) -> str:
    """Return the page in a language."""
    missing = set(Description.__dataclass_fields__) ^ set(KEYS)
    if missing:
        raise KeyError(f"docs/build_inputs.py does not describe {sorted(missing)}")
    parts = [f"# {TITLE.in_(language)}", LEAD.in_(language), MADE.in_(language)]
    parts.append(f"## {WORDS.in_(language)}")
    parts.append(
        _table(WORD_HEAD, [(f"`{n}`", k.meaning.in_(language), f"`{k.example}`") for n, k in KEYS.items()], language)
    )
    parts.append(SEVERAL.in_(language))
    parts.append(f"## {RASTERS.in_(language)}")
    rows = [(f"`{q.name}`", _said(q.title, q.members, language), _unit(q.units)) for q in QUANTITIES.values()]
    parts.append(_table(RASTER_HEAD, rows, language))
    parts.append(f"## {FEATURES.in_(language)}")
    kinds = [
        (
            f"`{k.name}`",
            k.title.in_(language),
            ", ".join(f"**`{c.name}`**" if c.required else f"`{c.name}`" for c in k.columns) or "–",
        )
        for k in FEATURE_KINDS.values()
    ]
    parts.append(_table(FEATURE_HEAD, kinds, language))
    parts.append(f"## {USED.in_(language)}")
    used = [
        (f"`{m.name}`", ", ".join(f"`--{d.name.replace('_', '-')}` {d.quantity.name}" for d in m.data))
        for m in methods().values()
    ]
    parts.append(_table(USED_HEAD, used, language))
    return "\n\n".join(parts) + "\n"


def _said(title: Text, members: tuple[str, ...], language: Language) -> str:
    also = ", ".join(f"`{name}`" for name in members)
    return f"{title.in_(language)} ({ALSO.in_(language).format(also)})" if also else title.in_(language)


def _unit(units: str) -> str:
    return "–" if units in {"", "1"} else f"`{units}`"


def _table(head: Text, rows: list[tuple[str, ...]], language: Language) -> str:
    lines = [head.in_(language), "|" + "---|" * (head.en.count("|") - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    for chosen, path in PAGES.items():
        path.write_text(page(chosen), encoding="utf-8")
